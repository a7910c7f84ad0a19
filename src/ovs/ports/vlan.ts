/** VLAN behaviour of a port <-> columns of its Port row (ovs-vswitchd.conf.db(5), VLAN Configuration). */
import { DEAD_VLAN, type PortVlan } from '../../flow/datapath.ts';
import type { Row } from '../ovsdb/columns.ts';
import type { WantedMap } from './rows.ts';

export interface VlanColumns {
  readonly vlan_mode: string;
  readonly tag: number | null;
  readonly trunks: readonly number[];
  readonly cvlans: readonly number[];
  readonly other_config: WantedMap;
}

/**
 * To Open vSwitch the dead VLAN is one as any other: NORMAL would take frames from one of its access ports to another, and to
 * every trunk. So a dead port is a trunk of this VLAN alone, and what it sends without a tag is in no VLAN that it has.
 */
export function vlanColumns(wanted: PortVlan): VlanColumns {
  const isDead = wanted.mode === 'access' && wanted.tag === DEAD_VLAN;
  const vlan: PortVlan = isDead ? { mode: 'trunk', trunks: [DEAD_VLAN] } : wanted;
  return {
    vlan_mode: vlan.mode,
    tag: 'tag' in vlan ? vlan.tag : null,
    trunks: 'trunks' in vlan ? inOrder(vlan.trunks) : [],
    cvlans: 'cvlans' in vlan ? inOrder(vlan.cvlans) : [],
    other_config: {
      'priority-tags': wanted.priorityTags,
      'qinq-ethtype':
        'ethertype' in vlan && vlan.ethertype !== undefined ? ETHERTYPES[vlan.ethertype] : undefined,
    },
  };
}

/**
 * As Open vSwitch understands the columns: without a mode, a tag makes it an access port and anything else a trunk. A mode
 * that needs a tag and has none is a trunk too.
 */
export function vlanOf(
  row: Pick<Row<'Port'>, 'vlan_mode' | 'tag' | 'trunks' | 'cvlans' | 'other_config'>,
): PortVlan {
  const { tag, trunks } = row;
  const priority = row.other_config.get('priority-tags');
  const tags =
    priority === 'if-nonzero' || priority === 'always' ? ({ priorityTags: priority } as const) : {};
  if (tag === null && trunks.length === 1 && trunks[0] === DEAD_VLAN)
    return { mode: 'access', tag: DEAD_VLAN, ...tags };
  if (tag === null) return { mode: 'trunk', trunks, ...tags };
  switch (row.vlan_mode ?? 'access') {
    case 'access':
      return { mode: 'access', tag, ...tags };
    case 'native-tagged':
      return { mode: 'native-tagged', tag, trunks, ...tags };
    case 'native-untagged':
      return { mode: 'native-untagged', tag, trunks, ...tags };
    case 'dot1q-tunnel': {
      const named = row.other_config.get('qinq-ethtype');
      const ethertype: 0x88a8 | 0x8100 | undefined =
        named === ETHERTYPES[0x88a8] ? 0x88a8 : named === ETHERTYPES[0x8100] ? 0x8100 : undefined;
      const outer = ethertype === undefined ? {} : { ethertype };
      return { mode: 'dot1q-tunnel', tag, cvlans: row.cvlans, ...outer, ...tags };
    }
    default:
      return { mode: 'trunk', trunks, ...tags };
  }
}

const ETHERTYPES = { 34984: '802.1ad', 33024: '802.1q' } as const;

/** Sets of the database have no order of their own. */
function inOrder(vlans: readonly number[]): readonly number[] {
  return [...new Set(vlans)].sort((a, b) => a - b);
}
