/**
 * Random programs with groups, meters, flows that learn and end, bundles and check_pkt_larger, in the language of
 * ovs-ofctl, and random frames for them. There are four ports.
 */
import fc from 'fast-check';
import { ipv4, ipv6, mac } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import type { Layer } from '../../src/packet/layer.ts';
import { TCP_FLAG } from '../../src/packet/tcp.ts';

export interface GroupProgram {
  readonly groups: readonly string[];
  readonly meters: readonly string[];
  readonly flows: readonly string[];
}

const TABLES = 4;
const GROUPS = 5;
const METERS = 2;

// ------------------------------------------------------------------------------------------------------ frames

const eth = (host: number): Layer => ({
  layer: 'eth',
  src: mac(`02:00:00:00:00:0${host}`),
  dst: mac(`02:00:00:00:00:0${(host % 4) + 1}`),
});
const ip = (host: number): Layer => ({
  layer: 'ipv4',
  src: ipv4(`10.0.0.${host}`),
  dst: ipv4(`10.0.1.${host & 1}`),
});
const ip6 = (host: number): Layer => ({
  layer: 'ipv6',
  src: ipv6(`2001:db8::${host}`),
  dst: ipv6('2001:db8::77'),
});
const data = (size: number): Layer => ({ layer: 'data', bytes: new Uint8Array(size) });
const vlan: Layer = { layer: 'vlan', vid: 5 };

const kind = fc.constantFrom<(host: number, port: number, size: number) => Uint8Array>(
  (h, p, size) => frame(eth(h), ip(h), { layer: 'udp', sport: p, dport: 2000 }, data(size)),
  (h, p, size) => frame(eth(h), vlan, ip(h), { layer: 'udp', sport: p, dport: 2000 }, data(size)),
  (h, p) => frame(eth(h), ip(h), { layer: 'tcp', sport: p, dport: 80, flags: TCP_FLAG.ACK }),
  (h, p) => frame(eth(h), ip(h), { layer: 'tcp', sport: p, dport: 80, flags: TCP_FLAG.FIN }),
  (h, p, size) => frame(eth(h), ip6(h), { layer: 'udp', sport: p, dport: 2000 }, data(size)),
  (h, p) => frame(eth(h), ip6(h), { layer: 'tcp', sport: p, dport: 80, flags: TCP_FLAG.ACK }),
  (h, p) => frame(eth(h), { layer: 'data', bytes: Uint8Array.from({ length: 46 }, (_, i) => i + p) }),
);

export const groupFrame: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    kind,
    fc.integer({ min: 1, max: 4 }),
    fc.constantFrom(1000, 1001, 2000),
    fc.constantFrom(0, 18, 60, 200),
  )
  .map(([make, host, port, size]) => make(host, port, size));

// ----------------------------------------------------------------------------------------------------- actions

const port = fc.integer({ min: 1, max: 5 });
const reg = fc.constantFrom('NXM_NX_REG0[]', 'NXM_NX_REG0[0..15]', 'NXM_NX_REG1[8..23]');
const value = fc.constantFrom(0, 1, 2, 3, 4, 0xfff8, 0xfffb, 0xffff);

const spec = fc.constantFrom(
  'NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]',
  'NXM_OF_ETH_SRC[]',
  'NXM_OF_IN_PORT[]',
  'NXM_OF_VLAN_TCI[0..11]',
  'NXM_NX_REG2[0..7]=NXM_NX_REG0[0..7]',
  'NXM_NX_REG3[]=7',
  'load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]',
  'load:0x3->NXM_NX_REG0[]',
  'load:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
  'output:NXM_OF_IN_PORT[]',
  'output:NXM_OF_ETH_SRC[0..15]',
);

const learn = fc
  .record({
    table: fc.integer({ min: 1, max: TABLES - 1 }),
    idle: fc.constantFrom('', 'idle_timeout=2,', 'idle_timeout=5,'),
    hard: fc.constantFrom('', 'hard_timeout=3,'),
    fin: fc.constantFrom('', '', 'fin_idle_timeout=1,', 'fin_hard_timeout=2,'),
    more: fc.constantFrom('', '', 'limit=2,', 'delete_learned,'),
    cookie: fc.constantFrom('cookie=0x5,', 'cookie=0x6,'),
    priority: fc.constantFrom(3, 40_000),
    specs: fc.uniqueArray(spec, { minLength: 1, maxLength: 4 }),
  })
  .map(
    ({ table, idle, hard, fin, more, cookie, priority, specs }) =>
      `learn(table=${table},${idle}${hard}${fin}${more}${cookie}priority=${priority},${specs.join(',')})`,
  );

