/** What a switch with `ct` in its flows does; test/ovs/conntrack.test.ts compares it with Open vSwitch. */
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import type { PacketIn } from '../../flow/datapath.ts';
import { parseFlow } from '../../flow/parse.ts';
import { type Ipv4, type Ipv6, ipv4, ipv6 } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { toHex } from '../../packet/bytes.ts';
import { layersOf } from '../../packet/dissect.ts';
import type { Layer } from '../../packet/layer.ts';
import type { SwitchEvent } from '../events.ts';
import { Packet } from '../frame/packet.ts';
import { SoftSwitch } from '../switch.ts';
import { extract } from './extract.ts';

class Lab {
  readonly clock = new FakeClock();
  readonly soft: SoftSwitch;
  readonly events: SwitchEvent[] = [];
  #receive: ((bytes: Uint8Array) => void)[] = [];
  #sent: { port: number; bytes: Uint8Array }[] = [];

  constructor(total = 1000) {
    this.soft = new SoftSwitch({ now: () => this.clock.now(), connections: { total, fragments: 1000 } });
  }

  static async with(flows: readonly string[], total?: number): Promise<Lab> {
    const lab = new Lab(total);
    for (const n of [1, 2, 3]) {
      const vlan = { mode: 'trunk', trunks: [] } as const;
      await lab.soft.setPort({ type: 'vif', name: `p${n}`, id: `p${n}`, vlan });
      lab.#receive[n] = lab.soft.attach(`p${n}`, undefined, (bytes) =>
        lab.#sent.push({ port: n, bytes }),
      ).receive;
    }
    await lab.soft.applyFlows({ add: flows.map(parseFlow), remove: [] });
    return lab;
  }

  /** What came out. */
  send(port: number, bytes: Uint8Array): readonly { port: number; bytes: Uint8Array }[] {
    this.#sent = [];
    this.#receive[port]?.(bytes);
    return this.#sent;
  }
}

const [CLIENT, SERVER, PUBLIC] = ['10.0.0.1', '10.0.0.7', '192.0.2.1'].map(ipv4) as [Ipv4, Ipv4, Ipv4];
const [CLIENT6, SERVER6] = ['fd00::1', 'fd00::7'].map(ipv6) as [Ipv6, Ipv6];

function udp(src: Ipv4, dst: Ipv4, sport: number, dport: number): Uint8Array {
  return frame({ layer: 'eth' }, { layer: 'ipv4', src, dst }, { layer: 'udp', sport, dport });
}

const SNAT = [
  'table=0,in_port=1,ip,actions=ct(commit,zone=3,nat(src=192.0.2.1:6000-6003)),output:2',
  'table=0,in_port=2,ip,actions=ct(zone=3,nat,table=1)',
  'table=1,ct_state=+est-inv,ip,actions=output:1',
  'table=1,ct_state=+rel-inv,ip,actions=output:1',
];

/** Each checksum that the layers of the frame say is as it should be. */
function isWhole(bytes: Uint8Array): boolean {
  return toHex(frame(...layersOf(bytes).map(withoutChecksum))) === toHex(bytes);
}

function withoutChecksum(layer: Layer): Layer {
  if (!('checksum' in layer)) return layer;
  const { checksum: _, ...rest } = layer;
  return rest as Layer;
}

