/**
 * Every foreign packet of the catalogue (test/attacks/foreign-packets.ts), put on the wire of a real Open vSwitch with the agents'
 * own flows. What does not come from a host of the tenant, as such a host sends it, comes out nowhere; strangers are counted
 * where an administrator sees it. What Open vSwitch takes and the softswitch does not is in the catalogue as well.
 */
import { describe, expect } from 'vitest';
import {
  type ForeignPacket,
  foreignPackets,
  STRANGER_WORDS,
  tunnelsOfGuest,
} from '../attacks/foreign-packets.ts';
import { type Encapsulation, fabricOf } from '../attacks/scene.ts';
import { until } from '../support/until.ts';
import { type Stations, withStations } from './attack-rig.ts';
import { itWithNamespaces } from './open-vswitch.ts';

/** Not blue1, in whose name the frames are: blue2 answers it that nothing listens, and quotes what it got. */
const MACHINES = ['blue2', 'blue3', 'red1', 'red2', 'red3'];

describe.each<[Encapsulation, string, boolean]>([
  ['nvgre', 'IPv4', false],
  ['vxlan', 'IPv4', false],
  ['geneve', 'IPv4', false],
  ['nvgre', 'IPv6', true],
  ['vxlan', 'IPv6', true],
  ['geneve', 'IPv6', true],
])('the tunnel of Open vSwitch, %s over %s', (encapsulation, _, six) => {
  itWithNamespaces(
    'takes what hosts of the tenant send, and counts strangers',
    () => withStations({ encapsulation, six }, (stations) => send(stations, encapsulation)),
    300_000,
    ['python3'],
  );
});

async function send(stations: Stations, encapsulation: Encapsulation): Promise<void> {
  const agent = stations.centre.agents.get('host2');
  if (!agent) throw new Error('there is a host2');
  const macOf = (machine: string) => stations.port(machine).mac;
  const recordsOf = (host: string) => [...(stations.centre.agents.get(host)?.records().values() ?? [])];
  const fabric = fabricOf(encapsulation, macOf, recordsOf);
  const packets = foreignPackets(fabric);
  // Whoever can send on this wire is on the fabric, whatever addresses it says.
  await stations.open('wire', 'host1', 'nic1');
  stations.forget();
  const fromGuest = tunnelsOfGuest(fabric);
  for (const { frame } of fromGuest) stations.socket('blue1').send(frame);
  await stations.passes('blue1', 'blue2');
  for (const { frame } of packets) stations.socket('wire').send(frame);
  const last = packets.at(-1);
  await until(
    'the last is taken',
    () => last !== undefined && stations.socket('blue2').hasHeard(last.inside),
  );
  for (const tenant of ['blue', 'red']) {
    await stations.passes(`${tenant}1`, `${tenant}2`);
    await stations.passes(`${tenant}2`, `${tenant}1`);
    await stations.passes(`${tenant}1`, `${tenant}3`);
  }

  const where = ({ mark }: Pick<ForeignPacket, 'mark'>) =>
    MACHINES.filter((who) => stations.socket(who).hasHeardOf(mark));
  const wrong = packets.flatMap((packet) => {
    const who = where(packet);
    const wanted = ['everywhere', 'open-vswitch'].includes(packet.arrives) ? 'blue2' : '';
    const isWhole = wanted === '' || stations.socket('blue2').hasHeard(packet.inside);
    return who.join() === wanted && isWhole ? [] : [`${packet.id} ${packet.what}: heard by [${who}]`];
  });
  expect(wrong).toEqual([]);
  // Which the same packets from the fabric are.
  expect(fromGuest.filter((packet) => where(packet).length > 0)).toEqual([]);

  const counted = packets.filter(({ isCounted }) => isCounted).length;
  expect(counted).toBeGreaterThan(10);
  const strangers = async () => {
    await stations.centre.switches.get('host2')?.appctl('revalidator/purge');
    return (await agent.counts()).drops.find(({ words }) => words.includes(STRANGER_WORDS))?.packets ?? 0;
  };
  await expect.poll(strangers, { timeout: 10_000 }).toBeGreaterThanOrEqual(counted);
}
