import { beforeEach, describe, expect, it } from 'vitest';
import { finding, NetloomError } from '../base/error.ts';
import { flowOf, output } from '../flow/actions.ts';
import type { Datapath, FlowChange } from '../flow/datapath.ts';
import { matchOf } from '../flow/match.ts';
import { flowKey } from '../flow/same.ts';
import { formatFlow } from '../flow/text.ts';
import { parseNotation } from '../packet/notation.ts';
import { parseFrame } from '../packet/parse.ts';
import { isOurs } from '../pipeline/cookies.ts';
import { host1Records } from '../pipeline/fixture.ts';
import { type PolicyRecord, recordKey } from '../policy/records.ts';
import { SoftSwitch } from '../softswitch/switch.ts';
import { Agent } from './agent.ts';
import type { Engine } from './engine.ts';

/** Real softswitches, with a list of what was asked of them. */
class Machine implements Engine {
  readonly switches = new Map<string, SoftSwitch>();
  readonly log: string[] = [];
  /** The next bundles that the switch refuses. */
  refuse = 0;

  async openSwitch(name: string): Promise<Datapath> {
    const soft = this.switches.get(name) ?? new SoftSwitch({ now: () => 0 });
    this.switches.set(name, soft);
    return {
      setPort: (spec) => {
        this.log.push(`port ${spec.type}`);
        return soft.setPort(spec);
      },
      removePort: (port) => {
        this.log.push('remove port');
        return soft.removePort(port);
      },
      applyFlows: async (change: FlowChange) => {
        this.log.push(`flows +${change.add.length} -${change.remove.length}`);
        if (this.refuse > 0) {
          this.refuse -= 1;
          throw new NetloomError([finding('flow-invalid', name, 'The table is full.', 'Make room.')]);
        }
        await soft.applyFlows(change);
      },
      ports: () => soft.ports(),
      dumpFlows: () => soft.dumpFlows(),
      setGroup: (group) => soft.setGroup(group),
      removeGroup: (id) => soft.removeGroup(id),
      setMeter: (meter) => soft.setMeter(meter),
      removeMeter: (id) => soft.removeMeter(id),
      setMirrors: (mirrors) => soft.setMirrors(mirrors),
      mirrors: () => soft.mirrors(),
      packetOut: (inPort, frame, actions) => soft.packetOut(inPort, frame, actions),
      onPacketIn: (handler) => soft.onPacketIn(handler),
      close: () => soft.close(),
    };
  }

  async removeSwitch(name: string): Promise<void> {
    this.log.push('remove switch');
    this.switches.delete(name);
  }

  async flows(): Promise<string[]> {
    const all = await this.switches.get('Fabric')!.dumpFlows();
    return all.map(({ flow }) => formatFlow(flow)).sort();
  }
}

const changesOf = (records: readonly PolicyRecord[]) =>
  records.map((record) => ({ key: recordKey(record), record }));
const isBlue1 = (record: PolicyRecord) => record.kind === 'port' && record.name === 'blue1/eth0';

let machine: Machine;
let agent: Agent;
beforeEach(() => {
  machine = new Machine();
  agent = new Agent('host1', machine);
});

const desired = () => agent.flows().map(formatFlow).sort();

describe('apply', () => {
  it('makes the ports, then all flows in one bundle; what is in force is what is wanted', async () => {
    const applied = await agent.apply(changesOf(host1Records()));
    expect(applied).toMatchObject({ ok: true, findings: [] });
    expect(machine.log.slice(0, -1).sort()).toEqual([
      'port internal',
      'port tunnel',
      'port uplink',
      'port vif',
      'port vif',
    ]);
    expect(machine.log.at(-1)).toBe(`flows +${desired().length} -0`);
    expect(await machine.flows()).toEqual(desired());
  });

  it('takes the flows of a port away before the port', async () => {
    await agent.apply(changesOf(host1Records()));
    machine.log.length = 0;
    const blue1 = host1Records().find(isBlue1)!;
    await agent.apply([{ key: recordKey(blue1) }]);
    expect(machine.log).toEqual([expect.stringMatching(/^flows \+\d+ -\d+$/), 'remove port']);
    expect((await machine.flows()).filter((text) => text.includes('in_port=4,'))).toEqual([]);
  });

  it('does the same in two steps as in one', async () => {
    const records = host1Records();
    await agent.apply(changesOf(records.slice(4)));
    await agent.apply(changesOf(records.slice(0, 4)));
    const inOne = new Agent('host1', new Machine());
    await inOne.apply(changesOf(records));
    // Port numbers are the engine's to give, so only what does not speak of them is compared.
    const words = (a: Agent) =>
      a
        .flows()
        .map((flow) => `${flow.table} ${flow.words}`)
        .sort();
    expect(words(agent)).toEqual(words(inOne));
  });

  it('tells the engine nothing when only words change', async () => {
    await agent.apply(changesOf(host1Records()));
    machine.log.length = 0;
    const renamed = host1Records().map((r) => (r.kind === 'subnet' ? { ...r, name: 'renamed' } : r));
    await agent.apply(changesOf(renamed));
    expect(machine.log.filter((line) => line.startsWith('flows'))).toEqual([]);
    expect(agent.flows().some((flow) => flow.words.includes('renamed'))).toBe(true);
  });
});

