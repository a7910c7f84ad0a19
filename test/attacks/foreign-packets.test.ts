/**
 * Every foreign packet of the catalogue, from a station on the fabric, to a host of a softswitch: what does not come from a host
 * of the tenant, as such a host sends it, is heard by nobody. The same on real Open vSwitches: test/ovs/foreign-packets.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Agent } from '../../src/agent/agent.ts';
import { RawLab } from '../../src/lab/raw-lab.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { sameBytes } from '../../src/packet/bytes.ts';
import { type ForeignPacket, foreignPackets, STRANGER_WORDS, tunnelsOfGuest } from './foreign-packets.ts';
import { type Encapsulation, fabricOf, sceneText } from './scene.ts';

const CASES = (['nvgre', 'vxlan', 'geneve'] as const).flatMap((encapsulation) =>
  [false, true].map((six): [Encapsulation, string, boolean] => [encapsulation, six ? 'IPv6' : 'IPv4', six]),
);

describe.each(CASES)('the tunnel of a softswitch, %s over %s', (encapsulation, _, six) => {
  let raw: RawLab;
  let agent: Agent;
  let packets: readonly ForeignPacket[];
  let fromGuest: ReturnType<typeof tunnelsOfGuest>;

  beforeAll(async () => {
    const { objects, findings } = parseDocuments(sceneText(encapsulation, six), 'scene');
    expect(findings).toEqual([]);
    raw = await RawLab.open(
      objects.map(({ object }) => object),
      'Fabric',
    );
    ({ agent } = raw.lab.fabric.hosts.get('host2')!);
    const recordsOf = (host: string) => [...raw.lab.fabric.hosts.get(host)!.agent.records().values()];
    const fabric = fabricOf(encapsulation, (machine) => raw.macOf(machine), recordsOf);
    packets = foreignPackets(fabric);
    fromGuest = tunnelsOfGuest(fabric);
  });
  afterAll(() => raw.close());

  const strangers = async () =>
    (await agent.counts()).drops.filter(({ words }) => words.includes(STRANGER_WORDS))[0]?.packets ?? 0;

  it('takes what hosts of the tenant send, and counts strangers', async () => {
    const wrong: string[] = [];
    for (const packet of packets) {
      const before = await strangers();
      const heard = raw.sendFrame('outside', packet.frame).filter(({ who }) => who !== 'outside');
      const counted = (await strangers()) - before;
      const isIn = ({ frame }: { frame: Uint8Array }) =>
        sameBytes(frame.subarray(0, packet.inside.length), packet.inside);
      const who = heard.map((each) => `${each.who}${isIn(each) ? '' : ' otherwise'}`);
      const wanted = ['everywhere', 'softswitch'].includes(packet.arrives) ? 'blue2' : '';
      if (who.join() !== wanted || (packet.isCounted && counted !== 1))
        wrong.push(`${packet.id} ${packet.what}: heard by [${who}], counted ${counted}`);
    }
    expect(wrong).toEqual([]);
  });

  it('takes nothing of that from a guest', () => {
    for (const { frame } of fromGuest) expect(raw.sendFrame('blue1', frame)).toEqual([]);
  });
});
