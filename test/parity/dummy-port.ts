/**
 * A real Open vSwitch whose ports are in the hand of a test: thousands of frames in, and every byte that comes out.
 *
 *     const real = await DummySwitch.start(['p1', 'p2', 'p3']);
 *     await real.program({ flows: ['table=0,actions=NORMAL'] });
 *     await real.receive('p1', frames);      // returns when the switch is done with all of them
 *     real.taken('p2');                      // what came out of p2 since the last call
 *     await real.stop();
 *
 * The bridge has the userspace datapath without network devices (`--enable-dummy`, lib/netdev-dummy.c): a frame enters a
 * port by a command on the control socket, and each frame that leaves is written to a capture file before the next one
 * is taken. Time stands still and goes on by `warp` only. With `slowPath` each frame takes the way through the OpenFlow
 * tables; without it the datapath flow cache takes part, which notices what was learnt some time later.
 */
import { closeSync, ftruncateSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { matchFragments, type OpenVswitch, startOpenVswitch } from '../ovs/open-vswitch.ts';
import { Unixctl } from '../ovs/unixctl.ts';

export const BRIDGE = 'br0';
/** A port keeps 100 frames waiting and drops what is more (NETDEV_DUMMY_MAX_QUEUE). */
const QUEUE = 90;
/** libpcap's file header, and the header of each frame. */
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
/** A capture file that has grown longer than this is emptied. */
const LONG_CAPTURE = 1 << 24;
/** What the switch takes at least, about. */
const FRAMES_PER_MS = 20;
const PATIENCE_MS = 20_000;

/** What a bridge is to do, in the language of ovs-ofctl. It replaces all that was there. */
export interface Program {
  readonly flows: readonly string[];
  readonly groups?: readonly string[];
  readonly meters?: readonly string[];
}

interface Capture {
  readonly file: number;
  /** Up to where it has been read. */
  at: number;
}

export class DummySwitch {
  readonly ovs: OpenVswitch;
  readonly #control: Unixctl;
  readonly #captures: ReadonlyMap<string, Capture>;
  /** Frames that each port has been given. */
  readonly #given = new Map<string, number>();
  #hasMeters = false;

  private constructor(ovs: OpenVswitch, control: Unixctl, captures: ReadonlyMap<string, Capture>) {
    this.ovs = ovs;
    this.#control = control;
    this.#captures = captures;
  }

  /** A bridge whose ports have these names, and the numbers 1, 2, 3 …; each is a trunk of all VLANs. */
  static async start(ports: readonly string[], options: { slowPath?: boolean } = {}): Promise<DummySwitch> {
    const ovs = await startOpenVswitch({ dummy: true });
    const capture = (port: string) => join(ovs.directory, `${port}.pcap`);
    const bridge = ['set', 'bridge', BRIDGE, 'datapath_type=dummy', 'fail_mode=secure'];
    const adds = ports.flatMap((port, i) => [
      ...['--', 'add-port', BRIDGE, port, '--', 'set', 'interface', port, 'type=dummy'],
      ...[`ofport_request=${i + 1}`, 'mtu_request=9000', `options:tx_pcap=${capture(port)}`],
    ]);
    try {
      await ovs.vsctl('add-br', BRIDGE, '--', ...bridge, ...adds);
      await matchFragments(ovs, BRIDGE);
      const control = await Unixctl.open(join(ovs.directory, 'switch.ctl'));
      const captures = new Map(ports.map((p) => [p, { file: openSync(capture(p), 'r+'), at: FILE_HEADER }]));
      const real = new DummySwitch(ovs, control, captures);
      await control.call('time/stop');
      await real.setSlowPath(options.slowPath ?? false);
      return real;
    } catch (error) {
      await ovs.stop();
      throw error;
    }
  }

  /** It has crashed. */
  get isDead(): boolean {
    return this.#control.hasHungUp;
  }

  /** A command of ovs-appctl. Throws what the switch says against it. */
  command(name: string, ...parameters: readonly string[]): Promise<string> {
    return this.#control.call(name, ...parameters);
  }

  ofctl(command: string, ...parameters: readonly string[]): Promise<string> {
    return this.ovs.ofctl('-O', 'OpenFlow15', command, this.socket, ...parameters);
  }

  /** The OpenFlow socket of the bridge, for ovs-ofctl. */
  get socket(): string {
    return `unix:${join(this.ovs.directory, BRIDGE)}.mgmt`;
  }

  /** Whether all frames take the slow path (no flow is put into the datapath), or the flow cache takes part. */
  async setSlowPath(slow: boolean): Promise<void> {
    // The setting bounds what the switch finds right from time to time; the command is for now.
    const limit = slow ? '0' : '200000';
    await this.ovs.vsctl('set', 'Open_vSwitch', '.', `other_config:flow-limit=${limit}`);
    await this.command('upcall/set-flow-limit', limit);
    await this.command('revalidator/purge');
  }

  /** Throws what ovs-ofctl says against the program; what was there before stays then, but for meters. */
  async program({ flows, groups = [], meters = [] }: Program): Promise<void> {
    if (this.#hasMeters || meters.length > 0) await this.ofctl('del-meters');
    for (const meter of meters) await this.ofctl('add-meter', meter);
    this.#hasMeters = meters.length > 0;
    const file = join(this.ovs.directory, 'program');
    const messages = [
      'flow delete',
      'group delete group_id=all',
      ...groups.map((group) => `group add ${group}`),
      ...flows.map((flow) => `flow add ${flow}`),
    ];
    writeFileSync(file, `${messages.join('\n')}\n`);
    await this.ofctl('bundle', file);
    await this.command('revalidator/purge');
  }

  /** Forgets what was learnt: addresses, connections, datapath flows. */
  async forget(): Promise<void> {
    await this.command('fdb/flush', BRIDGE);
    await this.command('dpctl/flush-conntrack');
    await this.command('revalidator/purge');
  }

  /** The frames come in by the port, one after the other; returns when the switch is done with all of them. */
  async receive(port: string, frames: readonly Uint8Array[]): Promise<void> {
    for (let i = 0; i < frames.length; i += QUEUE) {
      const part = frames.slice(i, i + QUEUE);
      const given = (this.#given.get(port) ?? 0) + part.length;
      this.#given.set(port, given);
      await this.command('netdev-dummy/receive', port, ...part.map((f) => Buffer.from(f).toString('hex')));
      await this.#done(port, given);
    }
  }

  /** The thread that answers commands also carries the frames: one that is counted is done when the answer is given. */
  async #done(port: string, given: number): Promise<void> {
    const counter = new RegExp(`: ${port} \\(.*\n *RX packets:(\\d+)`);
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
      const taken = Number(counter.exec(await this.command('dpctl/show', '-s'))?.[1]);
      if (taken >= given) return;
      // A question takes the switch as long as a frame.
      const left = Math.floor((given - taken) / FRAMES_PER_MS);
      if (left > 0) await sleep(left);
    }
    throw new Error(`port ${port} does not take its ${given} frames`);
  }

  /** What has left by the port since the last call. */
  taken(port: string): Uint8Array[] {
    const capture = this.#captures.get(port);
    if (!capture) throw new RangeError(`there is no port ${port}`);
    const bytes = readFrom(capture.file, capture.at);
    const frames: Uint8Array[] = [];
    for (let at = 0; at + RECORD_HEADER <= bytes.length; ) {
      const end = at + RECORD_HEADER + bytes.readUInt32LE(at + 8);
      frames.push(new Uint8Array(bytes.subarray(at + RECORD_HEADER, end)));
      at = end;
    }
    capture.at += bytes.length;
    // The switch writes at the end of the file, wherever that is.
    if (capture.at > LONG_CAPTURE) {
      ftruncateSync(capture.file, 0);
      capture.at = 0;
    }
    return frames;
  }

  /** Time goes on by so many milliseconds. */
  async warp(milliseconds: number): Promise<void> {
    await this.command('time/warp', String(milliseconds));
    // Once around, so that what is due by now is done.
    for (let i = 0; i < 2; i++) await this.command('version');
  }

  async stop(): Promise<void> {
    this.#control.close();
    for (const { file } of this.#captures.values()) closeSync(file);
    await this.ovs.stop();
  }
}

const CHUNK = Buffer.allocUnsafe(1 << 20);

/** What a file has from there on. */
function readFrom(file: number, start: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const length = readSync(file, CHUNK, 0, CHUNK.length, at);
    if (length > 0) parts.push(Buffer.from(CHUNK.subarray(0, length)));
    if (length < CHUNK.length) return Buffer.concat(parts);
    at += length;
  }
}
