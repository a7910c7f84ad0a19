/**
 * Groups, meters, learnt flows, bundles and the rest of what picks a way: the softswitch against a real Open vSwitch,
 * the same programs and frames in both. Every frame that leaves, byte by byte, and what flows, groups and meters have
 * counted; the softswitch twice, once with its flow cache.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { ipv4, ipv6, mac } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import type { Layer } from '../../src/packet/layer.ts';
import { DummySwitch } from '../parity/dummy-port.ts';
import { groupFrame, groupProgram } from '../support/group-programs.ts';
import { PORTS, type PortName, runReal, runSoft, type Scene, type Step } from './group-scenes.ts';
import { itWithOpenVswitch } from './open-vswitch.ts';

const RUNS = Number(process.env.RUNS ?? 25);
let real: DummySwitch;

beforeAll(async () => {
  real = await DummySwitch.start(PORTS, { slowPath: true });
}, 60_000);

afterAll(async () => {
  await real?.stop();
});

async function same(scene: Scene): Promise<void> {
  const expected = await runReal(real, scene);
  for (const cached of [false, true]) {
    expect({ cached, ...(await runSoft(scene, cached)) }).toEqual({ cached, ...expected });
  }
  expect(expected.frames.flat().length, 'something is delivered').toBeGreaterThan(0);
}

// ------------------------------------------------------------------------------------------------------ frames

function eth(source: number): Layer {
  return { layer: 'eth', src: mac(`02:00:00:00:00:0${source}`), dst: mac('02:00:00:00:00:99') };
}

const udp = (host: number, port: number, size = 20): Uint8Array =>
  frame(
    eth(host),
    { layer: 'ipv4', src: ipv4(`10.0.0.${host}`), dst: ipv4('10.0.1.7') },
    { layer: 'udp', sport: port, dport: 2000 },
    { layer: 'data', bytes: new Uint8Array(size) },
  );
const tcp = (host: number, port: number, flags: number): Uint8Array =>
  frame(
    eth(host),
    { layer: 'ipv4', src: ipv4(`10.0.0.${host}`), dst: ipv4('10.0.1.7') },
    { layer: 'tcp', sport: port, dport: 80, flags },
  );
const udp6 = (host: number, port: number): Uint8Array =>
  frame(
    eth(host),
    { layer: 'ipv6', src: ipv6(`2001:db8::${host}`), dst: ipv6('2001:db8::77') },
    { layer: 'udp', sport: port, dport: 2000 },
    { layer: 'data', bytes: new Uint8Array(8) },
  );
/** From host 9 to another one. */
const answer = (to: number): Uint8Array => {
  const bytes = udp(9, 1);
  bytes.set([0x02, 0, 0, 0, 0, to], 0);
  return bytes;
};
const other = (host: number): Uint8Array => {
  const bytes = new Uint8Array(60);
  bytes.set(udp(host, 1).subarray(0, 12));
  bytes.set([0x88, 0xb5, host], 12);
  return bytes;
};

const at = (port: PortName, bytes: Uint8Array): Step => ({ type: 'frame', port, bytes });
const wait = (milliseconds: number): Step => ({ type: 'wait', milliseconds });
const link = (port: PortName, up: boolean): Step => ({ type: 'link', port, up });

/** All kinds of frames, each twice. */
const MIXED: readonly Step[] = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((host) =>
  [udp(host, 1000 + host), udp(host, 3000), tcp(host, 99, 0x10), udp6(host, 7 * host), other(host)].flatMap(
    (bytes) => [at('p1', bytes), at('p1', bytes)],
  ),
);

const [FIN, ACK] = [0x01, 0x10];

