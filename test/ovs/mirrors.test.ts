/**
 * Mirrors of the softswitch against those of a real Open vSwitch: the same ports, VLANs, mirrors, flows and frames in
 * both, and every frame that leaves, byte by byte, and what each mirror counted. The softswitch does it twice, once with
 * its flow cache.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { PortVlan } from '../../src/flow/datapath.ts';
import type { Mirror } from '../../src/flow/mirror.ts';
import { parseFlow } from '../../src/flow/parse.ts';
import { ipv4, macFromNumber } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import { toHex } from '../../src/packet/bytes.ts';
import type { Layer } from '../../src/packet/layer.ts';
import { type Attachment, SoftSwitch } from '../../src/softswitch/switch.ts';
import { BRIDGE, DummySwitch } from '../parity/dummy-port.ts';
import { itWithOpenVswitch } from './open-vswitch.ts';

const PORTS = ['p1', 'p2', 'p3', 'p4', 'p5'] as const;
const RUNS = Number(process.env.RUNS ?? 60);

interface Scene {
  readonly vlans: readonly PortVlan[];
  readonly mirrors: readonly Mirror[];
  readonly flows: readonly string[];
  readonly frames: readonly { readonly port: string; readonly bytes: Uint8Array }[];
}

const port = fc.constantFrom(...PORTS);
const ports = fc.uniqueArray(port, { maxLength: 3 });
const vid = fc.constantFrom(5, 6, 7);

const vlan: fc.Arbitrary<PortVlan> = fc.oneof(
  fc.constant<PortVlan>({ mode: 'trunk', trunks: [] }),
  vid.map((tag): PortVlan => ({ mode: 'access', tag })),
  fc.uniqueArray(vid, { minLength: 1 }).map((trunks): PortVlan => ({ mode: 'trunk', trunks })),
  fc.record({
    mode: fc.constantFrom('native-tagged' as const, 'native-untagged' as const),
    tag: vid,
    trunks: fc.uniqueArray(vid, { maxLength: 2 }),
  }),
);

const mirror: fc.Arbitrary<Omit<Mirror, 'name'>> = fc.record(
  {
    selectAll: fc.boolean(),
    selectSrcPorts: ports,
    selectDstPorts: ports,
    selectVlans: fc.uniqueArray(fc.constantFrom(0, 5, 6, 7), { maxLength: 2 }),
    output: fc.oneof(
      port.map((p) => ({ port: p })),
      vid.map((v) => ({ vlan: v })),
    ),
    snaplen: fc.constantFrom(14, 20, 60, 65535),
  },
  { requiredKeys: ['output'] },
);

const step = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 5 }).map((n) => `output:${n}`) },
  { weight: 4, arbitrary: fc.constant('NORMAL') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'push_vlan:0x8100',
      'set_field:02:00:00:00:00:99->eth_src',
      'set_field:0x1006->vlan_tci',
      'set_field:7->reg3',
      'move:NXM_OF_ETH_SRC[0..15]->NXM_OF_ETH_DST[0..15]',
      'dec_ttl',
      'set_field:0->vlan_tci',
      'set_field:10.9.9.9->ip_dst',
      'in_port',
      'clone(set_field:02:00:00:00:00:77->eth_dst,output:2)',
    ),
  },
);
/** Open vSwitch refuses a list that pushes more tags than it can hold. */
const isPushedTwice = (action: string, i: number, list: readonly string[]) =>
  action.startsWith('push_vlan') && list.indexOf(action) < i;
const steps = fc
  .array(step, { minLength: 1, maxLength: 4 })
  .map((list) => list.filter((...each) => !isPushedTwice(...each)).join(','));

/** IP flows may do with IP what others may not. */
const flows = fc.tuple(steps, steps, fc.boolean()).map(([ip, rest, split]) => {
  const plain = rest
    .replaceAll(/dec_ttl|set_field:10.9.9.9->ip_dst/g, 'output:3')
    .replaceAll('in_port', 'IN_PORT');
  return [
    `table=0,priority=10,ip,actions=${split ? 'resubmit(,2),' : ''}${ip.replaceAll('in_port', 'IN_PORT')}`,
    `table=0,priority=1,actions=${plain}`,
    'table=2,priority=1,ip,actions=output:1,dec_ttl',
  ];
});