describe('a refused bundle', () => {
  it('is reported, leaves what was in force, and is made up for by the next change', async () => {
    await agent.apply(changesOf(host1Records()));
    const before = await machine.flows();
    machine.refuse = 1;
    const blue1 = host1Records().find(isBlue1)!;
    const refused = await agent.apply([{ key: recordKey(blue1) }]);
    expect(refused).toMatchObject({ ok: false, findings: [{ code: 'flow-invalid' }] });
    expect(await machine.flows()).toEqual(before);
    expect(await agent.apply([])).toMatchObject({ ok: true });
    expect(await machine.flows()).toEqual(desired());
    expect(await machine.flows()).not.toEqual(before);
  });
});

describe('a restart', () => {
  it('finds everything as it should be and touches nothing', async () => {
    await agent.replace(host1Records());
    machine.log.length = 0;
    const again = new Agent('host1', machine);
    expect(await again.replace(host1Records())).toMatchObject({ ok: true, flows: { added: 0, removed: 0 } });
    expect(machine.log.filter((line) => line.startsWith('flows'))).toEqual([]);
  });

  it('removes what an earlier policy left and puts back what somebody deleted, but leaves the flows of others alone', async () => {
    await agent.replace(host1Records());
    const soft = machine.switches.get('Fabric')!;
    const foreign = flowOf({
      table: 100,
      priority: 7,
      match: matchOf({ in_port: 9 }),
      actions: [output('normal')],
      cookie: 0x1234n,
    });
    const deleted = agent.flows().find((flow) => flow.words.includes('blue2 is on the host'))!;
    await soft.applyFlows({ add: [foreign], remove: [deleted] });
    expect(isOurs(foreign.cookie)).toBe(false);

    const again = new Agent('host1', machine);
    const withoutRed = host1Records().filter((record) => !JSON.stringify(record).includes('6001'));
    const { flows } = await again.replace(withoutRed);
    expect(flows.added).toBe(1);
    expect(flows.removed).toBeGreaterThan(5);
    const left = await soft.dumpFlows();
    expect(left.map(({ flow }) => flowKey(flow))).toContain(flowKey(foreign));
    expect(left.map(({ flow }) => flowKey(flow))).toContain(flowKey(deleted));
    expect(left.filter(({ flow }) => isOurs(flow.cookie))).toHaveLength(again.flows().length);
  });
});

describe('DHCP', () => {
  const discover = (mac: string) =>
    parseNotation(
      `eth(src=${mac},dst=ff:ff:ff:ff:ff:ff)/ipv4(src=0.0.0.0,dst=255.255.255.255)/udp(sport=68,dport=67)/dhcp(discover,chaddr=${mac})`,
    );

  async function answersTo(frame: Uint8Array): Promise<string[]> {
    await agent.apply(changesOf(host1Records()));
    const port = agent.port('vnic/blue1-eth0')!;
    const answers: string[] = [];
    const tap = machine.switches.get(port.switch)!.attach(port.name, undefined, (f) => {
      answers.push(parseFrame(f).ipv4?.src.toString(16) ?? '?');
    });
    tap.receive(frame);
    await new Promise((resolve) => setImmediate(resolve));
    return answers;
  }

  it('is answered from the switch, to the port that asked', async () => {
    expect(await answersTo(discover('00:1d:d8:b7:1c:11'))).toEqual(['c00002fd']);
  });

  it('is not answered for the MAC address of another', async () => {
    expect(await answersTo(discover('00:1d:d8:b7:1c:21'))).toEqual([]);
  });
});
