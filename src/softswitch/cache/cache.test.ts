import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryFlow } from '../../../test/support/flow-arbitraries.ts';
import { brokenFrame, POOL, switchFrame } from '../../../test/support/switch-frames.ts';
import { FakeClock } from '../../base/clock.ts';
import type { PacketIn, PortSpec, PortVlan } from '../../flow/datapath.ts';
import type { Flow } from '../../flow/flow.ts';
import { entriesOf } from '../../flow/match.ts';
import { parseFlow } from '../../flow/parse.ts';
import { formatFlow } from '../../flow/text.ts';
import { ipv4, ipv6, mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { toHex } from '../../packet/bytes.ts';
import { type FrameBatch, newBatch } from '../batch.ts';
import { Packet } from '../frame/packet.ts';
import { SoftSwitch, type UnderlayAttachment } from '../switch.ts';
import { encapsulate } from '../tunnel/tunnel.ts';
import { CACHE_LIMITS, type CacheLimits } from './flow-cache.ts';

type Encapsulation = 'nvgre' | 'vxlan' | 'geneve';

/** One thing that happens to a switch. */
type Step =
  | {
      readonly type: 'frame';
      readonly place: string;
      readonly frame: number;
      /** An octet that is another one this time: a megaflow has many frames. */
      readonly octet: readonly [at: number, value: number] | undefined;
    }
  | { readonly type: 'batch'; readonly place: string; readonly frames: readonly ChangedFrame[] }
  | { readonly type: 'tunnel'; readonly packets: readonly TunnelPacket[]; readonly together: boolean }
  | { readonly type: 'add' | 'remove'; readonly flow: Flow }
  | { readonly type: 'port'; readonly spec: PortSpec }
  | { readonly type: 'remove-port'; readonly name: string }
  | { readonly type: 'link'; readonly place: string; readonly up: boolean }
  | { readonly type: 'time'; readonly ms: number };

/** Its number, and an octet that is another one this time. */
interface ChangedFrame {
  readonly frame: number;
  readonly octet: readonly [at: number, value: number] | undefined;
}

/** A frame in a tunnel; the octet is one of the outer header. */
interface TunnelPacket extends ChangedFrame {
  readonly id: number;
  readonly source: string;
}

/** What does the work on batches, and whether they are in its memory; or the tables alone. */
type Way = 'wasm' | 'typescript' | 'elsewhere' | 'tables';

const PLACES = ['a', 'b', 'c', 'nic1', 'nic2'];

/** A switch whose every output is written down. */
class Noted {
  readonly clock = new FakeClock();
  readonly soft: SoftSwitch;
  readonly #cables = new Map<string, ReturnType<SoftSwitch['attach']>>();
  #underlay: UnderlayAttachment | undefined;
  #log: string[] = [];
  readonly #memory: Uint8Array | undefined;

  constructor(cache: CacheLimits, way: Way = 'typescript') {
    this.soft = new SoftSwitch({
      now: () => this.clock.now(),
      cache: way === 'tables' ? false : cache,
      kernel: way === 'wasm' ? 'wasm' : 'typescript',
      frameMemory: 2 ** 17,
    });
    if (way === 'wasm' || way === 'typescript') this.#memory = this.soft.frameMemory();
    this.soft.onPacketIn((packet) => this.#log.push(describePacketIn(packet)));
  }

  async port(spec: PortSpec): Promise<void> {
    await this.soft.setPort(spec);
    if (spec.type === 'tunnel') {
      const send = (packet: Uint8Array) => this.#log.push(`tunnel ${toHex(packet)}`);
      this.#underlay = this.soft.attachUnderlay(spec.name, {
        send,
        sendBatch: (batch) => framesOf(batch).forEach(send),
      });
      return;
    }
    for (const nic of spec.type === 'uplink' ? spec.nics : [undefined]) {
      const place = nic ?? spec.name;
      this.#cables.get(place)?.detach();
      const deliver = (frame: Uint8Array) => this.#log.push(`${place} ${toHex(frame)}`);
      const deliverBatch =
        place === 'c' ? undefined : (batch: FrameBatch) => framesOf(batch).forEach(deliver);
      this.#cables.set(place, this.soft.attach(spec.name, nic, deliver, deliverBatch));
    }
  }

  /** What came out of it. */
  async step(step: Step, frames: readonly Uint8Array[]): Promise<readonly string[]> {
    this.#log = [];
    switch (step.type) {
      case 'frame':
        this.#cables.get(step.place)?.receive(withOctet(frames[step.frame]!, step.octet));
        break;
      case 'batch':
        this.#cables.get(step.place)?.receiveBatch(
          batchOf(
            this.#memory,
            step.frames.map(({ frame, octet }) => withOctet(frames[frame]!, octet)),
          ),
        );
        break;
      case 'tunnel': {
        const packets = step.packets.map((p) => withOctet(tunnelled(p, frames[p.frame]!), p.octet));
        if (step.together) this.#underlay?.receiveBatch(batchOf(this.#memory, packets));
        else for (const packet of packets) this.#underlay?.receive(packet);
        break;
      }
      case 'add':
        await this.soft.applyFlows({ add: [step.flow], remove: [] });
        break;
      case 'remove':
        await this.soft.applyFlows({ add: [], remove: [step.flow] });
        break;
      case 'port':
        await this.port(step.spec);
        break;
      case 'remove-port':
        await this.soft.removePort(step.name);
        break;
      case 'link':
        this.#cables.get(step.place)?.setLink(step.up);
        break;
      case 'time':
        this.clock.advance(step.ms);
        break;
    }
    return this.#log;
  }

  async counters(): Promise<readonly string[]> {
    const stats = await this.soft.dumpFlows();
    return stats.map(({ flow, packets, bytes }) => `${packets} ${bytes} ${formatFlow(flow)}`).sort();
  }
}

