/**
 * A real Open vSwitch for tests: its own ovsdb-server and ovs-vswitchd, run directory, database and sockets in a
 * fresh directory, nothing shared with a switch that the machine may be running. Stop it when done.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeUnless, itUnless, type TestBody } from '../support/required.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const TOOLS = ['ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl', 'ovs-ofctl', 'ovs-appctl'];
/** No command of a test takes longer. */
const LIMIT = 20_000;

export interface OpenVswitch {
  /** The run directory: `db.sock`, `BRIDGE.mgmt`, logs. */
  readonly directory: string;
  vsctl(...args: readonly string[]): Promise<string>;
  ofctl(...args: readonly string[]): Promise<string>;
  /** To ovs-vswitchd. */
  appctl(...args: readonly string[]): Promise<string>;
  /** To the process of ovs-vswitchd: `SIGSTOP`, `SIGCONT`. */
  signal(signal: NodeJS.Signals): void;
  /** ovs-vswitchd ends as by `kill -9`. */
  crash(): Promise<void>;
  /** ovs-vswitchd is started again; settles when it answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface OpenVswitchOptions {
  /**
   * Bridges with `datapath_type=dummy` and ports with `type=dummy` are there (`--enable-dummy`): frames enter them by
   * command only, which is enough for ofproto/trace and needs no network namespace. Tunnel ports stay real ones.
   */
  readonly dummy?: boolean;
  /** The network namespace that the switch lives in; default: that of the test. */
  readonly namespace?: string;
}

/** Throws with the log of the daemon that did not come up; nothing is left running then. */
export async function startOpenVswitch(options: OpenVswitchOptions = {}): Promise<OpenVswitch> {
  const directory = mkdtempSync(join(tmpdir(), 'netloom-ovs-'));
  const at = (name: string) => join(directory, name);
  const env = {
    ...process.env,
    OVS_RUNDIR: directory,
    OVS_LOGDIR: directory,
    OVS_DBDIR: directory,
    OVS_SYSCONFDIR: directory,
  };
  const call = async (tool: string, args: readonly string[]) =>
    (await run(tool, [...args], { env, timeout: LIMIT, maxBuffer: 1 << 26 })).stdout;
  const daemons: ChildProcess[] = [];
  const start = (tool: string, args: readonly string[], before: readonly string[] = []) => {
    const log = openSync(at(`${tool}.log`), 'a');
    const [command = tool, ...rest] = [...inNamespace(options.namespace), ...before, tool, ...args];
    const daemon = spawn(command, rest, { env, stdio: ['ignore', log, log] });
    daemons.push(daemon);
    return daemon;
  };

  const stop = async () => {
    // The switch before its database.
    for (const daemon of daemons.reverse()) await end(daemon);
    rmSync(directory, { recursive: true, force: true });
  };

  try {
    await call('ovsdb-tool', ['create', at('conf.db'), SCHEMA]);
    start('ovsdb-server', [at('conf.db'), `--remote=punix:${at('db.sock')}`, `--unixctl=${at('ovsdb.ctl')}`]);
    await appears(at('db.sock'), daemons);
    const database = `--db=unix:${at('db.sock')}`;
    await call('ovs-vsctl', [database, '--retry', '--timeout=20', '--no-wait', 'init']);
    const startSwitch = () =>
      start(
        'ovs-vswitchd',
        [
          `unix:${at('db.sock')}`,
          `--unixctl=${at('switch.ctl')}`,
          '--disable-system',
          ...(options.dummy ? ['--enable-dummy'] : []),
        ],
        // As ovs-ctl(8) does by default: a switch that has to wait for a processor loses frames. One without NICs does not, and
        // ahead of who reads its packet-ins it would drop those.
        options.dummy ? [] : ['nice', '-n', '-10'],
      );
    let switchDaemon = startSwitch();
    await appears(at('switch.ctl'), daemons);
    return {
      directory,
      vsctl: (...args) => call('ovs-vsctl', [database, ...args]),
      ofctl: (...args) => call('ovs-ofctl', args),
      appctl: (...args) => call('ovs-appctl', ['-t', at('switch.ctl'), ...args]),
      signal: (signal) => void switchDaemon.kill(signal),
      crash: async () => {
        const ended = new Promise<void>((resolve) => switchDaemon.once('exit', () => resolve()));
        switchDaemon.kill('SIGKILL');
        await ended;
        daemons.splice(daemons.indexOf(switchDaemon), 1);
        // It leaves its sockets behind, and they would be taken for those of the next one.
        rmSync(at('switch.ctl'), { force: true });
      },
      restart: async () => {
        switchDaemon = startSwitch();
        await appears(at('switch.ctl'), daemons);
      },
      stop,
    };
  } catch (error) {
    const log = (tool: string) =>
      existsSync(at(`${tool}.log`)) ? `${tool}: ${readFileSync(at(`${tool}.log`), 'utf8').slice(-2000)}` : '';
    const logs = `${log('ovsdb-server')}\n${log('ovs-vswitchd')}`;
    await stop();
    throw new Error(`Open vSwitch did not start.\n${logs}`, { cause: error });
  }
}

