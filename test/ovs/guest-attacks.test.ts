/**
 * Every attack of the catalogue (test/attacks/guest-attacks.ts) between two real Open vSwitches with the agents' own flows: the
 * frames come from a packet socket in the machine of the attacker, and go through the kernel's cables. Nobody hears them, not
 * in his own tenant and not in the other, which has the same addresses; the stacks of the victims know afterwards what they
 * knew before; every frame is counted by the rule that drops it. Without the guard the same frames arrive, and do their harm.
 */
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { formatFlow } from '../../src/flow/text.ts';
import { bridgeName } from '../../src/ovs/ports/names.ts';
import { portOf } from '../../src/pipeline/facts.ts';
import { type GuestAttack, guestAttacks } from '../attacks/guest-attacks.ts';
import { type Encapsulation, sceneAt } from '../attacks/scene.ts';
import { unguarded } from '../attacks/unguarded.ts';
import { until } from '../support/until.ts';
import { type Stations, withStations } from './attack-rig.ts';
import { itWithNamespaces } from './open-vswitch.ts';

const AT_ONCE = 16;
const VICTIMS = ['blue2', 'blue3', 'red1', 'red2', 'red3'];

describe.each<[Encapsulation, string, boolean]>([
  ['nvgre', 'IPv4', false],
  ['vxlan', 'IPv4', false],
  ['nvgre', 'IPv6', true],
  ['vxlan', 'IPv6', true],
])('a guest on Open vSwitch, over %s and %s', (encapsulation, _, six) => {
  itWithNamespaces(
    'harms nobody, is counted, and would harm without the guards',
    () => withStations({ encapsulation, six }, (stations) => attack(new Attacker(stations))),
    300_000,
    ['python3'],
  );
});

async function attack(attacker: Attacker): Promise<void> {
  const { attacks } = attacker;
  expect(attacks.length).toBeGreaterThan(200);
  const before = await attacker.minds();
  await attacker.send(attacks);
  expect(attacks.filter((each) => attacker.hasArrived(each)).map(nameOf)).toEqual([]);
  expect(await attacker.minds()).toEqual(before);
  // Open vSwitch tells its counters some time after it has counted.
  await expect.poll(() => attacker.uncounted(), { timeout: 10_000 }).toEqual([]);

  await attacker.takeTheGuardAway();
  const believed = attacks.filter(({ id }) => id === 'P2.1' || id === 'P6.1');
  expect(believed.length).toBe(2);
  // The victim's neighbour is somebody else, and it has one more router.
  await until('the lies are believed', async () => {
    await attacker.send(believed);
    const [was, is] = [before.get('blue2'), (await attacker.minds()).get('blue2')];
    return is?.neighbours !== was?.neighbours && is?.routes !== was?.routes;
  });
  await attacker.send(attacks);
  expect(attacks.filter((each) => !attacker.hasArrived(each)).map(nameOf)).toEqual([]);
}

function nameOf({ id, what }: GuestAttack): string {
  return `${id} ${what}`;
}

/** What the stack of a machine believes of the network. */
interface Mind {
  readonly neighbours: string;
  readonly routes: string;
}

class Attacker {
  readonly attacks: readonly GuestAttack[];
  readonly #stations: Stations;

  constructor(stations: Stations) {
    this.#stations = stations;
    const records = [...(stations.centre.agents.get('host1')?.records().values() ?? [])];
    this.attacks = guestAttacks(sceneAt('host1', (machine) => stations.port(machine).mac, records));
  }

  /** Sends each frame from blue1; settles when whatever came of it has come. */
  async send(attacks: readonly GuestAttack[]): Promise<void> {
    this.#stations.forget();
    // A few at a time: a switch that is not given the processor in time loses what does not fit the queue of its port.
    for (let i = 0; i < attacks.length; i += AT_ONCE) {
      for (const { frame } of attacks.slice(i, i + AT_ONCE)) this.#stations.socket('blue1').send(frame);
      await this.#stations.passes('blue1', 'blue3');
    }
    for (const victim of ['blue2', 'blue3']) await this.#stations.passes('blue1', victim);
    for (const victim of ['red2', 'red3']) await this.#stations.passes('red1', victim);
    await this.#stations.passes('red2', 'red1');
  }

  hasArrived({ frame }: GuestAttack): boolean {
    return VICTIMS.some((who) => this.#stations.socket(who).hasHeard(frame));
  }

  async minds(): Promise<ReadonlyMap<string, Mind>> {
    const minds = new Map<string, Mind>();
    for (const victim of VICTIMS) {
      const ip = (...args: string[]) => this.#stations.centre.inside(victim, 'ip', ...args);
      const table = await ip('neighbour', 'show', 'nud', 'all');
      const known = [...table.matchAll(/^(\S+) dev eth0 lladdr (\S+)/gm)].map(
        ([, address, mac]) => `${address} ${mac}`,
      );
      const all = [
        await ip('-4', 'route'),
        await ip('-6', 'route'),
        await ip('address', 'show', 'dev', 'eth0'),
      ];
      const routes = all.join('\n').replaceAll(/(expires|valid_lft|preferred_lft) \S+/g, '');
      minds.set(victim, { neighbours: known.sort().join('\n'), routes });
    }
    return minds;
  }

  /** The rules that have counted fewer frames than they should have dropped. */
  async uncounted(): Promise<string[]> {
    const { agents, switches } = this.#stations.centre;
    await switches.get('host1')?.appctl('revalidator/purge');
    const drops = (await agents.get('host1')?.counts())?.drops ?? [];
    return [...Map.groupBy(this.attacks, ({ words }) => words)].flatMap(([words, attacks]) => {
      const counted = drops
        .filter((drop) => drop.words.includes(words) && !drop.object.includes('red'))
        .reduce((sum, { packets }) => sum + packets, 0);
      return counted < attacks.length ? [`${words}: ${counted} of ${attacks.length}`] : [];
    });
  }

  async takeTheGuardAway(): Promise<void> {
    const { agents, switches } = this.#stations.centre;
    const [agent, ovs] = [agents.get('host1'), switches.get('host1')];
    const port = this.#stations.port('blue1');
    const number = agent?.port(portOf.vnic(port.id))?.number;
    if (!agent || !ovs || number === undefined) throw new Error('blue1 is on host1');
    const bridge = `unix:${join(ovs.directory, bridgeName(port.switch))}.mgmt`;
    await ovs.ofctl('-OOpenFlow15', 'add-flow', bridge, formatFlow(unguarded(agent.flows(), number)));
  }
}
