/**
 * Hosts on the real switch that somebody, or a crash, has changed: what is not as the policy wants it is named and set
 * right; what is somebody else's stays; and nothing passes while flows are missing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import type { ExplainedFlow } from '../../src/flow/flow.ts';
import { until } from '../support/until.ts';
import { type DataCentre, openEngine, withDataCentre, withoutNics } from './data-centre.ts';
import { itWithNamespaces } from './open-vswitch.ts';

const ALL = 3;
const NONE = 0;

function blueRed(use: (centre: DataCentre) => Promise<void>): Promise<void> {
  const text = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');
  return withDataCentre({ text, configured: true }, async (centre) => {
    // The first packet may be lost: Open vSwitch asks for the MAC address of the other host, and does not wait.
    await centre.ping('blue1', '10.0.0.7');
    expect(await centre.ping('blue1', '10.0.0.7')).toBe(ALL);
    await use(centre);
  });
}

/** Host 1, and the means of somebody who is root there. */
async function firstHost(centre: DataCentre) {
  const agent = centre.agents.get('host1')!;
  const ovs = centre.switches.get('host1')!;
  const [name] = await centre.engines.get('host1')!.switchNames();
  const blue1 = agent.port(`vnic/${centre.machines.get('blue1')!.id}`)!;
  const bridge = (await ovs.vsctl('list-br')).split('\n').find((each) => /^nlb/.test(each))!;
  const socket = `unix:${join(ovs.directory, bridge)}.mgmt`;
  const ofctl = (command: string, ...args: readonly string[]) =>
    ovs.ofctl('-O', 'OpenFlow15', command, socket, ...args);
  const drift = async () =>
    (await agent.check()).drift.map(({ what, object, words }) => `${what} ${object}: ${words}`).sort();
  return { agent, ovs, name: name!, blue1, bridge, ofctl, drift };
}

