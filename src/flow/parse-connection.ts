/** Reads `ct(…)` and its `nat(…)` (ovs-actions(7), "ct"). */
import { ipv4ToNumber, ipv6ToBigint, parseIpv4, parseIpv6 } from '../packet/address.ts';
import type { Action, ConnectionAction, Nat } from './flow.ts';
import { quote, readBits, readKeyValues, readNumber, refuse, unreadable } from './parse-tools.ts';

/** `parseList` reads what stands in exec(…). Throws NetloomError (flow-invalid). */
export function readConnection(inside: string, parseList: (text: string) => Action[]): ConnectionAction {
  let commit = false;
  let force = false;
  let zone: ConnectionAction['zone'] = 0;
  let table: number | undefined;
  let nat: Nat | undefined;
  let actions: readonly Action[] = [];
  for (const { key, value } of readKeyValues(inside)) {
    switch (key) {
      case 'commit':
        commit = true;
        break;
      case 'force':
        force = true;
        break;
      case 'table':
        table = readNumber('table', value, 254);
        break;
      case 'zone':
        zone = /^(0x|\d)/i.test(value) ? readNumber('zone', value, 0xffff) : readBits(value);
        break;
      case 'nat':
        nat = readNat(value);
        break;
      case 'exec':
        actions = value.trim() === '' ? [] : parseList(value);
        break;
      case 'alg':
        refuse('actions', `The helper ${quote(value)} is not known here.`, 'Leave alg out.');
        break;
      default:
        refuse(
          'actions',
          `ct has no ${quote(key)}.`,
          'It takes commit, force, table, zone, nat and exec; see ovs-actions(7).',
        );
    }
  }
  return { type: 'ct', commit, force, zone, table, nat, alg: undefined, actions };
}

function readNat(inside: string): Nat {
  let range: { type: 'src' | 'dst'; text: string } | undefined;
  let persistent = false;
  let selection: 'hash' | 'random' | undefined;
  for (const { key, value } of readKeyValues(inside)) {
    if (key === 'src' || key === 'dst') {
      if (range) refuse('actions', 'nat has two ranges.', 'Translate the source or the destination.');
      range = { type: key, text: value };
    } else if (key === 'persistent') {
      persistent = true;
    } else if (key === 'hash' || key === 'random') {
      if (selection && selection !== key) refuse('actions', 'nat has hash and random.', 'Leave one out.');
      selection = key;
    } else {
      refuse('actions', `nat has no ${quote(key)}.`, 'It takes src, dst, persistent, hash and random.');
    }
  }
  if (range) return { type: range.type, ...readRange(range.text), persistent, selection };
  if (persistent || selection) refuse('actions', 'nat has options, but no range.', 'Add src=… or dst=….');
  return { type: 'existing' };
}

/** `10.0.0.1`, `10.0.0.1-10.0.0.9:1024-2047`, `fd00::1-fd00::9`, `[fd00::1]-[fd00::9]:80`. */
function readRange(text: string) {
  const read =
    /^([\d.]+)(?:-([\d.]+))?(?::(\d+)(?:-(\d+))?)?$/.exec(text) ??
    /^\[([^\]]*)\](?:-\[([^\]]*)\])?(?::(\d+)(?:-(\d+))?)?$/.exec(text) ??
    /^([\da-f:.]+)(?:-([\da-f:.]+))?$/i.exec(text);
  const first = readAddress(read?.[1] ?? '') ?? unreadable('nat', text);
  const last = read?.[2] === undefined ? first : (readAddress(read[2]) ?? unreadable('nat', text));
  if (first.family !== last.family) unreadable('nat', text);
  const low = read?.[3] === undefined ? undefined : readNumber('nat', read[3], 0xffff);
  const high = read?.[4] === undefined ? low : readNumber('nat', read[4], 0xffff);
  const ports = low === undefined || high === undefined ? undefined : { first: low, last: high };
  return { family: first.family, first: first.value, last: last.value, ports };
}

function readAddress(text: string): { family: 'ipv4' | 'ipv6'; value: bigint } | undefined {
  const v4 = parseIpv4(text);
  if (v4) return { family: 'ipv4', value: BigInt(ipv4ToNumber(v4)) };
  const v6 = parseIpv6(text);
  return v6 && { family: 'ipv6', value: ipv6ToBigint(v6) };
}
