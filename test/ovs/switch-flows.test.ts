/** The flow half of a Datapath on the real switch: bundles, restarts, and what the engine has for itself. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { NetloomError } from '../../src/base/error.ts';
import type { PacketIn } from '../../src/flow/datapath.ts';
import type { Flow } from '../../src/flow/flow.ts';
import { parseFlow } from '../../src/flow/parse.ts';
import { parseGroup, parseMeter } from '../../src/flow/parse-group.ts';
import { formatFlow } from '../../src/flow/text.ts';
import { SwitchFlows } from '../../src/ovs/openflow/switch-flows.ts';
import { mac } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import { until } from '../support/until.ts';
import { itWithOpenVswitch, startOpenVswitch } from './open-vswitch.ts';

const BRIDGE = 'br0';

async function rig() {
  const ovs = await startOpenVswitch({ dummy: true });
  onTestFinished(() => ovs.stop());
  await ovs.vsctl(
    ...['add-br', BRIDGE, '--', 'set', 'bridge', BRIDGE, 'datapath_type=dummy', 'fail_mode=secure'],
    ...['--', 'add-port', BRIDGE, 'p1', '--', 'set', 'interface', 'p1', 'type=dummy', 'ofport_request=1'],
  );
  const path = join(ovs.directory, `${BRIDGE}.mgmt`);
  const troubles: (string | undefined)[] = [];
  const flows = new SwitchFlows({
    path,
    clock: systemClock,
    random: Math.random,
    onTrouble: (trouble) => troubles.push(trouble?.code),
  });
  onTestFinished(() => flows.close());
  const ofctl = (command: string, ...args: readonly string[]) =>
    ovs.ofctl('-O', 'OpenFlow15', command, `unix:${path}`, ...args);
  /** What ovs-ofctl says that there is, without counters. */
  const seen = async () =>
    (await ofctl('dump-flows', '--no-stats', '--no-names'))
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('OFPST'))
      .sort();
  const texts = async () => (await flows.dumpFlows()).map(({ flow }) => formatFlow(flow)).sort();
  /** As by `kill -9`; settles when it was noticed. */
  const crash = async () => {
    await ovs.crash();
    await vi.waitFor(() => expect(troubles.at(-1)).toBe('switch-unreachable'));
  };
  return { ovs, flows, ofctl, seen, texts, crash };
}

const read = (...texts: readonly string[]): Flow[] => texts.map(parseFlow);
const refusal = async (work: Promise<unknown>) => {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof NetloomError)) throw new Error(`not refused, but ${thrown}`);
  return thrown;
};

