/**
 * Every attack of the catalogue on two hosts of softswitches: nobody hears it, and the rule that drops it has counted it.
 * With the guard taken away the same frame is heard. The same on real Open vSwitches: test/ovs/guest-attacks.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Agent } from '../../src/agent/agent.ts';
import { RawLab } from '../../src/lab/raw-lab.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { sameBytes } from '../../src/packet/bytes.ts';
import { portOf } from '../../src/pipeline/facts.ts';
import type { SoftSwitch } from '../../src/softswitch/switch.ts';
import { type GuestAttack, guestAttacks } from './guest-attacks.ts';
import { type Encapsulation, sceneAt, sceneText } from './scene.ts';
import { unguarded } from './unguarded.ts';

describe.each<[Encapsulation, string, boolean]>([
  ['nvgre', 'IPv4', false],
  ['vxlan', 'IPv4', false],
  ['nvgre', 'IPv6', true],
  ['vxlan', 'IPv6', true],
])('a guest on the softswitch, over %s and %s', (encapsulation, _, six) => {
  let raw: RawLab;
  let agent: Agent;
  let attacker: { readonly datapath: SoftSwitch; readonly number: number };
  let attacks: readonly GuestAttack[];

  beforeAll(async () => {
    const { objects, findings } = parseDocuments(sceneText(encapsulation, six), 'scene');
    expect(findings).toEqual([]);
    raw = await RawLab.open(
      objects.map(({ object }) => object),
      'Fabric',
    );
    const host = raw.lab.fabric.hosts.get('host1')!;
    ({ agent } = host);
    attacks = guestAttacks(sceneAt('host1', (machine) => raw.macOf(machine), [...agent.records().values()]));
    const record = [...agent.records().values()].find((r) => r.kind === 'port' && r.name === 'blue1/eth0');
    if (record?.kind !== 'port') throw new Error('blue1 is on host1');
    attacker = {
      datapath: host.soft.switches.get(record.switch)!,
      number: agent.port(portOf.vnic(record.id))!.number,
    };
  });
  afterAll(() => raw.close());

  const heard = ({ frame }: GuestAttack) =>
    raw.sendFrame('blue1', frame).flatMap((each) => (isCopy(each.frame, frame) ? [each.who] : []));
  const dropped = async () =>
    new Map(
      (await agent.counts()).drops.map(({ words, object, packets }) => [`${object}: ${words}`, packets]),
    );

  it('is not heard, and the rule that says so has counted it', async () => {
    expect(attacks.length).toBeGreaterThan(200);
    const wrong: string[] = [];
    for (const attack of attacks) {
      const before = await dropped();
      const who = heard(attack);
      const after = await dropped();
      const counted = [...after].filter(([words, packets]) => packets !== (before.get(words) ?? 0));
      const isRight = who.length === 0 && counted.length === 1 && counted[0]![0].includes(attack.words);
      if (!isRight)
        wrong.push(`${attack.id} ${attack.what}: heard by [${who}], counted by [${counted.join('; ')}]`);
    }
    expect(wrong).toEqual([]);
  });

  it('is heard without its guard', async () => {
    const open = unguarded(agent.flows(), attacker.number);
    await attacker.datapath.applyFlows({ add: [open], remove: [] });
    const unheard = attacks.filter((attack) => heard(attack).length === 0);
    await attacker.datapath.applyFlows({ add: [], remove: [open] });
    expect(unheard.map(({ id, what }) => `${id} ${what}`)).toEqual([]);
  });
});

/** The frame, and whatever stands behind it. */
function isCopy(heard: Uint8Array, sent: Uint8Array): boolean {
  return sameBytes(heard.subarray(0, sent.length), sent);
}
