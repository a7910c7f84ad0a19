import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyLayers, guarded, mutated } from '../../test/support/frames.ts';
import { parseIpv4, parseMac } from './address.ts';
import { ArpView } from './arp.ts';
import { BfdView } from './bfd.ts';
import { frame } from './build.ts';
import { DhcpView } from './dhcp.ts';
import { Dhcp6View } from './dhcp6.ts';
import { DnsView } from './dns.ts';
import { EthernetView } from './ethernet.ts';
import { GeneveView } from './geneve.ts';
import { GreView } from './gre.ts';
import { IcmpView } from './icmp.ts';
import { Icmpv6View } from './icmpv6.ts';
import { IgmpView } from './igmp.ts';
import { Ipv4View } from './ipv4.ts';
import { Ipv6View, walkExtensions } from './ipv6.ts';
import { LacpView } from './lacp.ts';
import { LlcView, SnapView } from './llc.ts';
import { LldpView } from './lldp.ts';
import { MldView } from './mld.ts';
import { innerFrame, type Layers, parseFrame } from './parse.ts';
import { TcpView } from './tcp.ts';
import { UdpView } from './udp.ts';
import { View } from './view.ts';
import { VlanView } from './vlan.ts';
import { VxlanView } from './vxlan.ts';

type At = (bytes: Uint8Array, offset: number, end: number) => View | undefined;
const VIEWS: Readonly<Record<string, At>> = {
  eth: EthernetView.at,
  vlan: VlanView.at,
  arp: ArpView.at,
  ipv4: Ipv4View.at,
  ipv6: Ipv6View.at,
  icmp: IcmpView.at,
  icmpv6: Icmpv6View.at,
  udp: UdpView.at,
  'udp, first fragment': (bytes, offset, end) => UdpView.at(bytes, offset, end, true),
  tcp: TcpView.at,
  dhcp: DhcpView.at,
  gre: GreView.at,
  vxlan: VxlanView.at,
  llc: LlcView.at,
  snap: SnapView.at,
  lldp: LldpView.at,
  lacp: LacpView.at,
  igmp: IgmpView.at,
  mld: MldView.at,
  dhcp6: Dhcp6View.at,
  bfd: BfdView.at,
  dns: DnsView.at,
  geneve: GeneveView.at,
};

/** Everything that the walk found, frames inside frames too. */
function found(layers: Layers): View[] {
  const here = [...Object.values(layers), ...layers.vlans].filter((value) => value instanceof View);
  const inner = innerFrame(layers);
  return inner ? [...here, ...found(inner)] : here;
}

/** Names of the accessors of a view, with whether they can be set. */
function accessors(view: View): { name: string; settable: boolean }[] {
  const prototypes = [Object.getPrototypeOf(view), Object.getPrototypeOf(Object.getPrototypeOf(view))];
  return prototypes.flatMap((prototype) =>
    Object.entries(Object.getOwnPropertyDescriptors(prototype))
      .filter(([, descriptor]) => descriptor.get)
      .map(([name, descriptor]) => ({ name, settable: descriptor.set !== undefined })),
  );
}

/** Reads all there is to read; the guard of the bytes throws when that is too much. */
function readAll(view: View): void {
  for (const { name } of accessors(view)) {
    const value: unknown = Reflect.get(view, name);
    if (typeof value === 'number') expect([name, Number.isSafeInteger(value)]).toEqual([name, true]);
    else expect(['bigint', 'boolean', 'string', 'undefined']).toContain(typeof value);
  }
  view.payload();
  if ('options' in view && typeof view.options === 'function') expect([...view.options()]).toBeDefined();
  if (view instanceof Ipv6View) walkExtensions(view);
  if (view instanceof IcmpView || view instanceof Ipv4View) view.expectedChecksum();
  if (view instanceof GreView && view.checksumWord !== undefined) view.expectedChecksum();
  expect(view.payloadOffset).toBeLessThanOrEqual(view.end);
}

const anyFrame = anyLayers.map((layers) => frame(...layers));
const anyBytes = fc.oneof(mutated(anyFrame), fc.uint8Array({ maxLength: 120 }));

describe.each(Object.entries(VIEWS))('view %s', (_name, at) => {
  it('reads nothing outside its bounds, whatever the bytes', () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(120), fc.nat(160), (bytes, offset, length) => {
        const end = Math.min(bytes.length, offset + length);
        const view = at(guarded(bytes, offset, end), offset, end);
        if (view) readAll(view);
        expect(at(bytes, offset, bytes.length + 1)).toBeUndefined();
        expect(at(bytes, -1, bytes.length)).toBeUndefined();
      }),
      { numRuns: 400 },
    );
  });
});

describe('views in frames', () => {
  it('are all reached by the frames that these tests make', () => {
    const names = new Set<string>();
    for (const bytes of fc.sample(anyFrame, { numRuns: 500, seed: 1 })) {
      for (const view of found(parseFrame(bytes))) names.add(view.constructor.name);
    }
    expect(names.size).toBe(Object.keys(VIEWS).length - 1);
  });

  it('stay within the frame when its bytes went bad on the way', () => {
    fc.assert(
      fc.property(mutated(anyFrame), (bytes) => {
        const views = found(parseFrame(guarded(bytes)));
        for (const view of views) {
          // Again with the bounds of the view itself: it may look no further than its own end.
          const at = Object.values(VIEWS).find(
            (f) => f(bytes, view.offset, view.end)?.constructor === view.constructor,
          );
          const again = at?.(guarded(bytes, view.offset, view.end), view.offset, view.end);
          readAll(again ?? view);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('write through, and only into their header', () => {
    fc.assert(
      fc.property(anyFrame, (bytes) => {
        for (const view of found(parseFrame(bytes))) {
          for (const { name, settable } of accessors(view)) {
            const before: unknown = Reflect.get(view, name);
            if (!settable || before === undefined) continue;
            const original = bytes.slice();
            Reflect.set(view, name, before);
            expect([name, bytes]).toEqual([name, original]);
            const held = othersThan(before).some((value) => value !== before && changesTo(view, name, value));
            expect([name, held]).toEqual([name, true]);
            for (let i = 0; i < bytes.length; i++) {
              if (i < view.offset || i >= view.offset + 240) expect(bytes[i]).toBe(original[i]);
            }
            bytes.set(original);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** Values of the same type, one of which the field can hold. */
function othersThan(value: unknown): unknown[] {
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'bigint') return [value ^ 1n];
  if (typeof value === 'number') return [value % 2 === 0 ? value + 1 : value - 1, value ^ 8];
  const text = String(value);
  if (parseMac(text)) return ['02:00:00:00:00:01', '02:00:00:00:00:02'];
  return parseIpv4(text) ? ['10.0.0.1', '10.0.0.2'] : ['fe80::1', 'fe80::2'];
}

function changesTo(view: View, name: string, value: unknown): boolean {
  Reflect.set(view, name, value);
  return Reflect.get(view, name) === value;
}
