import { describe, expect, it } from 'vitest';
import type { HostStatus } from '../../stream/feed.ts';
import type { NicFact } from '../../stream/report.ts';
import { compareGroups, hostsOfGroup } from './compare.ts';
import { FABRIC, hostText, switchText, world } from './fixture.ts';

const THREE = [...FABRIC, hostText('h3', 3), switchText('h3')];
const none = new Map<string, HostStatus>();
const agent = (host: string, version: string): [string, HostStatus] => [
  host,
  {
    host,
    connected: true,
    touched: 1,
    report: { version, engine: 'softswitch', nics: [], switches: [], drift: [], repaired: [], findings: [] },
  },
];

describe('hosts of one group', () => {
  it('that are alike differ in nothing, whatever the order in which things are named', async () => {
    const { controller, apply } = await world(THREE);
    expect(compareGroups(controller.network, none)).toEqual([
      { of: 'host group G', hosts: ['h1', 'h2', 'h3'], differences: [] },
    ]);
    await apply(switchText('h3', '[b, a]'));
    expect(compareGroups(controller.network, none)[0]?.differences).toEqual([]);
  });

  it('differ where one has something else: the odd one out, in what, and what is usual', async () => {
    const { controller, apply } = await world(THREE);
    await apply(hostText('h2', 2, ', speedMbps: 1000'), switchText('h2', '[a]', ''));
    const statuses = new Map([agent('h1', '1.0'), agent('h2', '1.1'), agent('h3', '1.0')]);
    const [group] = compareGroups(controller.network, statuses);
    expect(group?.differences.map(({ aspect, usual, odd }) => [aspect, usual, odd])).toEqual([
      ['speeds of the NICs', 'a 10000 Mbit/s, b 10000 Mbit/s', ['h2']],
      ['L: NICs', 'a, b', ['h2']],
      ['L: team', '2 NICs', ['h2']],
      ['L: physical networks', 'blue, green', ['h2']],
      ['L: host vNICs', 'Mgmt', ['h2']],
      ['version of the agent', '1.0', ['h2']],
    ]);
    expect(group?.differences[1]?.values).toEqual([
      { value: 'a, b', hosts: ['h1', 'h3'] },
      { value: 'a', hosts: ['h2'] },
    ]);
  });

  it('differ in what their machines say of the NICs, as far as they say it', async () => {
    const { controller } = await world(THREE);
    const nic = (name: string, driver: string, system?: string) => ({
      name,
      link: true,
      driver,
      mtu: 1600,
      ...(system === undefined
        ? {}
        : { neighbour: { chassis: '00:11:22:33:44:55', port: `${name}1`, system } }),
    });
    const found = (host: string, ...nics: readonly NicFact[]): [string, HostStatus] => {
      const [, status] = agent(host, '1.0');
      return [host, { ...status, report: { ...status.report!, nics } }];
    };
    const statuses = new Map([
      found('h1', nic('a', 'ice', 'leaf1'), nic('b', 'ice'), nic('eth9', 'usb')),
      found('h2', nic('a', 'ice', 'leaf1'), nic('b', 'ice')),
      found('h3', nic('a', 'mlx5_core', 'leaf2'), nic('b', 'ice')),
    ]);
    const [group] = compareGroups(controller.network, statuses);
    expect(group?.differences.map(({ aspect, usual, odd }) => [aspect, usual, odd])).toEqual([
      ['drivers of the NICs', 'a ice, b ice', ['h3']],
      ['physical switches', 'a to leaf1', ['h3']],
    ]);
  });

  it('without a majority have nothing usual: everybody is named', async () => {
    const { controller, remove } = await world(FABRIC);
    await remove('HostSwitch/h2/L');
    const [group] = compareGroups(controller.network, none);
    const switches = group?.differences.find(({ aspect }) => aspect === 'logical switches');
    expect(switches).toEqual({
      aspect: 'logical switches',
      values: [
        { value: 'L', hosts: ['h1'] },
        { value: 'none', hosts: ['h2'] },
      ],
      odd: ['h1', 'h2'],
    });
    // That one has no team on a switch that it does not have is no news.
    expect(group?.differences.filter(({ aspect }) => aspect.startsWith('L: '))).toEqual([]);
  });

  it('are those of the groups in it too', async () => {
    const { controller, apply } = await world(FABRIC);
    await apply('kind: HostGroup\nname: Inner\nparent: G', 'kind: Host\nname: h9\ngroup: Inner');
    expect(hostsOfGroup(controller.network, 'G').map(({ name }) => name)).toEqual(['h1', 'h2', 'h9']);
    expect(hostsOfGroup(controller.network, 'Inner').map(({ name }) => name)).toEqual(['h9']);
  });
});
