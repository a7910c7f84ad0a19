/**
 * The first packet to another host arrives: the agent has asked for the host's MAC address before there was anything to send
 * (agent/neighbours.ts). Without that, Open vSwitch asks when it has something to send, and loses it.
 */
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { askRegularly } from '../../src/agent/neighbour-schedule.ts';
import { systemClock } from '../../src/base/clock.ts';
import { until } from '../support/until.ts';
import { type DataCentre, withDataCentre } from './data-centre.ts';
import { itWithNamespaces } from './open-vswitch.ts';

const EXAMPLE = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');

const FABRICS: readonly (readonly [string, string])[] = [
  ['IPv4', EXAMPLE],
  ['IPv4 on a VLAN', EXAMPLE.replace('prefix: 192.168.4.0/24', (prefix) => `${prefix}\n    vlan: 30`)],
  [
    'IPv6',
    EXAMPLE.replace('192.168.4.0/24', 'fd00:4::/64')
      .replaceAll('192.168.4.11', 'fd00:4::11')
      .replaceAll('192.168.4.22', 'fd00:4::22'),
  ],
];

async function isAnswered(centre: DataCentre): Promise<boolean> {
  return / 1 received/.test(await centre.inside('blue1', 'ping', '-n', '-c1', '-W2', '10.0.0.7'));
}

/** Waits until both switches know where the other host is, and the way there: their provider interfaces have addresses. */
async function knowEachOther(centre: DataCentre): Promise<void> {
  for (const [host, ovs] of centre.switches) {
    await until(`${host} knows its neighbour`, async () =>
      /(192\.168\.4|fd00:4)\S+ +[0-9a-f:]{17}/.test(await ovs.appctl('tnl/neigh/show')),
    );
    await until(`${host} knows the way`, async () =>
      /(192\.168\.4\.\d+\/32|fd00:4::\w+\/128) .*local/.test(await ovs.appctl('ovs/route/show')),
    );
  }
}

describe.each(FABRICS)('on a fabric of %s, the first packet to another host', (_, text) => {
  itWithNamespaces('is lost where nobody has asked for the way', async () => {
    await withDataCentre({ text, configured: true }, async (centre) => {
      expect(await isAnswered(centre)).toBe(false);
      await until('it is known now', () => isAnswered(centre));
    });
  });

  itWithNamespaces('arrives where the agent has, also when Open vSwitch has forgotten', async () => {
    await withDataCentre({ text, configured: true }, async (centre) => {
      const ends = [...centre.agents.values()].map((agent) => askRegularly(agent, systemClock, Math.random));
      try {
        await knowEachOther(centre);
        expect(await isAnswered(centre)).toBe(true);
        for (const ovs of centre.switches.values()) {
          await ovs.crash();
          await ovs.restart();
        }
        await knowEachOther(centre);
        expect(await isAnswered(centre)).toBe(true);
      } finally {
        for (const end of ends) end();
      }
    });
  });
});
