/** Actions as text, as `ovs-ofctl dump-flows` prints them. `parse-actions.ts` reads them back. */
import { ipv4FromNumber, ipv6FromBigint } from '../packet/address.ts';
import { type FieldName, fieldOf, fullMask } from './fields.ts';
import type { Action, BundleAction, ConnectionAction, FieldBits, Learn, LearnSpec, Nat } from './flow.ts';
import { formatMask, formatMasked, formatValue } from './values.ts';

/** Priority of a flow that names none (OFP_DEFAULT_PRIORITY of Open vSwitch). */
export const DEFAULT_PRIORITY = 0x8000;

/** Open vSwitch's own names, where they are not ours. */
const OVS_NAMES: Partial<Record<FieldName, string>> = {
  ip_ttl: 'nw_ttl',
  ip_proto: 'nw_proto',
  ip_ecn: 'nw_ecn',
};

/** The name that `ovs-ofctl` prints for a field in set_field, learn and groups. */
export function ovsName(field: FieldName): string {
  return OVS_NAMES[field] ?? field;
}

/** `drop` for an empty list. */
export function formatActions(actions: readonly Action[]): string {
  return actions.map(formatAction).join(',') || 'drop';
}

export function formatAction(action: Action): string {
  switch (action.type) {
    case 'output':
      if (typeof action.port === 'number') return `output:${action.port}`;
      return action.port === 'controller' ? 'CONTROLLER:65535' : action.port.toUpperCase();
    case 'output_field':
      return `output:${formatBits(action.from)}`;
    case 'controller': {
      if (action.userdata === '') return `CONTROLLER:${action.maxLength}`;
      const length = action.maxLength === 0xffff ? '' : `max_len=${action.maxLength},`;
      return `controller(${length}userdata=${action.userdata.replace(/..(?=.)/g, '$&.')})`;
    }
    case 'set': {
      const whole = action.mask === fullMask(action.field);
      const text = whole
        ? formatValue(action.field, action.value)
        : formatMaskedSet(action.field, action.value, action.mask);
      return `set_field:${text}->${ovsName(action.field)}`;
    }
    case 'move':
      return `move:${formatBits(action.from)}->${formatBits(action.to)}`;
    case 'resubmit':
      return `resubmit(,${action.table})`;
    case 'goto_table':
      return `goto_table:${action.table}`;
    case 'clone':
      return `clone(${formatActions(action.actions)})`;
    case 'dec_ttl':
      return 'dec_ttl';
    case 'push_vlan':
      return `push_vlan:0x${action.ethertype.toString(16)}`;
    case 'strip_vlan':
      return 'pop_vlan';
    case 'multipath': {
      const { basis, links, to } = action;
      return `multipath(symmetric_l3l4+udp,${basis},modulo_n,${links},0,${formatBits(to)})`;
    }
    case 'bundle':
      return formatBundle(action);
    case 'group':
      return `group:${action.group}`;
    case 'meter':
      return `meter:${action.meter}`;
    case 'check_pkt_larger':
      return `check_pkt_larger(${action.length})->${formatBits(action.to)}`;
    case 'ct':
      return formatConnection(action);
    case 'ct_clear':
      return 'ct_clear';
    case 'learn':
      return formatLearn(action.learn);
    case 'fin_timeout': {
      const { idleTimeout: idle, hardTimeout: hard } = action;
      const parts = [idle !== 0 && `idle_timeout=${idle}`, hard !== 0 && `hard_timeout=${hard}`];
      return `fin_timeout(${parts.filter(Boolean).join(',')})`;
    }
    case 'drop':
      return 'drop';
  }
}

/** Numbers with a mask in hexadecimal, on both sides of the slash. */
function formatMaskedSet(field: FieldName, value: bigint, mask: bigint): string {
  const { form } = fieldOf(field);
  if (form === 'mac' || form === 'ipv4' || form === 'ipv6') {
    return `${formatValue(field, value)}/${formatMask(field, mask)}`;
  }
  return `0x${value.toString(16)}/0x${mask.toString(16)}`;
}

