import { beforeEach, describe, expect, it } from 'vitest';
import { isKind } from '../../model/kinds.ts';
import { bindingsOf, takeoverOf } from './bindings.ts';
import { FABRIC, hostText, switchText, type World, world } from './fixture.ts';

let fabric: World;
beforeEach(async () => {
  fabric = await world(FABRIC);
});

const hostSwitch = () => {
  const object = fabric.controller.network.fact('HostSwitch/h1/L');
  if (!isKind(object, 'HostSwitch')) throw new Error('no host switch');
  return object;
};
const addresses = () =>
  [...fabric.controller.network.records()].flatMap(({ record }) =>
    record.kind === 'port' && record.name === 'h1/M' ? record.addresses : [],
  );

describe('the adapters of a host', () => {
  it('are told with what is bound to them, without the switch and with it', async () => {
    expect(bindingsOf(fabric.controller.network, hostSwitch())).toEqual([
      {
        adapter: 'a',
        type: 'NIC',
        without: ['IPv4', 'IPv6', '192.168.0.11'],
        withSwitch: ['member of team L'],
      },
      { adapter: 'b', type: 'NIC', without: ['IPv4', 'IPv6'], withSwitch: ['member of team L'] },
      { adapter: 'L', type: 'team', withSwitch: ['virtual switch'] },
      { adapter: 'M', type: 'host vNIC', withSwitch: ['IPv4', 'IPv6', '192.168.0.11'] },
    ]);
    await fabric.apply(switchText('h1', '[a]'));
    expect(bindingsOf(fabric.controller.network, hostSwitch()).map(({ adapter }) => adapter)).toEqual([
      'a',
      'M',
    ]);
    expect(bindingsOf(fabric.controller.network, hostSwitch())[0]?.withSwitch).toEqual(['virtual switch']);
  });

  it('hand their addresses, router and name servers over to the host vNIC that inherits them', async () => {
    expect(addresses()).toEqual([
      { address: '192.168.0.11', prefixLength: 24, gateway: '192.168.0.1', dns: [] },
    ]);
    await fabric.apply(
      hostText(
        'h1',
        1,
        '',
        'managementGateway: 192.168.0.254\nmanagementDns: [192.168.0.53, "2001:db8::53"]',
      ),
    );
    expect(addresses()).toEqual([
      {
        address: '192.168.0.11',
        prefixLength: 24,
        gateway: '192.168.0.254',
        dns: ['192.168.0.53', '2001:db8::53'],
      },
    ]);
    expect(takeoverOf(fabric.controller.network, hostSwitch())).toEqual({
      nic: 'a',
      hostVnic: 'M',
      addresses: ['192.168.0.11'],
      gateway: '192.168.0.254',
      dns: ['192.168.0.53', '2001:db8::53'],
    });
    // One that does not inherit has what its subnet says.
    await fabric.apply(switchText('h1', '[a, b]', '{ name: M, vmNetwork: Mgmt, address: 192.168.0.11 }'));
    expect(addresses()).toEqual([
      { address: '192.168.0.11', prefixLength: 24, gateway: '192.168.0.1', dns: [] },
    ]);
    expect(takeoverOf(fabric.controller.network, hostSwitch())).toBeUndefined();
  });
});

describe('a change that cuts a host off for a moment', () => {
  const warnings = async (
    change: Promise<{ readonly findings: readonly { code: string; message: string }[] }>,
  ) =>
    (await change).findings.flatMap(({ code, message }) =>
      code === 'management-interrupted' ? [message] : [],
    );

  it('says so: the switch goes, comes, takes the NIC, and gives it back', async () => {
    expect(await warnings(fabric.remove('HostSwitch/h1/L'))).toEqual([
      'NIC "a", which host "h1" is managed through, is given back by the virtual switch, with its settings (192.168.0.11): the connection to the host is interrupted for a moment.',
    ]);
    expect(await warnings(fabric.apply(switchText('h1')))).toEqual([
      'NIC "a", which host "h1" is managed through, goes to the virtual switch, and its settings (192.168.0.11) to host vNIC "M": the connection to the host is interrupted for a moment.',
    ]);
    expect(await warnings(fabric.apply(switchText('h1', '[b]', '')))).toHaveLength(1);
    expect(await warnings(fabric.apply(switchText('h1', '[b, a]', '')))).toEqual([
      expect.stringContaining('to nobody, since no host vNIC inherits them'),
    ]);
  });

  it('says nothing where the NIC stays where it is, or the host is new', async () => {
    expect(await warnings(fabric.apply(switchText('h1', '[a]')))).toEqual([]);
    expect(await warnings(fabric.apply(hostText('h3', 3), switchText('h3')))).toEqual([]);
  });
});

describe('the tick box of the same-named VM network', () => {
  it('cannot be taken away while somebody uses the VM network: the users are listed', async () => {
    const untick = () => fabric.apply('kind: LogicalNetwork\nname: Mgmt');
    await expect(untick()).rejects.toMatchObject({
      findings: [
        {
          code: 'in-use',
          path: 'LogicalNetwork/Mgmt.sameNameVmNetwork',
          message: 'VmNetwork/Mgmt would be gone, and is still used by HostSwitch/h1/L, HostSwitch/h2/L.',
        },
      ],
    });
    await fabric.apply(switchText('h1', '[b]', ''), switchText('h2', '[b]', ''));
    const { findings } = await untick();
    expect(findings.map(({ code }) => code)).toEqual(['network-unused']);
  });
});
