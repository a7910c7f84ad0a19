import { describe, expect, it } from 'vitest';
import { BROADCAST_MAC, ip, ipv4, ipv6, linkLocalOf, prefix } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { ETHERNET } from '../packet/ethernet.ts';
import { nvgreKey } from '../packet/gre.ts';
import { ICMP_TYPE } from '../packet/icmp.ts';
import type { IcmpLayer } from '../packet/layer.ts';
import { parseFrame } from '../packet/parse.ts';
import { type IpPacket, packetOf } from './ip-packet.ts';
import { FRESH_MS, QUEUE_LIMIT, REQUEST_INTERVAL, REQUESTS } from './neighbour.ts';
import { Hub, macOf, pingNow } from './testing.ts';

const A = ip('10.0.0.5');
const B = ip('10.0.0.7');
const A6 = ipv6('2001:db8::5');
const B6 = ipv6('2001:db8::7');

function pair() {
  const hub = new Hub();
  const a = hub.nic(1);
  const b = hub.nic(2);
  a.configure({ address: A, prefixLength: 24 });
  b.configure({ address: B, prefixLength: 24 });
  a.configure({ address: A6, prefixLength: 64 });
  b.configure({ address: B6, prefixLength: 64 });
  return { hub, a, b };
}

describe('ping', () => {
  it('asks by ARP once, then pings', () => {
    const { hub, a, b } = pair();
    const report = pingNow(hub, a, B, { count: 3 });
    expect(report).toMatchObject({ destination: B, sent: 3, received: 3, errors: [] });
    expect(report.replies).toEqual([1, 2, 3].map((seq) => ({ seq, rtt: 0, ttl: 64 })));
    const what = hub.passed().map((f) => (f.arp ? `arp ${f.arp.operation}` : `icmp ${f.icmp?.type}`));
    expect(what).toEqual(['arp 1', 'arp 2', ...Array(3).fill(['icmp 8', 'icmp 0']).flat()]);
    // The answer needed no ARP of its own: the request told b who a is (RFC 826).
    expect(b.neighbours).toEqual([{ address: A, mac: macOf(1) }]);
  });

  it('does the same over IPv6, with neighbour discovery', () => {
    const { hub, a } = pair();
    expect(pingNow(hub, a, B6)).toMatchObject({ sent: 1, received: 1, errors: [] });
    const types = hub.passed().map((f) => f.icmpv6?.type);
    // b was told by a who it is, and checks that once it uses it (RFC 4861 section 7.2.3).
    expect(types).toEqual([135, 136, 128, 129, 135, 136]);
    expect(pingNow(hub, a, linkLocalOf(macOf(2)))).toMatchObject({ received: 1 });
    expect(a.stats.drops).toEqual({});
  });

  it('measures the time by the clock', () => {
    const { hub, a } = pair();
    pingNow(hub, a, B); // ARP is done
    hub.delay = 25;
    expect(pingNow(hub, a, B, { count: 2 }).replies.map((r) => r.rtt)).toEqual([50, 50]);
    hub.delay = 600;
    expect(pingNow(hub, a, B)).toMatchObject({ sent: 1, received: 0 });
    expect(pingNow(hub, a, B, { timeout: 1201 })).toMatchObject({ sent: 1, received: 1 });
  });

  it('to a silent address: one sent, none received, and ARP is named', () => {
    const { hub, a } = pair();
    const report = pingNow(hub, a, ip('10.0.0.9'));
    expect(report).toMatchObject({ sent: 1, received: 0, replies: [] });
    expect(report.errors).toEqual([{ seq: 1, message: 'no answer to ARP for 10.0.0.9' }]);
    const silent = pingNow(hub, a, ip('2001:db8::9'), { timeout: 5000 });
    expect(silent.errors[0]?.message).toBe('no answer to neighbour solicitation for 2001:db8::9');
  });

  it('to a host that answers ARP and nothing else: the time-out is named', () => {
    const { hub, a } = pair();
    hub.lose = (f) => parseFrame(f).icmp !== undefined;
    expect(pingNow(hub, a, B).errors).toEqual([{ seq: 1, message: 'no answer within 1000 ms' }]);
  });

  it('without a route or an address sends nothing, and says so', () => {
    const { hub, a } = pair();
    const far = pingNow(hub, a, ip('192.0.2.1'));
    expect(far).toMatchObject({ sent: 0, received: 0, errors: [{ message: 'no route to 192.0.2.1' }] });
    const bare = hub.nic(3);
    hub.passed();
    expect(pingNow(hub, bare, B).errors[0]?.message).toBe('no address to send to 10.0.0.7 from');
    expect(hub.passed()).toEqual([]);
  });

  it('reports what a router says', () => {
    const { hub, a, b } = pair();
    b.close();
    const router = hub.nic(3);
    router.configure({ address: B, prefixLength: 24 });
    a.configure({ address: A, prefixLength: 24, gateway: B });
    let says: Omit<IcmpLayer, 'layer'> = {};
    const send = hub.join((f) => {
      if (parseFrame(f).ipv4?.dstIp !== '192.0.2.99') return;
      send(
        frame(
          { layer: 'eth', src: macOf(3), dst: macOf(1) },
          { layer: 'ipv4', src: ipv4(B), dst: ipv4(A) },
          { layer: 'icmp', ...says },
          { layer: 'data', bytes: f.slice(ETHERNET.SIZE, ETHERNET.SIZE + 28) },
        ),
      );
    });
    for (const [layer, message] of [
      [{ type: 3, code: 0 }, '10.0.0.7: no route to the network'],
      [{ type: 3, code: 1 }, '10.0.0.7: the host does not answer'],
      [{ type: 11, code: 0 }, '10.0.0.7: time to live exceeded'],
      [{ type: 3, code: 4, mtu: 1400 }, '10.0.0.7: too big, the next link takes 1400 bytes'],
    ] as const) {
      says = layer;
      const report = pingNow(hub, a, ip('192.0.2.99'));
      expect(report).toMatchObject({ sent: 1, received: 0, errors: [{ seq: 1, message }] });
    }
  });

  it('believes no error about a packet that it did not send', () => {
    const { hub, a } = pair();
    a.onError(() => expect.unreachable());
    a.ping(ip('10.0.0.9'), { id: 5, timeout: 100 }, (report) => {
      expect(report.errors[0]?.message).toBe('no answer to ARP for 10.0.0.9');
    });
    const forged = packetOf(
      { layer: 'ipv4', src: ipv4('10.0.0.66'), dst: ipv4('10.0.0.9') },
      { layer: 'icmp', id: 5, seq: 1 },
    );
    hub.join(() => {})(
      frame(
        { layer: 'eth', src: macOf(9), dst: macOf(1) },
        { layer: 'ipv4', src: ipv4(B), dst: ipv4(A) },
        { layer: 'icmp', type: ICMP_TYPE.UNREACHABLE, code: 1 },
        { layer: 'data', bytes: forged },
      ),
    );
    hub.clock.advance(100);
    expect.assertions(1);
  });

  it('to itself stays inside', () => {
    const { hub, a } = pair();
    expect(pingNow(hub, a, A)).toMatchObject({ sent: 1, received: 1 });
    expect(hub.passed()).toEqual([]);
  });

  it('of several at once keeps the answers apart, and refuses an identifier twice', () => {
    const { hub, a } = pair();
    const first = pingNow(hub, a, B, { id: 1 });
    expect(first.received).toBe(1);
    const stop = a.ping(ip('10.0.0.9'), { id: 1 }, () => {});
    expect(() => a.ping(B, { id: 1 }, () => {})).toThrow(RangeError);
    stop();
    expect(() => a.ping(B, { id: 1 }, () => {})).not.toThrow();
    for (const bad of [{ count: 0 }, { size: -1 }, { size: 65_536 }, { count: 1.5 }])
      expect(() => a.ping(B, bad, () => {})).toThrow(RangeError);
    expect(hub.clock.next()).toBeDefined();
  });

  it('stopped reports nothing', () => {
    const { hub, a } = pair();
    a.ping(ip('10.0.0.9'), {}, () => expect.unreachable())();
    hub.clock.advance(10_000);
  });
});

