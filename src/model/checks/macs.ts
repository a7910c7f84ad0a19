import type { Mac } from '../../packet/address.ts';
import type { ObjectKey } from '../definition.ts';
import { members, type Reader } from '../facts.ts';
import { namesOf } from '../words.ts';
import { type CheckResult, others } from './check.ts';

/** A fixed MAC address is on one interface only: two interfaces with one address make switches learn it to and fro. */
export function* checkMac(read: Reader, mac: Mac, path: string, object: ObjectKey): Generator<CheckResult> {
  const users = others(members(read, 'macs', mac), `${object}.${path}`);
  if (users.length === 0) return;
  yield {
    path,
    code: 'value-duplicate',
    message: `MAC address ${mac} is also that of ${namesOf(users)}.`,
    remedy: 'Give one of them another MAC address, or leave it out to have one given.',
  };
}
