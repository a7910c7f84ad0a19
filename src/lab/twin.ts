/**
 * What a controller whose hosts are elsewhere can say about frames: its ends from the records, and a walk on a twin: softswitch
 * hosts that are built in this process from the same records, asked, and thrown away. The twin has a feed of its own, so it
 * takes no agent's place; what hosts have made otherwise than their records say is not in it.
 */
import type { Controller } from '../controller/controller.ts';
import { hostOfScope, hostScope, type PortRecord, type SubnetRecord } from '../policy/records.ts';
import { PolicySet, type PolicyView } from '../policy/set.ts';
import { PolicyFeed } from '../stream/feed.ts';
import { attachmentWords } from './attachment-words.ts';
import { controllerSource } from './controller-source.ts';
import { resolvePair } from './endpoints.ts';
import { type EndpointSummary, LiveNetwork, type PingChoice } from './live-network.ts';
import type { PolicySource } from './policy-source.ts';
import { type RealEndpoint, realEndpoints } from './real/real-endpoints.ts';
import type { Walk } from './walk.ts';

/** Every end that can be named, as the records have it. */
export function recordedEndpoints({ feed }: Controller): EndpointSummary[] {
  const subnets = subnetsIn(feed.policy);
  return endpointsIn(feed.policy).map(({ name, host, port }) => ({
    name,
    host,
    mac: port.mac,
    addresses: port.addresses.map(({ address }) => address),
    network: attachmentWords(port.attachment, (vsid) => subnets.get(vsid)?.name),
  }));
}

/** Follows a frame on a twin of the hosts that it may come by. Throws `not-found`, `no-address`. */
export async function walkOnTwin(
  controller: Controller,
  from: string,
  to: string,
  how: Omit<PingChoice, 'count'> = {},
): Promise<Walk> {
  const { policy } = controller.feed;
  const all = endpointsIn(policy);
  const pair = resolvePair(all, from, to, how.version);
  // Whoever else is on the way is a cable: the hosts of the two ends decide, and those of a machine that moves.
  const ids = new Set([pair.from, ...(pair.to ? [pair.to] : [])].map(({ port }) => port.id));
  const addressed = (port: PortRecord) => port.addresses.some(({ address }) => address === pair.address);
  const hosts = hostsIn(policy).filter((host) =>
    portsOf(policy, host).some((port) => ids.has(port.id) || (!pair.to && addressed(port))),
  );
  const twin = new LiveNetwork(sourceOf(controller, new Set(hosts)));
  try {
    await twin.fabric.start();
    await twin.ready();
    return await twin.walk(pair.from.name, pair.to?.name ?? pair.address, how);
  } finally {
    await twin.close();
  }
}

/** The records of these hosts as they are now, and the cables between them. */
function sourceOf(controller: Controller, hosts: ReadonlySet<string>): PolicySource {
  const { policy, epoch, revision } = controller.feed;
  const records = policy
    .scopes()
    .filter((scope) => {
      const host = hostOfScope(scope);
      return host === undefined || hosts.has(host);
    })
    .flatMap((scope) => [...policy.scope(scope).values()].map((record) => ({ scope, record })));
  return {
    ...controllerSource(controller),
    feed: new PolicyFeed({ epoch, revision, policy: PolicySet.of(records) }),
    hosts: () => [...hosts],
    watch: () => () => {},
  };
}

function endpointsIn(policy: PolicyView): RealEndpoint[] {
  const domains = new Map([...subnetsIn(policy)].map(([vsid, { rdid }]) => [vsid, rdid]));
  return hostsIn(policy)
    .flatMap((host) => realEndpoints(host, portsOf(policy, host), domains))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** By VSID. */
function subnetsIn(policy: PolicyView): Map<number, SubnetRecord> {
  const records = policy.scopes().flatMap((scope) => [...policy.scope(scope).values()]);
  return new Map(records.flatMap((record) => (record.kind === 'subnet' ? [[record.vsid, record]] : [])));
}

function hostsIn(policy: PolicyView): string[] {
  return policy.scopes().flatMap((scope) => hostOfScope(scope) ?? []);
}

function portsOf(policy: PolicyView, host: string): PortRecord[] {
  return [...policy.scope(hostScope(host)).values()].filter((record) => record.kind === 'port');
}
