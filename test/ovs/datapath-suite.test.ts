/** The contract of a Datapath (src/flow/datapath-suite.ts) on the engine of an agent with a real Open vSwitch. */
import { systemClock } from '../../src/base/clock.ts';
import { datapathSuite } from '../../src/flow/datapath-suite.ts';
import { openOpenVswitch } from '../../src/ovs/open-vswitch.ts';
import { QUARANTINE } from '../../src/ovs/ports/names.ts';
import { DummyTaps } from './dummy-rig.ts';
import { describeWithOpenVswitch, startOpenVswitch } from './open-vswitch.ts';

describeWithOpenVswitch('Open vSwitch', () => {
  datapathSuite('Open vSwitch', async () => {
    const ovs = await startOpenVswitch({ dummy: true });
    try {
      const engine = await openOpenVswitch({
        runDirectory: ovs.directory,
        clock: systemClock,
        random: Math.random,
        datapathType: 'netdev',
      });
      const datapath = await engine.openSwitch('suite');
      const taps = await DummyTaps.open(ovs);
      return {
        datapath,
        plug: async (port) => {
          const found = (await datapath.ports()).get(port);
          if (!found) throw new Error(`there is no port ${port}`);
          await taps.plug(`tap-${port}`, `id-${port}`, QUARANTINE, found.number);
        },
        inject: async (port, frame) => {
          await taps.inject(`tap-${port}`, frame);
          // What it asked the agent comes before the answer to any question.
          await datapath.meters();
        },
        taken: async (port) => taps.taken(`tap-${port}`),
        close: async () => {
          taps.close();
          await engine.close();
          await ovs.stop();
        },
      };
    } catch (thrown) {
      await ovs.stop();
      throw thrown;
    }
  });
});