/** Ports match in first fragments as in whole packets: what the Datapath contract asks of a bridge (flow/datapath.ts). */
export async function matchFragments(ovs: OpenVswitch, bridge: string): Promise<void> {
  await ovs.ofctl('set-frags', `unix:${join(ovs.directory, bridge)}.mgmt`, 'nx-match');
}

/** What to put before a command that is to run in a network namespace. `ip netns exec` becomes the command itself. */
export function inNamespace(namespace: string | undefined): readonly string[] {
  return namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace];
}

function appears(path: string, daemons: readonly ChildProcess[]): Promise<true> {
  return until(`${path} is there`, () => {
    if (daemons.some((d) => d.exitCode !== null)) throw new Error('a daemon has ended');
    return existsSync(path);
  });
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()));
  daemon.kill('SIGTERM');
  const force = setTimeout(() => daemon.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(force);
}

// ------------------------------------------------------------------------------------------------ skipping

/** The Debian package of a tool, where it has another name. */
const PACKAGES: Readonly<Record<string, string>> = {
  dhclient: 'isc-dhcp-client',
  dhcrelay: 'isc-dhcp-relay',
  dnsmasq: 'dnsmasq-base',
  dumpcap: 'wireshark-common',
  ip: 'iproute2',
  ping: 'iputils-ping',
  tc: 'iproute2',
};

const packageOf = (tool: string) => PACKAGES[tool] ?? (tool.startsWith('ovs') ? 'openvswitch-switch' : tool);

/** Whether a tool answers to an option that only says what it is; asked once. */
const answers = new Map<string, boolean>();

function isThere(tool: string, option: string): boolean {
  const key = `${tool} ${option}`;
  const known = answers.get(key);
  if (known !== undefined) return known;
  const isSo = spawnSync(tool, [option], { stdio: 'ignore', timeout: LIMIT }).status === 0;
  answers.set(key, isSo);
  return isSo;
}

/** Why a test that needs these tools (and root) cannot run here; undefined when it can. */
function whatIsMissing(tools: readonly string[], root: boolean, option = '--version'): string | undefined {
  const missing = tools.filter((tool) => !isThere(tool, option));
  if (missing.length > 0) {
    const packages = [...new Set(missing.map(packageOf))].join(' ');
    return `${missing.join(', ')} not installed (apt-get install ${packages})`;
  }
  return root && process.getuid?.() !== 0 ? 'not root' : undefined;
}

/** A test that says loudly why it is skipped; with CI=true in the environment it fails instead. */
export function itWithTools(tools: readonly string[], name: string, test: TestBody): void {
  itUnless(whatIsMissing(tools, false), name, test);
}

/** A test on a real Open vSwitch as root. */
export function itWithOpenVswitch(name: string, test: TestBody, timeout?: number): void {
  itUnless(whatIsMissing(TOOLS, true), name, test, timeout);
}

/** Tests on a real Open vSwitch as root, collected only where they can run. */
export function describeWithOpenVswitch(name: string, tests: () => void): void {
  describeUnless(whatIsMissing(TOOLS, true), name, tests);
}

/** A test with real packets besides: in network namespaces, with the system's own ping (and `tools`), and tshark. */
export function itWithNamespaces(
  name: string,
  test: TestBody,
  timeout?: number,
  tools: readonly string[] = [],
): void {
  const missing =
    whatIsMissing([...TOOLS, 'tshark', ...tools], true) ?? whatIsMissing(['ip', 'ping'], true, '-V');
  itUnless(missing, name, test, timeout);
}