const sent = fc
  .record({
    port,
    from: fc.integer({ min: 1, max: 3 }),
    to: fc.constantFrom(1, 2, 3, 0xfffffffffffe),
    tags: fc.array(fc.record({ vid: fc.constantFrom(0, 5, 6, 7, 9), pcp: fc.constantFrom(0, 5) }), {
      maxLength: 2,
    }),
    ttl: fc.constantFrom(1, 64),
    isIp: fc.boolean(),
  })
  .map(({ port, from, to, tags, ttl, isIp }) => {
    const host = (n: number) => (n > 9 ? macFromNumber(0x0180c200000e) : macFromNumber(0x020000000000 + n));
    const layers: Layer[] = [{ layer: 'eth', src: host(from), dst: host(to) }];
    for (const { vid, pcp } of tags) layers.push({ layer: 'vlan', vid, pcp });
    if (isIp) layers.push({ layer: 'ipv4', src: ipv4('10.0.0.1'), dst: ipv4('10.0.0.2'), ttl });
    if (isIp) layers.push({ layer: 'udp', sport: 1, dport: 2 });
    layers.push({ layer: 'data', bytes: new Uint8Array(40).fill(from) });
    const bytes = frame(...layers);
    // A type that nobody knows.
    if (!isIp) bytes.set([0x88, 0xb5], 12 + 4 * tags.length);
    return { port, bytes };
  });

const scene: fc.Arbitrary<Scene> = fc
  .record({
    vlans: fc.tuple(vlan, vlan, vlan, vlan, vlan),
    mirrors: fc
      .array(mirror, { minLength: 1, maxLength: 4 })
      .map((mirrors) => mirrors.map((m, i) => ({ ...m, name: `m${i}` }))),
    flows,
    // Twice, so that the flow cache knows the second half.
    frames: fc.array(sent, { minLength: 4, maxLength: 10 }).map((frames) => [...frames, ...frames]),
  })
  .map(withoutOrder);

/**
 * Where a frame goes to many ports, Open vSwitch takes them in the order in which their structures lie in memory, and
 * a mirror that selects several of them has the frame as it leaves by the first. So then nothing is left that differs
 * from port to port: the priority, which goes with the tag; where mirrors send to VLANs, more than one mirror of frames
 * that leave, and the length of mirrored frames that are mirrored again.
 */
function withoutOrder(scene: Scene): Scene {
  const toVlans = scene.mirrors.some(({ output }) => 'vlan' in output);
  if (!toVlans && !scene.flows.some((flow) => flow.includes('NORMAL'))) return scene;
  const mirrors = scene.mirrors.map((mirror, i): Mirror => {
    if (!toVlans) return mirror;
    const { snaplen, selectAll, selectDstPorts, ...rest } = mirror;
    return {
      ...rest,
      ...(snaplen !== undefined && scene.mirrors.length === 1 && { snaplen }),
      ...(selectAll !== undefined && i === 0 && { selectAll }),
      ...(selectDstPorts !== undefined && i === 0 && { selectDstPorts }),
    };
  });
  const frames = scene.frames.map(({ port, bytes }) => {
    const plain = bytes.slice();
    for (let at = 12; plain[at] === 0x81; at += 4) plain[at + 2]! &= 0x1f;
    return { port, bytes: plain };
  });
  return { ...scene, mirrors, frames };
}

/** What left, by port, for each frame, in no order; and what the mirrors counted. */
interface Outcome {
  readonly frames: readonly Readonly<Record<string, readonly string[]>>[];
  readonly counts: readonly string[];
}

describe('mirrors', () => {
  let real: DummySwitch;
  beforeAll(async () => {
    real = await DummySwitch.start(PORTS, { slowPath: true });
    // NORMAL leaves the bridge's own port out, which the softswitch does not have.
    await real.ovs.vsctl('set', 'port', BRIDGE, 'vlan_mode=access', 'tag=4095');
  });
  afterAll(() => real?.stop());

  itWithOpenVswitch(
    `of the softswitch do what those of Open vSwitch do (${RUNS} runs)`,
    async () => {
      let mirrored = 0;
      let hits = 0;
      await fc.assert(
        fc.asyncProperty(scene, async (it) => {
          const wanted = await onOpenVswitch(real, it);
          expect((await onSoftSwitch(it, false)).outcome).toEqual(wanted);
          const cached = await onSoftSwitch(it, true);
          expect(cached.outcome).toEqual(wanted);
          hits += cached.hits;
          mirrored += wanted.counts.filter((count) => count !== '0').length;
        }),
        { numRuns: RUNS },
      );
      expect(mirrored).toBeGreaterThan(RUNS / 4);
      expect(hits).toBeGreaterThan(RUNS);
    },
    600_000,
  );
});

