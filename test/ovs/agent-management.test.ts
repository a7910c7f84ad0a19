/** A host whose management goes by a host vNIC: a change is on trial, and undone where it cuts the host off. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Ended, LIMIT, PROGRAM, withWorld } from './agent-world.ts';
import { command } from './namespaces.ts';
import { inNamespace, itWithNamespaces } from './open-vswitch.ts';

/** The management of host1 by a host vNIC in this VLAN. */
const managed = (vlan: number) => `
kind: Host
name: host1
group: Rack 1
managementNic: mgmt
managementAddresses: [10.77.1.11]
nics:
  - { name: nic1, physicalNetwork: Fabric, mac: aa:55:aa:55:00:11 }
  - { name: mgmt, physicalNetwork: Out of band, mac: aa:55:aa:55:01:11, speedMbps: 1000 }
providerAddresses: [{ logicalNetwork: Provider, address: 192.168.4.11 }]
---
kind: LogicalNetwork
name: Management
sameNameVmNetwork: true
---
kind: NetworkSite
name: Management
logicalNetwork: Management
hostGroups: [Rack 1]
subnets: [{ vlan: ${vlan}, prefix: 10.77.1.0/24 }]
---
kind: UplinkPortProfile
name: Management uplink
sites: [{ logicalNetwork: Management, site: Management }]
---
kind: LogicalSwitch
name: Management switch
uplinkMode: no-team
uplinkProfiles: [Management uplink]
---
kind: HostSwitch
host: host1
logicalSwitch: Management switch
nics: [mgmt]
uplinkProfile: Management uplink
hostVnics: [{ name: Management, vmNetwork: Management, inheritManagementNic: true }]
`;

describe('real hosts', () => {
  itWithNamespaces(
    'keep a change of their management that works, and undo one that cuts them off',
    () =>
      withWorld(async (world) => {
        const reach = () => world.pings('ctl', '10.77.1.11', 3);
        const apply = async (vlan: number) => {
          const { code, err } = await new Promise<Ended>((resolve) => {
            const [tool = '', ...rest] = [
              ...inNamespace(world.namespaces.name('ctl')),
              process.execPath,
              PROGRAM,
              'apply',
              '-f',
              '-',
              '--data',
              join(world.directory, 'ctl'),
            ];
            const child = execFile(tool, rest, { timeout: LIMIT }, (error, out, err) =>
              resolve({ code: error ? 1 : 0, out, err }),
            );
            child.stdin?.end(managed(vlan));
          });
          expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
        };
        await world.join('host1');
        await world.agent('host1');

        await apply(0);
        const kept = await world.until('host1', ({ management }) => management?.state === 'host vNIC');
        expect(await reach()).toBe(3);
        const routes = await command('ip', '-n', world.namespaces.name('host1'), 'route', 'show', 'default');
        expect(routes).toContain(`dev ${kept.management?.device}`);

        await apply(7);
        await world.until('host1', ({ management }) => management?.state === 'on trial');
        expect(await reach()).toBe(0);
        const undone = await world.until('host1', ({ management }) => management?.failed !== undefined);
        await expect.poll(reach, { timeout: 30_000 }).toBe(3);
        expect(undone.policy.inForce).toBe(kept.policy.inForce);
        expect(undone.policy.findings.map(({ code }) => code)).toEqual(['management-lost']);

        // It is not tried again, not by an agent that begins anew either; and a change that is right is.
        await world.kill('host1', 'SIGKILL');
        world.logs.delete('host1');
        await apply(0);
        await world.agent('host1');
        expect(world.logs.get('host1')).not.toContain('undone in 30 s');

        // An agent that is killed in the middle of a trial: the next one undoes what it began.
        await apply(8);
        await world.until('host1', ({ management }) => management?.state === 'on trial');
        await world.kill('host1', 'SIGKILL');
        expect(await reach()).toBe(0);
        await apply(0);
        await world.agent('host1');
        expect(await reach()).toBe(3);
        expect(readFileSync(join(world.state('host1'), 'management'), 'utf8')).not.toContain('"trial"');
      }),
    300_000,
    ['ethtool'],
  );
});