describe('a real host', () => {
  itWithNamespaces(
    'that is changed by hand is found out in every part, and repaired; what is foreign stays',
    async () => {
      await blueRed(async (centre) => {
        const { agent, ovs, blue1, ofctl, drift } = await firstHost(centre);
        expect(await drift()).toEqual([]);
        const tap = blue1.name;
        const isGuard = ({ table, origin }: ExplainedFlow) =>
          table === 1 && origin === 'VirtualMachine/blue1';
        const { cookie } = agent.flows().find(isGuard)!;
        const ours = `cookie=0x${cookie.toString(16)}/-1`;
        // Foreign things, beside ours and among ours.
        await ovs.vsctl('add-br', 'br-other', '--', 'set', 'bridge', 'br-other', 'datapath_type=netdev');
        await ofctl('add-flow', 'table=200,cookie=7,priority=1,actions=drop');
        const other = await ovs.vsctl('get', 'bridge', 'br-other', '_uuid');

        await ofctl('del-flows', `${ours},table=8`);
        await ofctl('mod-flows', `${ours},table=1,arp,in_port=${blue1.number},actions=drop`);
        await ofctl(
          'add-flow',
          `table=0,priority=60000,cookie=0x${cookie.toString(16)},in_port=${blue1.number},actions=NORMAL`,
        );
        await ofctl(
          'mod-meter',
          `meter=${blue1.number} pktps burst bands=type=drop rate=9999 burst_size=9999`,
        );
        await ovs.vsctl('set', 'port', tap, 'tag=7', 'vlan_mode=access', 'trunks=[]');
        const told = await drift();
        for (const words of [
          /^flow-missing VirtualMachine\/blue1: A flow is missing: /,
          /^flow-changed VirtualMachine\/blue1: A flow does something else: .*its actions are drop, and should be /,
          /^flow-extra VirtualMachine\/blue1: There is a flow that nobody wants: table=0,priority=60000/,
          /^meter-changed VirtualMachine\/blue1: Meter \d+ of vNIC blue1\/eth0 has other limits/,
          /^port-changed VirtualMachine\/blue1: Of the port of vNIC blue1\/eth0, the VLAN mode is access 7, and should be access 4095/,
        ])
          expect(told).toContainEqual(expect.stringMatching(words));
        expect(await centre.ping('red1', '10.0.0.7')).toBe(ALL);

        const { repaired, drift: left, findings } = await agent.repair();
        expect([left, findings]).toEqual([[], []]);
        expect(repaired.length).toBe(told.length);
        expect(await drift()).toEqual([]);
        expect(await centre.ping('blue1', '10.0.0.7')).toBe(ALL);
        expect(await ofctl('dump-flows', 'table=200')).toContain('cookie=0x7');
        expect(await ovs.vsctl('get', 'bridge', 'br-other', '_uuid')).toBe(other);
      });
    },
  );

  itWithNamespaces('that loses ports, meters, or its switch gets them back', async () => {
    await blueRed(async (centre) => {
      const { agent, ovs, blue1, bridge, ofctl, drift } = await firstHost(centre);
      await ofctl('del-meter', `meter=${blue1.number}`);
      const ports = (await ovs.vsctl('list-ports', bridge)).trim().split('\n');
      await ovs.vsctl('del-port', ports.find((port) => port.startsWith('nlp'))!);
      const told = await drift();
      expect(told).toContainEqual(expect.stringMatching(/^meter-missing VirtualMachine\/blue1/));
      expect(told).toContainEqual(expect.stringMatching(/^port-missing .*provider interface/));
      expect((await agent.repair()).drift).toEqual([]);
      await until('blue1 reaches blue2', async () => (await centre.ping('blue1', '10.0.0.7')) === ALL);

      await ovs.vsctl('del-br', bridge);
      await agent.repair();
      // The tap went with the bridge; whoever made it plugs it again.
      expect(await drift()).toEqual([]);
    });
  });

  itWithNamespaces(
    'gives a switch that was killed all of its flows back; until then nothing passes',
    async () => {
      await blueRed(async (centre) => {
        const { agent, ovs, ofctl, drift } = await firstHost(centre);
        const restored: unknown[] = [];
        agent.onRestored((each) => restored.push(each));
        await ovs.crash();
        await ovs.restart();
        await until('the flows are back', () => restored.length > 0);
        expect(restored).toEqual([expect.objectContaining({ ok: true, findings: [] })]);
        expect(await drift()).toEqual([]);
        await until('blue1 reaches blue2', async () => (await centre.ping('blue1', '10.0.0.7')) === ALL);
        expect(restored.length).toBe(1);

        // Without an agent nobody gives it any.
        await centre.engines.get('host1')!.close();
        await ovs.crash();
        await ovs.restart();
        await until('the bridge answers', async () => (await ofctl('dump-flows').catch(() => '')) !== '');
        expect(await ofctl('dump-flows')).not.toContain('cookie');
        expect(await centre.ping('blue1', '10.0.0.7')).toBe(NONE);
        expect(await centre.ping('blue1', '10.0.0.1')).toBe(NONE);
        const engine = await openEngine(ovs, centre.namespaces.name('host1'));
        centre.engines.set('host1', engine);
        const next = new Agent('host1', withoutNics(engine));
        expect(await next.replace(agent.records().values())).toMatchObject({ ok: true, findings: [] });
        await until('blue1 reaches blue2', async () => (await centre.ping('blue1', '10.0.0.7')) === ALL);
      });
    },
  );

  itWithNamespaces('finds everything as it wants it when only its agent was started anew', async () => {
    await blueRed(async (centre) => {
      const { agent, ovs, ofctl } = await firstHost(centre);
      const flows = async () => (await ofctl('dump-flows', '--no-stats')).split('\n').sort();
      const before = await flows();
      await centre.engines.get('host1')!.close();
      const engine = await openEngine(ovs, centre.namespaces.name('host1'));
      centre.engines.set('host1', engine);
      const next = new Agent('host1', withoutNics(engine));
      expect(await next.replace(agent.records().values())).toEqual({
        ok: true,
        findings: [],
        flows: { added: 0, removed: 0 },
      });
      expect((await next.check()).drift).toEqual([]);
      expect(await flows()).toEqual(before);
      expect(await centre.ping('blue1', '10.0.0.7')).toBe(ALL);
    });
  });
});
