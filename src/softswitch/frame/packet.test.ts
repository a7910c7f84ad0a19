import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryActions } from '../../../test/support/flow-arbitraries.ts';
import { brokenFrame, POOL, switchFrame } from '../../../test/support/switch-frames.ts';
import { FIELD_NAMES, FIELDS, type FieldName, fullMask } from '../../flow/fields.ts';
import { ipv4, ipv6, mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { sameBytes, toHex } from '../../packet/bytes.ts';
import { layersOf } from '../../packet/dissect.ts';
import { compileMatch, KEY_WORDS, newKey, prerequisiteHolds, readField, writeField } from './key.ts';
import { Packet } from './packet.ts';

const ETH = { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') } as const;
const HOSTS = { src: ipv4('10.0.0.5'), dst: ipv4('10.0.0.7') };
const HOSTS6 = { src: ipv6('fd00::5'), dst: ipv6('fd00::7') };
const values = (bytes: Uint8Array, ...names: FieldName[]) =>
  names.map((name) => Packet.read(bytes).get(name));
const WRITABLE = FIELD_NAMES.filter((name) => FIELDS[name].writable && name !== 'in_port');
const arbitraryValue = (name: FieldName) => fc.bigInt({ min: 0n, max: fullMask(name) });

describe('flow key', () => {
  it('gives back what was written, and touches nothing else', () => {
    const written = fc
      .constantFrom(...FIELD_NAMES)
      .chain((name) => fc.tuple(fc.constant(name), arbitraryValue(name), arbitraryValue(name)));
    fc.assert(
      fc.property(
        written,
        fc.uint32Array({ minLength: KEY_WORDS, maxLength: KEY_WORDS }),
        ([name, value, mask], words) => {
          const key = newKey();
          key.set(words);
          const old = readField(key, name);
          writeField(key, name, value & mask, mask);
          expect(readField(key, name)).toBe((old & ~mask) | (value & mask));
          writeField(key, name, old);
          expect([...key]).toEqual([...words]);
        },
      ),
    );
  });

  it('has the wide registers as views of the narrow ones, the highest word first', () => {
    const key = newKey();
    for (let i = 0; i < 16; i++) writeField(key, `reg${i}` as FieldName, BigInt(i + 1));
    expect(readField(key, 'xreg1')).toBe(0x00000003_00000004n);
    expect(readField(key, 'xxreg3')).toBe(0x0000000d_0000000e_0000000f_00000010n);
  });

  it('compiles a match to the words it looks at', () => {
    const { words, masks } = compileMatch({ eth_dst: { value: 0n, mask: 0x0100_0000_0000n } });
    expect([words, masks]).toEqual([[31], [0x0100_0000]]);
  });
});

describe('reading a frame', () => {
  it('sees the fields of each layer', () => {
    const tcp = frame(
      ETH,
      { layer: 'vlan', vid: 7, pcp: 3 },
      { layer: 'ipv4', ...HOSTS, tos: 184 },
      { layer: 'tcp', sport: 1, dport: 2, flags: 0x12 },
    );
    expect(
      values(tcp, 'vlan_tci', 'eth_type', 'ip_src', 'ip_dscp', 'ip_ttl', 'tcp_src', 'tcp_dst', 'tcp_flags'),
    ).toEqual([...[0x7007n, 0x0800n, 0x0a000005n, 46n, 64n, 1n, 2n, 0x12n]]);
    const nd = frame(
      ETH,
      { layer: 'ipv6', ...HOSTS6 },
      { layer: 'icmpv6', type: 135, target: ipv6('fd00::9'), sll: ETH.src },
    );
    expect(values(nd, 'icmpv6_type', 'nd_target', 'nd_sll', 'nd_options_type')).toEqual([
      135n,
      (0xfd00n << 112n) | 9n,
      0x020000000001n,
      1n,
    ]);
    const arp = frame(ETH, { layer: 'arp', spa: HOSTS.src, tpa: HOSTS.dst, sha: ETH.src });
    expect(values(arp, 'arp_op', 'arp_spa', 'arp_tpa', 'arp_sha')).toEqual([
      1n,
      0x0a000005n,
      0x0a000007n,
      0x020000000001n,
    ]);
  });

  it.each([
    ['first', { mf: true }, [1n, 53n]],
    ['later', { frag: 8 }, [3n, 0n]],
    ['no', {}, [0n, 53n]],
  ])('has ports in the %s fragment only where they are', (_, fragment, expected) => {
    const bytes = frame(
      ETH,
      { layer: 'ipv4', ...HOSTS, ...fragment, proto: 17 },
      { layer: 'udp', sport: 53 },
    );
    expect(values(bytes, 'ip_frag', 'udp_src')).toEqual(expected);
  });

  it('sees only the outermost of two tags, and no packet behind them', () => {
    const bytes = frame(
      ETH,
      { layer: 'vlan', vid: 5 },
      { layer: 'vlan', vid: 7 },
      { layer: 'ipv4', ...HOSTS },
    );
    expect(values(bytes, 'vlan_tci', 'eth_type', 'ip_src')).toEqual([0x1005n, 0x8100n, 0n]);
  });

  it('never throws, and never reads behind a cut', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 90 }), brokenFrame), fc.nat(90), (bytes, cut) => {
        const packet = Packet.read(bytes.subarray(0, cut));
        for (const name of FIELD_NAMES) packet.get(name);
        // What lies behind the cut makes no difference.
        expect(Packet.read(bytes.slice(0, cut)).key).toEqual(packet.key);
      }),
      { numRuns: 500 },
    );
  });
});