describe('groups', () => {
  itWithOpenVswitch('all: every bucket gets a copy of the packet as it came to the group', () =>
    same({
      groups: [
        'group_id=1,type=all,bucket=actions=set_field:02:00:00:00:00:55->eth_src,output:2,bucket=actions=output:3,bucket=actions=output:4,set_field:7->reg0',
      ],
      flows: ['table=0,actions=set_field:02:00:00:00:00:44->eth_dst,group:1,output:2'],
      steps: MIXED,
    }),
  );

  itWithOpenVswitch('a bucket is a set of actions: their order is not that of the list', () =>
    same({
      groups: [
        'group_id=1,type=indirect,bucket=actions=output:2,push_vlan:0x8100,set_field:0x1007->vlan_vid,output:3',
        'group_id=2,type=all,bucket=actions=set_field:02:00:00:00:00:55->eth_src,bucket=actions=output:4,resubmit(,1)',
      ],
      flows: ['table=0,actions=group:1,group:2', 'table=1,actions=output:2'],
      steps: MIXED,
    }),
  );

  const THREE =
    'bucket=bucket_id:1,actions=output:2,bucket=bucket_id:2,actions=output:3,bucket=bucket_id:7,actions=output:4';
  itWithOpenVswitch(
    'select takes the same bucket, whatever it hashes',
    async () => {
      const heads = [
        '',
        'selection_method=dp_hash,',
        'selection_method=dp_hash,selection_method_param=0x100000007,',
        'selection_method=dp_hash,selection_method_param=12,',
        'selection_method=hash,fields(eth_src,ip_dst,ip_src,tcp_src,udp_src,vlan_tci),',
        'selection_method=hash,selection_method_param=77,fields(ip_src,ipv6_src,udp_src,in_port,eth_type,nw_ttl),',
        'selection_method=hash,',
      ];
      for (const head of heads) {
        await same({
          groups: [`group_id=1,type=select,${head}${THREE}`],
          flows: ['table=0,actions=group:1'],
          steps: MIXED,
        });
      }
    },
    60_000,
  );

  itWithOpenVswitch(
    'select by weight, and weights that no table fits',
    async () => {
      for (const [a, b, c] of [
        [1, 2, 3],
        [100, 1, 0],
        [0, 0, 5],
        [60_000, 1, 1],
        [700, 3, 300],
      ]) {
        await same({
          groups: [
            `group_id=1,type=select,bucket=weight:${a},actions=output:2,bucket=weight:${b},actions=output:3,bucket=weight:${c},actions=output:4`,
          ],
          flows: ['table=0,actions=group:1,output:2'],
          steps: MIXED,
        });
      }
    },
    60_000,
  );

  itWithOpenVswitch('the hash of a packet stays what it was, and flows count what goes on', () =>
    same({
      groups: [
        `group_id=1,type=select,selection_method=dp_hash,${THREE}`,
        `group_id=2,type=select,${THREE}`,
        'group_id=3,type=select,bucket=actions=push_vlan:0x8100,resubmit(,1),bucket=actions=group:1',
      ],
      flows: [
        'table=0,priority=9,ip,actions=clone(group:3),set_field:10.9.9.9->ip_dst,group:2,group:1,resubmit(,1)',
        'table=0,priority=1,actions=push_vlan:0x8100,group:3,resubmit(,1)',
        'table=1,actions=set_field:02:00:00:00:00:55->eth_src,group:2,output:2',
      ],
      steps: MIXED,
    }),
  );

  itWithOpenVswitch('fast failover follows links, and groups that groups watch', () =>
    same({
      groups: [
        'group_id=1,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions=output:3,bucket=watch_group:5,actions=output:4',
        'group_id=2,type=ff,bucket=watch_group:1,actions=group:1,bucket=watch_port:9,actions=output:1',
        'group_id=3,type=select,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions=output:3',
        'group_id=5,type=ff,bucket=watch_port:4,actions=drop',
      ],
      flows: [
        'table=0,udp,actions=group:1',
        'table=0,tcp,actions=group:2',
        'table=0,priority=1,actions=group:3',
      ],
      steps: [
        ...MIXED.slice(0, 30),
        ...[link('p2', false), ...MIXED.slice(0, 20), link('p3', false), ...MIXED.slice(0, 20)],
        ...[link('p4', false), ...MIXED.slice(0, 20), link('p2', true), ...MIXED.slice(0, 20)],
      ],
    }),
  );

  itWithOpenVswitch('groups without an end, and groups that are not there', () =>
    same({
      groups: [
        'group_id=1,type=all,bucket=actions=output:2,bucket=actions=group:1',
        'group_id=2,type=all,bucket=actions=output:3,bucket=actions=group:77,bucket=actions=resubmit(,1)',
      ],
      flows: [
        'table=0,udp,actions=output:4,group:1',
        'table=0,tcp,actions=group:2,output:4',
        'table=1,actions=output:2',
      ],
      steps: MIXED,
    }),
  );
});

