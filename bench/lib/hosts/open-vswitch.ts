/** An Open vSwitch of its own for each host, and what OVN and we have in common on it. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ovsPrograms } from '../../../src/lab/real/ovs-programs.ts';
import { run } from '../../../src/lab/real/run.ts';
import { until } from '../../../src/lab/real/wait.ts';
import type { Stage } from './stage.ts';

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

/** An Open vSwitch in the namespace of a host. */
export async function startOpenVswitch(place: OpenVswitchPlace): Promise<OpenVswitch> {
  const { stage, namespace, name, dummy = false } = place;
  const runDirectory = stage.folder(name);
  const env = programDirectories(runDirectory);
  const programs = ovsPrograms(runDirectory, { dummy });
  await run(...programs.create);
  const start = (what: string, command: readonly string[]) =>
    stage.start({ namespace, name: `${name}-${what}`, command, env });
  const database = start('ovsdb', programs.server);
  await comesUp(stage, `${name}-ovsdb`, programs.socket);
  const vsctl = (...args: readonly string[]) => run(...programs.vsctl, '--timeout=60', ...args);
  await vsctl('--no-wait', 'init');
  const daemon = start('vswitchd', programs.daemon);
  await comesUp(stage, `${name}-vswitchd`, programs.signs.daemon);
  return { runDirectory, env, pids: { database, daemon }, vsctl };
}

/** What the programs of Open vSwitch and OVN keep their files in. */
export function programDirectories(directory: string): Record<string, string> {
  const { env } = ovsPrograms(directory);
  const ovn = Object.entries(env).map(([name, value]) => [name.replace('OVS_', 'OVN_'), value]);
  return { ...env, ...Object.fromEntries(ovn) };
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
