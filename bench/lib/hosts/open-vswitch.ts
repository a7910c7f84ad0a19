/** An Open vSwitch of its own for each host, and what OVN and we have in common on it. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../src/lab/real/run.ts';
import { until } from '../../../src/lab/real/wait.ts';
import type { Stage } from './stage.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export interface OpenVswitch {
  readonly runDirectory: string;
  /** Environment that its programs, and those of OVN, go by. */
  readonly env: Readonly<Record<string, string>>;
  /** Of ovsdb-server and of ovs-vswitchd. */
  readonly pids: { readonly database: number; readonly daemon: number };
  vsctl(...args: readonly string[]): Promise<string>;
}

export interface OpenVswitchPlace {
  readonly stage: Stage;
  readonly namespace: string;
  /** Unique on the stage. */
  readonly name: string;
  /** No frame passes: every device and every datapath is one that does nothing. For what is about flows alone. */
  readonly dummy?: boolean;
}

/** The datapath is that in user space: it needs no kernel module, and namespaces would share the kernel's. */
export async function startOpenVswitch(place: OpenVswitchPlace): Promise<OpenVswitch> {
  const { stage, namespace, name, dummy } = place;
  const runDirectory = stage.folder(name);
  const at = (file: string) => join(runDirectory, file);
  const env = programDirectories(runDirectory);
  const database = `unix:${at('db.sock')}`;
  await run('ovsdb-tool', 'create', at('conf.db'), SCHEMA);
  const start = (what: string, ...command: readonly string[]) =>
    stage.start({ namespace, name: `${name}-${what}`, command, env });
  const databasePid = start(
    'ovsdb',
    'ovsdb-server',
    at('conf.db'),
    `--remote=punix:${at('db.sock')}`,
    `--unixctl=${at('ovsdb.ctl')}`,
  );
  await comesUp(stage, `${name}-ovsdb`, at('db.sock'));
  const vsctl = (...args: readonly string[]) => run('ovs-vsctl', `--db=${database}`, '--timeout=60', ...args);
  await vsctl('--no-wait', 'init');
  const kind = dummy ? ['--enable-dummy=override'] : [];
  const daemon = start(
    'vswitchd',
    'ovs-vswitchd',
    database,
    '--disable-system',
    `--unixctl=${at('switch.ctl')}`,
    ...kind,
  );
  await comesUp(stage, `${name}-vswitchd`, at('switch.ctl'));
  return { runDirectory, env, pids: { database: databasePid, daemon }, vsctl };
}

/** What the programs of Open vSwitch and OVN keep their files in. */
export function programDirectories(directory: string): Record<string, string> {
  const variables = ['RUNDIR', 'LOGDIR', 'DBDIR', 'SYSCONFDIR'];
  return Object.fromEntries(
    variables.flatMap((each) => [`OVS_${each}`, `OVN_${each}`].map((name) => [name, directory])),
  );
}

/** Waits for the socket of a program. */
export async function comesUp(stage: Stage, program: string, socket: string): Promise<void> {
  await until(
    () => `${program} does not come up. It says:\n${stage.said(program)}`,
    () => existsSync(socket),
  );
}

/** Why there can be no real hosts here; undefined where there can. */
export function whyNoHosts(): string | undefined {
  if (process.getuid?.() !== 0) return 'it needs root';
  const needed = ['ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ethtool', 'iperf3', 'gcc'];
  const missing = needed.filter((tool) => !isThere(tool));
  return missing.length > 0
    ? `${missing.join(', ')} not installed (apt-get install openvswitch-switch ethtool iperf3 gcc)`
    : undefined;
}

function isThere(tool: string): boolean {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