describe('neighbours', () => {
  it('are asked three times, a second apart, and the packets that waited are reported', () => {
    const { hub, a } = pair();
    const errors: string[] = [];
    a.onError((error) => errors.push(`${error.about.destination}: ${error.words}`));
    for (let i = 0; i < QUEUE_LIMIT + 2; i++) a.sendIp(ip('10.0.0.9'), 253, Uint8Array.of(i));
    hub.clock.advance(REQUESTS * REQUEST_INTERVAL - 1);
    expect(errors).toEqual([]);
    expect(hub.passed().map((f) => f.arp?.targetIp)).toEqual(Array(REQUESTS).fill('10.0.0.9'));
    hub.clock.advance(1);
    expect(errors).toEqual(Array(QUEUE_LIMIT).fill('10.0.0.9: no answer to ARP for 10.0.0.9'));
    expect(a.stats.drops).toEqual({ 'neighbour-queue-full': 2, 'neighbour-silent': QUEUE_LIMIT });
    hub.clock.advance(60_000);
    expect(hub.passed()).toEqual([]);
  });

  it('that come up in time get the packets that waited, the latest ones', () => {
    const { hub, a } = pair();
    for (let i = 0; i < QUEUE_LIMIT + 1; i++) a.sendIp(ip('10.0.0.9'), 253, Uint8Array.of(i));
    const late = hub.nic(3);
    const got: number[] = [];
    late.onProtocol(253, (p) => got.push(p.bytes[p.payloadOffset]!));
    late.configure({ address: ip('10.0.0.9'), prefixLength: 24 });
    hub.clock.advance(1000);
    expect(got).toEqual([1, 2, 3]);
  });

  it('that move are found again, without a pause in between', () => {
    const { hub, a, b } = pair();
    pingNow(hub, a, B);
    hub.clock.advance(FRESH_MS);
    hub.passed();
    expect(pingNow(hub, a, B).received).toBe(1); // stale, but used
    const asked = hub.passed().find((f) => f.arp?.operation === 1 && f.arp.senderMac === a.mac);
    expect(asked?.eth?.dstMac).toBe(macOf(2)); // and checked, by unicast
    b.close();
    const moved = hub.nic(3);
    moved.configure({ address: B, prefixLength: 24 });
    moved.announce();
    expect(a.neighbours).toContainEqual({ address: B, mac: macOf(3) });
    expect(pingNow(hub, a, B).received).toBe(1);
  });

  it('that are gone are forgotten', () => {
    const { hub, a, b } = pair();
    pingNow(hub, a, B);
    b.close();
    hub.clock.advance(FRESH_MS);
    expect(pingNow(hub, a, B).received).toBe(0);
    hub.clock.advance(3000);
    expect(a.neighbours).toEqual([]);
  });

  it('answer only for their own addresses', () => {
    const { hub, a, b } = pair();
    const c = hub.nic(3);
    c.configure({ address: ip('10.0.0.8'), prefixLength: 24 });
    pingNow(hub, a, B);
    const replies = hub.passed().filter((f) => f.arp?.operation === 2);
    expect(replies.map((f) => f.arp?.senderMac)).toEqual([b.mac]);
    expect(c.neighbours).toEqual([]); // overheard requests teach nobody new
  });
});

