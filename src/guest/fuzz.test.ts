import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BROADCAST_MAC, ip, ipv4, ipv6, linkLocalOf, prefix } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { DHCP_MESSAGE } from '../packet/dhcp.ts';
import { dhcpLayers } from '../packet/dhcp-layers.ts';
import type { Layer } from '../packet/layer.ts';
import { ND_VALUE } from '../packet/nd-options.ts';
import { optionOf } from '../packet/option.ts';
import { REASSEMBLY_LIMIT } from './fragments.ts';
import { ERROR_RATE } from './icmp-error.ts';
import { solicitedNode } from './nd.ts';
import { NEIGHBOUR_LIMIT } from './neighbour.ts';
import type { GuestNic } from './nic.ts';
import { Hub, macOf, pingNow } from './testing.ts';

const A = ipv4('10.0.0.5');
const B = ipv4('10.0.0.7');
const A6 = ipv6('2001:db8::5');
const B6 = ipv6('2001:db8::7');
const eth = { layer: 'eth', src: macOf(2), dst: macOf(1) } as const;
const from4 = { layer: 'ipv4', src: B, dst: A } as const;
const from6 = { layer: 'ipv6', src: B6, dst: A6 } as const;
const some: Layer = { layer: 'data', bytes: Uint8Array.from({ length: 40 }, (_, i) => i) };

const MADE_OF = {
  prefix: prefix('fd00::/64'),
  onLink: true,
  autonomous: true,
  valid: 7200,
  preferred: 3600,
};

/** One good frame of each kind that an interface looks into. */
const GOOD: readonly Uint8Array[] = [
  frame({ ...eth, dst: BROADCAST_MAC }, { layer: 'arp', op: 1, sha: macOf(2), spa: B, tpa: A }),
  frame(eth, { layer: 'arp', op: 2, sha: macOf(2), spa: B, tha: macOf(1), tpa: A }),
  frame(eth, from4, { layer: 'icmp', id: 1, seq: 1 }, some),
  frame(eth, from4, { layer: 'icmp', type: 3, code: 1 }, some),
  frame(eth, from4, { layer: 'udp', dport: 7 }, some),
  frame(eth, from4, { layer: 'tcp', dport: 7, flags: 2 }),
  frame(eth, from4, { layer: 'gre', key: 1 }, some),
  frame(eth, { ...from4, mf: true, id: 3 }, some),
  frame(eth, { ...from4, frag: 40, id: 3 }, some),
  frame(eth, { ...from4, options: Uint8Array.of(1, 1, 1, 0) }, { layer: 'icmp' }),
  frame(
    { ...eth, dst: BROADCAST_MAC },
    { layer: 'ipv4', src: ipv4('192.0.2.253'), dst: ipv4('255.255.255.255') },
    { layer: 'udp', sport: 67, dport: 68 },
    ...dhcpLayers({ type: DHCP_MESSAGE.OFFER, chaddr: macOf(1), yiaddr: A }),
  ),
  frame(eth, from6, { layer: 'icmpv6', id: 1, seq: 1 }, some),
  frame(eth, { ...from6, dst: solicitedNode(A6) }, { layer: 'icmpv6', type: 135, target: A6, sll: macOf(2) }),
  frame(eth, from6, { layer: 'icmpv6', type: 136, target: B6, tll: macOf(2) }),
  frame(eth, from6, { layer: 'icmpv6', type: 2, mtu: 1280 }, some),
  frame(
    eth,
    { ...from6, src: linkLocalOf(macOf(2)), dst: linkLocalOf(macOf(1)), ttl: 255 },
    {
      layer: 'icmpv6',
      type: 134,
      lifetime: 1800,
      managed: true,
      sll: macOf(2),
      options: [optionOf(ND_VALUE.mtu, 1400), optionOf(ND_VALUE.prefix, MADE_OF)],
    },
  ),
  frame(eth, from6, { layer: 'hopopts' }, { layer: 'fragment', mf: true, id: 1 }, some),
  frame(eth, from6, { layer: 'routing' }, { layer: 'dstopts' }, { layer: 'udp', dport: 7 }, some),
];

function target(hub: Hub): GuestNic {
  const nic = hub.nic(1);
  nic.configure({ address: A, prefixLength: 24 });
  nic.configure({ address: A6, prefixLength: 64 });
  nic.udpBind(7, () => {});
  nic.onPacket(() => {});
  nic.autoconfigure();
  return nic;
}

/** A good frame with some bytes changed, and cut or lengthened. */
const mutated = fc
  .record({
    base: fc.constantFrom(...GOOD),
    changes: fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }),
    length: fc.option(fc.nat(400)),
  })
  .map(({ base, changes, length }) => {
    const bytes = new Uint8Array(length ?? base.length);
    bytes.set(base.subarray(0, bytes.length));
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });

describe('hostile frames', () => {
  it('never throw, and leave an interface that works', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), { maxLength: 60 }),
        fc.boolean(),
        (frames, dhcp) => {
          const hub = new Hub();
          const nic = target(hub);
          if (dhcp) nic.dhcp();
          for (const bytes of frames) {
            nic.receive(bytes);
            hub.clock.advance(10);
          }
          hub.clock.advance(200_000);
          const peer = hub.nic(5);
          peer.configure({ address: ip('10.0.0.99'), prefixLength: 24 });
          // A frame may have been an ARP announcement for that very address, or for A.
          const conflicted =
            nic.conflicts.length > 0 || nic.neighbours.some((n) => n.address === '10.0.0.99');
          if (!conflicted) expect(pingNow(hub, peer, A).received).toBe(1);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('good frames are good: each is taken without a drop', () => {
    for (const bytes of GOOD) {
      const hub = new Hub();
      const nic = target(hub);
      nic.dhcp();
      nic.receive(bytes);
      expect(nic.stats.drops).toEqual({});
    }
  });

  it('a flood of forged neighbours and pieces takes bounded memory', () => {
    const hub = new Hub();
    const nic = target(hub);
    for (let i = 0; i < 3000; i++) {
      const spa = ipv4(`10.${i >> 8}.${i & 255}.1`);
      nic.receive(frame(eth, { layer: 'arp', op: 1, sha: macOf(1000 + i), spa, tpa: A }));
      nic.receive(frame(eth, { ...from4, src: spa, mf: true, id: i }, some));
    }
    expect(nic.neighbours.length).toBe(NEIGHBOUR_LIMIT);
    expect(nic.stats.drops['fragment-limit']).toBe(3000 - REASSEMBLY_LIMIT);
  });

  it('errors are answered at a bounded rate, and never with errors', () => {
    const hub = new Hub();
    const nic = hub.nic(1);
    nic.configure({ address: A, prefixLength: 24 });
    nic.receive(GOOD[0]!);
    hub.passed();
    const closed = frame(eth, from4, { layer: 'udp', dport: 99 }, some);
    for (let i = 0; i < 1000; i++) nic.receive(closed);
    expect(hub.passed().length).toBe(ERROR_RATE);
    hub.clock.advance(1000);
    nic.receive(frame(eth, from4, { layer: 'icmp', type: 3, code: 3 }, some));
    nic.receive(frame(eth, { ...from4, dst: ipv4('10.0.0.255') }, { layer: 'udp', dport: 99 }, some));
    expect(hub.passed()).toEqual([]);
    nic.receive(closed);
    expect(hub.passed().length).toBe(1);
    expect(nic.addresses.map((a) => a.address)).toContain(linkLocalOf(nic.mac));
  });
});
