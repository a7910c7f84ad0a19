/**
 * Structured fuzzing of src/packet: good headers with lengths, counts and bytes changed. Per view:
 *
 *   - nothing throws;
 *   - nothing outside offset..end has any influence: each input is read twice, in surroundings of 0x00 and of 0xff, and
 *     everything that the view says must be the same; setters leave the surroundings as they are. Every 64th input is
 *     read through a guard too, which throws at any access outside;
 *   - no length field talks the view into anything: all windows that it hands out lie within offset..end, and lists
 *     have no more entries than there are bytes.
 */
import { ArpView } from '../../src/packet/arp.ts';
import { BfdView } from '../../src/packet/bfd.ts';
import { frame } from '../../src/packet/build.ts';
import { sameBytes, toHex } from '../../src/packet/bytes.ts';
import { readCapture } from '../../src/packet/capture.ts';
import { DhcpView } from '../../src/packet/dhcp.ts';
import { DHCP_VALUE } from '../../src/packet/dhcp-options.ts';
import { Dhcp6View } from '../../src/packet/dhcp6.ts';
import { DHCP6_VALUE } from '../../src/packet/dhcp6-options.ts';
import { layersOf } from '../../src/packet/dissect.ts';
import { DnsView } from '../../src/packet/dns.ts';
import { readDns } from '../../src/packet/dns-read.ts';
import { EthernetView } from '../../src/packet/ethernet.ts';
import { GeneveView } from '../../src/packet/geneve.ts';
import { GreView } from '../../src/packet/gre.ts';
import { readHeaderOptions, readIpv6Options, readTcpOptions } from '../../src/packet/header-options.ts';
import { IcmpView } from '../../src/packet/icmp.ts';
import { Icmpv6View } from '../../src/packet/icmpv6.ts';
import { IgmpView } from '../../src/packet/igmp.ts';
import { Ipv4View } from '../../src/packet/ipv4.ts';
import { Ipv6View, walkExtensions } from '../../src/packet/ipv6.ts';
import { LacpView } from '../../src/packet/lacp.ts';
import { LlcView, SnapView } from '../../src/packet/llc.ts';
import { LLDP_VALUE, LldpView } from '../../src/packet/lldp.ts';
import { MldView } from '../../src/packet/mld.ts';
import { ND_VALUE } from '../../src/packet/nd-options.ts';
import { formatFrame, parseNotation } from '../../src/packet/notation.ts';
import { innerFrame, type Layers, parseFrame } from '../../src/packet/parse.ts';
import { PcapngWriter } from '../../src/packet/pcapng.ts';
import { TcpView } from '../../src/packet/tcp.ts';
import { UdpView } from '../../src/packet/udp.ts';
import { View } from '../../src/packet/view.ts';
import { VlanView } from '../../src/packet/vlan.ts';
import { VxlanView } from '../../src/packet/vxlan.ts';
import { guarded } from '../support/frames.ts';
import { change, randomOf } from './change.ts';
import { CORPUS } from './corpus.ts';

/** Makes a view of offset..end, or refuses. */
export type At = (bytes: Uint8Array, offset: number, end: number) => View | undefined;

const VIEWS: Readonly<Record<string, At>> = {
  ethernet: EthernetView.at,
  vlan: VlanView.at,
  llc: LlcView.at,
  snap: SnapView.at,
  lldp: LldpView.at,
  lacp: LacpView.at,
  arp: ArpView.at,
  ipv4: Ipv4View.at,
  ipv6: Ipv6View.at,
  icmp: IcmpView.at,
  igmp: IgmpView.at,
  icmpv6: Icmpv6View.at,
  mld: MldView.at,
  tcp: TcpView.at,
  udp: UdpView.at,
  dhcp: DhcpView.at,
  dhcp6: Dhcp6View.at,
  bfd: BfdView.at,
  dns: DnsView.at,
  gre: GreView.at,
  vxlan: VxlanView.at,
  geneve: GeneveView.at,
};

/** What can be fuzzed: the views; `frame`, the walk and the notation on whole frames; `capture`, the file reader. */
export const TARGETS: readonly string[] = [...Object.keys(VIEWS), 'frame', 'capture'];

export interface Crash {
  readonly target: string;
  readonly input: Uint8Array;
  readonly what: string;
}

// ------------------------------------------------------------------------------------------------- checks

/** Bytes before and behind the input. */
const MARGIN = 24;