const hashFields = fc.constantFrom(
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'nw_src',
  'nw_dst',
);
const bundle = fc
  .tuple(
    hashFields,
    fc.constantFrom('hrw', 'active_backup'),
    fc.constantFrom('', 'NXM_NX_REG0[0..15],'),
    fc.array(port, { minLength: 1, maxLength: 4 }),
  )
  .map(
    ([fields, algorithm, place, members]) =>
      `bundle${place ? '_load' : ''}(${fields},7,${algorithm},ofport,${place}members:${members.join(',')})`,
  );

/** What any frame can take, in a bucket too. */
const write = fc.oneof(
  fc.tuple(value, reg).map(([v, place]) => `load:0x${v.toString(16)}->${place}`),
  fc.integer({ min: 1, max: 4 }).map((n) => `set_field:02:00:00:00:00:0${n}->eth_src`),
  fc.constant('move:NXM_OF_ETH_SRC[0..15]->NXM_OF_ETH_DST[0..15]'),
  fc.constant('push_vlan:0x8100'),
);

/**
 * In the last table only: where a group that selects by dp_hash follows after two of them, or in a clone with one,
 * Open vSwitch 3.1 does part of the list twice.
 */
const checkLength = fc.constantFrom(60, 64, 100, 250).map((n) => `check_pkt_larger(${n})->NXM_NX_REG1[8]`);

const step = (table: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 5, arbitrary: port.map((n) => `output:${n}`) },
    { weight: 2, arbitrary: reg.map((place) => `output:${place}`) },
    { weight: 2, arbitrary: fc.constantFrom('NORMAL', 'in_port', 'flood') },
    { weight: 4, arbitrary: write },
    {
      weight: 6,
      arbitrary: fc.integer({ min: 1, max: GROUPS + 1 }).map((n) => `group:${Math.min(n, GROUPS)}`),
    },
    { weight: 3, arbitrary: learn },
    { weight: 2, arbitrary: bundle },
    { weight: table < TABLES - 1 ? 0 : 4, arbitrary: checkLength },
    ...(table < TABLES - 1
      ? [
          {
            weight: 6,
            arbitrary: fc.integer({ min: table + 1, max: TABLES - 1 }).map((n) => `resubmit(,${n})`),
          },
        ]
      : []),
  );

const steps = (table: number): fc.Arbitrary<string[]> =>
  fc.array(
    fc.oneof(
      { weight: 8, arbitrary: step(table) },
      {
        weight: 1,
        arbitrary: fc
          .array(step(table), { minLength: 1, maxLength: 3 })
          .map((list) => `clone(${list.join(',')})`),
      },
    ),
    { minLength: 1, maxLength: 4 },
  );

// ---------------------------------------------------------------------------------------------------- programs

/** Tags are what makes a list one that Open vSwitch refuses: two may be on a frame, so one is pushed. */
function fewTags(actions: readonly string[]): string {
  const checks = actions.filter((action) => action.includes('check_pkt_larger'));
  const pushes = actions.filter((action) => action.includes('push_vlan'));
  const kept = actions.filter((action, i) => {
    if (action.includes('check_pkt_larger'))
      return i === actions.indexOf(checks[0]!) && !action.startsWith('clone');
    if (action.includes('push_vlan'))
      return i === actions.indexOf(pushes[0]!) && action.split('push_vlan').length === 2;
    return checks.length === 0 || !action.includes('group:');
  });
  return kept.length > 0 ? kept.join(',') : 'drop';
}

const match = fc.constantFrom(
  '',
  '',
  'udp,',
  'tcp,',
  'ip,',
  'ipv6,',
  'in_port=1,',
  'reg0=3,',
  'dl_src=02:00:00:00:00:01,',
  'udp,tp_src=1000,',
  'vlan_tci=0x1000/0x1000,',
  'reg1=0x100/0x100,',
);

const flow = (table: number): fc.Arbitrary<string> =>
  fc
    .record({
      match,
      priority: fc.integer({ min: 1, max: 9 }),
      ends: fc.constantFrom(
        '',
        '',
        '',
        'idle_timeout=2,',
        'hard_timeout=5,',
        'idle_timeout=1,hard_timeout=3,',
      ),
      meter: fc.constantFrom('', '', '', 'meter:1,', 'meter:2,'),
      fin: fc.boolean(),
      actions: steps(table),
    })
    .map(({ match: m, priority, ends, meter, fin, actions }) => {
      const ending = fin && m === 'tcp,' ? 'fin_timeout(idle_timeout=1,hard_timeout=2),' : '';
      return `table=${table},priority=${priority},${ends}${m}actions=${meter}${ending}${fewTags(actions)}`.replace(
        ',drop',
        '',
      );
    });

