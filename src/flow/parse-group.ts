/** Reads groups and meters in the language of ovs-ofctl(8), "Group Syntax" and "Meter Syntax". */
import { throwIfErrors } from '../base/error.ts';
import { groupFindings, meterFindings } from './check-group.ts';
import type { Bucket, Group, GroupSelection, Meter, MeterBand } from './datapath.ts';
import { parseActions } from './parse-actions.ts';
import {
  checkLength,
  quote,
  readField,
  readKeyValues,
  readNumber,
  readWide,
  refuse,
  splitList,
  unreadable,
} from './parse-tools.ts';
import { defaultWeight } from './text-group.ts';

const TYPES: Readonly<Record<string, Group['type']>> = {
  all: 'all',
  select: 'select',
  indirect: 'indirect',
  ff: 'ff',
  fast_failover: 'ff',
};

/** Buckets without an id are numbered from 0. Throws NetloomError (flow-invalid). */
export function parseGroup(text: string): Group {
  checkLength(text);
  const [head = '', ...tails] = text.split(/(?:^|[\s,])bucket=/);
  let id: number | undefined;
  let type: Group['type'] | undefined;
  let method: GroupSelection['method'] | undefined;
  let param = 0n;
  let fields: GroupSelection['fields'] = [];
  for (const { key, value } of readKeyValues(head)) {
    switch (key) {
      case 'group_id':
        id = readNumber(key, value, 0xffffffff);
        break;
      case 'type':
        type = Object.hasOwn(TYPES, value) ? TYPES[value] : unreadable(key, value);
        break;
      case 'selection_method':
        method = value === 'hash' || value === 'dp_hash' ? value : unreadable(key, value);
        break;
      case 'selection_method_param':
        param = readWide(key, value, 64);
        break;
      case 'fields':
        fields = splitList(value).map((name) => readField(name, 'fields'));
        break;
      default:
        refuse(key, `A group has no ${quote(key)}.`, 'See ovs-ofctl(8), "Group Syntax".');
    }
  }
  if (id === undefined) return refuse('group_id', 'The group has no number.', 'Add group_id=….');
  if (type === undefined) return refuse('type', 'The group has no type.', 'Add type=….');
  if (method === undefined && (param !== 0n || fields.length > 0)) {
    refuse('selection_method', 'The group says what to hash, not how.', 'Add selection_method=hash.');
  }
  const kind = type;
  const group: Group = {
    id,
    type,
    ...(method === undefined ? {} : { selection: { method, param, fields } }),
    buckets: tails.map((tail, i) => readBucket(tail, i, kind)),
  };
  throwIfErrors(groupFindings(group));
  return group;
}

function readBucket(text: string, place: number, type: Group['type']): Bucket {
  const at = /(?:^|[\s,])actions?=/.exec(text);
  if (!at) return refuse('bucket', 'The bucket has no actions.', 'Add actions=…, or actions=drop.');
  let id = place;
  let weight = defaultWeight(type);
  let watchPort: number | undefined;
  let watchGroup: number | undefined;
  for (const { key, value } of readKeyValues(text.slice(0, at.index))) {
    if (key === 'bucket_id') id = readNumber(key, value, 0xffffffff);
    else if (key === 'weight') weight = readNumber(key, value, 0xffff);
    else if (key === 'watch_port') watchPort = readNumber(key, value, 0xffff);
    else if (key === 'watch_group') watchGroup = readNumber(key, value, 0xffffffff);
    else refuse(key, `A bucket has no ${quote(key)}.`, 'Put actions last, behind actions=.');
  }
  return {
    id,
    weight,
    ...(watchPort === undefined ? {} : { watchPort }),
    ...(watchGroup === undefined ? {} : { watchGroup }),
    actions: parseActions(text.slice(at.index + at[0].length)),
  };
}

/** Throws NetloomError (flow-invalid). */
export function parseMeter(text: string): Meter {
  checkLength(text);
  const [head = '', ...tails] = text.split(/(?:^|[\s,])bands?=/);
  if (tails.length !== 1) refuse('bands', 'The meter has no bands.', 'Add bands=type=drop rate=….');
  let id: number | undefined;
  let unit: Meter['unit'] | undefined;
  let hasBurst = false;
  let stats = false;
  for (const { key, value } of readKeyValues(head)) {
    if (key === 'meter') id = readNumber(key, value, 0xffffffff);
    else if (key === 'kbps' || key === 'pktps') {
      if (unit && unit !== key) refuse('meter', 'The meter has kbps and pktps.', 'Leave one out.');
      unit = key;
    } else if (key === 'burst') hasBurst = true;
    else if (key === 'stats') stats = true;
    else refuse(key, `A meter has no ${quote(key)}.`, 'See ovs-ofctl(8), "Meter Syntax".');
  }
  if (id === undefined) return refuse('meter', 'The meter has no number.', 'Add meter=….');
  if (unit === undefined) return refuse('meter', 'The meter has no unit.', 'Add kbps or pktps.');
  const bands = readBands(tails[0] ?? '');
  if (bands.some(({ burst }) => (burst !== undefined) !== hasBurst)) {
    refuse('bands', 'The flag burst and burst_size go together.', 'Give every band a burst_size, or none.');
  }
  const meter: Meter = { id, unit, ...(stats ? { stats } : {}), bands };
  throwIfErrors(meterFindings(meter));
  return meter;
}

/** A band begins with its type. */
function readBands(text: string): MeterBand[] {
  const bands: { type: 'drop'; rate: number; burst?: number }[] = [];
  for (const { key, value } of readKeyValues(text)) {
    const band = bands.at(-1);
    if (key === 'type') {
      if (value !== 'drop') refuse('bands', `There is no band ${quote(value)} here.`, 'Use drop.');
      bands.push({ type: 'drop', rate: 0 });
    } else if (!band) refuse('bands', 'A band begins with its type.', 'Write type=drop first.');
    else if (key === 'rate') band.rate = readNumber(key, value, 0xffffffff);
    else if (key === 'burst_size') band.burst = readNumber(key, value, 0xffffffff);
    else refuse('bands', `A band has no ${quote(key)}.`, 'It takes type, rate and burst_size.');
  }
  return bands;
}
