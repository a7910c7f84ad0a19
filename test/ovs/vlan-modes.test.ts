/**
 * VLAN modes of ports in NORMAL, the softswitch against a real Open vSwitch: access, trunk, native-tagged,
 * native-untagged, dot1q-tunnel, each with and without priority tags, and frames with no tag, one or two.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { PortVlan } from '../../src/flow/datapath.ts';
import { parseFlow } from '../../src/flow/parse.ts';
import { toHex } from '../../src/packet/bytes.ts';
import { pushVlan } from '../../src/packet/vlan.ts';
import { type Attachment, SoftSwitch } from '../../src/softswitch/switch.ts';
import { BRIDGE, DummySwitch } from '../parity/dummy-port.ts';
import { itWithOpenVswitch } from './open-vswitch.ts';

const PORTS = ['p1', 'p2', 'p3', 'p4'] as const;
const RUNS = Number(process.env.RUNS ?? 100);

const vid = fc.constantFrom(5, 6, 7);
const some = fc.uniqueArray(fc.constantFrom(0, 5, 6, 7), { maxLength: 2 });

const mode = fc.oneof(
  fc.record({ mode: fc.constant('access' as const), tag: vid }),
  fc.record({ mode: fc.constant('trunk' as const), trunks: some }),
  fc.record({
    mode: fc.constantFrom('native-tagged' as const, 'native-untagged' as const),
    tag: vid,
    trunks: some,
  }),
  fc.record(
    {
      mode: fc.constant('dot1q-tunnel' as const),
      tag: vid,
      cvlans: some,
      ethertype: fc.constantFrom(0x88a8 as const, 0x8100 as const),
    },
    { requiredKeys: ['mode', 'tag', 'cvlans'] },
  ),
);
const vlan: fc.Arbitrary<PortVlan> = fc
  .tuple(mode, fc.option(fc.constantFrom('if-nonzero' as const, 'always' as const), { nil: undefined }))
  .map(([vlan, priorityTags]) => (priorityTags === undefined ? vlan : { ...vlan, priorityTags }));

const tag = fc.record({
  type: fc.constantFrom(0x8100, 0x8100, 0x88a8),
  tci: fc.tuple(fc.constantFrom(0, 5, 6, 7, 9), fc.constantFrom(0, 3)).map(([id, pcp]) => (pcp << 13) | id),
});
const sent = fc
  .record({
    port: fc.constantFrom(...PORTS),
    from: fc.constantFrom(1, 2),
    to: fc.constantFrom(1, 2, 3),
    tags: fc.array(tag, { maxLength: 2 }),
  })
  .map(({ port, from, to, tags }) => {
    const plain = new Uint8Array(60).fill(from, 14);
    plain.set([2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5]);
    return { port, bytes: tags.reduce<Uint8Array>((f, { type, tci }) => pushVlan(f, tci, type), plain) };
  });
const scene = fc.record({
  vlans: fc.tuple(vlan, vlan, vlan, vlan),
  frames: fc.array(sent, { minLength: 5, maxLength: 15 }),
});
type Scene = typeof scene extends fc.Arbitrary<infer S> ? S : never;

describe('VLAN modes', () => {
  let real: DummySwitch;
  beforeAll(async () => {
    real = await DummySwitch.start(PORTS, { slowPath: true });
    await real.ovs.vsctl('set', 'port', BRIDGE, 'vlan_mode=access', 'tag=4095');
    await real.program({ flows: ['actions=NORMAL'] });
  });
  afterAll(() => real?.stop());

  itWithOpenVswitch(
    `are those of Open vSwitch (${RUNS} runs)`,
    async () => {
      let delivered = 0;
      await fc.assert(
        fc.asyncProperty(scene, async (it) => {
          const wanted = await onOpenVswitch(real, it);
          expect(await onSoftSwitch(it, false)).toEqual(wanted);
          expect(await onSoftSwitch(it, true)).toEqual(wanted);
          delivered += wanted.flat(2).length;
        }),
        { numRuns: RUNS },
      );
      expect(delivered).toBeGreaterThan(RUNS);
    },
    300_000,
  );
});

/** For each frame what left by each port. */
type Outcome = readonly (readonly (readonly string[])[])[];

async function onOpenVswitch(real: DummySwitch, { vlans, frames }: Scene): Promise<Outcome> {
  await real.ovs.vsctl(
    ...PORTS.flatMap((name, i) => ['--', 'set', 'port', name, ...settings(vlans[i]!)]).slice(1),
  );
  await real.forget();
  const outcome: string[][][] = [];
  for (const { port, bytes } of frames) {
    await real.receive(port, [bytes]);
    outcome.push(PORTS.map((name) => real.taken(name).map((f) => toHex(f))));
  }
  return outcome;
}

function settings(vlan: PortVlan): string[] {
  const list = (ids: readonly number[] | undefined) => `[${ids ?? []}]`;
  const ethertype = 'ethertype' in vlan && vlan.ethertype === 0x8100 ? '802.1q' : '802.1ad';
  return [
    `vlan_mode=${vlan.mode}`,
    `tag=${list('tag' in vlan ? [vlan.tag] : [])}`,
    `trunks=${list('trunks' in vlan ? vlan.trunks : [])}`,
    `cvlans=${list('cvlans' in vlan ? vlan.cvlans : [])}`,
    `other_config:qinq-ethtype=${ethertype}`,
    `other_config:priority-tags=${vlan.priorityTags ?? 'never'}`,
  ];
}

async function onSoftSwitch({ vlans, frames }: Scene, cache: boolean): Promise<Outcome> {
  const soft = new SoftSwitch({ now: () => 0, ...(cache ? {} : { cache: false }) });
  const taken = new Map<string, string[]>();
  const plugs = new Map<string, Attachment>();
  for (const [i, name] of PORTS.entries()) {
    await soft.setPort({ type: 'vif', name, id: name, vlan: vlans[i]! });
    plugs.set(
      name,
      soft.attach(name, undefined, (f) => taken.get(name)?.push(toHex(f))),
    );
  }
  await soft.applyFlows({ add: [parseFlow('actions=NORMAL')], remove: [] });
  const outcome: string[][][] = [];
  for (const { port, bytes } of frames) {
    for (const name of PORTS) taken.set(name, []);
    plugs.get(port)?.receive(bytes.slice());
    outcome.push(PORTS.map((name) => taken.get(name) ?? []));
  }
  await soft.close();
  return outcome;
}
