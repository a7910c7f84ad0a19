import { describe, expect, it } from 'vitest';
import { ipv4, ipv6, mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import type { Layer } from '../../packet/layer.ts';
import { hash64, hashFields, hashFiveTuple, hashSymmetricTcp, hashWords } from './hash-fields.ts';
import { jenkinsHash } from './jenkins.ts';
import { Packet } from './packet.ts';

/** 11, 48, 85 … */
const BYTES = Uint8Array.from({ length: 40 }, (_, i) => i * 37 + 11);

describe('hashes of words', () => {
  // From lib/jhash.c and lib/hash.h of Open vSwitch 3.1, compiled and run.
  it('jenkinsHash is lookup3', () => {
    const lengths = [0, 1, 2, 3, 4, 5, 11, 12, 13, 24, 32, 40];
    expect(lengths.map((n) => jenkinsHash(BYTES.subarray(0, n), n * 1000))).toEqual([
      3735928559, 2586810206, 1276223492, 694322678, 2823224674, 542086411, 4244784809, 2722919215, 539646521,
      1279618096, 2778430343, 1228930411,
    ]);
  });

  it('hashWords and hash64 are those of Open vSwitch', () => {
    expect([hashWords(1, 2), hashWords(0, 0), hashWords(0xffffffff, 0x12345678)]).toEqual([
      803726044, 1669671676, 1556945857,
    ]);
    expect([hash64(0n), hash64(50n), hash64(0x123456789abcdef0n)]).toEqual([
      1669671676, 145122888, 1246793049,
    ]);
  });
});

describe('hashes of frames', () => {
  const there: readonly Layer[] = [
    { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') },
    { layer: 'ipv4', src: ipv4('10.0.0.1'), dst: ipv4('10.0.0.2') },
  ];
  const back: readonly Layer[] = [
    { layer: 'eth', src: mac('02:00:00:00:00:02'), dst: mac('02:00:00:00:00:01') },
    { layer: 'ipv4', src: ipv4('10.0.0.2'), dst: ipv4('10.0.0.1') },
  ];
  const tcp = (sport: number, dport: number): Layer => ({ layer: 'tcp', sport, dport });
  const udp = (sport: number, dport: number): Layer => ({ layer: 'udp', sport, dport });
  const keyOf = (...layers: readonly Layer[]) => Packet.read(frame(...layers)).key;

  it.each(['symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp'] as const)(
    '%s is the same both ways, and tells TCP ports apart',
    (fields) => {
      const [one, other, third] = [
        keyOf(...there, tcp(5, 6)),
        keyOf(...back, tcp(6, 5)),
        keyOf(...there, tcp(9, 6)),
      ];
      expect(hashFields(one, undefined, fields, 7)).toBe(hashFields(other, undefined, fields, 7));
      expect(hashFields(one, undefined, fields, 7)).not.toBe(hashFields(third, undefined, fields, 7));
      expect(hashFields(one, undefined, fields, 7)).not.toBe(hashFields(one, undefined, fields, 8));
    },
  );

  it('ports of UDP count only where it says so', () => {
    const [one, other] = [keyOf(...there, udp(5, 6)), keyOf(...there, udp(9, 6))];
    const differs = (fields: Parameters<typeof hashFields>[2]) =>
      hashFields(one, undefined, fields, 0) !== hashFields(other, undefined, fields, 0);
    expect(
      (
        ['symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp', 'eth_src', 'nw_src', 'nw_dst'] as const
      ).filter(differs),
    ).toEqual(['symmetric_l3l4+udp']);
    expect(hashSymmetricTcp(one, 3)).toBe(hashSymmetricTcp(other, 3));
  });

  it('an address hashes alone, of whichever family; without one the basis is the hash', () => {
    const four = keyOf(...there, udp(1, 2));
    const six = keyOf(
      { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') },
      { layer: 'ipv6', src: ipv6('fd00::1'), dst: ipv6('fd00::2') },
      udp(1, 2),
    );
    expect(hashFields(four, undefined, 'nw_src', 0)).toBe(jenkinsHash(Uint8Array.of(10, 0, 0, 1), 0));
    expect(hashFields(six, undefined, 'nw_dst', 9)).toBe(
      jenkinsHash(Uint8Array.of(0xfd, ...Array<number>(14).fill(0), 2), 9),
    );
    const arp = keyOf(
      { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') },
      { layer: 'data', bytes: new Uint8Array(20) },
    );
    expect(hashFields(arp, undefined, 'nw_src', 77)).toBe(77);
  });

  it('the direction counts in the five-tuple', () => {
    const [one, other] = [keyOf(...there, udp(5, 6)), keyOf(...back, udp(6, 5))];
    expect(hashFiveTuple(one, 17, 0)).not.toBe(hashFiveTuple(other, 17, 0));
  });
});
