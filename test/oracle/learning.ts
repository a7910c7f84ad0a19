/**
 * A learning switch with VLANs (IEEE 802.1Q-2018, 8.6 to 8.8): an unknown destination goes out on all other ports of
 * the VLAN; once learnt, only on the right one.
 */
import { read48 } from '../../src/packet/bytes.ts';
import { ETHERNET } from '../../src/packet/ethernet.ts';

/** The VLAN of an access port (0 = untagged), or those of a trunk; `trunk` carries all. */
export type PortVlan = number | ReadonlySet<number> | 'trunk';

const GROUP = 2 ** 40;

export class LearningSwitch<Port> {
  readonly #ports = new Map<Port, PortVlan>();
  /** `vlan/MAC` -> where it was seen last. */
  readonly #learnt = new Map<string, Port>();

  add(port: Port, vlan: PortVlan): void {
    this.#ports.set(port, vlan);
  }

  /** The ports that an untagged view of a frame of `vlan` goes out on. */
  pass(from: Port, vlan: number, frame: Uint8Array): Port[] {
    const destination = read48(frame, ETHERNET.DST);
    const source = read48(frame, ETHERNET.SRC);
    if (!isGroup(source)) this.#learnt.set(`${vlan}/${source}`, from);
    const learnt = isGroup(destination) ? undefined : this.#learnt.get(`${vlan}/${destination}`);
    const carries = (port: Port) => {
      const vlans = this.#ports.get(port);
      return vlans === 'trunk' || vlans === vlan || (vlans instanceof Set && vlans.has(vlan));
    };
    const candidates = learnt === undefined ? [...this.#ports.keys()] : [learnt];
    return candidates.filter((port) => port !== from && carries(port));
  }
}

function isGroup(mac: number): boolean {
  return Math.floor(mac / GROUP) % 2 === 1;
}