describe('routes', () => {
  it('lead to the gateway what is not on the link', () => {
    const { hub, a } = pair();
    a.configure({ address: A, prefixLength: 24, gateway: B, routes: [{ prefix: prefix('10.9.0.0/16') }] });
    a.sendIp(ip('192.0.2.1'), 253, new Uint8Array(4));
    a.sendIp(ip('10.9.0.1'), 253, new Uint8Array(4));
    const passed = hub.passed();
    expect(passed.filter((f) => f.arp?.operation === 1).map((f) => f.arp?.targetIp)).toEqual([B, '10.9.0.1']);
    const packet = passed.find((f) => f.ipv4);
    expect([packet?.eth?.dstMac, packet?.ipv4?.dstIp]).toEqual([macOf(2), '192.0.2.1']);
  });

  it('a gateway outside the prefix is reached directly', () => {
    const { hub, a } = pair();
    a.configure({ address: A, prefixLength: 32, gateway: B });
    expect(pingNow(hub, a, B).received).toBe(1);
    hub.passed();
    a.sendIp(ip('192.0.2.1'), 253, new Uint8Array(4));
    expect(hub.passed().map((f) => f.eth?.dstMac)).toEqual([macOf(2)]);
  });

  it('settings that contradict themselves are refused, and change nothing', () => {
    const { a } = pair();
    const before = a.addresses;
    for (const bad of [
      { address: A, prefixLength: 33 },
      { address: A, prefixLength: 1.5 },
      { address: A, prefixLength: 24, gateway: A6 },
      { address: ip('224.0.0.5'), prefixLength: 24 },
      { address: A, prefixLength: 24, mtu: 575 },
      { address: A6, prefixLength: 64, mtu: 1279 },
    ])
      expect(() => a.configure(bad)).toThrow(RangeError);
    expect(a.addresses).toEqual(before);
  });
});

