/** Who is at the other end of each cable, from what they say of themselves (LLDP, IEEE 802.1AB-2016). */
import { toHex } from '../../packet/bytes.ts';
import { LLDP_VALUE, type LldpId, type LldpView } from '../../packet/lldp.ts';
import { parseFrame } from '../../packet/parse.ts';
import { MAC_ADDRESS, TEXT } from '../../packet/values.ts';

/** What the other end of a cable says it is. Anybody at that end can say anything: for people to read, no more. */
export interface Neighbour {
  /** Name of the device: a MAC address for most, else text, else hexadecimal digits. */
  readonly chassis: string;
  /** Name of its port, such as `Ethernet1/7`. */
  readonly port: string;
  /** What its administrator calls the device. */
  readonly system?: string;
}

interface Heard {
  readonly neighbour: Neighbour;
  /** Milliseconds; from then on it does not hold. */
  readonly until: number;
}

/** NICs that are remembered; more are not a host's. */
const MOST_NICS = 256;

/** The latest that was heard at each NIC. Time is passed in, as milliseconds of a monotonic clock. */
export class Neighbours {
  readonly #heard = new Map<string, Heard>();

  /** Takes a frame that came in by a NIC; one that is not of LLDP, or not well-formed, says nothing. */
  hear(nic: string, frame: Uint8Array, now: number): void {
    const view = parseFrame(frame).lldp;
    if (!view) return;
    const neighbour = neighbourOf(view);
    if (!neighbour) return;
    // A time to live of 0: it goes away (9.2.7.7.1).
    if (view.timeToLive === 0) this.#heard.delete(nic);
    else if (this.#heard.has(nic) || this.#heard.size < MOST_NICS)
      this.#heard.set(nic, { neighbour, until: now + view.timeToLive * 1000 });
  }

  /** NIC -> its neighbour, of those that still hold. */
  at(now: number): ReadonlyMap<string, Neighbour> {
    for (const [nic, { until }] of this.#heard) if (until <= now) this.#heard.delete(nic);
    return new Map([...this.#heard].map(([nic, { neighbour }]) => [nic, neighbour]));
  }
}

function neighbourOf(view: LldpView): Neighbour | undefined {
  const chassis = view.read(LLDP_VALUE.chassis);
  const port = view.read(LLDP_VALUE.port);
  if (!chassis || !port) return undefined;
  const system = view.read(LLDP_VALUE.systemName);
  return {
    chassis: textOf(chassis, 4, 5),
    port: textOf(port, 3, 4),
    ...(system === undefined || HIDDEN.test(system) ? {} : { system }),
  };
}

/** Letters that are not seen, or turn the direction of writing around. */
const HIDDEN = /\p{C}/u;

/** `mac`, `network`: the subtypes that are a MAC address and a network address (tables 8-2 and 8-3). */
function textOf({ subtype, id }: LldpId, mac: number, network: number): string {
  if (subtype === mac) return MAC_ADDRESS.decode(id) ?? toHex(id);
  // One byte of address family, 1 = IPv4.
  if (subtype === network) return id[0] === 1 && id.length === 5 ? id.subarray(1).join('.') : toHex(id);
  const text = TEXT.decode(id);
  return text === undefined || HIDDEN.test(text) ? toHex(id) : text;
}
