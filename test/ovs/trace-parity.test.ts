/**
 * The softswitch decides as Open vSwitch does: `ofproto/trace` of a real ovs-vswitchd (dummy datapath) tells the final
 * flow and the output ports of the same frames and flows. The bytes that come out are compared in test/parity.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect } from 'vitest';
import type { PortVlan } from '../../src/flow/datapath.ts';
import { FIELD_NAMES, type FieldName } from '../../src/flow/fields.ts';
import type { Flow } from '../../src/flow/flow.ts';
import { entriesOf } from '../../src/flow/match.ts';
import { parseFlow, parseMatch } from '../../src/flow/parse.ts';
import { formatFlow } from '../../src/flow/text.ts';
import { ipv4, ipv6, mac } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import { toHex } from '../../src/packet/bytes.ts';
import type { Layer } from '../../src/packet/layer.ts';
import { type FlowKey, readField } from '../../src/softswitch/frame/key.ts';
import { SoftSwitch } from '../../src/softswitch/switch.ts';
import { arbitraryFlow } from '../support/flow-arbitraries.ts';
import { seed } from '../support/seed.ts';
import { brokenFrame, POOL, switchFrame } from '../support/switch-frames.ts';
import { itWithOpenVswitch, matchFragments, type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';

const PORTS = [1, 2, 3, 4] as const;
const BRIDGE = 'br0';

let ovs: OpenVswitch | undefined;

afterAll(() => ovs?.stop());

async function openVswitch(): Promise<OpenVswitch> {
  if (ovs) return ovs;
  ovs = await startOpenVswitch({ dummy: true });
  const ports = PORTS.flatMap((n) => [
    ...['--', 'add-port', BRIDGE, `p${n}`, '--', 'set', 'interface', `p${n}`, 'type=dummy'],
    `ofport_request=${n}`,
  ]);
  await ovs.vsctl(
    'add-br',
    BRIDGE,
    '--',
    'set',
    'bridge',
    BRIDGE,
    'datapath_type=dummy',
    'fail_mode=secure',
    ...ports,
  );
  await matchFragments(ovs, BRIDGE);
  return ovs;
}

/** What came of a frame. */
interface Result {
  /** Ports that it was sent to, sorted. */
  readonly outputs: readonly number[];
  readonly final: (name: FieldName) => bigint;
}

class Twins {
  readonly ovs: OpenVswitch;
  readonly soft: SoftSwitch;
  readonly #receive = new Map<number, (frame: Uint8Array) => void>();
  #sent: number[] = [];
  #key: FlowKey | undefined;

  private constructor(ovs: OpenVswitch, soft: SoftSwitch) {
    this.ovs = ovs;
    this.soft = soft;
  }

  static async with(flows: readonly Flow[]): Promise<Twins> {
    const real = await openVswitch();
    const twins = new Twins(real, new SoftSwitch({ now: () => 0 }));
    for (const n of PORTS) {
      const vlan: PortVlan = { mode: 'trunk', trunks: [] };
      expect(await twins.soft.setPort({ type: 'vif', name: `p${n}`, id: `${n}`, vlan })).toBe(n);
      const deliver = () => twins.#sent.push(n);
      twins.#receive.set(n, twins.soft.attach(`p${n}`, undefined, deliver).receive);
    }
    await twins.soft.applyFlows({ add: flows, remove: [] });
    const file = join(real.directory, 'flows');
    writeFileSync(file, `${flows.map(formatFlow).join('\n')}\n`);
    await real.ofctl('-O', 'OpenFlow15', 'replace-flows', `unix:${join(real.directory, BRIDGE)}.mgmt`, file);
    return twins;
  }

  softResult(port: number, frame: Uint8Array): Result {
    this.#sent = [];
    this.#key = undefined;
    this.soft.observe((event) => {
      if (event.type === 'done') this.#key = event.key;
    });
    this.#receive.get(port)?.(frame);
    this.soft.observe(undefined);
    const key = this.#key as FlowKey | undefined;
    if (!key) throw new Error('the frame did not go through the pipeline');
    return {
      outputs: this.#sent.toSorted(),
      final: (name) => readField(key, name),
    };
  }

  async trace(port: number, frame: Uint8Array): Promise<string> {
    return this.ovs.appctl('ofproto/trace', '--names', BRIDGE, `in_port=${port}`, toHex(frame));
  }

  /** Same ports and same final flow. */
  async compare(port: number, frame: Uint8Array): Promise<Result> {
    const soft = this.softResult(port, frame);
    const text = await this.trace(port, frame);
    const where = `frame ${toHex(frame)} into port ${port}:\n${text}`;
    expect(soft.outputs, where).toEqual(outputsOf(text));
    const real = finalFlow(text);
    // Without a destination Open vSwitch does not print the other fields of a tunnel.
    const hasTunnel = soft.final('tun_dst') !== 0n || soft.final('tun_ipv6_dst') !== 0n;
    const zeroUnlessPrinted = hasTunnel
      ? /^(metadata|reg|tun_[sdi]\w+[ct]$)/
      : /^(metadata|reg|tun_(ipv6_)?dst)/;
    for (const name of FIELD_NAMES) {
      const expected = real.get(name);
      const message = `${name}; ${where}`;
      if (expected) expect(soft.final(name) & expected.mask, message).toBe(expected.value);
      else if (zeroUnlessPrinted.test(name)) expect(soft.final(name), message).toBe(0n);
    }
    return soft;
  }
}