describe('UDP', () => {
  it('reaches the port that is bound, and says so when none is', () => {
    const { a, b } = pair();
    const got: unknown[] = [];
    const errors: string[] = [];
    a.onError((e) => errors.push(e.words));
    const socket = b.udpBind(53, (d) => got.push([d.source, d.sourcePort, d.destination, [...d.payload]]));
    const send = (destination: typeof A) =>
      a.udpSend({ destination, destinationPort: 53, sourcePort: 1000, payload: Uint8Array.of(1, 2, 3) });
    expect(send(B)).toBeUndefined();
    expect(send(B6)).toBeUndefined();
    expect(got).toEqual([
      [A, 1000, B, [1, 2, 3]],
      [A6, 1000, B6, [1, 2, 3]],
    ]);
    socket.close();
    send(B);
    send(B6);
    expect(errors).toEqual([`${B}: nobody listens on the port`, `${B6}: nobody listens on the port`]);
    expect(b.stats.drops).toEqual({ 'port-unreachable': 2 });
  });

  it('gives out free ports, and none twice', () => {
    const { a } = pair();
    const first = a.udpBind(0, () => {});
    const second = a.udpBind(0, () => {});
    expect(first.port).not.toBe(second.port);
    expect(() => a.udpBind(first.port, () => {})).toThrow(RangeError);
    for (const bad of [-1, 65_536, 1.5]) expect(() => a.udpBind(bad, () => {})).toThrow(RangeError);
  });

  it('broadcast reaches all, and nobody complains', () => {
    const { hub, a, b } = pair();
    const c = hub.nic(3);
    c.configure({ address: ip('10.0.0.8'), prefixLength: 24 });
    const got: string[] = [];
    b.udpBind(9, (d) => got.push(d.destination));
    const all = { destinationPort: 9, sourcePort: 9, payload: new Uint8Array(1) };
    a.udpSend({ destination: ip('10.0.0.255'), ...all });
    a.udpSend({ destination: ip('255.255.255.255'), ...all });
    a.udpSend({ destination: ip('224.0.0.1'), ...all });
    expect(got).toEqual(['10.0.0.255', '255.255.255.255', '224.0.0.1']);
    expect(hub.passed().some((f) => f.icmp)).toBe(false);
  });
});

