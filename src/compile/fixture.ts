/** For tests: objects from YAML, granted and compiled as the controller does, without a store. */
import { type Edits, Granted } from '../allocate/fixture.ts';
import type { Deriver } from '../base/derive.ts';
import type { Finding } from '../base/error.ts';
import type { Attachment, PolicyRecord, ScopedRecord } from '../policy/records.ts';
import { PolicySet } from '../policy/set.ts';
import { type CompileChange, Compiler } from './compile.ts';
import { allocationFact, allocationKey, type CompileFact } from './facts.ts';

type FactChange = [key: string, fact: CompileFact | undefined];

export class Compiled {
  readonly granted: Granted;
  readonly compiler: Deriver<CompileFact, ScopedRecord>;
  constructor(compiler: Deriver<CompileFact, ScopedRecord> = new Compiler(), granted = new Granted()) {
    this.compiler = compiler;
    this.granted = granted;
  }

  edit(edits: Edits): { findings: readonly Finding[]; changes: CompileChange[] } {
    const { grant, facts } = this.granted.edit(edits);
    if (grant.findings.length > 0) return { findings: grant.findings, changes: [] };
    const batch: FactChange[] = [...facts];
    for (const { scope, owner, after } of grant.changes) {
      if (after === null) batch.push([allocationKey(scope, owner), undefined]);
      else batch.push(allocationFact({ scope, owner, value: after }));
    }
    return { findings: [], changes: this.compiler.apply(batch) };
  }

  /** The whole policy, in its one form. */
  text(): string {
    return policyText(this.compiler);
  }
}

export function policyText(compiler: Deriver<CompileFact, ScopedRecord>): string {
  return PolicySet.of(compiler.outputs()).text();
}

/** The records of the scopes that begin so, one a line, in the words of this file. */
export function summary(compiler: Deriver<CompileFact, ScopedRecord>, scope = ''): string[] {
  return [...compiler.outputs()]
    .filter((output) => output.scope.startsWith(scope))
    .map((output) => `${output.scope} ${line(output.record)}`)
    .sort();
}

function networkOf(attachment: Attachment): string {
  switch (attachment.type) {
    case 'virtual':
      return `VSID ${attachment.vsid}`;
    case 'vlan':
      return `VLAN ${attachment.vlan}`;
    case 'trunk':
      return `trunk native ${attachment.native} tagged ${attachment.tagged} untagged ${attachment.untagged}`;
    case 'monitor':
      return 'mirror copies';
    case 'private':
      return `private VLAN ${attachment.primary} ${attachment.mode} ${attachment.secondaries}`;
  }
}

function line(r: PolicyRecord): string {
  switch (r.kind) {
    case 'switch':
      return `switch ${r.name} ${r.type} ${r.uplink?.nics.join('+')} ${r.uplink?.teaming} ${r.uplink?.balancing} mtu ${r.uplink?.mtu}`;
    case 'port': {
      const network = networkOf(r.attachment);
      const addresses = r.addresses.map((a) => `${a.address}/${a.prefixLength} via ${a.gateway ?? '-'}`);
      return `port ${r.name} (${r.owner}) ${r.mac} on ${network} of ${r.switch} [${addresses.join(', ')}] mtu ${r.mtu}${r.dhcpServer ? ' dhcp' : ''}${r.dhcpv6Server ? ' dhcp6' : ''}`;
    }
    case 'acl':
      return `acl ${r.id} = ${r.number} [${r.rules.map((rule) => rule.name)}] default ${r.inbound} ${r.outbound}`;
    case 'mirror':
      return `mirror ${r.source} ${r.direction} -> ${JSON.stringify(r.output)} of ${r.switch}`;
    case 'provider':
      return `provider ${r.logicalNetwork} ${r.encapsulation} ${r.pa}/${r.prefixLength} ${r.mac} VLAN ${r.vlan} of ${r.switch}`;
    case 'domain':
      return `domain ${r.name} on ${r.logicalNetwork} = ${r.number}`;
    case 'subnet':
      return `subnet ${r.name} VSID ${r.vsid} ${r.prefixes.map((p) => `${p.prefix} router ${p.gateway}${p.autonomous ? ' slaac' : ''}`).join(', ')} ${r.gatewayMac} mtu ${r.mtu}`;
    case 'route':
      return `route ${r.prefix} -> VSID ${r.vsid} via ${r.nextHop}`;
    case 'lookup':
      return `lookup VSID ${r.vsid} ${r.ca} ${r.mac} -> ${r.pa}`;
  }
}
