import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ip, mac } from './address.ts';
import { toHex } from './bytes.ts';
import { checksumHolds } from './checksum.ts';
import { formatFrame, parseNotation } from './notation.ts';
import { parseFrame } from './parse.ts';
import { type RouterProblem, routerError } from './router-error.ts';

const TO = mac('00:1d:d8:b7:1c:01');
const ROUTER_4 = { mac: mac('02:4e:4c:00:13:89'), address: ip('10.0.0.1') };
const ROUTER_6 = { mac: ROUTER_4.mac, address: ip('fd00::1') };
const TOO_BIG: RouterProblem = { type: 'too-big', mtu: 1458 };
const EXPIRED: RouterProblem = { type: 'time-exceeded' };

const ETH = 'eth(src=00:1d:d8:b7:1c:01,dst=02:4e:4c:00:13:89)';
const V4 = 'ipv4(src=10.0.0.5,dst=10.1.0.7';
const V6 = 'ipv6(src=fd00::5,dst=fd00:1::7';
const frameOf = (text: string) => parseNotation(text.startsWith('eth') ? text : `${ETH}/${text}`);
const data = (length: number) => `data(${'5a'.repeat(length)})`;

describe('the error of a router', () => {
  it('says how much fits, and quotes the packet, in IPv4', () => {
    const packet = frameOf(`${V4},df)/udp(sport=4000,dport=5000)/${data(1572)}`);
    const answer = routerError(packet, TOO_BIG, ROUTER_4, TO)!;
    const { eth, ipv4, icmp } = parseFrame(answer);
    expect([eth?.srcMac, eth?.dstMac]).toEqual([ROUTER_4.mac, TO]);
    expect(ipv4).toMatchObject({ srcIp: '10.0.0.1', dstIp: '10.0.0.5', ttl: 64, totalLength: 576 });
    expect(icmp).toMatchObject({ type: 3, code: 4, mtu: 1458 });
    expect(checksumHolds(answer, ipv4!.offset, ipv4!.payloadOffset)).toBe(true);
    expect(checksumHolds(answer, icmp!.offset, icmp!.end)).toBe(true);
    expect(icmp?.quoted()).toMatchObject({
      src: '10.0.0.5',
      dst: '10.1.0.7',
      totalLength: 1600,
      ports: { src: 4000, dst: 5000 },
    });
  });

  it('says it in IPv6, with as much of the packet as every link takes', () => {
    const packet = frameOf(`${V6})/icmpv6()/${data(1552)}`);
    const answer = routerError(packet, TOO_BIG, ROUTER_6, TO)!;
    const { ipv6, icmpv6 } = parseFrame(answer);
    expect(answer.length).toBe(14 + 1280);
    expect(ipv6).toMatchObject({ srcIp: 'fd00::1', dstIp: 'fd00::5' });
    expect([icmpv6?.type, icmpv6?.code, icmpv6?.rest]).toEqual([2, 0, 1458]);
    expect(icmpv6?.checksum).toBe(icmpv6?.expectedChecksum(ipv6!.offset));
    expect(toHex(answer.subarray(14 + 48))).toBe(toHex(packet.subarray(14, 14 + 1232)));
  });

  it('says that time is up', () => {
    const text = (packet: string, router: typeof ROUTER_4) =>
      formatFrame(routerError(frameOf(packet), EXPIRED, router, TO)!);
    expect(text(`${V4},ttl=1)/tcp()`, ROUTER_4)).toMatch(/icmp\((time-exceeded|type=11)/);
    expect(text(`${V6},ttl=1)/tcp()`, ROUTER_6)).toMatch(/icmpv6\((time-exceeded|type=3)/);
  });

  it('leaves out the padding, and what is behind the packet', () => {
    const packet = frameOf(`${V4})/udp()`);
    const padded = Uint8Array.of(...packet, ...new Uint8Array(40).fill(0xee));
    const answer = parseFrame(routerError(padded, EXPIRED, ROUTER_4, TO)!);
    expect(answer.ipv4!.end - answer.icmp!.payloadOffset).toBe(28);
  });

  it('goes out for packets that do not forbid pieces as well, and for first pieces', () => {
    for (const flags of ['', ',mf']) {
      expect(routerError(frameOf(`${V4}${flags})/udp()`), TOO_BIG, ROUTER_4, TO)).toBeDefined();
    }
  });

  it.each([
    ['a later fragment', `${V4},frag=64,proto=17)/${data(8)}`, `${V4},proto=17)/${data(8)}`],
    ['an ICMP error', `${V4})/icmp(type=3,code=1)/${data(28)}`, `${V4})/icmp(type=8)/${data(28)}`],
    ['ICMP that is cut short', `${V4},proto=1)/${data(7)}`, `${V4},proto=1)/${data(8).replace('5a', '08')}`],
    ['a broadcast', `${V4.replace('10.1.0.7', '255.255.255.255')})/udp()`, `${V4})/udp()`],
    ['a multicast', `${V4.replace('10.1.0.7', '239.1.1.1')})/udp()`, `${V4})/udp()`],
    ['a packet from nobody', `${V4.replace('10.0.0.5', '0.0.0.0')})/udp()`, `${V4})/udp()`],
    ['a packet from all', `${V4.replace('10.0.0.5', '224.0.0.1')})/udp()`, `${V4})/udp()`],
    ['a packet from loopback', `${V4.replace('10.0.0.5', '127.0.0.1')})/udp()`, `${V4})/udp()`],
    [
      'a frame to a group',
      `eth(src=00:1d:d8:b7:1c:01,dst=ff:ff:ff:ff:ff:ff)/${V4})/udp()`,
      `eth(src=00:1d:d8:b7:1c:01,dst=00:1d:d8:b7:1c:02)/${V4})/udp()`,
    ],
    ['ARP', 'arp()', `${V4})/udp()`],
    ['the other family', `${V6})/udp()`, `${V4})/udp()`],
  ])('says nothing about %s', (_, silent, control) => {
    expect(routerError(frameOf(silent), TOO_BIG, ROUTER_4, TO)).toBeUndefined();
    expect(routerError(frameOf(control), TOO_BIG, ROUTER_4, TO)).toBeDefined();
  });

  it.each([
    ['an ICMPv6 error', `${V6})/icmpv6(type=1)/${data(48)}`],
    ['a redirect', `${V6})/icmpv6(type=137)/${data(48)}`],
    ['a multicast', `${V6.replace('fd00:1::7', 'ff02::1')})/icmpv6()`],
    ['a packet from nobody', `${V6.replace('fd00::5', '::')})/icmpv6()`],
  ])('says nothing in IPv6 about %s', (_, silent) => {
    expect(routerError(frameOf(silent), TOO_BIG, ROUTER_6, TO)).toBeUndefined();
    expect(routerError(frameOf(`${V6})/icmpv6()`), TOO_BIG, ROUTER_6, TO)).toBeDefined();
  });

  it('never throws, and is never asked about itself', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(120),
        fc.constantFrom(ROUTER_4, ROUTER_6),
        (noise, at, router) => {
          const bytes = frameOf(
            router === ROUTER_4 ? `${V4})/udp()/${data(90)}` : `${V6})/udp()/${data(90)}`,
          );
          bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), at);
          const answer = routerError(bytes, TOO_BIG, router, TO);
          if (answer) expect(routerError(answer, TOO_BIG, router, TO)).toBeUndefined();
        },
      ),
    );
  });
});
