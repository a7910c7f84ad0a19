/** Port ACLs on two real Open vSwitches with real packets and real connection tracking (data-centre.ts). */
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import type { AclDecision } from '../../src/agent/acl-report.ts';
import { prefix } from '../../src/packet/address.ts';
import type { AclRecord } from '../../src/policy/records.ts';
import { type DataCentre, withDataCentre } from './data-centre.ts';
import { itWithNamespaces } from './open-vswitch.ts';

const ALL = 3;
const NONE = 0;

/** blue1 with a port ACL that allows what it begins and its answers; desk1 and desk2, without virtualization, as well. */
function guarded(use: (centre: DataCentre) => Promise<void>): Promise<void> {
  const example = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');
  const text = example.replace('addresses: [10.0.0.5] }\n---\nkind: VirtualMachine\nname: red1', (found) =>
    found.replace('[10.0.0.5]', '[10.0.0.5], acls: [acl]'),
  );
  expect(text).not.toBe(example);
  const more = `
---
kind: PortAcl
name: acl
default: { inbound: deny, outbound: deny }
rules:
  - { name: out, direction: outbound, action: allow, priority: 10, stateful: true }
  - { name: telling, direction: inbound, action: deny, priority: 20, protocol: icmp, log: true }
---
{ kind: VmNetwork, name: Desks, logicalNetwork: Provider, isolation: none }
---
{ kind: VirtualMachine, name: desk1, host: host1, vnics: [{ vmNetwork: Desks, addresses: [192.168.4.101], acls: [acl] }] }
---
{ kind: VirtualMachine, name: desk2, host: host2, vnics: [{ vmNetwork: Desks, addresses: [192.168.4.102] }] }
`;
  return withDataCentre({ text: text + more, configured: true }, use);
}

function aclOf(centre: DataCentre): AclRecord {
  const record = centre.agents.get('host1')?.records().get('acl/acl');
  if (record?.kind !== 'acl') throw new Error('host1 has no port ACL');
  return record;
}

/** What host1 is told instead. */
async function change(centre: DataCentre, edit: (acl: AclRecord) => AclRecord): Promise<void> {
  const record = edit(aclOf(centre));
  expect(await centre.agents.get('host1')?.apply([{ key: 'acl/acl', record }])).toMatchObject({ ok: true });
}

describe('port ACLs on two real Open vSwitches', () => {
  itWithNamespaces('let pass what they allow, its answers, and nothing else', async () => {
    await guarded(async (centre) => {
      const decisions: AclDecision[] = [];
      centre.agents.get('host1')?.onAclDecision((decision) => decisions.push(decision));
      for (const [own, other, address, ownAddress] of [
        ['blue1', 'blue2', '10.0.0.7', '10.0.0.5'],
        ['desk1', 'desk2', '192.168.4.102', '192.168.4.101'],
      ] as const) {
        // The first packet may be lost: Open vSwitch asks for the MAC address of the other host, and does not wait.
        await centre.ping(own, address);
        expect(await centre.ping(own, address), own).toBe(ALL);
        expect(await centre.ping(other, ownAddress), own).toBe(NONE);
        // In three pieces, each way: put together by connection tracking.
        expect(await centre.ping(own, address, '-s', '4000'), own).toBe(ALL);
        expect(await centre.ping(other, ownAddress, '-s', '4000'), own).toBe(NONE);
      }
      expect(decisions.length).toBeGreaterThan(0);
      expect(decisions[0]).toMatchObject({ port: 'blue1/eth0', rule: 'telling', verdict: 'deny' });

      // The positive control: the same pings, without the rules.
      const { inbound: _in, outbound: _out, ...open } = aclOf(centre);
      await change(centre, () => ({ ...open, rules: [] }));
      expect(await centre.ping('blue2', '10.0.0.5')).toBe(ALL);
      expect(await centre.ping('desk2', '192.168.4.101')).toBe(ALL);
      expect(await centre.ping('blue2', '10.0.0.5', '-s', '4000')).toBe(ALL);
    });
  });

  itWithNamespaces('cut a connection that a new rule denies, and no other', async () => {
    await guarded(async (centre) => {
      await centre.ping('blue1', '10.0.0.7');
      // One conversation each, by the identifier that ping keeps: it goes on while the rules change.
      const run = centre.inside('blue1', 'ping', '-n', '-c', '40', '-i', '0.1', '-W', '1', '10.0.0.7');
      const other = centre.inside('blue1', 'ping', '-n', '-c', '40', '-i', '0.1', '-W', '1', '10.0.0.1');
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await change(centre, (acl) => ({
        ...acl,
        rules: [
          {
            name: 'not there',
            direction: 'outbound',
            action: 'deny',
            priority: 1,
            family: 4,
            remote: prefix('10.0.0.7/32'),
            stateful: false,
            log: false,
          },
          ...acl.rules,
        ],
      }));
      const received = (text: string) => Number(/(\d+) received/.exec(text)?.[1]);
      const [cut, kept] = [received(await run), received(await other)];
      expect(cut).toBeGreaterThan(2);
      expect(cut).toBeLessThan(35);
      expect(kept).toBe(40);
    });
  });
});