function framesOf({ bytes, at, length, count }: FrameBatch): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => bytes.slice(at[i], at[i]! + length[i]!));
}

/** Frames as the kernels want them, and some as they do not: at a place of their own, or with little room before them. */
function batchOf(memory: Uint8Array | undefined, frames: readonly Uint8Array[]): FrameBatch {
  const room = 72 + 4 * Math.ceil(Math.max(...frames.map((f) => f.length)) / 4);
  const batch = newBatch(memory ?? new Uint8Array(4 + room * frames.length).subarray(4), frames.length);
  const [odd, little] = [frames[0]!.length % 5 === 0, frames[0]!.length % 7 === 0];
  for (const [i, bytes] of frames.entries()) {
    batch.at[i] = room * i + 66 - Number(odd && i % 3 === 2);
    batch.length[i] = bytes.length;
    batch.bytes.set(bytes, batch.at[i]);
  }
  batch.count = frames.length;
  if (little) batch.headroom = 20;
  return batch;
}

/** A batch keeps the order of the frames at each port, not that between ports. */
function byPort(log: readonly string[]): readonly string[] {
  const place = (line: string) => line.split(' ', 1)[0]!;
  return log.toSorted((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
}

function withOctet(frame: Uint8Array, octet: readonly [number, number] | undefined): Uint8Array {
  const bytes = frame.slice();
  if (octet && octet[0] < bytes.length) bytes[octet[0]] = octet[1];
  return bytes;
}

function describePacketIn({ inPort, table, userdata, frame, metadata }: PacketIn): string {
  const values = Object.entries(metadata).map(([name, value]) => `${name}=${value}`);
  return `packet-in ${inPort} ${table} ${userdata} ${values} ${toHex(frame)}`;
}

function tunnelled({ id, source }: TunnelPacket, bytes: Uint8Array): Uint8Array {
  const packet = Packet.read(bytes);
  packet.set('tun_id', BigInt(id));
  packet.set('tun_dst', 0xc0a80401n);
  const made = encapsulate({ encapsulation: 'nvgre', local: ipv4(source) }, packet);
  return 'outer' in made ? made.outer : new Uint8Array(0);
}

const vlan: fc.Arbitrary<PortVlan> = fc.constantFrom<PortVlan>(
  { mode: 'trunk', trunks: [] },
  { mode: 'trunk', trunks: [5] },
  { mode: 'access', tag: 5 },
  { mode: 'native-untagged', tag: 7, trunks: [5] },
);
const vif = (name: string, setting: PortVlan): PortSpec => ({
  type: 'vif',
  name,
  id: name,
  vlan: setting,
});
const tunnel = (encapsulation: Encapsulation): PortSpec => ({
  type: 'tunnel',
  name: 'tun',
  encapsulation,
  local: '192.168.4.1',
});
const uplink = (mode: 'active-backup' | 'balance-slb' | 'balance-tcp'): PortSpec => ({
  type: 'uplink',
  name: 'up',
  nics: ['nic1', 'nic2'],
  mode,
  lacp: 'off',
  vlan: { mode: 'trunk', trunks: [] },
});
const changedPort: fc.Arbitrary<PortSpec> = fc.oneof(
  fc.tuple(fc.constantFrom('a', 'b', 'c'), vlan).map(([name, setting]) => vif(name, setting)),
  fc.constantFrom('active-backup' as const, 'balance-slb' as const, 'balance-tcp' as const).map(uplink),
  fc.constantFrom<Encapsulation>('nvgre', 'vxlan', 'geneve').map(tunnel),
);

const VALUES = { ...POOL, tun_dst: [0xc0a80402n, 0xc0a80403n] };
const LIMITS = { tables: 4, ports: [1, 2, 3, 4, 5], values: VALUES, reserved: true };

/** Flows that resubmit forwards, some of which match widely; the last resort is to learn and flood. */
const flow: fc.Arbitrary<Flow> = fc
  .tuple(arbitraryFlow(LIMITS), fc.integer({ min: 1, max: 40 }), fc.nat(2))
  .map(([random, priority, narrow]) => ({
    ...random,
    priority,
    match: narrow === 0 ? onlyType(random.match) : random.match,
    actions: random.actions.map((action) =>
      action.type === 'resubmit' ? { ...action, table: Math.max(action.table, random.table + 1) } : action,
    ),
  }));

function onlyType(match: Flow['match']): Flow['match'] {
  const names = ['eth_type', 'ip_proto', 'icmpv6_type', 'icmpv6_code', 'vlan_tci', 'ip_frag'];
  return Object.fromEntries(entriesOf(match).filter(([name]) => names.includes(name)));
}

const FALLBACK: readonly Flow[] = [0, 1, 2, 3].map((table) => ({
  table,
  priority: 0,
  match: {},
  cookie: 0n,
  actions: [{ type: 'output', port: 'normal' }],
}));

/** Small caches evict all the time. */
const limits = fc.constantFrom<CacheLimits>(
  { megaflows: 65_536, hints: 131_072 },
  { megaflows: 5, hints: 64 },
);

/** Type of service, TTL, addresses and ports of a frame without a tag more often than others. */
const octet = fc.tuple(
  fc.oneof(fc.constantFrom(0, 5, 6, 11, 15, 22, 29, 33, 34, 35, 36, 37, 41), fc.nat(60)),
  fc.oneof(fc.constantFrom(0, 1, 2, 3, 64, 0xff), fc.nat(255)),
);

const FRAMES = 5;

const changedFrame: fc.Arbitrary<ChangedFrame> = fc.record({
  frame: fc.nat(FRAMES - 1),
  octet: fc.option(octet, { nil: undefined }),
});

/** Most outer headers are right. */
const tunnelPacket: fc.Arbitrary<TunnelPacket> = fc.record({
  frame: fc.nat(FRAMES - 1),
  id: fc.constantFrom(0, 0x138800),
  source: fc.constantFrom('192.168.4.2', '192.168.4.3'),
  octet: fc.option(fc.tuple(fc.nat(45), fc.nat(255)), { freq: 8, nil: undefined }),
});

/** Frames come often, and often the same ones, or nothing would be found in the cache. */
const steps = (known: readonly Flow[]): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 240,
        arbitrary: fc.record({
          type: fc.constant('frame' as const),
          place: fc.constantFrom(...PLACES),
          frame: fc.nat(FRAMES - 1),
          octet: fc.option(octet, { nil: undefined }),
        }),
      },
      {
        weight: 60,
        arbitrary: fc.record({
          type: fc.constant('batch' as const),
          place: fc.constantFrom(...PLACES),
          frames: fc.array(changedFrame, { minLength: 1, maxLength: 8 }),
        }),
      },
      {
        weight: 80,
        arbitrary: fc.record({
          type: fc.constant('tunnel' as const),
          packets: fc.array(tunnelPacket, { minLength: 1, maxLength: 5 }),
          together: fc.boolean(),
        }),
      },
      { weight: 5, arbitrary: flow.map((f): Step => ({ type: 'add', flow: f })) },
      { weight: 5, arbitrary: fc.constantFrom(...known).map((f): Step => ({ type: 'remove', flow: f })) },
      { weight: 2, arbitrary: changedPort.map((spec): Step => ({ type: 'port', spec })) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(fc.constantFrom(...PLACES), fc.boolean())
          .map(([place, up]): Step => ({ type: 'link', place, up })),
      },
      {
        weight: 5,
        arbitrary: fc.constantFrom(1000, 299_000, 300_000).map((ms): Step => ({ type: 'time', ms })),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom('a', 'up').map((name): Step => ({ type: 'remove-port', name })),
      },
    ),
    { minLength: 60, maxLength: 300, size: 'max' },
  );

