/** What makes a group or a meter one that a switch refuses. */
import { type Finding, finding } from '../base/error.ts';
import { actionFindings } from './check-actions.ts';
import { inRange, LAST_BUCKET, LAST_GROUP, LAST_METER } from './check-tools.ts';
import type { Bucket, Group, Meter } from './datapath.ts';
import { FIELDS, fieldOf } from './fields.ts';
import { FIRST_RESERVED_PORT } from './values.ts';

/** MAX_BANDS of Open vSwitch's userspace datapath. */
const MOST_BANDS = 8;

type Refuse = (path: string, message: string, remedy: string) => void;

/** By itself: that the groups and ports it names are there is for the switch to say. */
export function groupFindings(group: Group): Finding[] {
  const findings: Finding[] = [];
  const refuse: Refuse = (path, message, remedy) =>
    findings.push(finding('flow-invalid', path, message, remedy));
  const { id, type, selection, buckets } = group;
  if (!inRange(id, 0, LAST_GROUP)) refuse('id', `There is no group ${id}.`, `Use 0..${LAST_GROUP}.`);
  if (type === 'indirect' && buckets.length !== 1) {
    refuse('buckets', `An indirect group has ${buckets.length} buckets.`, 'Give it one.');
  }
  if (selection) selectionProblems(group, refuse);
  for (const [i, bucket] of buckets.entries()) {
    const path = `buckets[${i}]`;
    bucketProblems(bucket, type, path, refuse);
    if (bucket.watchGroup === id) refuse(`${path}.watchGroup`, 'The group watches itself.', 'Name another.');
    for (const found of actionFindings(bucket.actions, undefined)) {
      findings.push({ ...found, path: `${path}.${found.path}` });
    }
  }
  const ids = buckets.map((bucket) => bucket.id);
  if (new Set(ids).size < ids.length) refuse('buckets', 'Two buckets have one id.', 'Number them.');
  return findings;
}

function selectionProblems({ type, selection }: Group, refuse: Refuse): void {
  const { method = 'hash', param = 0n, fields = [] } = selection ?? {};
  if (type !== 'select') {
    refuse('selection', `A group of type ${type} selects no bucket.`, 'Use type select.');
  }
  if (method !== 'hash' && fields.length > 0) {
    refuse('selection.fields', `${method} takes no fields.`, 'Use the method hash.');
  }
  if (param < 0n || param >> 64n !== 0n) {
    refuse('selection.param', `The parameter is ${param}.`, 'Use 64 bits.');
  }
  if (new Set(fields).size < fields.length) {
    refuse('selection.fields', 'A field is named twice.', 'Name it once.');
  }
  for (const name of fields) {
    if (!(name in FIELDS) || fieldOf(name).nxm.startsWith('ERICOXM')) {
      refuse('selection.fields', `A group cannot hash ${name}.`, 'See flow/fields.ts.');
    }
  }
}

function bucketProblems(bucket: Bucket, type: Group['type'], path: string, refuse: Refuse): void {
  const { id, weight, watchPort, watchGroup } = bucket;
  if (!inRange(id, 0, LAST_BUCKET))
    refuse(`${path}.id`, `There is no bucket ${id}.`, `Use 0..${LAST_BUCKET}.`);
  if (!inRange(weight, 0, 0xffff)) refuse(`${path}.weight`, `The weight is ${weight}.`, 'Use 0..65535.');
  if (type !== 'select' && weight !== 0) {
    refuse(`${path}.weight`, `A bucket of a group of type ${type} has a weight.`, 'Only select weighs them.');
  }
  if (watchPort !== undefined && !inRange(watchPort, 1, FIRST_RESERVED_PORT - 1)) {
    refuse(`${path}.watchPort`, `There is no port ${watchPort}.`, 'Use 1..65279.');
  }
  if (watchGroup !== undefined && !inRange(watchGroup, 0, LAST_GROUP)) {
    refuse(`${path}.watchGroup`, `There is no group ${watchGroup}.`, `Use 0..${LAST_GROUP}.`);
  }
  const watches = watchPort !== undefined || watchGroup !== undefined;
  if (type === 'ff' && !watches) {
    refuse(path, 'A bucket of a fast-failover group watches nothing.', 'Name a port or a group.');
  }
  if ((type === 'all' || type === 'indirect') && watches) {
    refuse(path, `A bucket of a group of type ${type} watches something.`, 'Only select and ff do.');
  }
}

export function meterFindings({ id, bands }: Meter): Finding[] {
  const findings: Finding[] = [];
  const refuse: Refuse = (path, message, remedy) =>
    findings.push(finding('flow-invalid', path, message, remedy));
  if (!inRange(id, 1, LAST_METER)) refuse('id', `There is no meter ${id}.`, `Use 1..${LAST_METER}.`);
  if (!inRange(bands.length, 1, MOST_BANDS)) {
    refuse('bands', `The meter has ${bands.length} bands.`, `It takes 1..${MOST_BANDS}.`);
  }
  for (const [i, { rate, burst }] of bands.entries()) {
    if (!inRange(rate, 1, 0xffffffff)) refuse(`bands[${i}].rate`, `The rate is ${rate}.`, 'Use 1..2^32-1.');
    if (burst !== undefined && !inRange(burst, 1, 0xffffffff)) {
      refuse(`bands[${i}].burst`, `The burst is ${burst}.`, 'Use 1..2^32-1, or leave it out.');
    }
  }
  const bursts = bands.filter(({ burst }) => burst !== undefined).length;
  if (bursts !== 0 && bursts !== bands.length) {
    refuse('bands', 'Some bands have a burst, some have none.', 'Give it to all of them, or to none.');
  }
  return findings;
}
