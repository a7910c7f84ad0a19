/** Open vSwitch of this machine, with the NICs of this machine, as the engine of its agent. */
import { type OpenVswitchOptions, openOpenVswitch } from '../ovs/open-vswitch.ts';
import type { HostEngine, PluggedVnic } from './engine.ts';
import { nicFacts } from './nics/nics.ts';

/** Settles when Open vSwitch has answered; rejects with `ovsdb-unreachable` when it does not. */
export async function openHostEngine(options: OpenVswitchOptions): Promise<HostEngine> {
  const ovs = await openOpenVswitch(options);
  return {
    openSwitch: (name) => ovs.openSwitch(name),
    removeSwitch: (name) => ovs.removeSwitch(name),
    switchNames: () => ovs.switchNames(),
    about: () => ovs.about(),
    nics: () => {
      const taps = ovs.vifs().flatMap(({ tap }) => tap ?? []);
      return nicFacts({ except: new Set(taps), neighbours: ovs.neighbours() });
    },
    vnics: async () =>
      ovs.vifs().map(
        ({ id, tap, link }): PluggedVnic => ({
          id,
          plugged: tap !== undefined,
          link,
          ...(tap === undefined ? {} : { device: tap }),
        }),
      ),
    findings: () => ovs.findings(),
    close: () => ovs.close(),
  };
}