describe('connection tracking in a switch', () => {
  it('translates there and back, checksums and all', async () => {
    const lab = await Lab.with(SNAT);
    const out = lab.send(1, udp(CLIENT, SERVER, 1000, 53))[0]!;
    const [, ip, datagram] = layersOf(out.bytes);
    expect(out.port).toBe(2);
    expect(ip).toMatchObject({ src: PUBLIC, dst: SERVER });
    const port = datagram?.layer === 'udp' ? datagram.sport! : 0;
    expect(port).toBeGreaterThanOrEqual(6000);
    expect(port).toBeLessThanOrEqual(6003);
    expect(isWhole(out.bytes)).toBe(true);
    const back = lab.send(2, udp(SERVER, PUBLIC, 53, port))[0]!;
    expect(back.port).toBe(1);
    expect(toHex(back.bytes)).toBe(toHex(udp(SERVER, CLIENT, 53, 1000)));
    expect(lab.soft.dumpConnections({ timeouts: true })).toEqual([
      `udp,orig=(src=10.0.0.1,dst=10.0.0.7,sport=1000,dport=53),reply=(src=10.0.0.7,dst=192.0.2.1,sport=53,dport=${port}),zone=3,timeout=30`,
    ]);
    // Nobody asked for this one.
    expect(lab.send(2, udp(SERVER, PUBLIC, 54, port))).toEqual([]);
  });

  it('sends a new connection on as it is when no port is left', async () => {
    const lab = await Lab.with(SNAT);
    const sources = [];
    for (let sport = 1000; sport < 1005; sport++) {
      const [, ip] = layersOf(lab.send(1, udp(CLIENT, SERVER, sport, 53))[0]!.bytes);
      sources.push(ip?.layer === 'ipv4' && ip.src);
    }
    expect(sources).toEqual([PUBLIC, PUBLIC, PUBLIC, PUBLIC, CLIENT]);
    expect(lab.soft.dumpConnections()).toHaveLength(4);
  });

  it('translates what an ICMP error quotes', async () => {
    const lab = await Lab.with([
      'table=0,in_port=1,ip,actions=ct(commit,nat(src=192.0.2.1)),output:2',
      'table=0,in_port=2,ip,actions=ct(nat,table=1)',
      'table=1,ct_state=+rel,ip,actions=output:1',
    ]);
    const sent = lab.send(1, udp(CLIENT, SERVER, 1000, 53))[0]!.bytes;
    const error = (quoted: Uint8Array, dst: Ipv4) =>
      frame(
        { layer: 'eth' },
        { layer: 'ipv4', src: SERVER, dst },
        { layer: 'icmp', type: 3, code: 3 },
        { layer: 'data', bytes: quoted.subarray(14) },
      );
    const back = lab.send(2, error(sent, PUBLIC))[0]!;
    expect(toHex(back.bytes)).toBe(toHex(error(udp(CLIENT, SERVER, 1000, 53), CLIENT)));
  });

  it('translates what an ICMPv6 error quotes, and nothing else of it', async () => {
    const lab = await Lab.with([
      'table=0,in_port=1,ipv6,actions=ct(commit,nat(dst=fd00::7)),output:2',
      'table=0,in_port=2,ipv6,actions=ct(nat,table=1)',
      'table=1,ct_state=+rel,ipv6,actions=output:1',
    ]);
    const asked = ipv6('fd00::99');
    const tcp = (dst: Ipv6): Uint8Array =>
      frame(
        { layer: 'eth' },
        { layer: 'ipv6', src: CLIENT6, dst },
        { layer: 'tcp', sport: 1000, dport: 80, flags: 2 },
      );
    const error = (src: Ipv6, quoted: Uint8Array) =>
      frame(
        { layer: 'eth' },
        { layer: 'ipv6', src, dst: CLIENT6 },
        { layer: 'icmpv6', type: 1, code: 0 },
        { layer: 'data', bytes: quoted.subarray(14) },
      );
    const sent = lab.send(1, tcp(asked))[0]!.bytes;
    expect(toHex(sent)).toBe(toHex(tcp(SERVER6)));
    const back = lab.send(2, error(SERVER6, sent))[0]!;
    expect(toHex(back.bytes)).toBe(toHex(error(asked, tcp(asked))));
  });

  it('forgets with ct_clear, and in the list that goes on after ct', async () => {
    const lab = await Lab.with([
      'table=0,ip,actions=ct(table=1),resubmit(,2)',
      'table=1,ct_state=+trk,ip,actions=output:2,ct_clear,resubmit(,2)',
      'table=2,priority=2,ct_state=+trk,ip,actions=in_port',
      'table=2,priority=1,ct_state=-trk,ip,actions=output:3',
    ]);
    expect(lab.send(1, udp(CLIENT, SERVER, 1, 2)).map(({ port }) => port)).toEqual([2, 3, 3]);
  });

  it('asks anew once an address has changed', async () => {
    const lab = await Lab.with([
      'table=0,ip,actions=ct(commit,table=1)',
      'table=1,ip,actions=set_field:10.9.9.9->nw_dst,ct(commit)',
    ]);
    lab.send(1, udp(CLIENT, SERVER, 1, 2));
    expect(lab.soft.dumpConnections().map((line) => /dst=([\d.]+)/.exec(line)?.[1])).toEqual([
      SERVER,
      '10.9.9.9',
    ]);
  });

  it('goes round six times and no more', async () => {
    const lab = await Lab.with(['table=0,ip,actions=output:2,ct(table=0)']);
    lab.soft.observe((event) => lab.events.push(event));
    expect(lab.send(1, udp(CLIENT, SERVER, 1, 2))).toHaveLength(7);
    expect(lab.events).toContainEqual(
      expect.objectContaining({ type: 'drop', reason: 'recirculation-limit' }),
    );
  });

  it('has the limit of resubmits anew after ct, and its own', async () => {
    const lab = await Lab.with([
      'table=0,ip,actions=ct(table=1),output:2',
      'table=1,ip,actions=output:3,resubmit(,1)',
    ]);
    expect(lab.send(1, udp(CLIENT, SERVER, 1, 2)).map(({ port }) => port)).toEqual([2]);
  });

  it('keeps registers, metadata and where the frame came in', async () => {
    const lab = await Lab.with([
      'table=0,ip,actions=set_field:5->reg3,set_field:6->metadata,set_field:7->tun_id,ct(table=1)',
      'table=1,reg3=5,metadata=6,tun_id=7,in_port=1,actions=output:2',
    ]);
    expect(lab.send(1, udp(CLIENT, SERVER, 1, 2))).toHaveLength(1);
  });

  it('tells an observer and the controller what it found', async () => {
    const lab = await Lab.with([
      'table=0,ip,actions=ct(commit,zone=9,table=1,exec(set_field:0x21->ct_mark))',
      'table=1,ip,actions=controller(userdata=01)',
    ]);
    const packets: PacketIn[] = [];
    lab.soft.onPacketIn((packet) => packets.push(packet));
    lab.soft.observe((event) => lab.events.push(event));
    lab.send(1, udp(CLIENT, SERVER, 1, 2));
    const connection =
      'udp,orig=(src=10.0.0.1,dst=10.0.0.7,sport=1,dport=2),reply=(src=10.0.0.7,dst=10.0.0.1,sport=2,dport=1),zone=9,mark=33';
    expect(lab.events).toContainEqual({
      type: 'connection',
      table: 0,
      zone: 9,
      state: 0x21,
      words: 'new|trk',
      connection,
    });
    expect(packets[0]?.metadata).toEqual({ ct_state: 0x21n, ct_zone: 9n, ct_mark: 0x21n });
  });

  it('refuses new connections when it is full, and keeps the old ones', async () => {
    const lab = await Lab.with(['table=0,ip,actions=ct(commit,table=1)', 'table=1,ip,actions=output:2'], 2);
    for (let sport = 1; sport <= 5; sport++) lab.send(1, udp(CLIENT, SERVER, sport, 2));
    expect(lab.soft.dumpConnections().map((line) => /sport=(\d+)/.exec(line)?.[1])).toEqual(['1', '2']);
    lab.clock.advance(60_000);
    expect(lab.soft.dumpConnections()).toEqual([]);
    lab.send(1, udp(CLIENT, SERVER, 7, 2));
    expect(lab.soft.dumpConnections()).toHaveLength(1);
  });

  it('flushes one zone, or all', async () => {
    const lab = await Lab.with(['table=0,ip,actions=ct(commit,zone=1),ct(commit,zone=2),ct(commit,zone=3)']);
    lab.send(1, udp(CLIENT, SERVER, 1, 2));
    lab.soft.flushConnections(2);
    expect(lab.soft.dumpConnections().map((line) => /zone=(\d)/.exec(line)?.[1])).toEqual(['1', '3']);
    lab.soft.flushConnections(undefined);
    expect(lab.soft.dumpConnections()).toEqual([]);
  });
});

