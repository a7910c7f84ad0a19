// On the kernel datapath what a vNIC sends waits in a queue of its own at the uplink: set_queue stands in front of what the
// first table does with it, behind a meter, and nobody who reads the flows sees it.
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { parseFlow } from '../../src/flow/parse.ts';
import { formatFlow } from '../../src/flow/text.ts';
import { SwitchFlows } from '../../src/ovs/openflow/switch-flows.ts';
import { queueOfNumber } from '../../src/ovs/ports/qos.ts';
import { itWithOpenVswitch, startOpenVswitch } from './open-vswitch.ts';

describe('queues', () => {
  itWithOpenVswitch('are set where frames of a vNIC come in, and nowhere else', async () => {
    const ovs = await startOpenVswitch({ dummy: true });
    onTestFinished(() => ovs.stop());
    await ovs.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=dummy', 'fail_mode=secure');
    const path = join(ovs.directory, 'br0.mgmt');
    const flows = new SwitchFlows({ path, clock: systemClock, random: Math.random, queueOf: queueOfNumber });
    onTestFinished(() => flows.close());
    const wanted = [
      'table=0,priority=1,in_port=4096,actions=resubmit(,1)',
      'table=0,priority=1,in_port=4097,actions=resubmit(,1)',
      'table=0,priority=1,in_port=256,actions=resubmit(,1)',
      'table=1,priority=1,in_port=4096,actions=output:7',
    ].map(parseFlow);
    await flows.applyFlows({ add: wanted, remove: [] });
    await flows.setPolicing(4097, { rateKbps: 1000, burstKb: 600 });
    expect((await flows.dumpFlows()).map(({ flow }) => formatFlow(flow)).sort()).toEqual(
      wanted.map(formatFlow).sort(),
    );
    const text = await ovs.ofctl(
      '-O',
      'OpenFlow15',
      'dump-flows',
      '--no-stats',
      '--no-names',
      `unix:${path}`,
    );
    const queues = text.split('\n').filter((line) => line.includes('set_queue'));
    expect(queues.map((line) => /in_port=\d+.*/.exec(line)?.[0]).sort()).toEqual([
      'in_port=4096 actions=set_queue:1,resubmit(,1)',
      expect.stringMatching(/^in_port=4097 actions=meter:\d+,set_queue:2,resubmit\(,1\)$/),
    ]);
  });
});