describe('meters', () => {
  const burst = (count: number, size = 20) =>
    Array.from({ length: count }, (_, i) => at('p1', udp(1 + (i % 3), 1000, size)));

  itWithOpenVswitch('packets a second', () =>
    same({
      meters: [
        'meter=1,pktps,stats,bands=type=drop,rate=3',
        'meter=2,pktps,burst,stats,bands=type=drop,rate=2,burst_size=5,type=drop,rate=3,burst_size=1',
      ],
      flows: [
        'table=0,priority=9,ip,ip_src=10.0.0.1,actions=meter:1,output:2',
        'table=0,priority=1,actions=meter:2,output:3',
      ],
      steps: [
        ...burst(20),
        ...[1, 332, 1, 1, 500, 165, 10_000, 333, 1, 7].flatMap((ms) => [wait(ms), ...burst(6)]),
      ],
    }),
  );

  itWithOpenVswitch('kilobits a second', () =>
    same({
      meters: [
        'meter=1,kbps,stats,bands=type=drop,rate=1',
        'meter=2,kbps,burst,stats,bands=type=drop,rate=7,burst_size=3,type=drop,rate=2,burst_size=9',
      ],
      flows: [
        'table=0,priority=9,ip,ip_src=10.0.0.1,actions=meter:1,output:2',
        'table=0,priority=1,actions=meter:2,output:3',
      ],
      steps: [
        ...burst(20),
        ...[1, 100, 333, 1000, 2, 10_000].flatMap((ms) => [wait(ms), ...burst(6), ...burst(3, 300)]),
      ],
    }),
  );

  itWithOpenVswitch('what a meter drops is counted, and learnt from; a clone is by itself', () =>
    same({
      meters: ['meter=1,pktps,stats,bands=type=drop,rate=1', 'meter=2,pktps,stats,bands=type=drop,rate=2'],
      groups: [
        'group_id=1,type=all,bucket=actions=resubmit(,3),bucket=actions=output:2',
        'group_id=2,type=select,bucket=actions=resubmit(,3)',
      ],
      flows: [
        'table=0,priority=9,udp,ip_src=10.0.0.1,actions=output:4,resubmit(,4)',
        'table=0,priority=9,udp,ip_src=10.0.0.2,actions=clone(ct(zone=3),resubmit(,2),output:2),output:3,clone(resubmit(,2)),output:4',
        'table=0,priority=9,udp,ip_src=10.0.0.3,actions=group:1,output:4',
        'table=0,priority=9,tcp,actions=group:2,output:4',
        'table=0,priority=8,ipv6,actions=meter:2,group:2,output:4',
        'table=0,priority=1,actions=drop',
        'table=1,actions=output:3,NORMAL',
        'table=2,actions=meter:2,output:2',
        'table=3,actions=meter:2,push_vlan:0x8100,resubmit(,5),output:3',
        'table=4,actions=meter:1,output:2,resubmit(,1)',
        'table=5,actions=meter:1,output:2',
      ],
      steps: [...MIXED, wait(700), ...MIXED, wait(300), ...MIXED],
    }),
  );
});

describe('flows that end', () => {
  itWithOpenVswitch('idle and hard timeouts, to the millisecond', () =>
    same({
      flows: [
        'table=0,priority=3,idle_timeout=2,udp,actions=output:2',
        'table=0,priority=2,hard_timeout=5,idle_timeout=4,actions=output:3',
        'table=0,priority=1,actions=output:4',
      ],
      // Open vSwitch looks for what has ended once in a while, at the latest when time has gone on.
      steps: [2000, 1999, 1500, 2600, 600, 5000].flatMap((ms) => [
        at('p1', udp(1, 1000)),
        at('p1', tcp(1, 1000, ACK)),
        wait(ms),
      ]),
    }),
  );

  itWithOpenVswitch('a FIN shortens what is left', () =>
    same({
      flows: [
        'table=0,priority=9,tcp,ip_src=10.0.0.1,actions=fin_timeout(idle_timeout=1,hard_timeout=3),output:2',
        'table=0,priority=9,hard_timeout=2,tcp,ip_src=10.0.0.2,actions=fin_timeout(hard_timeout=60,idle_timeout=5),output:2',
        'table=0,priority=1,actions=output:3',
      ],
      steps: [
        ...[at('p1', tcp(1, 5, ACK)), at('p1', tcp(2, 5, ACK)), wait(10_000), at('p1', tcp(1, 5, ACK))],
        ...[at('p1', tcp(2, 5, ACK)), at('p1', tcp(1, 5, FIN | ACK)), wait(900), at('p1', tcp(1, 5, ACK))],
        ...[wait(900), at('p1', tcp(1, 5, ACK)), wait(500), at('p1', tcp(1, 5, ACK)), wait(2500)],
        ...[at('p1', tcp(1, 5, ACK)), at('p1', udp(1, 1000))],
      ],
    }),
  );
});

