import { describe, expect, it } from 'vitest';
import { BROADCAST_MAC, type IpAddress, ip, ipv4, ipv6, prefix, prefixContains } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { DEFEND_INTERVAL } from './addresses.ts';
import { MAX_CONFLICTS, RATE_LIMIT_INTERVAL } from './link-local.ts';
import { solicitedNode } from './nd.ts';
import { ANNOUNCE_INTERVAL, INSTANT_TIMING } from './probe.ts';
import { Hub, macOf, pingNow } from './testing.ts';

const A = ipv4('10.0.0.5');
const NONE = ipv4('0.0.0.0');
const LINK_LOCAL = prefix('169.254.0.0/16');
/** The longest that probing takes: 1 s of waiting, 3 probes up to 2 s apart, 2 s at the end. */
const PROBING = 7000;
const isLinkLocal = (address: IpAddress | undefined) => !!address && prefixContains(LINK_LOCAL, address);

describe('probing (RFC 5227)', () => {
  it('asks three times, waits, then announces twice', () => {
    const hub = new Hub();
    const nic = hub.nic(1);
    let ready = 0;
    nic.configure({ address: A, prefixLength: 24 }, { probe: true, ready: () => ready++ });
    expect(nic.address).toBeUndefined();
    hub.clock.advance(PROBING + ANNOUNCE_INTERVAL);
    const senders = hub.passed().map((f) => [f.arp?.senderIp, f.arp?.targetIp]);
    expect(senders).toEqual([
      [NONE, A],
      [NONE, A],
      [NONE, A],
      [A, A],
      [A, A],
    ]);
    expect([ready, nic.address, nic.conflicts.length]).toEqual([1, A, 0]);
  });

  it('nobody can use an address before it is probed', () => {
    const hub = new Hub();
    const [nic, other] = [hub.nic(1), hub.nic(2)];
    other.configure({ address: ip('10.0.0.6'), prefixLength: 24 });
    nic.configure({ address: A, prefixLength: 24 }, { probe: true });
    expect(pingNow(hub, other, A).received).toBe(0);
    hub.clock.advance(PROBING);
    expect(pingNow(hub, other, A).received).toBe(1);
  });

  it('the second holder of an address notices, and falls back to 169.254', () => {
    const hub = new Hub();
    const [first, second] = [hub.nic(1), hub.nic(2)];
    first.configure({ address: A, prefixLength: 24 });
    const lost: string[] = [];
    second.configure({ address: A, prefixLength: 24 }, { probe: true, lost: (c) => lost.push(c.mac) });
    hub.clock.advance(1000);
    expect(second.conflicts).toMatchObject([{ address: A, mac: macOf(1) }]);
    expect(lost).toEqual([macOf(1)]);
    hub.clock.advance(PROBING);
    expect(isLinkLocal(second.address)).toBe(true);
    expect([first.address, first.conflicts.length]).toEqual([A, 0]);
    second.configure({ address: ip('10.0.0.6'), prefixLength: 24 });
    expect(second.address).toBe('10.0.0.6');
    expect(second.addresses.some((a) => isLinkLocal(a.address))).toBe(false);
  });

  it('of two that probe for the same address at the same time, one gets it at most', () => {
    const hub = new Hub();
    const [a, b] = [hub.nic(1), hub.nic(2)];
    for (const nic of [a, b]) nic.configure({ address: A, prefixLength: 24 }, { probe: true });
    hub.clock.advance(PROBING);
    expect([a, b].filter((nic) => nic.address === A).length).toBeLessThan(2);
    expect(a.conflicts.length + b.conflicts.length).toBeGreaterThan(0);
  });

  it('without delay is enough on a wire without delay', () => {
    const hub = new Hub();
    hub.nic(1).configure({ address: A, prefixLength: 24 });
    const [second, third] = [
      hub.nic(2, { probing: INSTANT_TIMING }),
      hub.nic(3, { probing: INSTANT_TIMING }),
    ];
    second.configure({ address: A, prefixLength: 24 }, { probe: true });
    third.configure({ address: ip('10.0.0.6'), prefixLength: 24 }, { probe: true });
    hub.clock.advance(0);
    expect(second.conflicts).toHaveLength(1);
    expect(isLinkLocal(second.address)).toBe(true);
    expect(third.address).toBe('10.0.0.6');
  });

  it('a configured address is kept and defended, at most once in ten seconds', () => {
    const hub = new Hub();
    const nic = hub.nic(1);
    nic.configure({ address: A, prefixLength: 24 });
    const claim = frame(
      { layer: 'eth', src: macOf(9), dst: BROADCAST_MAC },
      { layer: 'arp', sha: macOf(9), spa: A, tpa: A },
    );
    const heard = () => {
      hub.passed();
      nic.receive(claim);
      return hub.passed().filter((f) => f.arp?.senderIp === A && f.arp.targetIp === A).length;
    };
    expect([heard(), heard(), heard()]).toEqual([1, 0, 0]);
    hub.clock.advance(DEFEND_INTERVAL);
    expect(heard()).toBe(1);
    expect(nic.address).toBe(A);
    expect(nic.conflicts).toHaveLength(4);
    expect(nic.neighbours).toEqual([]);
  });
});