/** `Datapath actions: set(eth(…)),p2,clone(push_vlan(…),p3)`; the bridge's own port does not count. */
function outputsOf(text: string): number[] {
  const actions = /^Datapath actions: (.*)$/m.exec(text)?.[1] ?? '';
  return [...actions.matchAll(/(?<=^|[,(])p(\d)(?=$|[,)])/g)].map((m) => Number(m[1])).sort();
}

/** Names in a printed flow that are no match fields of ours. */
const NOT_OURS =
  /^(eth|nw_ecn|ipv6_label|vlan_tci1|dl_vlan1|dl_vlan_pcp1|tun_(flags|tos|ttl|gbp.*|erspan.*)|recirc_id|gtpu_.*|pkt_mark|ct_.*|igmp.*|mpls.*|packet_type|dl_type=0x0000)$/;

function finalFlow(text: string): Map<FieldName, { value: bigint; mask: bigint }> {
  const flow = /^Flow: (.*)$/m.exec(text)?.[1] ?? '';
  const final = /^Final flow: (.*)$/m.exec(text)?.[1] ?? 'unchanged';
  const printed = (final === 'unchanged' ? flow : final).replace(/in_port=p(\d)/, 'in_port=$1').split(',');
  const hasPorts = /^(tcp|udp)/.test(printed.find((p) => !p.includes('=')) ?? '');
  // Open vSwitch prints these for every ICMPv6 packet; they exist in neighbour discovery only.
  const nd = ['135', '136'].find(
    (type) => printed.includes(`icmp_type=${type}`) && printed.includes('icmp_code=0'),
  );
  const ours = printed.filter((part) => {
    const name = part.split('=')[0] ?? '';
    if (name === 'nd_sll') return nd === '135';
    if (name === 'nd_tll') return nd === '136';
    if (name.startsWith('nd_')) return nd !== undefined;
    return !NOT_OURS.test(name) && (hasPorts || !/^tp_/.test(name));
  });
  return new Map(entriesOf(parseMatch(ours.join(','))));
}

const LIMITS = { tables: 5, ports: [...PORTS], values: POOL, reserved: false };

/** Flows with priorities of their own that resubmit forwards only. */
const program: fc.Arbitrary<Flow[]> = fc
  .array(arbitraryFlow(LIMITS), { minLength: 6, maxLength: 24, size: 'max' })
  .map((flows) =>
    flows
      .map((random, i) => ({ ...random, table: i % 2 === 0 ? 0 : random.table }))
      .map((flow, i) => ({
        ...flow,
        priority: i,
        // Most of them match widely, or nothing would happen.
        match: i % 3 === 0 ? onlyType(flow) : flow.match,
        actions: flow.actions.map((a) =>
          a.type === 'resubmit' ? { ...a, table: Math.max(a.table, flow.table + 1) } : a,
        ),
      })),
  );

/** The prerequisites alone, which the actions may rely on. */
function onlyType({ match }: Flow): Flow['match'] {
  const names: readonly FieldName[] = [
    'eth_type',
    'ip_proto',
    'icmpv6_type',
    'icmpv6_code',
    'vlan_tci',
    'ip_frag',
  ];
  return Object.fromEntries(entriesOf(match).filter(([name]) => names.includes(name)));
}