async function onOpenVswitch(real: DummySwitch, { vlans, mirrors, flows, frames }: Scene): Promise<Outcome> {
  const { vsctl } = real.ovs;
  const set = PORTS.flatMap((name, i) => ['--', 'set', 'port', name, ...vlanSettings(vlans[i]!)]);
  await vsctl('clear', 'bridge', BRIDGE, 'mirrors', ...set);
  // One after the other, so that they have an order.
  for (const mirror of mirrors) {
    const names = [...(mirror.selectSrcPorts ?? []), ...(mirror.selectDstPorts ?? []), ...outputPort(mirror)];
    const ids = [...new Set(names)].flatMap((name) => ['--', `--id=@${name}`, 'get', 'port', name]);
    const create = ['--', '--id=@m', 'create', 'mirror', ...mirrorSettings(mirror)];
    await vsctl(
      ...ids.slice(1),
      ...(ids.length > 0 ? create : create.slice(1)),
      '--',
      'add',
      'bridge',
      BRIDGE,
      'mirrors',
      '@m',
    );
  }
  await real.program({ flows });
  await real.forget();
  for (const name of PORTS) real.taken(name);
  const out: Record<string, readonly string[]>[] = [];
  for (const { port, bytes } of frames) {
    await real.receive(port, [bytes]);
    out.push(
      Object.fromEntries(
        PORTS.map((name) => [
          name,
          real
            .taken(name)
            .map((f) => toHex(f))
            .sort(),
        ]),
      ),
    );
  }
  // Open vSwitch tells the database every five seconds.
  await real.warp(6000);
  await vsctl('set', 'bridge', BRIDGE, `external_ids:run=${mirrors.length}${frames.length}`);
  const counts: string[] = [];
  for (const { name } of mirrors) counts.push(await mirrorPackets(real, name));
  return { frames: out, counts };
}

async function mirrorPackets(real: DummySwitch, name: string): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const text = await real.ovs.vsctl('get', 'mirror', name, 'statistics');
    const packets = /tx_packets=(\d+)/.exec(text)?.[1];
    if (packets !== undefined) return packets;
  }
  throw new Error(`mirror ${name} does not tell what it counted`);
}

function outputPort({ output }: Mirror): string[] {
  return 'port' in output ? [output.port] : [];
}

function mirrorSettings({
  name,
  selectAll,
  selectSrcPorts,
  selectDstPorts,
  selectVlans,
  output,
  snaplen,
}: Mirror) {
  return [
    `name=${name}`,
    `select_all=${selectAll ?? false}`,
    `select_src_port=${(selectSrcPorts ?? []).map((p) => `@${p}`)}`,
    `select_dst_port=${(selectDstPorts ?? []).map((p) => `@${p}`)}`,
    `select_vlan=[${selectVlans ?? []}]`,
    'port' in output ? `output_port=@${output.port}` : `output_vlan=${output.vlan}`,
    ...(snaplen === undefined ? [] : [`snaplen=${snaplen}`]),
  ].filter((setting) => !setting.endsWith('='));
}

function vlanSettings(vlan: PortVlan): string[] {
  const tag = vlan.mode === 'trunk' ? '[]' : `${vlan.tag}`;
  const trunks = 'trunks' in vlan ? `[${vlan.trunks}]` : '[]';
  return [`vlan_mode=${vlan.mode}`, `tag=${tag}`, `trunks=${trunks}`];
}

async function onSoftSwitch({ vlans, mirrors, flows, frames }: Scene, cached: boolean) {
  const soft = new SoftSwitch({ now: () => 0, ...(cached ? {} : { cache: false }) });
  const taken = new Map<string, string[]>();
  const plugs = new Map<string, Attachment>();
  for (const [i, name] of PORTS.entries()) {
    await soft.setPort({ type: 'vif', name, id: name, vlan: vlans[i]! });
    plugs.set(
      name,
      soft.attach(name, undefined, (f) => taken.get(name)?.push(toHex(f))),
    );
  }
  await soft.setMirrors(mirrors);
  await soft.applyFlows({ add: flows.map(parseFlow), remove: [] });
  const out: Record<string, readonly string[]>[] = [];
  for (const { port, bytes } of frames) {
    for (const name of PORTS) taken.set(name, []);
    plugs.get(port)?.receive(bytes.slice());
    out.push(Object.fromEntries(PORTS.map((name) => [name, taken.get(name)?.sort() ?? []])));
  }
  const counts = (await soft.mirrors()).map(({ packets }) => `${packets}`);
  const { hits } = soft.cacheStatistics();
  await soft.close();
  const outcome: Outcome = { frames: out, counts };
  return { outcome, hits };
}