/** `NXM_NX_REG0[]`, `NXM_NX_REG0[3]`, `NXM_NX_REG0[0..15]`. */
export function formatBits({ field, from, to }: FieldBits): string {
  const { nxm, bits } = fieldOf(field);
  if (from === 0 && to === bits - 1) return `${nxm}[]`;
  return from === to ? `${nxm}[${from}]` : `${nxm}[${from}..${to}]`;
}

/** `bundle(…)`, or `bundle_load(…)` where a register gets the port. */
function formatBundle({ fields, basis, algorithm, members, to }: BundleAction): string {
  const place = to ? `${formatBits(to)},` : '';
  const name = to ? 'bundle_load' : 'bundle';
  return `${name}(${fields},${basis},${algorithm},ofport,${place}members:${members.join(',')})`;
}

function formatConnection({ commit, force, table, zone, nat, actions }: ConnectionAction): string {
  const parts = [
    commit && 'commit',
    force && 'force',
    table !== undefined && `table=${table}`,
    zone !== 0 && `zone=${typeof zone === 'number' ? zone : formatBits(zone)}`,
    nat && formatNat(nat),
    actions.length > 0 && `exec(${formatActions(actions)})`,
  ];
  return `ct(${parts.filter(Boolean).join(',')})`;
}

function formatNat(nat: Nat): string {
  if (nat.type === 'existing') return 'nat';
  const { first, last, ports } = nat;
  // A port behind an IPv6 address needs brackets to be told from it.
  const address = (value: bigint) => {
    if (nat.family === 'ipv4') return ipv4FromNumber(Number(value));
    return ports ? `[${ipv6FromBigint(value)}]` : ipv6FromBigint(value);
  };
  const range = first === last ? address(first) : `${address(first)}-${address(last)}`;
  const portRange =
    ports && (ports.first === ports.last ? `:${ports.first}` : `:${ports.first}-${ports.last}`);
  const words = [`${nat.type}=${range}${portRange ?? ''}`, nat.persistent && 'persistent', nat.selection];
  return `nat(${words.filter(Boolean).join(',')})`;
}

function formatLearn(learn: Learn): string {
  const parts = [
    `table=${learn.table}`,
    learn.idleTimeout !== 0 && `idle_timeout=${learn.idleTimeout}`,
    learn.hardTimeout !== 0 && `hard_timeout=${learn.hardTimeout}`,
    learn.finIdleTimeout !== 0 && `fin_idle_timeout=${learn.finIdleTimeout}`,
    learn.finHardTimeout !== 0 && `fin_hard_timeout=${learn.finHardTimeout}`,
    learn.priority !== DEFAULT_PRIORITY && `priority=${learn.priority}`,
    learn.sendFlowRemoved && 'send_flow_rem',
    learn.deleteLearned && 'delete_learned',
    learn.cookie !== 0n && `cookie=0x${learn.cookie.toString(16)}`,
    learn.limit !== 0 && `limit=${learn.limit}`,
    ...learn.specs.map(formatSpec),
  ];
  return `learn(${parts.filter(Boolean).join(',')})`;
}

/** A value that is matched as a whole; ct_state has bits here that no name stands for. */
function formatWhole(field: FieldName, value: bigint): string {
  return field === 'ct_state'
    ? formatValue(field, value)
    : formatMasked(field, { value, mask: fullMask(field) });
}

function formatSpec(spec: LearnSpec): string {
  if (spec.type === 'output') return `output:${formatBits(spec.from)}`;
  const { from, to } = spec;
  if (spec.type === 'load') {
    return `load:${typeof from === 'bigint' ? `0x${from.toString(16)}` : formatBits(from)}->${formatBits(to)}`;
  }
  if (typeof from !== 'bigint') {
    const isSame = from.field === to.field && from.from === to.from;
    return isSame ? formatBits(to) : `${formatBits(to)}=${formatBits(from)}`;
  }
  const isWhole = to.from === 0 && to.to === fieldOf(to.field).bits - 1;
  return isWhole
    ? `${ovsName(to.field)}=${formatWhole(to.field, from)}`
    : `${formatBits(to)}=0x${from.toString(16)}`;
}