describe('flows of a real switch', () => {
  itWithOpenVswitch('stay as they are when one of a change is refused, and that one is named', async () => {
    const { flows, seen } = await rig();
    await flows.applyFlows({
      add: read('table=1,priority=7,tcp,actions=drop', 'udp,actions=drop'),
      remove: [],
    });
    const before = await seen();
    expect(before.length).toBe(2);
    const good = read('table=1,priority=7,tcp,actions=output:1', 'table=2,ip,actions=drop');
    for (const bad of ['udp,actions=group:99', 'udp,actions=meter:99']) {
      const change = {
        add: [...good, ...read(bad), ...read('table=3,actions=drop')],
        remove: read('udp,actions=drop'),
      };
      const { code, message } = await refusal(flows.applyFlows(change));
      expect([code, message]).toEqual([
        'flow-invalid',
        expect.stringContaining(`"table=0,priority=32768,${bad}"`),
      ]);
      expect(await seen()).toEqual(before);
    }
  });

  itWithOpenVswitch('stay as they are when a table is full', async () => {
    const { ovs, flows, seen } = await rig();
    await ovs.vsctl(
      ...['--', '--id=@t', 'create', 'Flow_Table', 'flow_limit=2', 'overflow_policy=refuse'],
      ...['--', 'set', 'bridge', BRIDGE, 'flow_tables:1=@t'],
    );
    const [first, ...more] = read(...[1, 2, 3].map((n) => `table=1,priority=${n},ip,actions=drop`));
    await flows.applyFlows({ add: [first!], remove: [] });
    const before = await seen();
    const { message } = await refusal(flows.applyFlows({ add: more, remove: [] }));
    expect(message).toMatch(/"table=1,priority=3,ip,actions=drop" is refused .*TABLE_FULL/);
    expect(await seen()).toEqual(before);
  });

  itWithOpenVswitch(
    'are told to be gone when the switch was started anew; the rest is given back to it',
    async () => {
      const { ovs, flows, seen, texts, ofctl, crash } = await rig();
      const resets: string[] = [];
      flows.onReset(() => resets.push('reset'));
      const meter = parseMeter('meter=3 pktps burst bands=type=drop rate=1 burst_size=2');
      await flows.setMeter(meter);
      await flows.setGroup(parseGroup('group_id=7,type=all,bucket=bucket_id:0,actions=output:1'));
      await flows.setOwnFlows(
        read('table=0,priority=65535,dl_type=0x88cc,cookie=0x4e45000000000001,actions=CONTROLLER:65535'),
      );
      await flows.setPolicing(1, { rateKbps: 100, burstKb: 50 });
      await flows.applyFlows({
        add: read('udp,actions=meter:3,group:7', 'in_port=1,actions=output:1'),
        remove: [],
      });
      const before = await seen();
      expect(before.length).toBe(3);
      await crash();
      const asked = flows.dumpFlows();
      await ovs.restart();
      expect(await asked).toEqual([]);
      await vi.waitFor(() => expect(resets).toEqual(['reset']));
      expect(await flows.meters()).toEqual(new Map([[3, meter]]));
      expect((await seen()).length).toBe(1);
      await flows.applyFlows({
        add: read('udp,actions=meter:3,group:7', 'in_port=1,actions=output:1'),
        remove: [],
      });
      expect(await seen()).toEqual(before);
      expect(await texts()).toEqual([
        'table=0,priority=32768,in_port=1,actions=output:1',
        'table=0,priority=32768,udp,actions=meter:3,group:7',
      ]);
      expect(await ofctl('dump-meters')).toContain('meter=196609 kbps');
      // Ports and first fragments: how fragments match is part of what is given back.
      expect(await ofctl('get-frags')).toContain('nx-match');
    },
  );

  itWithOpenVswitch('wait for a switch that stands still, and lose nothing', async () => {
    const { ovs, flows, texts } = await rig();
    const resets: string[] = [];
    flows.onReset(() => resets.push('reset'));
    await flows.applyFlows({ add: read('tcp,actions=drop'), remove: [] });
    ovs.signal('SIGSTOP');
    const work = flows.applyFlows({ add: read('udp,actions=drop'), remove: read('tcp,actions=drop') });
    let isDone = false;
    void work.then(() => {
      isDone = true;
    });
    // Nothing to wait for: it stands still.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    expect(isDone).toBe(false);
    ovs.signal('SIGCONT');
    await work;
    expect([await texts(), resets]).toEqual([['table=0,priority=32768,udp,actions=drop'], []]);
  });

  itWithOpenVswitch(
    'of the engine’s own do not show, and are given back when somebody changes them; their packets come apart',
    async () => {
      const { ovs, flows, seen, texts, ofctl } = await rig();
      const heard: PacketIn[][] = [[], []];
      flows.onPacketIn((packet) => heard[0]!.push(packet));
      flows.onOwnPacketIn((packet) => heard[1]!.push(packet));
      const own = 'table=0,priority=65535,dl_type=0x88cc,cookie=0x4e45000000000001,actions=CONTROLLER:65535';
      await flows.setOwnFlows(read(own));
      await flows.applyFlows({
        add: read('arp,cookie=0x4e4c000000000001,actions=controller(userdata=01)'),
        remove: [],
      });
      expect(await texts()).toEqual([expect.stringContaining('arp')]);
      const source = { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('01:80:c2:00:00:0e') } as const;
      const lldp = frame({ ...source, type: 0x88cc }, { layer: 'data', bytes: new Uint8Array(50) });
      const arp = frame({ ...source, type: 0x0806 }, { layer: 'data', bytes: new Uint8Array(46) });
      for (const each of [lldp, arp])
        await ovs.appctl('netdev-dummy/receive', 'p1', Buffer.from(each).toString('hex'));
      await vi.waitFor(() => expect(heard.map((packets) => packets.length)).toEqual([1, 1]));
      expect([heard[0]![0]!.userdata, heard[1]![0]!.inPort]).toEqual(['01', 1]);
      expect(Buffer.from(heard[1]![0]!.frame).equals(lldp)).toBe(true);
      await ofctl('mod-flows', 'dl_type=0x88cc,actions=NORMAL');
      await until('they are as they were', async () => !(await seen()).join().includes('NORMAL'));
      expect(await texts()).toEqual([expect.stringContaining('arp')]);
      await flows.setOwnFlows([]);
      expect(await texts()).toEqual([expect.stringContaining('arp')]);
    },
  );

  itWithOpenVswitch(
    'of a port that is policed have a meter in front that nobody sees, as long as it is right',
    async () => {
      const { flows, seen, texts, ofctl } = await rig();
      const entry = 'table=0,priority=9,in_port=1,ip,cookie=0x4e4c000000000001,actions=resubmit(,3)';
      const plain = [formatFlow(parseFlow(entry))];
      const holds = async () => !(await flows.unpoliced()).has(1);
      await flows.applyFlows({ add: read(entry), remove: [] });
      await flows.setPolicing(1, { rateKbps: 100, burstKb: 50 });
      expect(await seen()).toEqual([expect.stringContaining('actions=meter:196609,resubmit(,3)')]);
      expect([await texts(), await flows.meters(), await holds()]).toEqual([plain, new Map(), true]);
      // By hand: another rate, then no meter in front.
      const set = () => flows.setPolicing(1, { rateKbps: 100, burstKb: 50 });
      await ofctl('mod-meter', 'meter=196609 kbps burst bands=type=drop rate=999 burst_size=50');
      expect(await holds()).toBe(false);
      await set();
      expect(await holds()).toBe(true);
      await ofctl('mod-flows', 'table=0,in_port=1,actions=resubmit(,3)');
      expect(await holds()).toBe(false);
      await set();
      expect([await holds(), await texts()]).toEqual([true, plain]);
      // A meter that goes takes its flows along; the next change is not refused for it.
      await ofctl('del-meters');
      expect(await texts()).toEqual([]);
      await flows.applyFlows({ add: read(entry), remove: [] });
      expect([await holds(), await texts()]).toEqual([true, plain]);
      await flows.setPolicing(1, undefined);
      expect(await seen()).toEqual([expect.stringContaining('actions=resubmit(,3)')]);
      expect(await ofctl('dump-meters')).not.toContain('meter=');
    },
  );

  itWithOpenVswitch('are watched: what others change is told, and what we change is not', async () => {
    const { ovs, flows, ofctl, crash } = await rig();
    let changes = 0;
    flows.onForeignChange(() => {
      changes += 1;
    });
    await flows.applyFlows({ add: read('udp,actions=drop', 'tcp,actions=drop'), remove: [] });
    await flows.applyFlows({ add: [], remove: read('tcp,actions=drop') });
    await flows.dumpFlows();
    expect(changes).toBe(0);
    const told = async (...command: readonly [string, ...string[]]) => {
      const before = changes;
      await ofctl(...command);
      await vi.waitFor(() => expect(changes).toBeGreaterThan(before));
    };
    await told('add-flow', 'icmp,actions=drop');
    await told('mod-flows', 'udp,actions=output:1');
    await told('del-flows', 'icmp');
    await crash();
    await ovs.restart();
    await flows.dumpFlows();
    await told('add-flow', 'icmp,actions=drop');
  });
});
