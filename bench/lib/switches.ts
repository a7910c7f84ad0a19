/**
 * Switches between processes: ours and what else a person could run, each started anew with a sender and a receiver
 * (wire.c), which say how many frames a second arrived.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ovsPrograms } from '../../src/lab/real/ovs-programs.ts';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('../../bin/netloom.js', import.meta.url));
const WIRE = fileURLToPath(new URL('wire.c', import.meta.url));
/** No switch takes longer to come up, in milliseconds. */
const LIMIT = 15_000;

/** A switch, ready for frames. */
interface Running {
  /** Arguments of wire.c before and behind the size and the time. */
  readonly wire: readonly [before: readonly string[], behind: readonly string[]];
  stop(): Promise<void>;
}

export interface Switch {
  readonly name: string;
  /** Why it cannot run here; undefined when it can. */
  readonly missing: string | undefined;
  start(directory: string): Promise<Running>;
}

export class Wire {
  readonly #directory = mkdtempSync(join(tmpdir(), 'netloom-wire-'));
  readonly #program = join(this.#directory, 'wire');
  #runs = 0;

  constructor() {
    execFileSync('gcc', ['-O2', '-o', this.#program, WIRE, '-lpthread', '-ldl']);
  }

  /** Frames a second through the switch, of a size that counts the frame check sequence. */
  async measure(which: Switch, size: number, seconds: number): Promise<number> {
    const directory = join(this.#directory, String(this.#runs++));
    mkdirSync(directory);
    const running = await which.start(directory);
    try {
      const [before, behind] = running.wire;
      const args = [...before, String(size), String(seconds), ...behind];
      const { stdout } = await run(this.#program, args, { timeout: LIMIT + seconds * 1000 });
      return Number(stdout);
    } finally {
      await running.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** The forwarder that does nothing else. */
  readonly forwarder: Switch = {
    name: 'bare forwarder in C',
    missing: undefined,
    start: (directory) => datagrams(directory, (paths) => start(this.#program, ['forward', ...paths])),
  };

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A VSID by port, an ACL, and a table of addresses. */
const FLOWS = [
  'table=0,in_port=1,actions=set_field:5001->reg0,resubmit(,1)',
  'table=0,in_port=2,actions=set_field:5001->reg0,resubmit(,1)',
  'table=1,priority=300,udp,nw_src=10.0.0.0/24,tp_dst=53,actions=drop',
  'table=1,priority=200,udp,nw_src=10.0.0.0/24,nw_dst=10.0.0.0/24,actions=resubmit(,2)',
  'table=1,priority=100,arp,actions=resubmit(,2)',
  'table=1,priority=0,actions=drop',
  'table=2,priority=100,reg0=5001,dl_dst=02:00:00:00:00:01,actions=output:1',
  'table=2,priority=100,reg0=5001,dl_dst=02:00:00:00:00:02,actions=output:2',
];

/** `frames` a write. */
export function netloomSwitch(frames: number): Switch {
  return {
    name: 'netloom switch',
    missing: undefined,
    async start(directory) {
      const [one, two, file] = ['1.sock', '2.sock', 'switch.json'].map((name) => join(directory, name));
      const ports = [one, two].map((listen, i) => ({ name: `p${i + 1}`, stream: { listen } }));
      writeFileSync(file!, JSON.stringify({ ports, flows: FLOWS }));
      const child = start(process.execPath, [PROGRAM, 'switch', file!]);
      await appears(two!, child);
      return { wire: [['stream', one!, two!], [String(frames)]], stop: () => end(child) };
    },
  };
}

export const vdeSwitch: Switch = {
  name: 'vde_switch',
  missing: lacks('vde_switch', '--version', 'vde2'),
  async start(directory) {
    const control = join(directory, 'vde.ctl');
    const child = start('vde_switch', ['-s', control, '-x'], 'pipe');
    await appears(join(control, 'ctl'), child);
    return { wire: [['vde', control], []], stop: () => end(child) };
  },
};

export const qemuHub: Switch = {
  name: 'QEMU hub',
  missing: lacks('qemu-system-x86_64', '--version', 'qemu-system-x86'),
  start: (directory) =>
    datagrams(directory, ([own1, peer1, own2, peer2]) => {
      const port = (id: number, own = '', peer = '') => [
        '-netdev',
        `dgram,id=d${id},local.type=unix,local.path=${own},remote.type=unix,remote.path=${peer}`,
        '-netdev',
        `hubport,id=h${id},hubid=0,netdev=d${id}`,
      ];
      const none = ['-M', 'none', '-nodefaults', '-display', 'none', '-monitor', 'none', '-serial', 'none'];
      return start('qemu-system-x86_64', [...none, ...port(1, own1, peer1), ...port(2, own2, peer2)]);
    }),
};

/** Paths: the switch's and the peer's socket of one port, and of the other. */
async function datagrams(
  directory: string,
  begin: (paths: readonly string[]) => ChildProcess,
): Promise<Running> {
  const [own1 = '', peer1 = '', own2 = '', peer2 = ''] = ['s1', 'e1', 's2', 'e2'].map((name) =>
    join(directory, name),
  );
  const child = begin([own1, peer1, own2, peer2]);
  await appears(own1, child);
  return { wire: [['datagram', peer1, own1, peer2, own2], []], stop: () => end(child) };
}

/**
 * Open vSwitch with the userspace datapath, between veth pairs into two network namespaces: it has no faster way to
 * another process without privileges of the kernel. The same flows.
 */
export const openVswitch: Switch = {
  name: 'Open vSwitch, userspace',
  missing: process.getuid?.() === 0 ? lacks('ovs-vswitchd', '--version', 'openvswitch-switch') : 'not root',
  async start(directory) {
    const id = `nlb${process.pid}`;
    const ends = [`${id}a`, `${id}b`];
    const daemons: ChildProcess[] = [];
    const programs = ovsPrograms(directory);
    const env = { ...process.env, ...programs.env };
    const call = ([tool = '', ...args]: readonly string[]) => run(tool, args, { env, timeout: LIMIT });
    const daemon = ([tool = '', ...args]: readonly string[]) => {
      const child = start(tool, args, 'ignore', env);
      daemons.push(child);
      return child;
    };
    const stop = async () => {
      for (const daemon of daemons.reverse()) await end(daemon);
      for (const name of ends) await run('ip', ['netns', 'del', name]).catch(() => {});
    };
    try {
      await call(programs.create);
      await appears(programs.socket, daemon(programs.server));
      const vsctl = (...args: string[]) => call([...programs.vsctl, ...args]);
      await vsctl('--no-wait', 'init');
      daemon(programs.daemon);
      await vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=netdev');
      for (const name of ends) {
        await run('ip', ['netns', 'add', name]);
        const veth = ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name];
        await run('ip', veth);
        await run('ip', ['link', 'set', name, 'up']);
        await run('ip', ['-n', name, 'link', 'set', 'eth0', 'up']);
        await vsctl('add-port', 'br0', name);
      }
      for (const flow of FLOWS)
        await call(['ovs-ofctl', 'add-flow', `unix:${join(directory, 'br0.mgmt')}`, flow]);
      return { wire: [['packet', ...ends], []], stop };
    } catch (error) {
      await stop();
      throw error;
    }
  },
};

function lacks(tool: string, option: string, from: string): string | undefined {
  try {
    execFileSync(tool, [option], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `${tool} is not installed (${from})`;
  }
}

function start(
  tool: string,
  args: readonly string[],
  stdin: 'ignore' | 'pipe' = 'ignore',
  env = process.env,
): ChildProcess {
  return spawn(tool, args, { stdio: [stdin, 'ignore', 'ignore'], env });
}

async function appears(path: string, by: ChildProcess): Promise<void> {
  for (const limit = Date.now() + LIMIT; !existsSync(path); await sleep(20)) {
    if (by.exitCode !== null) throw new Error(`${by.spawnfile} has ended`);
    if (Date.now() > limit) throw new Error(`${path} does not appear`);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(force);
}