/** Whether every checksum in the frame is what its bytes ask for; the dissector leaves out those that are right. */
const isSound = (bytes: Uint8Array) =>
  layersOf(bytes).every((layer) => !('checksum' in layer) || layer.checksum === 0);
const isWhole = (bytes: Uint8Array) => Packet.read(bytes).get('ip_frag') === 0n;

describe('writing a field', () => {
  it('changes key and bytes alike: the frame reads back as the key says', () => {
    const change = fc
      .constantFrom(...WRITABLE)
      .chain((name) => fc.tuple(fc.constant(name), arbitraryValue(name)));
    fc.assert(
      fc.property(switchFrame, fc.array(change, { minLength: 1, maxLength: 6 }), (bytes, changes) => {
        const original = bytes.slice();
        const packet = Packet.read(bytes);
        for (const [name, value] of changes) {
          // What the flow check refuses: ids without the tag bit, numbers that have no place.
          if (name === 'vlan_vid') packet.set(name, value | 0x1000n);
          else if (
            name === 'arp_op' ||
            name === 'vlan_tci' ||
            name.startsWith('icmpv6') ||
            name === 'nd_options_type'
          )
            continue;
          else packet.set(name, value);
        }
        expect(sameBytes(bytes, original)).toBe(true);
        const read = Packet.read(packet.share());
        for (const name of FIELD_NAMES) {
          const { needs } = FIELDS[name];
          const isMetadata = needs === 'nothing' && !/^(eth|vlan)/.test(name);
          const hasNoOption = name === 'nd_sll' || name === 'nd_tll';
          // An ICMP header is in the first fragment only.
          const isElsewhere = name.startsWith('icmp_') && packet.get('ip_frag') === 3n;
          if (isMetadata || hasNoOption || isElsewhere || !prerequisiteHolds(needs, packet.key)) continue;
          expect([name, read.get(name)]).toEqual([name, packet.get(name)]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('keeps every checksum right', () => {
    const run = switchFrame
      .filter((bytes) => isWhole(bytes) && isSound(bytes))
      .chain((bytes) => {
        const change = fc.constantFrom(...WRITABLE).chain((name) => {
          const pool = POOL[name];
          return fc.tuple(
            fc.constant(name),
            pool ? fc.oneof(arbitraryValue(name), fc.constantFrom(...pool)) : arbitraryValue(name),
          );
        });
        return fc.tuple(fc.constant(bytes), fc.array(change, { minLength: 1, maxLength: 8 }));
      });
    let changed = 0;
    fc.assert(
      fc.property(run, ([bytes, changes]) => {
        const packet = Packet.read(bytes);
        for (const [name, value] of changes) {
          if (name.startsWith('vlan') || name.startsWith('icmpv6') || name === 'nd_options_type') continue;
          packet.set(name, value);
        }
        const after = packet.share();
        if (!sameBytes(after, bytes)) changed++;
        expect(isSound(after), toHex(after)).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(changed).toBeGreaterThan(100);
  });

  it('leaves "no checksum" of UDP alone', () => {
    const bytes = frame(ETH, { layer: 'ipv4', ...HOSTS }, { layer: 'udp', sport: 1, dport: 2, checksum: 0 });
    const packet = Packet.read(bytes);
    packet.set('ip_src', 1n);
    packet.set('udp_dst', 9n);
    expect(layersOf(packet.share())[2]).toMatchObject({ layer: 'udp', dport: 9, checksum: 0 });
  });

  it('does not change what was shared, nor the original of a clone', () => {
    const packet = Packet.read(frame(ETH, { layer: 'ipv4', ...HOSTS }, { layer: 'icmp' }));
    packet.set('ip_ttl', 9n);
    const shared = packet.share();
    const before = toHex(shared);
    const copy = packet.clone();
    copy.set('eth_dst', 1n);
    packet.pushTag({ type: 0x8100, tci: 0x1007 });
    packet.set('ip_dst', 1n);
    expect(toHex(shared)).toBe(before);
    expect(copy.get('ip_dst')).toBe(0x0a000007n);
    expect(toHex(copy.share()).slice(12)).toBe(before.slice(12));
  });

  it('takes a tag off and puts one on without touching the rest', () => {
    fc.assert(
      fc.property(switchFrame, fc.nat(0xfff), (bytes, vid) => {
        const packet = Packet.read(bytes);
        const wasDouble = packet.tags.length > 1;
        packet.pushTag({ type: 0x8100, tci: 0x1000 | vid });
        packet.popTag();
        if (!wasDouble) expect(toHex(packet.share())).toBe(toHex(bytes));
        expect(packet.key).toEqual(Packet.read(bytes).key);
      }),
    );
  });

  it('survives every action on every frame', () => {
    fc.assert(
      fc.property(
        brokenFrame,
        arbitraryActions({}),
        fc.constantFrom(...WRITABLE).chain((n) => fc.tuple(fc.constant(n), arbitraryValue(n))),
        (bytes, actions, [name, value]) => {
          const packet = Packet.read(bytes);
          for (const action of actions)
            if (action.type === 'set') packet.set(action.field, action.value, action.mask);
          packet.set(name, value);
          if (packet.tagged) packet.popTag();
          expect(packet.length).toBeGreaterThanOrEqual(bytes.length - 4);
        },
      ),
    );
  });
});