describe('the key of a connection', () => {
  const keyOf = (bytes: Uint8Array) => {
    const headers = Packet.read(bytes).ipHeaders;
    return headers && extract(headers, 4);
  };
  const swapped = (layers: readonly Layer[]): Uint8Array =>
    frame(
      ...layers.map((layer): Layer => {
        if (layer.layer === 'ipv4') return { ...layer, src: layer.dst!, dst: layer.src! };
        if (layer.layer === 'ipv6') return { ...layer, src: layer.dst!, dst: layer.src! };
        if (layer.layer === 'udp' || layer.layer === 'tcp')
          return { ...layer, sport: layer.dport!, dport: layer.sport! };
        if (layer.layer === 'icmp') return { ...layer, type: 0 };
        return layer.layer === 'icmpv6' ? { ...layer, type: 129 } : layer;
      }),
    );
  const v4: Layer = { layer: 'ipv4', src: CLIENT, dst: SERVER };
  const v6: Layer = { layer: 'ipv6', src: CLIENT6, dst: SERVER6 };

  it.each<readonly [string, readonly Layer[]]>([
    ['UDP', [v4, { layer: 'udp', sport: 5, dport: 6 }]],
    ['TCP', [v6, { layer: 'tcp', sport: 5, dport: 6 }]],
    ['echo', [v4, { layer: 'icmp', type: 8, id: 77 }]],
    ['ICMPv6 echo', [v6, { layer: 'icmpv6', type: 128, id: 77 }]],
    [
      'another protocol',
      [
        { ...v4, proto: 99 },
        { layer: 'data', bytes: new Uint8Array(3) },
      ],
    ],
  ])('is that of the answers the other way round: %s', (_, layers) => {
    const there = keyOf(frame({ layer: 'eth' }, ...layers))!.key;
    const back = keyOf(swapped([{ layer: 'eth' }, ...layers]))!.key;
    expect([...back.subarray(0, 5), ...back.subarray(5, 10)]).toEqual([
      ...there.subarray(5, 10),
      ...there.subarray(0, 5),
    ]);
    expect(back[10]).toBe(there[10]);
  });

  it.each<readonly [string, readonly Layer[]]>([
    ['UDP with a wrong checksum', [v4, { layer: 'udp', sport: 5, dport: 6, checksum: 1 }]],
    ['UDP without one over IPv6', [v6, { layer: 'udp', sport: 5, dport: 6, checksum: 0 }]],
    ['UDP that says it is longer', [v4, { layer: 'udp', sport: 5, dport: 6, len: 9 }]],
    ['TCP with a wrong checksum', [v4, { layer: 'tcp', checksum: 1 }]],
    [
      'a wrong IP checksum',
      [
        { ...v4, checksum: 1 },
        { layer: 'udp', sport: 5, dport: 6 },
      ],
    ],
    ['port 0', [v4, { layer: 'udp', sport: 0, dport: 6 }]],
    ['an echo with a code', [v4, { layer: 'icmp', type: 8, code: 1 }]],
    ['an ICMP error that quotes nothing', [v4, { layer: 'icmp', type: 3 }]],
    ['neighbour discovery', [v6, { layer: 'icmpv6', type: 135, target: SERVER6 }]],
  ])('is none for %s', (_, layers) => {
    expect(keyOf(frame({ layer: 'eth' }, ...layers))).toBeUndefined();
  });

  it('takes a UDP checksum of 0 over IPv4 for none', () => {
    const layers: Layer[] = [{ layer: 'eth' }, v4, { layer: 'udp', sport: 5, dport: 6, checksum: 0 }];
    expect(keyOf(frame(...layers))).toBeDefined();
  });
});