describe('softswitch == Open vSwitch', () => {
  itWithOpenVswitch('random programs and frames end in the same ports with the same flow', async () => {
    const programs = fc.sample(program, { numRuns: 12, seed });
    const anyFrame = fc.tuple(fc.constantFrom(...PORTS), fc.oneof(switchFrame, brokenFrame));
    const frames = fc.sample(anyFrame, { numRuns: 12 * 25, seed });
    let sent = 0;
    for (const [i, flows] of programs.entries()) {
      await explained(seed, flows, async () => {
        const twins = await Twins.with(flows);
        for (const [port, frame] of frames.slice(i * 25, i * 25 + 25)) {
          sent += (await twins.compare(port, frame)).outputs.length;
        }
      });
    }
    // A comparison of nothing with nothing is no comparison.
    expect(sent, `seed ${seed}`).toBeGreaterThan(50);
  });

  const tagged = (vid: number, ...layers: Layer[]) => frame(ETH, { layer: 'vlan', vid }, ...layers);
  const UDP: Layer[] = [
    { layer: 'ipv4', src: ipv4('10.0.0.5'), dst: ipv4('10.0.0.7') },
    { layer: 'udp', sport: 53, dport: 80 },
  ];

  describe.each([
    [
      'a table that nothing matches drops',
      ['table=0,actions=output:2,resubmit(,1),output:3', 'table=1,arp,actions=output:4'],
    ],
    [
      'a resubmit keeps what the other table changed',
      ['table=0,actions=resubmit(,1),output:3', 'table=1,ip,actions=set_field:10.9.9.9->ip_dst,output:2'],
    ],
    ['never back where it came from, but by IN_PORT', ['table=0,actions=output:1,output:2,IN_PORT']],
    ['a written in_port counts', ['table=0,actions=set_field:2->in_port,output:1,output:2']],
    [
      'a clone changes a copy',
      [
        'table=0,udp,actions=clone(set_field:9->udp_dst,resubmit(,1)),resubmit(,1)',
        'table=1,udp,tp_dst=9,actions=output:2',
        'table=1,priority=1,actions=output:3',
      ],
    ],
    ['ttl', ['table=0,ip,actions=resubmit(,1),output:4', 'table=1,ip,actions=dec_ttl,output:2']],
    ['a flood', ['table=0,actions=FLOOD']],
    ['all ports', ['table=0,actions=ALL,output:3']],
    ['an endless loop sends nothing', ['table=0,actions=output:2,resubmit(,0)']],
    [
      '64 levels of a loop are taken',
      ['table=0,reg0=63,actions=output:2', 'table=0,priority=1,actions=resubmit(,1)', ...countdown()],
    ],
    [
      'registers in all their views',
      [
        'table=0,ip,actions=set_field:0x0a0000050a000007->xreg1,move:NXM_NX_REG2[]->NXM_NX_REG8[],move:OXM_OF_PKT_REG1[0..31]->OXM_OF_PKT_REG5[8..39],resubmit(,1)',
        'table=1,reg2=0xa000005,reg3=0xa000007,actions=output:2',
      ],
    ],
    [
      'parts of fields',
      [
        'table=0,ip,actions=set_field:0.0.3.0/0.0.255.0->ip_dst,move:NXM_OF_ETH_SRC[0..15]->NXM_OF_IP_SRC[8..23],load:0x3->NXM_NX_REG1[30..31],output:2',
      ],
    ],
    [
      'tags',
      [
        'table=0,vlan_tci=0x1000/0x1000,actions=set_field:4103->vlan_vid,set_field:5->vlan_pcp,output:2,pop_vlan,output:3,push_vlan:0x88a8,output:4',
      ],
    ],
    [
      'a written vlan_tci brings a tag and takes it away',
      ['table=0,actions=set_field:0xb007->vlan_tci,output:2,set_field:0->vlan_tci,output:3'],
    ],
    [
      'the first fragment has ports, the others have none',
      [
        'table=0,priority=9,udp,nw_frag=first,tp_dst=80,actions=output:2',
        'table=0,priority=9,udp,nw_frag=no,tp_dst=80,actions=output:1',
        'table=0,priority=8,ip,nw_frag=yes,actions=output:3',
        'table=0,priority=7,actions=output:4',
      ],
    ],
    [
      'paths',
      [
        'table=0,actions=multipath(symmetric_l3l4+udp,50,modulo_n,256,0,NXM_NX_REG1[0..7]),multipath(symmetric_l3l4+udp,7,modulo_n,3,0,NXM_NX_REG2[4..9]),output:2',
      ],
    ],
  ])('%s', (_, texts) => {
    itWithOpenVswitch('as in Open vSwitch', async () => {
      const twins = await Twins.with(texts.map(parseFlow));
      const frames = [
        frame(ETH, ...UDP),
        frame(ETH, { ...UDP[0], mf: true } as Layer, UDP[1]!),
        frame(ETH, { ...UDP[0], frag: 8 } as Layer, { layer: 'data', bytes: new Uint8Array(24) }),
        frame(ETH, { ...UDP[0], ttl: 1 } as Layer, UDP[1]!),
        frame(
          ETH,
          { layer: 'ipv6', src: ipv6('fd00::5'), dst: ipv6('fd00::7') },
          { layer: 'tcp', sport: 1, dport: 2 },
        ),
        frame(ETH, { layer: 'arp', spa: ipv4('10.0.0.5'), tpa: ipv4('10.0.0.7') }),
        tagged(7, ...UDP),
        tagged(0, { layer: 'arp' }),
        frame(ETH, { layer: 'vlan', vid: 5 }, { layer: 'vlan', vid: 7 }, ...UDP),
      ];
      for (const bytes of frames) await twins.compare(1, bytes);
    });
  });
});

const ETH = { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') } as const;

/** Flows of table 1 that count reg0 up to 63 and go back to table 0 each time, which is one level deeper. */
function countdown(): string[] {
  return Array.from(
    { length: 63 },
    (_, i) => `table=1,priority=2,reg0=${i},actions=set_field:${i + 1}->reg0,resubmit(,0)`,
  );
}

/** Puts the program and the seed into the message of whatever fails. */
async function explained(seed: number, flows: readonly Flow[], run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw new Error(`seed ${seed}\n${flows.map(formatFlow).join('\n')}`, { cause: error });
  }
}
