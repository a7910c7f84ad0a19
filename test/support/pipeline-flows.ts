/** Flows of the pipeline of a host with everything in it. */
import type { Flow } from '../../src/flow/flow.ts';
import { formatFlow } from '../../src/flow/text.ts';
import { ip, prefix } from '../../src/packet/address.ts';
import { aclFacts } from '../../src/pipeline/acl-fixture.ts';
import { dualStackFacts } from '../../src/pipeline/dual-stack-fixture.ts';
import type { PipelineFact } from '../../src/pipeline/facts.ts';
import { host1Facts, movingFacts, privateVlanFacts } from '../../src/pipeline/fixture.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import { vlanFacts } from '../../src/pipeline/vlan-fixture.ts';
import type { Encapsulation } from '../../src/policy/records.ts';

/** Each of them once. */
export function pipelineFlows(): readonly Flow[] {
  const flows = new Map<string, Flow>();
  for (const facts of variants()) {
    const pipeline = new Pipeline();
    pipeline.apply(facts);
    for (const flow of pipeline.outputs()) flows.set(formatFlow(flow), flow);
  }
  return [...flows.values()];
}

/** The fixture again with other encapsulations, IPv6 addresses and loose security, so that every rule appears. */
function variants(): [string, PipelineFact][][] {
  const edit = (change: (fact: PipelineFact) => PipelineFact) =>
    host1Facts().map(([key, fact]): [string, PipelineFact] => [key, change(fact)]);
  const encapsulated = (encapsulation: Encapsulation) =>
    edit((f) => (f.kind === 'provider' ? { ...f, encapsulation } : f));
  const v6 = edit((f) => {
    if (f.kind === 'port')
      return { ...f, addresses: [...f.addresses, { address: ip('fd00::5'), prefixLength: 64, dns: [] }] };
    if (f.kind === 'lookup')
      return {
        ...f,
        ca: ip(f.ca.replace('10.0.0.', 'fd00::')),
        pa: f.pa === ip('192.168.4.22') ? ip('2001:db8::22') : f.pa,
      };
    if (f.kind === 'subnet')
      return { ...f, prefixes: [{ prefix: prefix('fd00::/64'), gateway: ip('fd00::1') }] };
    return f;
  });
  const loose = edit((f) =>
    f.kind === 'port'
      ? {
          ...f,
          attachment: { type: 'vlan', vlan: 7 },
          security: {
            macSpoofing: true,
            dhcpGuard: false,
            routerGuard: false,
            guestSpecifiedAddresses: true,
          },
        }
      : f,
  );
  const all = [
    ...host1Facts(),
    ...privateVlanFacts(),
    ...movingFacts(),
    ...vlanFacts(),
    ...aclFacts(),
    ...dualStackFacts(),
  ];
  return [all, encapsulated('vxlan'), encapsulated('geneve'), v6, loose];
}