/** What is wrong with how the target takes the input; undefined when nothing is. */
export function check(target: string, input: Uint8Array, guard = true): string | undefined {
  const at = VIEWS[target];
  try {
    if (at) return checkView(at, input, guard);
    return target === 'frame' ? checkFrame(input) : checkCapture(input);
  } catch (thrown) {
    return `throws ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`;
  }
}

/** The same for a view that is not one of ours. */
export function checkView(at: At, input: Uint8Array, guard: boolean): string | undefined {
  const offset = MARGIN;
  const end = MARGIN + input.length;
  const said = [0x00, 0xff].map((surroundings) => {
    const bytes = new Uint8Array(end + MARGIN).fill(surroundings);
    bytes.set(input, offset);
    const view = at(bytes, offset, end);
    if (!view) return 'refused';
    const all = describeView(view, offset, end);
    const touched = writeBack(view);
    if (touched) return touched;
    const isIntact = bytes.every((octet, i) => (i >= offset && i < end) || octet === surroundings);
    return isIntact ? all : `writes outside ${offset}..${end}`;
  });
  if (said[0] !== said[1]) return `depends on what is outside: ${said[0]} or ${said[1]}`;
  if (said[0]?.startsWith('!')) return said[0];
  if (guard) {
    const bytes = new Uint8Array(end + MARGIN);
    bytes.set(input, offset);
    const view = at(guarded(bytes, offset, end), offset, end);
    if (view) describeView(view, offset, end);
  }
  return undefined;
}

/** All that the view says, as a text; one that begins with `!` says what is wrong. */
function describeView(view: View, offset: number, end: number): string {
  const { payloadOffset } = view;
  if (view.offset !== offset || view.end > end || payloadOffset < offset || payloadOffset > view.end) {
    return `! header ${view.offset}..${payloadOffset}, end ${view.end}, in ${offset}..${end}`;
  }
  const seen: string[] = [`${view.end - offset}`];
  const room = end - offset;
  const tell = (value: unknown): void => {
    if (value instanceof Uint8Array) {
      // A window on the frame, or bytes put together from it (RFC 3396).
      const from = value.byteOffset - view.bytes.byteOffset;
      const isWindow = value.buffer === view.bytes.buffer;
      if (value.length > room || (isWindow && (from < offset || from + value.length > end)))
        seen.unshift(`! a window ${from}..${from + value.length} in ${offset}..${end}`);
      seen.push(toHex(value));
    } else if (Array.isArray(value)) {
      if (value.length > room) seen.unshift(`! ${value.length} entries in ${room} bytes`);
      for (const entry of value) tell(entry);
    } else if (typeof value === 'object' && value !== null) {
      for (const part of Object.values(value)) tell(part);
    } else {
      if (typeof value === 'number' && !Number.isSafeInteger(value)) seen.unshift(`! the number ${value}`);
      seen.push(String(value));
    }
  };
  for (const { name } of accessorsOf(view))
    if (name !== 'offset' && name !== 'end' && name !== 'payloadOffset') tell(Reflect.get(view, name));
  tell(view.payload());
  for (const value of interpretations(view)) tell(value);
  return seen.join(' ');
}

/** What the methods of the view, and those who interpret its options, say. */
function interpretations(view: View): unknown[] {
  const { bytes } = view;
  if (view instanceof Ipv4View) {
    return [view.options(), readHeaderOptions(view.options()), view.expectedChecksum()];
  }
  if (view instanceof Ipv6View) {
    const walk = walkExtensions(view);
    const bodies = walk.extensions.map((e) =>
      readIpv6Options(bytes.subarray(e.offset + 2, e.offset + e.length)),
    );
    // Offsets are the same in both surroundings.
    return [walk, ...bodies];
  }
  if (view instanceof IcmpView) return [view.quoted(), view.expectedChecksum()];
  if (view instanceof Icmpv6View) {
    const values = Object.values(ND_VALUE).map((type) => view.readAll<unknown>(type));
    return [
      view.options(),
      view.router(),
      view.quoted(),
      view.linkAddress(1),
      view.linkAddress(2),
      ...values,
    ];
  }
  if (view instanceof IgmpView) {
    return [view.sources(), view.records(), view.options(), view.expectedChecksum()];
  }
  if (view instanceof MldView) return [view.sources(), view.records(), view.options()];
  if (view instanceof TcpView) return [view.options(), readTcpOptions(view.options())];
  if (view instanceof DhcpView) {
    return [view.options(), ...Object.values(DHCP_VALUE).map((type) => view.read<unknown>(type))];
  }
  if (view instanceof Dhcp6View) {
    return [view.options(), ...Object.values(DHCP6_VALUE).map((type) => view.read<unknown>(type))];
  }
  if (view instanceof LldpView) {
    return [view.options(), ...Object.values(LLDP_VALUE).map((type) => view.read<unknown>(type))];
  }
  if (view instanceof GeneveView) return [view.options()];
  if (view instanceof LacpView) return [view.actor(), view.partner()];
  if (view instanceof DnsView) {
    // Offsets are the same in both surroundings.
    return [view.entries(), readDns(view, 'all'), readDns(view, 'questions')];
  }
  if (view instanceof BfdView) return [view.authentication()];
  if (view instanceof GreView) return [view.checksumWord === undefined ? 0 : view.expectedChecksum()];
  return [];
}

