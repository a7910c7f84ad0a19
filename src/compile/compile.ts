/**
 * The first compiler: intent and allocations in, policy records out. Each feature is one file with the records of one
 * kind; this file only lists them. Incremental by construction: a change derives again what read it (base/derive.ts).
 *
 *     feature    unit               records                       scope
 *     switch     host switch        switch                        host
 *     port       VM, host switch    port, one for each vNIC       host
 *     mirror     VM                 mirror, one for each vNIC     host
 *     provider   host               provider, one for each fabric host
 *     domain     host x VM network  domain                        host
 *     subnet     VM subnet          subnet, route (on-link)       domain
 *     lookup     VM                 lookup, one for each address  domain
 *     acl        host               acl, one for each in use      host
 *
 * What is not complete comes to nothing: a vNIC without its place, id, MAC address or VSID has no record.
 */
import { type Derivation, Deriver, type OutputChange } from '../base/derive.ts';
import { recordKey, type ScopedRecord } from '../policy/records.ts';
import { sameRecord } from '../policy/text.ts';
import { acl } from './acl.ts';
import { domain } from './domain.ts';
import { type CompileFact, INDEXES } from './facts.ts';
import { lookup } from './lookup.ts';
import { mirror } from './mirror.ts';
import { hostPort, vmPort } from './port.ts';
import { provider } from './provider.ts';
import { subnet } from './subnet.ts';
import { hostSwitch } from './switch.ts';

/** For tests that watch the rules at work; everybody else takes a `Compiler`. */
export const compilation: Derivation<CompileFact, ScopedRecord> = {
  indexes: INDEXES,
  rules: [hostSwitch, hostPort, vmPort, mirror, provider, domain, subnet, lookup, acl],
  outputKey: ({ scope, record }) => `${scope} ${recordKey(record)}`,
  same: (a, b) => sameRecord(a.record, b.record),
};

/** The policy of all hosts. Feed it facts (facts.ts); it answers with the records that come and go. */
export class Compiler extends Deriver<CompileFact, ScopedRecord> {
  constructor() {
    super(compilation);
  }
}

export type CompileChange = OutputChange<ScopedRecord>;
