/** DSCP, ECN, TTL and DF of the outer header, with and without the flow cache. */
import { describe, expect, it } from 'vitest';
import { Rig } from '../../../test/support/softswitch-rig.ts';
import type { PortSpec } from '../../flow/datapath.ts';
import { ipv4, ipv6, mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { read16, toHex, write16 } from '../../packet/bytes.ts';
import { checksumFor, checksumHolds } from '../../packet/checksum.ts';
import { Packet } from '../frame/packet.ts';

const ETH = { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') } as const;
const DATA = { layer: 'data', bytes: new Uint8Array(40).fill(3) } as const;
const UDP = { layer: 'udp', sport: 1, dport: 2 } as const;

/** `tos`: DSCP and ECN. */
function packet(version: 4 | 6, tos: number, ttl = 33): Uint8Array {
  const made =
    version === 4
      ? frame(ETH, { layer: 'ipv4', src: ipv4('10.0.0.1'), dst: ipv4('10.0.0.2'), ttl }, UDP, DATA)
      : frame(ETH, { layer: 'ipv6', src: ipv6('fd00::1'), dst: ipv6('fd00::2'), ttl }, UDP, DATA);
  const marked = Packet.read(made);
  marked.set('ip_dscp', BigInt(tos >>> 2));
  marked.set('ip_ecn', BigInt(tos & 3));
  return marked.share();
}
const OTHER = frame(ETH, { layer: 'arp', op: 1, spa: ipv4('10.0.0.1'), tpa: ipv4('10.0.0.2') });

type TunnelWords = Partial<Extract<PortSpec, { type: 'tunnel' }>>;

async function rigged(words: TunnelWords = {}, cache = true) {
  const local = words.local ?? '192.168.4.11';
  const rig = new Rig(cache ? {} : { cache: false });
  await rig.port({ type: 'vif', name: 'a', id: 'a', vlan: { mode: 'trunk', trunks: [] } });
  await rig.port({ type: 'tunnel', name: 't', encapsulation: 'nvgre', local, ...words });
  const peer = local.includes(':') ? 'set_field:fd01::22->tun_ipv6_dst' : 'set_field:192.168.4.22->tun_dst';
  await rig.flows(`in_port=1,actions=set_field:0x500->tun_id,${peer},output:2`, 'in_port=2,actions=output:1');
  const sent: Uint8Array[] = [];
  const below = rig.datapath.attachUnderlay('t', { send: (outer) => sent.push(outer) });
  const send = (bytes: Uint8Array) => {
    rig.inject('a', bytes);
    const outer = sent.pop()!;
    if (outer[0]! >>> 4 === 6) return { tos: (read16(outer, 0) >>> 4) & 0xff, ttl: outer[7], df: undefined };
    expect(checksumHolds(outer, 0, 20)).toBe(true);
    return { tos: outer[1], ttl: outer[8], df: (outer[6]! & 0x40) !== 0 };
  };
  return { rig, below, send, sent };
}

describe.each([true, false])('the outer header (cache: %s)', (cache) => {
  it.each(['192.168.4.11', 'fd01::11'])('of %s has the ECN of the packet inside, never CE', async (local) => {
    const { send } = await rigged({ local }, cache);
    for (const version of [4, 6] as const) {
      const seen = [0, 1, 2, 3, 0, 1, 2, 3].map((ecn) => send(packet(version, 0xb8 | ecn)).tos);
      expect(seen).toEqual([0, 1, 2, 2, 0, 1, 2, 2]);
    }
    expect(send(OTHER).tos).toBe(0);
  });

  it('has the DSCP and TTL that the port says', async () => {
    const { send } = await rigged({ tos: 0x48, ttl: 17, dontFragment: false }, cache);
    for (const bytes of [packet(4, 0xb8), packet(6, 0xb8), OTHER, packet(4, 0xb8)])
      expect(send(bytes)).toEqual({ tos: 0x48, ttl: 17, df: false });
  });

  it('has the DSCP and TTL of the packet inside where the port says so', async () => {
    const { send } = await rigged({ tos: 'inherit', ttl: 'inherit' }, cache);
    for (let i = 0; i < 2; i++) {
      expect(send(packet(4, 0xb9, 5))).toEqual({ tos: 0xb9, ttl: 5, df: true });
      expect(send(packet(4, 0x28, 6))).toEqual({ tos: 0x28, ttl: 6, df: true });
      expect(send(packet(6, 0x2b, 7))).toEqual({ tos: 0x2a, ttl: 7, df: true });
      expect(send(OTHER)).toEqual({ tos: 0, ttl: 64, df: true });
    }
  });

  it('tells the packet inside of congestion, and drops the one that cannot be told', async () => {
    const { rig, below, send, sent } = await rigged({}, cache);
    const receive = (inner: Uint8Array, outerEcn: number) => {
      send(inner);
      rig.inject('a', inner);
      const outer = sent.pop()!.slice();
      // From there to here.
      outer.set([192, 168, 4, 22, 192, 168, 4, 11], 12);
      outer[1] = outerEcn;
      write16(outer, 10, checksumFor(outer, 0, 20, 10));
      below.receive(outer);
      return rig.hex('a');
    };
    for (let i = 0; i < 2; i++) {
      for (const version of [4, 6] as const) {
        for (const ecn of [0, 1, 2, 3]) {
          const inner = packet(version, 0xb8 | ecn);
          for (const outside of [0, 1, 2]) expect(receive(inner, outside)).toEqual([toHex(inner)]);
          const marked = ecn === 0 ? [] : [toHex(packet(version, 0xbb))];
          expect(receive(inner, 3)).toEqual(marked);
        }
      }
      expect(receive(OTHER, 3)).toEqual([toHex(OTHER)]);
    }
    expect(rig.datapath.tunnelDrops('t').get('inner-not-ecn')).toBe(4n);
  });
});

it.each<TunnelWords>([{ tos: 3 }, { tos: 256 }, { tos: 4.5 }, { ttl: 0 }, { ttl: 256 }])(
  'a tunnel with %j is refused',
  async (words) => {
    await expect(rigged(words)).rejects.toThrow(/port-invalid/);
  },
);