describe('learn', () => {
  const LEARN =
    'learn(table=1,idle_timeout=4,hard_timeout=9,priority=7,cookie=0x77,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_ETH_SRC[0..15]->NXM_NX_REG1[16..31],load:0x5->NXM_NX_REG2[3..6],output:NXM_OF_IN_PORT[])';

  itWithOpenVswitch('a switch made of flows', () =>
    same({
      flows: [`table=0,priority=5,actions=${LEARN},resubmit(,1)`, 'table=1,priority=1,actions=flood'],
      steps: [
        ...[at('p1', udp(1, 1)), at('p2', udp(2, 1)), at('p1', udp(1, 2)), at('p3', udp(1, 1)), wait(3000)],
        ...[at('p1', udp(1, 1)), at('p2', answer(1)), at('p4', answer(2)), wait(3500), at('p2', answer(1))],
        ...[
          wait(3500),
          at('p4', answer(1)),
          wait(3000),
          at('p4', answer(2)),
          at('p4', answer(1)),
          wait(9000),
        ],
        at('p1', udp(3, 1)),
      ],
    }),
  );

  itWithOpenVswitch('a limit, a change of what was learnt, and flows that go with their teacher', () =>
    same({
      flows: [
        'table=0,priority=9,udp,actions=learn(table=2,hard_timeout=20,limit=3,cookie=0x5,eth_type=0x800,nw_proto=17,NXM_OF_UDP_SRC[],output:NXM_OF_IN_PORT[]),resubmit(,2)',
        'table=0,priority=9,tcp,actions=learn(table=2,delete_learned,fin_idle_timeout=2,idle_timeout=30,cookie=0x6,priority=3,eth_type=0x800,nw_proto=6,NXM_OF_TCP_SRC[],load:NXM_NX_REG0[]->NXM_NX_REG1[],output:NXM_OF_IN_PORT[]),resubmit(,2)',
        'table=0,priority=1,hard_timeout=1,actions=output:4',
        'table=2,priority=0,actions=output:3',
      ],
      steps: [
        ...[1, 2, 3, 4, 5, 1, 2].map((port) => at('p1', udp(1, port))),
        ...[at('p2', udp(1, 1)), at('p1', udp(1, 1)), at('p1', tcp(1, 9, ACK)), at('p2', tcp(1, 9, ACK))],
        ...[at('p1', tcp(1, 9, ACK)), wait(6000), at('p1', udp(1, 4)), at('p1', tcp(1, 9, FIN)), wait(1000)],
        ...[
          at('p1', udp(1, 4)),
          wait(15_500),
          at('p1', udp(1, 6)),
          at('p1', udp(1, 7)),
          at('p1', tcp(1, 9, ACK)),
        ],
      ],
    }),
  );

  itWithOpenVswitch('what a frame learns is there for the next one, not for itself', () =>
    same({
      groups: ['group_id=1,type=select,bucket=actions=resubmit(,1)'],
      flows: [
        'table=0,priority=9,udp,actions=learn(table=1,NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),resubmit(,1),in_port',
        'table=0,priority=9,tcp,actions=load:3->NXM_NX_REG0[],learn(table=1,NXM_OF_ETH_SRC[],load:7->NXM_NX_REG0[],output:NXM_NX_REG0[0..15]),group:1',
        'table=0,priority=1,actions=resubmit(,1)',
        'table=1,priority=1,actions=output:4',
      ],
      steps: [
        udp(1, 1),
        udp(1, 1),
        udp(2, 1),
        tcp(3, 1, ACK),
        tcp(3, 1, ACK),
        other(3),
        udp(3, 1),
        tcp(1, 1, ACK),
      ].flatMap((bytes) => [at('p1', bytes), at('p2', bytes), at('p2', bytes)]),
    }),
  );
});

