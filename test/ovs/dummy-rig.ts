/**
 * Ports of a real Open vSwitch in the hand of a test, without a network device: `netdev-dummy` takes frames by command and
 * writes what leaves to a file (lib/netdev-dummy.c). What comes out is what `taken` says, whole and in order.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/until.ts';
import type { OpenVswitch } from './open-vswitch.ts';
import { Unixctl } from './unixctl.ts';

/** libpcap's file header, and the header of each frame. */
const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** Taps that are plugged as a hypervisor does it: with the id of their vNIC, where nobody forwards. */
export class DummyTaps {
  readonly #ovs: OpenVswitch;
  readonly #control: Unixctl;
  /** Tap -> up to where its file has been read, and frames it has been given. */
  readonly #taps = new Map<string, { at: number; given: number }>();

  private constructor(ovs: OpenVswitch, control: Unixctl) {
    this.#ovs = ovs;
    this.#control = control;
  }

  /** The switch was started with `dummy`. Frames take the slow path, so that counters are right at once. */
  static async open(ovs: OpenVswitch): Promise<DummyTaps> {
    await ovs.vsctl('set', 'Open_vSwitch', '.', 'other_config:flow-limit=0');
    const control = await Unixctl.open(join(ovs.directory, 'switch.ctl'));
    await control.call('upcall/set-flow-limit', '0');
    return new DummyTaps(ovs, control);
  }

  /** Adds a tap with the id of a vNIC to a bridge; settles when it has its OpenFlow number `number`. */
  async plug(tap: string, id: string, bridge: string, number: number): Promise<void> {
    const file = this.#file(tap);
    closeSync(openSync(file, 'w'));
    await this.#ovs.vsctl(
      ...['add-port', bridge, tap, '--', 'set', 'interface', tap, 'type=dummy'],
      ...[`options:tx_pcap=${file}`, `external_ids:iface-id=${id}`],
    );
    this.#taps.set(tap, { at: FILE_HEADER, given: 0 });
    await until(
      `${tap} bound as ${number}`,
      async () => Number(await this.#ovs.vsctl('get', 'interface', tap, 'ofport')) === number,
    );
  }

  /** A frame comes in by the tap; settles when the switch has done with it. */
  async inject(tap: string, frame: Uint8Array): Promise<void> {
    const state = this.#state(tap);
    await this.#control.call('netdev-dummy/receive', tap, Buffer.from(frame).toString('hex'));
    state.given += 1;
    // The thread that answers commands also carries the frames.
    const counter = new RegExp(`: ${tap} \\(.*\n *RX packets:(\\d+)`);
    await until(
      `${tap} has taken its frame`,
      async () => Number(counter.exec(await this.#control.call('dpctl/show', '-s'))?.[1]) >= state.given,
    );
    await this.#control.call('revalidator/purge');
  }

  /** What has left by the tap since the last call. */
  taken(tap: string): readonly Uint8Array[] {
    const state = this.#state(tap);
    const bytes = readFileSync(this.#file(tap));
    const frames: Uint8Array[] = [];
    let at = state.at;
    while (at + RECORD_HEADER <= bytes.length) {
      const end = at + RECORD_HEADER + bytes.readUInt32LE(at + 8);
      frames.push(new Uint8Array(bytes.subarray(at + RECORD_HEADER, end)));
      at = end;
    }
    state.at = at;
    return frames;
  }

  close(): void {
    this.#control.close();
  }

  #file(tap: string): string {
    return join(this.#ovs.directory, `${tap}.pcap`);
  }

  #state(tap: string) {
    const state = this.#taps.get(tap);
    if (!state) throw new RangeError(`there is no tap ${tap}`);
    return state;
  }
}
