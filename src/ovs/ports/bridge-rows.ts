/** The bridges that are ours: of a logical switch, of a team, and the quarantine for taps. */
import { DEAD_VLAN } from '../../flow/datapath.ts';
import { datapathId, MARK } from './names.ts';
import type { WantedBridge } from './rows.ts';
import { vlanColumns } from './vlan.ts';

/** Whose bridge it is. */
export type Purpose = { readonly datapathType: string } & (
  | { readonly switch: string }
  /** Of the uplink of this name. */
  | { readonly team: string }
  | { readonly plug: true }
);

/**
 * The bridge with nothing on it but its own port, which nothing uses: it is in the VLAN that no frame is in, or NORMAL would
 * flood the fabric into it.
 *
 * A switch without flows lets nothing pass (`fail_mode=secure`). A team is there to pass frames from the bond to the patch
 * port and back, and nothing else is on it; `standalone` gives it its one flow, NORMAL, by itself, also when Open vSwitch is
 * started anew and no agent is there. It soon forgets where a MAC address was (15 s, the least that there is): until then a
 * bond of balance-slb drops what comes in from a machine that was here a moment ago.
 */
export function bridgeSettings(name: string, purpose: Purpose): WantedBridge {
  const isTeam = 'team' in purpose;
  return {
    name,
    columns: {
      datapath_type: purpose.datapathType,
      fail_mode: isTeam ? 'standalone' : 'secure',
      protocols: ['OpenFlow13', 'OpenFlow14', 'OpenFlow15'],
      controller: [],
      stp_enable: false,
      rstp_enable: false,
      mcast_snooping_enable: false,
      flood_vlans: [],
      other_config: {
        'datapath-id': datapathId(name),
        'mac-aging-time': isTeam ? '15' : undefined,
        'forward-bpdu': undefined,
      },
      external_ids: markOf(purpose),
    },
    ports: [
      {
        name,
        columns: { ...vlanColumns({ mode: 'access', tag: DEAD_VLAN }), bond_mode: null, lacp: null },
        interfaces: [{ name, columns: { type: 'internal' } }],
      },
    ],
  };
}

function markOf(purpose: Purpose): Readonly<Record<string, string>> {
  if ('switch' in purpose) return { [MARK.switch]: purpose.switch };
  if ('team' in purpose) return { [MARK.team]: purpose.team };
  return { [MARK.plug]: 'true' };
}