/** Writes every field with the value that it has: nothing may change. */
function writeBack(view: View): string | undefined {
  const before = view.bytes.slice();
  for (const { name, settable } of accessorsOf(view)) {
    const value: unknown = Reflect.get(view, name);
    if (settable && value !== undefined) Reflect.set(view, name, value);
  }
  return sameBytes(before, view.bytes) ? undefined : '! writing a field back changes the bytes';
}

interface Accessor {
  readonly name: string;
  readonly settable: boolean;
}
const ACCESSORS = new Map<object, readonly Accessor[]>();

function accessorsOf(view: View): readonly Accessor[] {
  const prototype: object = Object.getPrototypeOf(view);
  const known = ACCESSORS.get(prototype);
  if (known) return known;
  const found = Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([, descriptor]) => descriptor.get)
    .map(([name, descriptor]) => ({ name, settable: descriptor.set !== undefined }));
  ACCESSORS.set(prototype, found);
  return found;
}

/** The walk stays within the frame, and layers and text give the frame again. */
function checkFrame(input: Uint8Array): string | undefined {
  for (let layers: Layers | undefined = parseFrame(input); layers; layers = innerFrame(layers)) {
    const { offset, payloadOffset, payloadEnd, end } = layers;
    const isOrdered = offset <= payloadOffset && payloadOffset <= payloadEnd && payloadEnd <= end;
    if (!isOrdered) return `payload ${payloadOffset}..${payloadEnd} in ${offset}..${end}`;
  }
  if (!sameBytes(frame(...layersOf(input)), input)) return 'its layers are another frame';
  return sameBytes(parseNotation(formatFrame(input)), input) ? undefined : 'its text is another frame';
}

function checkCapture(input: Uint8Array): string | undefined {
  const { packets, interfaces } = readCapture(input);
  const total = packets.reduce((sum, p) => sum + p.frame.length, 0);
  if (total > input.length) return `${total} bytes of frames in a file of ${input.length}`;
  return packets.every((p) => interfaces[p.interface]) ? undefined : 'a packet of no interface';
}

// ------------------------------------------------------------------------------------------------- inputs

const FRAMES: readonly Uint8Array[] = CORPUS.map(parseNotation);

/** The good inputs of a target. */
export function seedsOf(target: string): readonly Uint8Array[] {
  if (target === 'frame') return FRAMES;
  if (target === 'capture') return [captureOf(FRAMES.slice(0, 3)), captureOf([])];
  const at = VIEWS[target];
  return FRAMES.flatMap((bytes) => viewsIn(parseFrame(bytes)))
    .filter((view) => at?.(view.bytes, view.offset, view.end)?.constructor === view.constructor)
    .map((view) => view.bytes.slice(view.offset, view.end));
}

function viewsIn(layers: Layers): readonly View[] {
  const here = [...Object.values(layers), ...layers.vlans].filter((value) => value instanceof View);
  const inner = innerFrame(layers);
  return inner ? [...here, ...viewsIn(inner)] : here;
}

function captureOf(frames: readonly Uint8Array[]): Uint8Array {
  const writer = new PcapngWriter();
  const id = writer.interface('uplink');
  for (const bytes of frames) writer.packet(id, 1n, bytes.subarray(0, 60), 'touched by acl 7');
  return writer.finish();
}

/** Runs a target on so many changed inputs; the first that it takes wrongly. The same seed gives the same inputs. */
export function fuzz(target: string, runs: number, seed: number): Crash | undefined {
  const seeds = seedsOf(target);
  if (seeds.length === 0) throw new RangeError(`there is no good input for ${target}`);
  const random = randomOf(seed);
  for (let run = 0; run < runs; run++) {
    let input: Uint8Array = seeds[random() % seeds.length]!.slice();
    for (let edits = random() % 5; edits >= 0; edits--) input = change(input, seeds, random);
    const what = check(target, input, run % 64 === 0);
    if (what !== undefined) return { target, input, what };
  }
  return undefined;
}