describe('duplicate address detection in IPv6 (RFC 4862)', () => {
  const A6 = ipv6('2001:db8::5');

  it('finds the other holder, also one that tries at the same time', () => {
    const hub = new Hub();
    const [first, second, third] = [hub.nic(1), hub.nic(2), hub.nic(3)];
    first.configure({ address: A6, prefixLength: 64 });
    second.configure({ address: A6, prefixLength: 64 }, { probe: true });
    third.configure({ address: ip('2001:db8::6'), prefixLength: 64 }, { probe: true });
    hub.clock.advance(PROBING);
    const probe = hub.passed().find((f) => f.icmpv6?.targetIp === A6);
    expect([probe?.ipv6?.srcIp, probe?.ipv6?.dstIp]).toEqual(['::', solicitedNode(A6)]);
    expect(second.conflicts).toMatchObject([{ address: A6, mac: macOf(1) }]);
    expect([second.address, third.address]).toEqual([undefined, '2001:db8::6']);
    expect(pingNow(hub, third, A6).received).toBe(1);

    const [x, y] = [hub.nic(4), hub.nic(5)];
    for (const nic of [x, y])
      nic.configure({ address: ip('2001:db8::9'), prefixLength: 64 }, { probe: true });
    hub.clock.advance(PROBING);
    expect([x.address, y.address]).toContain(undefined);
  });

  it('a message that came through a router is not believed', () => {
    const hub = new Hub();
    const nic = hub.nic(1);
    nic.configure({ address: A6, prefixLength: 64 }, { probe: true });
    const advert = (ttl: number) =>
      nic.receive(
        frame(
          { layer: 'eth', src: macOf(9), dst: macOf(1) },
          { layer: 'ipv6', src: A6, dst: ipv6('ff02::1'), ttl },
          { layer: 'icmpv6', type: 136, target: A6, tll: macOf(9) },
        ),
      );
    advert(254);
    expect([nic.stats.drops['nd-malformed'], nic.conflicts.length]).toEqual([1, 0]);
    advert(255);
    expect(nic.conflicts.length).toBe(1);
  });
});

describe('169.254 (RFC 3927)', () => {
  it('two that nobody serves find each other', () => {
    const hub = new Hub();
    const [a, b] = [hub.nic(1), hub.nic(2)];
    for (const nic of [a, b]) nic.dhcp();
    hub.clock.advance(80_000);
    const [one, two] = [a.address, b.address];
    expect([isLinkLocal(one), isLinkLocal(two), one === two]).toEqual([true, true, false]);
    if (two) expect(pingNow(hub, a, two).received).toBe(1);
    // RFC 3927 section 2.5: answers for such addresses are for all to hear.
    const reply = hub.passed().find((f) => f.arp?.operation === 2);
    expect(reply?.eth?.dstMac).toBe(BROADCAST_MAC);
  });

  it('chooses again after a conflict, and slowly after many', () => {
    const hub = new Hub();
    const taken = new Set<string>();
    const jealous = hub.join((f) => {
      const view = f[12] === 8 && f[13] === 6 ? f : undefined;
      if (!view) return;
      const target = ipv4([...view.subarray(38, 42)].join('.'));
      if (!isLinkLocal(target)) return;
      taken.add(target);
      jealous(
        frame(
          { layer: 'eth', src: macOf(9), dst: macOf(1) },
          { layer: 'arp', op: 2, sha: macOf(9), spa: target, tha: macOf(1), tpa: NONE },
        ),
      );
    });
    const nic = hub.nic(1);
    nic.dhcp();
    hub.clock.advance(80_000);
    expect(taken.size).toBe(MAX_CONFLICTS);
    hub.clock.advance(RATE_LIMIT_INTERVAL);
    expect(taken.size).toBe(MAX_CONFLICTS + 1);
    expect(nic.address).toBeUndefined();
  });
});