describe('ways', () => {
  itWithOpenVswitch(
    'bundle and bundle_load',
    async () => {
      for (const fields of [
        'eth_src',
        'symmetric_l4',
        'symmetric_l3l4',
        'symmetric_l3l4+udp',
        'nw_src',
        'nw_dst',
      ]) {
        await same({
          flows: [
            `table=0,actions=bundle(${fields},77,hrw,ofport,members:2,3,4,9),bundle_load(${fields},0,hrw,ofport,NXM_NX_REG0[0..15],members:2,3,4),resubmit(,1)`,
            'table=1,reg0=2,actions=output:4',
            'table=1,reg0=3,actions=bundle(eth_src,0,active_backup,ofport,members:9,4,3)',
            'table=1,reg0=4,actions=move:NXM_NX_REG0[0..15]->NXM_NX_REG3[7..22],output:NXM_NX_REG3[7..22]',
            'table=1,reg0=0xffff,actions=output:NXM_NX_REG0[]',
          ],
          steps: [
            ...MIXED,
            ...[link('p3', false), ...MIXED.slice(0, 30), link('p4', false), ...MIXED.slice(0, 20)],
            ...[link('p2', false), ...MIXED.slice(0, 10)],
          ],
        });
      }
    },
    60_000,
  );

  itWithOpenVswitch('output to a register, and tables on the way', () =>
    same({
      flows: [
        'table=0,priority=9,udp,actions=load:0xfff8->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15],load:0xfffb->NXM_NX_REG0[0..15],output:NXM_NX_REG0[0..15],goto_table:3',
        'table=0,priority=9,tcp,actions=load:0x10002->NXM_NX_REG0[],output:NXM_NX_REG0[],output:NXM_NX_REG0[0..15],load:0xff77->NXM_NX_REG1[],output:NXM_NX_REG1[]',
        'table=0,priority=1,reg5=0,actions=load:1->NXM_NX_REG5[],load:0xfff9->NXM_NX_REG0[],output:NXM_NX_REG0[],output:3',
        'table=0,priority=1,reg5=1,actions=output:2',
        'table=3,actions=output:NXM_OF_IN_PORT[],output:2,goto_table:4',
        'table=4,actions=output:3',
      ],
      steps: MIXED,
    }),
  );

  itWithOpenVswitch('check_pkt_larger counts on both ways and delivers on one', () =>
    same({
      meters: ['meter=1,pktps,stats,bands=type=drop,rate=3'],
      flows: [
        'table=0,priority=9,udp,actions=resubmit(,1),output:NXM_NX_REG0[0..15],output:4',
        'table=0,priority=1,actions=push_vlan:0x8100,check_pkt_larger(60)->NXM_NX_REG1[3],output:4,resubmit(,2)',
        'table=1,actions=load:3->NXM_NX_REG0[],check_pkt_larger(100)->NXM_NX_REG1[0],load:2->NXM_NX_REG0[],set_field:02:00:00:00:00:66->eth_dst,resubmit(,2)',
        'table=2,priority=2,reg1=0,actions=NORMAL',
        'table=2,priority=2,reg1=1,ip,actions=set_field:10.1.1.1->ip_src,output:2,check_pkt_larger(110)->NXM_NX_REG2[0],output:3',
        'table=2,priority=1,actions=meter:1,output:2',
      ],
      steps: [57, 58, 59, 60, 100, 68, 69, 58, 200, 20].flatMap((size) => [
        at('p1', udp(1, 1, size)),
        at('p3', tcp(1, 2, ACK)),
        at('p3', other(2)),
      ]),
    }),
  );
});

describe('whatever comes', () => {
  const near = fc.constantFrom<PortName>('p1', 'p2');
  /** A dummy port takes frames even where its link is down. */
  const far = fc.constantFrom<PortName>('p3', 'p4');
  const scene: fc.Arbitrary<Scene> = fc
    .tuple(groupProgram, fc.array(groupFrame, { minLength: 4, maxLength: 4 }))
    .chain(([program, frames]) =>
      fc
        .array(
          fc.oneof(
            {
              weight: 16,
              arbitrary: fc.tuple(near, fc.constantFrom(...frames)).map(([p, bytes]) => at(p, bytes)),
            },
            { weight: 3, arbitrary: fc.constantFrom(1, 400, 1000, 2000, 3000).map(wait) },
            { weight: 1, arbitrary: fc.tuple(far, fc.boolean()).map(([p, up]) => link(p, up)) },
          ),
          { minLength: 10, maxLength: 40, size: 'max' },
        )
        .map((steps) => ({ ...program, steps })),
    );

  itWithOpenVswitch(
    'random programs and frames',
    async () => {
      let delivered = 0;
      await fc.assert(
        fc.asyncProperty(scene, async (given) => {
          const expected = await runReal(real, given);
          for (const cached of [false, true]) {
            expect({ cached, ...(await runSoft(given, cached)) }).toEqual({ cached, ...expected });
          }
          delivered += expected.frames.flat().length;
        }),
        { numRuns: RUNS },
      );
      expect(delivered).toBeGreaterThan(RUNS);
    },
    600_000,
  );
});