const bucketSteps = (group: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(write, { maxLength: 2 }),
      fc.oneof(
        { weight: 4, arbitrary: port.map((n) => `output:${n}`) },
        { weight: 3, arbitrary: fc.integer({ min: 1, max: TABLES - 1 }).map((n) => `resubmit(,${n})`) },
        {
          weight: group < GROUPS ? 2 : 0,
          arbitrary: fc.integer({ min: Math.min(group + 1, GROUPS), max: GROUPS }).map((n) => `group:${n}`),
        },
        { weight: 1, arbitrary: fc.constantFrom('NORMAL', 'in_port', 'group:77') },
      ),
    )
    .map(([writes, final]) => fewTags([...writes, final]));

/** A group that watches itself is refused; through another one it may. */
const watch = (group: number) =>
  fc.oneof(
    port.map((n) => `watch_port:${n},`),
    fc.integer({ min: 1, max: GROUPS + 1 }).map((n) => `watch_group:${n === group ? GROUPS + 1 : n},`),
  );

const selection = fc.constantFrom(
  '',
  '',
  'selection_method=dp_hash,',
  'selection_method=dp_hash,selection_method_param=0x100000005,',
  'selection_method=hash,',
  'selection_method=hash,selection_method_param=9,fields(eth_src,ip_src,udp_src,tcp_src,ipv6_src),',
  'selection_method=hash,fields(in_port,vlan_tci,reg0,eth_type,nw_ttl),',
);

const group = (id: number): fc.Arbitrary<string> =>
  fc
    .constantFrom('all' as const, 'select' as const, 'select' as const, 'ff' as const, 'indirect' as const)
    .chain((type) => {
      const bucket = fc
        .tuple(
          type === 'select' ? fc.constantFrom(0, 1, 1, 2, 7).map((w) => `weight:${w},`) : fc.constant(''),
          type === 'ff'
            ? watch(id)
            : type === 'select'
              ? fc.oneof(fc.constant(''), fc.constant(''), watch(id))
              : fc.constant(''),
          bucketSteps(id),
        )
        .map(([weight, watched, actions]) => `bucket=${weight}${watched}actions=${actions}`);
      const most = type === 'indirect' ? 1 : 4;
      return fc
        .tuple(
          type === 'select' ? selection : fc.constant(''),
          fc.array(bucket, { minLength: 1, maxLength: most }),
        )
        .map(([how, buckets]) => `group_id=${id},type=${type},${how}${buckets.join(',')}`);
    });

const meter = (id: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom('pktps', 'kbps'),
      fc.array(fc.tuple(fc.constantFrom(1, 2, 3, 7), fc.constantFrom(1, 3)), { minLength: 1, maxLength: 2 }),
      fc.boolean(),
    )
    .map(([unit, bands, bursts]) => {
      const texts = bands.map(
        ([rate, size]) => `type=drop,rate=${rate}${bursts ? `,burst_size=${size}` : ''}`,
      );
      return `meter=${id},${unit},${bursts ? 'burst,' : ''}stats,bands=${texts.join(',')}`;
    });

export const anyFlow: fc.Arbitrary<string> = fc.nat(TABLES - 1).chain(flow);
export const anyGroup: fc.Arbitrary<string> = fc.integer({ min: 1, max: GROUPS }).chain(group);
export const anyMeter: fc.Arbitrary<string> = fc.integer({ min: 1, max: METERS }).chain(meter);

export const groupProgram: fc.Arbitrary<GroupProgram> = fc
  .tuple(
    fc.tuple(...Array.from({ length: GROUPS }, (_, i) => group(i + 1))),
    fc.tuple(...Array.from({ length: METERS }, (_, i) => meter(i + 1))),
    fc.array(anyFlow, { minLength: 3, maxLength: 12 }),
  )
  .map(([groups, meters, flows]) => ({ groups, meters, flows: ranked(flows) }));

/** Each with a priority of its own: which of two flows with the same one is taken is nobody's promise. */
function ranked(flows: readonly string[]): string[] {
  return flows.map((text, i) => text.replace(/priority=\d+/, `priority=${10 * (i + 1)}`));
}
