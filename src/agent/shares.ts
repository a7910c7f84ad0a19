/** The order in which ports are set, so that at every step the minimums of all ports together fit the uplink. */
import type { PortSpec } from '../flow/datapath.ts';
import type { WantedPort } from './ports.ts';

/** An uplink without a capacity has room for every minimum. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** Ports that give up a part of an uplink, and uplinks that grow, before those that ask for more of it. */
export function releasesFirst(
  wanted: Iterable<WantedPort>,
  present: (port: string) => PortSpec | undefined,
): WantedPort[] {
  return [...wanted]
    .map((port) => ({ port, more: demandOf(port.spec) - demandOf(present(port.port)) }))
    .sort((a, b) => a.more - b.more)
    .map(({ port }) => port);
}

/** The same port without a minimum, for one that is about to go; undefined where it has none. */
export function withoutMinimum(spec: PortSpec): PortSpec | undefined {
  return demandOf(spec) > 0 && 'bandwidth' in spec ? { ...spec, bandwidth: {} } : undefined;
}

function demandOf(spec: PortSpec | undefined): number {
  switch (spec?.type) {
    case 'vif':
    case 'internal':
      return spec.bandwidth?.minimumKbps ?? 0;
    case 'uplink':
      return -(spec.capacityKbps ?? NO_LIMIT);
    case 'tunnel':
    case undefined:
      return 0;
  }
}
