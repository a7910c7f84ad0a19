/**
 * What the operator's objects need to have handed out, incrementally: each rule says it for one kind. What does not
 * exist or cannot be placed is a finding of validation; whatever hangs on it demands nothing here.
 */
import type { Derivation } from '../base/derive.ts';
import { INDEXES } from '../model/facts.ts';
import type { ModelObject } from '../model/kinds.ts';
import { hostRule, networksOfHost } from './host.ts';
import { domainRule, portAclRule, subnetRule } from './identifier.ts';
import { type Need, needKey, sameNeed } from './need.ts';
import { ipPoolRule, macPoolRule } from './pools.ts';
import { hostSwitchRule, virtualMachineRule } from './vnic.ts';

export const needs: Derivation<ModelObject, Need> = {
  indexes: { ...INDEXES, networksOfHost },
  rules: [
    ipPoolRule,
    macPoolRule,
    portAclRule,
    domainRule,
    subnetRule,
    hostRule,
    hostSwitchRule,
    virtualMachineRule,
  ],
  outputKey: needKey,
  same: sameNeed,
};