describe('packets made elsewhere', () => {
  const tunnelled = (size: number, df: boolean) =>
    packetOf(
      { layer: 'ipv4', src: ipv4(A), dst: ipv4(B), df },
      { layer: 'gre', key: nvgreKey(5001, 1), proto: 0x6558 },
      { layer: 'data', bytes: Uint8Array.from({ length: size }, (_, i) => i) },
    );

  it('go to their destination, whole again even when they were cut', () => {
    const { a, b } = pair();
    const got: IpPacket[] = [];
    b.onProtocol(47, (p) => got.push({ ...p, bytes: p.bytes.slice() }));
    const [small, large] = [tunnelled(100, true), tunnelled(4000, false)];
    expect(a.sendPacket(small)).toBeUndefined();
    expect(a.sendPacket(large, B)).toBeUndefined();
    expect(got).toHaveLength(2);
    expect(got[0]?.bytes).toEqual(small);
    expect(got[1]?.bytes.subarray(20)).toEqual(large.subarray(20));
    expect(got[1]).toMatchObject({ source: A, destination: B, protocol: 47 });
    expect(a.sendPacket(tunnelled(1500, true))).toBe('too-big');
    expect(a.sendPacket(new Uint8Array(40))).toBe('ip-malformed');
    expect(a.stats.drops).toEqual({ 'too-big': 1, 'ip-malformed': 1 });
  });

  it('what no handler takes comes to the last one, otherwise ICMP says so', () => {
    const { a, b } = pair();
    const errors: string[] = [];
    a.onError((e) => errors.push(e.words));
    a.sendIp(B, 253, new Uint8Array(8));
    a.sendIp(B6, 253, new Uint8Array(8));
    expect(errors).toEqual([
      `${B}: the host does not speak this protocol`,
      `${B6}: the packet is not understood`,
    ]);
    const got: number[] = [];
    b.onPacket((p) => got.push(p.protocol));
    a.sendIp(B, 253, new Uint8Array(8));
    a.udpSend({ destination: B, destinationPort: 4789, sourcePort: 1, payload: new Uint8Array(8) });
    expect(got).toEqual([253, 17]);
  });

  it('UDP without a checksum is taken over IPv4, and over IPv6 only for tunnels', () => {
    const { hub } = pair();
    const got: string[] = [];
    const tunnel = hub.nic(3, { zeroChecksumPorts: [4789] });
    tunnel.configure({ address: ip('2001:db8::a'), prefixLength: 64 });
    tunnel.onPacket((p) => got.push(p.source));
    const send = hub.join(() => {});
    const bare = (dport: number) =>
      frame(
        { layer: 'eth', src: macOf(2), dst: macOf(3) },
        { layer: 'ipv6', src: B6, dst: ipv6('2001:db8::a') },
        { layer: 'udp', dport, checksum: 0 },
        { layer: 'data', bytes: new Uint8Array(8) },
      );
    send(bare(4789));
    send(bare(4790));
    expect(got).toEqual([B6]);
    expect(tunnel.stats.drops).toEqual({ 'udp-checksum': 1 });
  });
});

describe('frames', () => {
  it('for others, tagged, of unknown types and cut short are counted by name', () => {
    const { hub, a } = pair();
    const send = hub.join(() => {});
    hub.lose = (_, from) => from === 1;
    const eth = { layer: 'eth', src: macOf(9), dst: macOf(1) } as const;
    const ok = { layer: 'ipv4', src: ipv4('10.0.0.9'), dst: ipv4(A) } as const;
    send(frame({ ...eth, dst: macOf(7) }));
    send(frame(eth, { layer: 'vlan', vid: 0 }, ok, { layer: 'icmp' }));
    send(frame({ ...eth, type: 0x88cc }));
    send(new Uint8Array(13));
    send(frame(eth, { ...ok, checksum: 1 }));
    send(frame(eth, { ...ok, dst: ipv4('10.0.0.99') }));
    send(frame(eth, { ...ok, src: ipv4('10.0.0.255') }));
    send(frame(eth, { ...ok, src: ipv4(A) }));
    send(frame(eth, ok, { layer: 'icmp', checksum: 1 }));
    send(frame(eth, ok, { layer: 'udp', checksum: 1 }));
    send(frame(eth, ok, { layer: 'tcp', checksum: 1 }));
    send(frame({ ...eth, dst: BROADCAST_MAC }, { layer: 'arp' }).subarray(0, 40));
    expect(a.stats.drops).toEqual({
      'frame-for-another': 1,
      'frame-tagged': 1,
      'ethertype-unknown': 1,
      'frame-truncated': 1,
      'ip-checksum': 1,
      'ip-for-another': 1,
      'ip-source-invalid': 2,
      'icmp-checksum': 1,
      'udp-checksum': 1,
      'tcp-checksum': 1,
      'arp-malformed': 1,
    });
  });

  it('a closed interface is silent and has no timers', () => {
    const { hub, a } = pair();
    a.dhcp();
    a.ping(ip('10.0.0.9'), { count: 3 }, () => expect.unreachable());
    a.sendPacket(packetOf({ layer: 'ipv4', src: ipv4(A), dst: ipv4('10.0.0.10') }));
    a.close();
    hub.passed();
    expect(hub.clock.next()).toBeUndefined();
    a.receive(frame({ layer: 'eth', src: macOf(2), dst: macOf(1) }, { layer: 'arp', tpa: ipv4(A) }));
    expect(hub.passed()).toEqual([]);
  });
});
