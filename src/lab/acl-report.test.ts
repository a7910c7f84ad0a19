/** What port ACLs tell about their decisions: the log, the counters, and the walk. */
import { afterEach, describe, expect, it } from 'vitest';
import { AclRig } from '../../test/support/acl-rig.ts';
import type { Layer } from '../packet/layer.ts';

const udp = (sport: number, dport: number): Layer => ({ layer: 'udp', sport, dport });
const ACL = `{kind: PortAcl, name: acl, default: {inbound: deny}, rules: [
  {name: dns, direction: inbound, action: allow, priority: 10, protocol: udp, localPorts: 53, stateful: true, log: true},
  {name: old, direction: inbound, action: allow, priority: 20, protocol: udp, localPorts: 54, log: true},
  {name: no telnet, direction: outbound, action: deny, priority: 10, protocol: udp, remotePorts: 23, log: true}]}
---
{kind: VirtualMachine, name: blue1, host: host1, vnics: [{vmNetwork: Blue, subnet: Blue subnet, addresses: [10.0.0.5], acls: [acl]}]}`;

let rig: AclRig;
afterEach(() => rig.close());

const counted = () => rig.lab.controller.count([...rig.lab.fabric.hosts.keys()]);
const log = async () =>
  (await counted())
    .log(() => true)
    .map(({ port, acl, rule, direction, verdict }) => `${port} ${acl} ${rule} ${direction} ${verdict}`);

describe('the log of port ACLs', () => {
  it('has what rules with log decide, and the frames go on as they would', async () => {
    rig = await AclRig.open(ACL);
    expect(await rig.passes('blue2', 'blue1', udp(1, 53))).toBe(true);
    expect(await rig.passes('blue2', 'blue1', udp(1, 54))).toBe(true);
    expect(await rig.passes('blue1', 'blue2', udp(1, 23))).toBe(false);
    // No rule decides, so there is nothing to report.
    expect(await rig.passes('blue2', 'blue1', udp(1, 55))).toBe(false);
    expect(await log()).toEqual([
      'blue1/eth0 acl dns inbound allow',
      'blue1/eth0 acl old inbound allow',
      'blue1/eth0 acl no telnet outbound deny',
    ]);
    const [first] = (await counted()).log(() => true);
    expect(first?.host).toBe('host1');
    expect(first?.frame).toContain('ipv4(src=10.0.0.7,dst=10.0.0.5');
    expect(first?.frame).toContain('dport=53');
  });

  it('has of a connection the packet that begins it', async () => {
    rig = await AclRig.open(ACL);
    for (let i = 0; i < 3; i++) await rig.passes('blue2', 'blue1', udp(1, 53));
    expect(await rig.passes('blue1', 'blue2', udp(53, 1))).toBe(true);
    await rig.passes('blue2', 'blue1', udp(2, 53));
    // Nobody has answered the first one at first.
    expect((await log()).length).toBeGreaterThanOrEqual(2);
    const before = (await log()).length;
    for (let i = 0; i < 3; i++) expect(await rig.passes('blue2', 'blue1', udp(1, 53))).toBe(true);
    expect(await log()).toHaveLength(before);
  });

  it('is limited for each port, and loses no frame for it', async () => {
    rig = await AclRig.open(ACL);
    let passed = 0;
    for (let i = 0; i < 40; i++) if (await rig.passes('blue2', 'blue1', udp(1, 54))) passed++;
    expect(passed).toBe(40);
    expect((await log()).length).toBeGreaterThan(5);
    expect((await log()).length).toBeLessThan(30);
  });
});

describe('the counters of port ACLs', () => {
  const counters = async () =>
    Object.fromEntries(
      (await counted())
        .acls(() => true)
        .map((c) => [`${c.host} ${c.rule} ${c.direction} ${c.verdict}`, Number(c.packets)]),
    );

  it('are exact, also for frames that took the short way through the flow cache', async () => {
    rig = await AclRig.open(ACL);
    const before = await counters();
    for (let i = 0; i < 5; i++) await rig.passes('blue2', 'blue1', udp(1, 53));
    for (let i = 0; i < 4; i++) await rig.passes('blue2', 'blue1', udp(1, 55));
    for (let i = 0; i < 3; i++) await rig.passes('blue1', 'blue2', udp(1, 23));
    await rig.passes('blue1', 'blue2', udp(53, 1));
    const after = await counters();
    const grown = Object.fromEntries(
      Object.keys(after).map((key) => [key, after[key]! - (before[key] ?? 0)]),
    );
    expect(grown).toEqual({
      // Its answer as well, which it lets pass.
      'host1 dns inbound allow': 6,
      'host1 old inbound allow': 0,
      'host1 no telnet outbound deny': 3,
      'host1 default inbound deny': 4,
    });
  });
});

describe('a walk', () => {
  it('names the rule that denies, and the port ACL that it is in', async () => {
    rig =
      await AclRig.open(`{kind: PortAcl, name: no pings, rules: [{name: quiet, direction: inbound, action: deny, priority: 1, protocol: icmp}]}
---
{kind: VirtualMachine, name: blue1, host: host1, vnics: [{vmNetwork: Blue, subnet: Blue subnet, addresses: [10.0.0.5], acls: [no pings]}]}`);
    await rig.unplug();
    const { dropped } = await rig.lab.ping('blue2', 'blue1');
    expect(dropped).toMatchObject({
      rule: expect.stringContaining('rule "quiet" denies it'),
      origin: 'PortAcl/no pings',
    });
  });

  it('names it as well where it reports, and on the same host after the ACL of the sender', async () => {
    rig =
      await AclRig.open(`{kind: PortAcl, name: out, rules: [{name: free, direction: outbound, action: allow, priority: 1, log: true}]}
---
{kind: PortAcl, name: in, rules: [{name: quiet, direction: inbound, action: deny, priority: 1, protocol: icmp, log: true}]}
---
{kind: VirtualMachine, name: blue1, host: host1, vnics: [{vmNetwork: Blue, subnet: Blue subnet, addresses: [10.0.0.5], acls: [in]}]}
---
{kind: VirtualMachine, name: blue3, host: host1, vnics: [{vmNetwork: Blue, subnet: Blue subnet, addresses: [10.0.0.9], acls: [out]}]}`);
    await rig.unplug();
    const denied = { rule: expect.stringContaining('rule "quiet" denies it'), origin: 'PortAcl/in' };
    expect((await rig.lab.ping('blue3', 'blue1')).dropped).toMatchObject(denied);
    await rig.apply(
      '{kind: PortAcl, name: in, rules: [{name: quiet, direction: inbound, action: deny, priority: 1, protocol: icmp}]}',
    );
    expect((await rig.lab.ping('blue3', 'blue1')).dropped).toMatchObject(denied);
  });
});