/** Some programs match little, so that their megaflows are wide and what actions read comes out. */
const program = fc.oneof(
  fc.array(flow, { minLength: 2, maxLength: 16, size: 'max' }),
  fc
    .array(flow, { minLength: 1, maxLength: 5, size: 'max' })
    .map((flows) => flows.map((f) => ({ ...f, table: f.table % 2, match: onlyType(f.match) }))),
);

const run = fc
  .tuple(
    program,
    fc.array(fc.oneof({ weight: 4, arbitrary: switchFrame }, { weight: 1, arbitrary: brokenFrame }), {
      minLength: FRAMES,
      maxLength: FRAMES,
    }),
  )
  .chain(([flows, frames]) =>
    fc.record({ flows: fc.constant(flows), frames: fc.constant(frames), steps: steps(flows), limits }),
  );

describe('flow cache', () => {
  it('changes nothing: with each kernel, deliveries, packet-ins and counters are those of the tables', async () => {
    let outputs = 0;
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(run, async ({ flows, frames, steps, limits }) => {
        const plain = new Noted(limits, 'tables');
        const cached = (['wasm', 'typescript', 'elsewhere'] as const).map((way) => new Noted(limits, way));
        for (const noted of [plain, ...cached]) {
          for (const name of ['a', 'b', 'c']) await noted.port(vif(name, { mode: 'trunk', trunks: [] }));
          await noted.port(uplink('active-backup'));
          await noted.port(tunnel('nvgre'));
          await noted.soft.applyFlows({ add: [...FALLBACK, ...flows], remove: [] });
        }
        for (const [i, step] of steps.entries()) {
          const expected = await plain.step(step, frames);
          outputs += expected.length;
          const counters = i % 8 === 0 ? await plain.counters() : undefined;
          for (const noted of cached) {
            expect(byPort(await noted.step(step, frames)), `step ${i}`).toEqual(byPort(expected));
            if (counters) expect(await noted.counters(), `step ${i}`).toEqual(counters);
          }
        }
        for (const noted of cached) {
          expect(await noted.counters()).toEqual(await plain.counters());
          expect(noted.soft.tunnelDrops('tun')).toEqual(plain.soft.tunnelDrops('tun'));
          hits += noted.soft.cacheStatistics().hits;
        }
      }),
      { numRuns: 100 },
    );
    // A cache that is never hit is always right.
    expect(outputs).toBeGreaterThan(1000);
    expect(hits).toBeGreaterThan(3000);
  }, 300_000);

  const UDP = frame(
    { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') },
    { layer: 'ipv4', src: ipv4('10.0.0.5'), dst: ipv4('10.0.0.7') },
    { layer: 'udp', sport: 1000, dport: 2000 },
    { layer: 'data', bytes: new Uint8Array(20) },
  );
  const [SRC, DST] = [mac('02:00:00:00:00:01'), mac('02:00:00:00:00:02')];
  const [FROM, TO] = [ipv4('10.0.0.5'), ipv4('10.0.0.7')];
  const DATA = { layer: 'data', bytes: new Uint8Array(21) } as const;
  const KINDS = [
    UDP,
    // No checksum.
    Uint8Array.from(UDP, (octet, i) => (i === 40 || i === 41 ? 0 : octet)),
    frame(
      { layer: 'eth', src: SRC, dst: DST },
      { layer: 'ipv4', src: FROM, dst: TO },
      { layer: 'tcp', sport: 1000, dport: 80 },
      DATA,
    ),
    frame(
      { layer: 'eth', src: SRC, dst: DST },
      { layer: 'vlan', vid: 5 },
      { layer: 'ipv4', src: FROM, dst: TO },
      { layer: 'udp', sport: 1000, dport: 2000 },
      DATA,
    ),
    frame(
      { layer: 'eth', src: SRC, dst: DST },
      { layer: 'ipv6', src: ipv6('fd00::5'), dst: ipv6('fd00::7') },
      { layer: 'udp', sport: 1000, dport: 2000 },
      DATA,
    ),
    frame(
      { layer: 'eth', src: SRC, dst: DST },
      { layer: 'arp', op: 1, sha: SRC, spa: FROM, tha: mac('00:00:00:00:00:00'), tpa: TO },
    ),
  ];
  const UPLINK = ['a', 'nic1', 'nic2', 'a', 'nic2'];

  /** Each frame three times over, each time as the first one of its kind, and as the next. */
  it.each<[string, readonly string[], at: number, values: readonly number[], places: readonly string[]]>([
    ['the TTL that is counted down', ['table=0,ip,actions=dec_ttl,output:2'], 22, [64, 1, 2, 0, 63], ['a']],
    [
      'what multipath hashes',
      [
        'table=0,actions=multipath(symmetric_l3l4+udp,50,modulo_n,2,0,NXM_NX_REG1[0..7]),resubmit(,1)',
        'table=1,reg1=0,actions=output:2',
        'table=1,reg1=1,actions=output:3',
      ],
      35,
      [1, 2, 3, 4, 5, 6, 7],
      ['a'],
    ],
    [
      'ports that no rule names, and those that one does',
      [
        'table=0,priority=3,udp,tp_src=1001,tp_dst=2000,actions=output:2',
        'table=0,priority=3,udp,tp_src=1016,tp_dst=2001,actions=output:4',
        'table=0,priority=1,actions=output:3',
      ],
      35,
      [0xe8, 0xe9, 0xf8, 0xf9, 0x09, 0xe8, 0xe9],
      ['a'],
    ],
    [
      'the flow id of a tunnel',
      [
        'table=0,actions=set_field:192.168.4.2->tun_dst,set_field:0x138800->tun_id,multipath(symmetric_l3l4+udp,50,modulo_n,256,0,NXM_NX_TUN_ID[0..7]),output:5',
      ],
      35,
      [1, 2, 3, 4, 5, 6, 7],
      ['a'],
    ],
    [
      'a flow id that a table reads',
      [
        'table=0,actions=set_field:192.168.4.2->tun_dst,multipath(symmetric_l3l4+udp,50,modulo_n,4,0,NXM_NX_TUN_ID[0..7]),resubmit(,1)',
        'table=1,tun_id=1,actions=output:5',
        'table=1,tun_id=2,actions=output:2',
        'table=1,priority=1,actions=load:1->NXM_NX_TUN_ID[1],output:5',
      ],
      35,
      [1, 2, 3, 4, 5, 6, 7],
      ['a'],
    ],
    [
      'the rest of a field that is written in part',
      ['table=0,ip,actions=set_field:0.0.0.1/0.0.0.1->ip_dst,output:2'],
      33,
      [2, 4, 9, 7, 8],
      ['a'],
    ],
    [
      'what a move copies',
      ['table=0,ip,actions=move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[],output:2'],
      29,
      [1, 2],
      ['a'],
    ],
    ['whether a team takes groups', ['table=0,actions=output:1'], 0, [2, 3, 2], UPLINK],
    ['the class of service', ['table=0,ip,actions=set_field:9->nw_ttl,output:2'], 15, [0, 7, 184], ['a']],
    [
      'an address that is learnt behind its own back',
      ['table=0,actions=NORMAL,set_field:02:00:00:00:00:02->eth_src,NORMAL'],
      37,
      [1, 2],
      ['a'],
    ],
    ['the addresses of a bridge', ['table=0,actions=NORMAL'], 5, [2, 9, 1, 255], ['a', 'a', 'b', 'b']],
  ])('sees %s', async (_, flows, at, values, places) => {
    const [cached, plain] = [new Noted(CACHE_LIMITS), new Noted(CACHE_LIMITS, 'tables')];
    for (const noted of [cached, plain]) {
      for (const name of ['a', 'b', 'c']) await noted.port(vif(name, { mode: 'trunk', trunks: [] }));
      await noted.port(uplink('balance-slb'));
      await noted.port(tunnel('nvgre'));
      await noted.soft.applyFlows({ add: flows.map(parseFlow), remove: [] });
    }
    for (let round = 0; round < 3; round++) {
      for (const value of values) {
        for (const place of places) {
          const step: Step = { type: 'frame', place, frame: 0, octet: [at, value] };
          const expected = await plain.step(step, [UDP]);
          expect(await cached.step(step, [UDP]), `${value} into ${place}`).toEqual(expected);
        }
      }
    }
    expect(await cached.counters()).toEqual(await plain.counters());
    expect(cached.soft.cacheStatistics().hits).toBeGreaterThanOrEqual(values.length);
  });

  /** What a kernel has to know: rewriting, tags, tunnels; of frames of each kind, some of them alike and some not. */
  it.each<[string, readonly string[], Encapsulation]>([
    [
      'a router into a tunnel',
      [
        'table=0,ip,actions=set_field:02:00:5e:00:00:01->eth_src,set_field:02:00:00:00:07:07->eth_dst,dec_ttl,set_field:192.168.4.2->tun_dst,set_field:0x138800->tun_id,multipath(symmetric_l3l4+udp,50,modulo_n,256,0,NXM_NX_TUN_ID[0..7]),output:5',
        'table=0,ipv6,actions=set_field:02:00:00:00:07:07->eth_dst,dec_ttl,set_field:192.168.4.2->tun_dst,set_field:0x138800->tun_id,multipath(symmetric_l3l4+udp,50,modulo_n,100,0,NXM_NX_TUN_ID[0..7]),output:5',
        'table=0,arp,actions=set_field:192.168.4.3->tun_dst,set_field:0x138900->tun_id,output:5',
      ],
      'nvgre',
    ],
    [
      'a router',
      ['table=0,priority=9,ip,actions=set_field:02:00:00:00:07:07->eth_dst,dec_ttl,output:2'],
      'nvgre',
    ],
    [
      'a router that changes ports too',
      [
        'table=0,priority=9,udp,actions=dec_ttl,set_field:4242->udp_dst,output:2',
        'table=0,priority=9,tcp,actions=dec_ttl,set_field:3->ip_dscp,set_field:4242->tcp_dst,output:2',
      ],
      'nvgre',
    ],
    ['another TTL', ['table=0,priority=9,ip,actions=set_field:9->nw_ttl,output:2'], 'nvgre'],
    ['VXLAN', ['table=0,actions=set_field:192.168.4.2->tun_dst,set_field:7->tun_id,output:5'], 'vxlan'],
    [
      'Geneve, of what lost its tag',
      ['table=0,vlan_tci=0x1000/0x1000,actions=pop_vlan,set_field:192.168.4.2->tun_dst,output:5'],
      'geneve',
    ],
    [
      'tags that come and go',
      [
        'table=0,priority=2,vlan_tci=0x1000/0x1000,actions=pop_vlan,set_field:02:00:00:00:00:09->eth_dst,output:2',
        'table=0,priority=1,actions=push_vlan:0x8100,set_field:4105->vlan_tci,set_field:02:00:00:00:00:09->eth_src,output:2',
      ],
      'nvgre',
    ],
    [
      'another tag, on a router',
      [
        'table=0,ip,vlan_tci=0x1000/0x1000,actions=pop_vlan,push_vlan:0x8100,set_field:4107->vlan_tci,dec_ttl,output:2',
      ],
      'nvgre',
    ],
    [
      'other addresses and ports',
      [
        'table=0,priority=2,udp,actions=set_field:10.9.8.7->ip_src,set_field:4242->udp_dst,output:2',
        'table=0,priority=2,tcp,actions=set_field:10.9.8.7->ip_dst,set_field:77->tcp_src,output:2',
        'table=0,priority=2,udp6,actions=set_field:fd00::99->ipv6_dst,output:2',
        'table=0,priority=1,actions=output:2',
      ],
      'nvgre',
    ],
  ])('with each kernel, does as the tables: %s', async (_, flows, encapsulation) => {
    const plain = new Noted(CACHE_LIMITS, 'tables');
    const cached = (['wasm', 'typescript', 'elsewhere'] as const).map((way) => new Noted(CACHE_LIMITS, way));
    for (const noted of [plain, ...cached]) {
      for (const name of ['a', 'b', 'c']) await noted.port(vif(name, { mode: 'trunk', trunks: [] }));
      await noted.port(uplink('balance-slb'));
      await noted.port(tunnel(encapsulation));
      await noted.soft.applyFlows({ add: flows.map(parseFlow), remove: [] });
    }
    const octets: readonly (readonly [number, number] | undefined)[] = [
      undefined,
      ...[0, 1, 2, 63, 64, 255].map((value) => [22, value] as const),
      ...[0, 1, 255].flatMap((value) =>
        [5, 15, 24, 25, 26, 33, 35, 37, 40, 41].map((at) => [at, value] as const),
      ),
    ];
    for (let round = 0; round < 2; round++) {
      for (const [frame] of KINDS.entries()) {
        for (const octet of octets) {
          const frames = [
            { frame, octet },
            { frame, octet: undefined },
            { frame, octet },
          ];
          const step: Step = { type: 'batch', place: 'a', frames };
          const expected = await plain.step(step, KINDS);
          for (const noted of cached) {
            expect(await noted.step(step, KINDS), `frame ${frame}, octet ${octet}`).toEqual(expected);
          }
        }
      }
    }
    for (const noted of cached) {
      expect(await noted.counters()).toEqual(await plain.counters());
      expect(noted.soft.cacheStatistics().hits).toBeGreaterThan(400);
    }
  });

  it('keeps the flows of the other ports when one port brings many', async () => {
    const noted = new Noted({ megaflows: 64, hints: 64 });
    for (const name of ['a', 'b', 'c']) await noted.port(vif(name, { mode: 'trunk', trunks: [] }));
    // What is copied is looked at, so each port has a megaflow of its own.
    await noted.soft.applyFlows({
      add: [parseFlow('table=0,udp,actions=move:NXM_OF_UDP_SRC[]->NXM_NX_REG1[0..15],output:3')],
      remove: [],
    });
    const send = (place: string, sport: number) => {
      const bytes = UDP.slice();
      bytes[34] = sport >> 8;
      bytes[35] = sport;
      return noted.step({ type: 'frame', place, frame: 0, octet: undefined }, [bytes]);
    };
    for (let port = 1000; port < 1016; port++) await send('a', port);
    for (let port = 2000; port < 4000; port++) await send('b', port);
    const before = noted.soft.cacheStatistics();
    expect(before.megaflows).toBe(64);
    for (let port = 1000; port < 1016; port++) await send('a', port);
    expect(noted.soft.cacheStatistics().hits - before.hits).toBe(16);
  });

  it('keeps what does not depend on an address that is learnt elsewhere', async () => {
    const noted = new Noted(CACHE_LIMITS);
    for (const name of ['a', 'b', 'c']) await noted.port(vif(name, { mode: 'trunk', trunks: [] }));
    await noted.soft.applyFlows({ add: [parseFlow('table=0,actions=NORMAL')], remove: [] });
    const send = (place: string, source: number) =>
      noted.step({ type: 'frame', place, frame: 0, octet: [11, source] }, [UDP]);
    for (const _ of [1, 2]) await send('a', 1);
    const before = noted.soft.cacheStatistics().megaflows;
    await send('b', 9);
    expect(noted.soft.cacheStatistics().megaflows).toBe(before + 1);
    // But what was flooded to it is not flooded any more.
    await send('c', 2);
    expect(await send('a', 1)).toEqual([expect.stringMatching(/^c /)]);
  });
});
