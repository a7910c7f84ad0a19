/**
 * How far the hosts are as the description wants them, part by part: NICs, virtual switches, teams, vNICs, provider
 * addresses. What is wanted comes from the network, what is there from the agents' reports.
 */

import type { ObjectKey } from '../../model/definition.ts';
import { type Host, isKind, type LogicalSwitch, type ModelObject } from '../../model/kinds.ts';
import type { HostStatus } from '../../stream/feed.ts';
import type { NetworkView } from '../network.ts';
import { type Compliance, worst } from './compliance-level.ts';
import { type PartCompliance, partsOfHost, partsOfMachine, partsOfSwitch } from './compliance-parts.ts';

export interface HostCompliance extends Compliance {
  readonly host: string;
  readonly connected: boolean;
  /** When the agent looked, ISO 8601; absent when it never did. */
  readonly checkedAt?: string;
  readonly parts: readonly PartCompliance[];
}

/** All parts of one host. */
export function complianceOfHost(
  network: NetworkView,
  host: Host,
  status: HostStatus | undefined,
): HostCompliance {
  const whole = wholeHost(status);
  const { report } = status ?? {};
  const parts = sealed(whole, partsOfHost(network, host, report));
  const reasons = [
    ...whole.reasons,
    ...parts.flatMap((part) => (part.level === 'full' || part.level === 'unknown' ? [] : told(part))),
  ];
  const { reportedAt } = status ?? {};
  return {
    host: host.name,
    level: whole.level === 'full' ? worst(parts.map(({ level }) => level)) : whole.level,
    reasons,
    connected: status?.connected === true,
    ...(reportedAt === undefined ? {} : { checkedAt: new Date(reportedAt).toISOString() }),
    parts,
  };
}

/** Of an object whose parts are on hosts; undefined for other kinds, and for what is on no host. */
export function complianceOf(
  network: NetworkView,
  object: ModelObject,
  hosts: ReadonlyMap<string, HostStatus>,
): Compliance | undefined {
  switch (object.kind) {
    case 'Host': {
      const { level, reasons } = complianceOfHost(network, object, hosts.get(object.name));
      return { level, reasons };
    }
    case 'HostSwitch': {
      const status = hosts.get(object.host);
      return together(sealed(wholeHost(status), partsOfSwitch(network, object, status?.report)));
    }
    case 'LogicalSwitch':
      return ofLogicalSwitch(network, object, hosts);
    case 'VirtualMachine': {
      if (object.host === undefined || object.vnics.length === 0) return undefined;
      const status = hosts.get(object.host);
      return together(
        sealed(wholeHost(status), partsOfMachine(network, object, object.host, status?.report)),
      );
    }
    default:
      return undefined;
  }
}

/** A template is as compliant as what was made of it; one that nobody applied yet has nothing to be. */
function ofLogicalSwitch(
  network: NetworkView,
  { name }: LogicalSwitch,
  hosts: ReadonlyMap<string, HostStatus>,
): Compliance | undefined {
  const applied = network
    .referrers(`LogicalSwitch/${name}`)
    .map((key) => network.fact(key as ObjectKey))
    .filter((object) => isKind(object, 'HostSwitch'));
  if (applied.length === 0) return undefined;
  const each = applied.map((hostSwitch) => ({ hostSwitch, is: complianceOf(network, hostSwitch, hosts)! }));
  return {
    level: worst(each.map(({ is }) => is.level)),
    reasons: each.flatMap(({ hostSwitch, is }) =>
      is.reasons.map((reason) => `${hostSwitch.host}: ${reason}`),
    ),
  };
}

/** What holds for the host before any part of it is looked at. */
function wholeHost(status: HostStatus | undefined): Compliance {
  if (!status?.connected) {
    const since = status?.since === undefined ? '' : ` since ${new Date(status.since).toISOString()}`;
    const why = status?.refused ? ` It was turned away: ${status.refused.message}` : '';
    return { level: 'unknown', reasons: [`The agent is not connected${since}.${why}`] };
  }
  const { outcome, touched, report } = status;
  if (!outcome) return { level: 'unknown', reasons: ['The agent has not said yet what is in force.'] };
  if (!outcome.ok) {
    const why = outcome.findings.filter(({ severity }) => severity === 'error').map(({ message }) => message);
    return {
      level: 'none',
      reasons: [`Revision ${outcome.revision} could not be put in force: ${why.join(' ')}`],
    };
  }
  if (outcome.revision < touched) {
    return {
      level: 'partial',
      reasons: [`Revision ${outcome.revision} is in force, and ${touched} is wanted.`],
    };
  }
  if (!report) {
    return { level: 'unknown', reasons: ['The host has not been looked at yet.'] };
  }
  const failed = report.findings.map(({ message }) => message);
  return failed.length > 0 && report.drift.length === 0
    ? { level: 'unknown', reasons: [`The agent could not look at the host: ${failed.join(' ')}`] }
    : { level: 'full', reasons: [] };
}

/** Where nothing is known of the host, nothing is known of its parts. */
function sealed(whole: Compliance, parts: readonly PartCompliance[]): readonly PartCompliance[] {
  if (whole.level !== 'unknown') return parts;
  return parts.map(({ object, part }) => ({ object, part, level: 'unknown', reasons: whole.reasons }));
}

function together(parts: readonly PartCompliance[]): Compliance {
  return {
    level: worst(parts.map(({ level }) => level)),
    reasons: [...new Set(parts.flatMap((part) => (part.level === 'unknown' ? part.reasons : told(part))))],
  };
}

function told({ object, part, reasons }: PartCompliance): string[] {
  return reasons.map((reason) => `${object}, ${part}: ${reason}`);
}
