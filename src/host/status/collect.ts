/** Asks everything that `netloom agent status` shows. */
import type { Agent } from '../../agent/agent.ts';
import type { Clock } from '../../base/clock.ts';
import { type Finding, NetloomError } from '../../base/error.ts';
import type { PolicyClient } from '../../stream/client.ts';
import type { HostEngine } from '../engine.ts';
import type { InForce } from '../in-force.ts';
import type { Management } from '../inherit/management.ts';
import { portStatus } from './ports.ts';
import type { AgentStatus } from './status.ts';

/** What is known of an agent before it has anything to ask. */
type Base = Pick<AgentStatus, 'host' | 'version' | 'pid' | 'since' | 'certificateUntil'>;

/** What is asked. */
export interface Asked {
  readonly agent: Agent;
  readonly client: PolicyClient;
  readonly engine: HostEngine;
  readonly inForce: InForce;
  readonly management: Management;
}

/** While Open vSwitch is not there yet. */
export function emptyStatus(base: Base, url: string, troubles: readonly Finding[]): AgentStatus {
  return {
    ...base,
    controller: { url, state: 'not yet' },
    policy: { epoch: '', revision: 0, inForce: 0, records: 0, findings: [] },
    switches: [],
    ports: [],
    dropped: [],
    drift: [],
    troubles,
  };
}

/** Milliseconds that the switch may take to answer: while it is away, the status says so, and what is known without it. */
const PATIENCE_MS = 3_000;

/** Never rejects: what does not answer is among the troubles, or left out where it takes too long. */
export async function collectStatus(
  base: Base,
  url: string,
  { agent, client, engine, inForce, management }: Asked,
  standing: Pick<AgentStatus, 'drift' | 'troubles'>,
  clock: Clock,
): Promise<AgentStatus> {
  const silent: Finding[] = [];
  const ask = <T>(question: Promise<T>, otherwise: T) =>
    new Promise<T>((resolve) => {
      const cancel = clock.after(PATIENCE_MS, () => resolve(otherwise));
      const answered = question.catch((thrown: unknown) => {
        silent.push(...NetloomError.from(thrown).findings);
        return otherwise;
      });
      void answered.then(resolve).finally(cancel);
    });
  const [about, { switches, drops: dropped }, vnics] = await Promise.all([
    ask(engine.about(), ''),
    ask(agent.overview(), { switches: [], drops: [] }),
    ask(engine.vnics(), []),
  ]);
  const known = new Set(standing.troubles.map(({ message }) => message));
  return {
    ...base,
    controller: { url, state: client.connection.state },
    policy: {
      epoch: client.epoch,
      revision: client.revision,
      inForce: inForce.revision,
      records: client.policy.size,
      findings: inForce.findings,
    },
    ...(about === '' ? {} : { engine: about }),
    management: management.status,
    switches,
    ports: portStatus(agent, vnics),
    dropped,
    drift: standing.drift,
    troubles: [...standing.troubles, ...silent.filter(({ message }) => !known.has(message))],
  };
}
