/** Waiting for hosts to say that they have a revision in force. A host that is away is not waited for. */
import type { Clock } from '../../base/clock.ts';
import { type Finding, warning } from '../../base/error.ts';
import { entryOf } from '../../base/map.ts';
import type { PolicyFeed } from '../../stream/feed.ts';

/** What became of a revision on the hosts that it concerns. */
export interface Confirmed {
  readonly confirmed: number;
  /** How many hosts it concerns, without those that left the fabric with it. */
  readonly concerned: number;
  /** Errors of the hosts that could not put it in force; warnings for those that have not answered. */
  readonly findings: readonly Finding[];
}

export interface WaitOptions {
  readonly signal: AbortSignal;
  /** How many of the hosts have answered, whenever that changes. */
  readonly onProgress: (answered: number) => void;
}

/** How long connected hosts may take to answer, in milliseconds. */
export const CONFIRMATION_LIMIT_MS = 60_000;
/** How many hosts a finding names. */
const NAMED_HOSTS = 10;

export class Confirmations {
  readonly #feed: PolicyFeed;
  readonly #clock: Clock;
  /** Host -> what to do when its status changes. */
  readonly #waits = new Map<string, Set<() => void>>();

  constructor(feed: PolicyFeed, clock: Clock) {
    this.#feed = feed;
    this.#clock = clock;
    feed.onStatus((host) => {
      for (const look of [...(this.#waits.get(host) ?? [])]) look();
    });
  }

  /** Resolves when every one of the hosts has answered or is away, or the limit has passed. Rejects when aborted. */
  wait(revision: number, hosts: readonly string[], { signal, onProgress }: WaitOptions): Promise<Confirmed> {
    return new Promise((resolve, reject) => {
      const open = new Set(hosts);
      const away: string[] = [];
      const findings: Finding[] = [];
      let confirmed = 0;
      let left = 0;
      let cancelTimer = () => {};
      const end = () => {
        cancelTimer();
        signal.removeEventListener('abort', abort);
        for (const host of hosts) this.#forget(host, look);
      };
      const abort = () => {
        end();
        reject(signal.reason);
      };
      const finish = () => {
        end();
        if (away.length > 0) findings.push(awayFinding(away, revision));
        if (open.size > 0) findings.push(lateFinding([...open], revision));
        resolve({ confirmed, concerned: hosts.length - left, findings });
      };
      const look = () => {
        const before = open.size;
        for (const host of open) {
          const { connected, outcome, touched } = this.#feed.statusOf(host);
          // The feed has forgotten it: it has left the fabric, so nothing is left to be in force there.
          if (touched < revision) left += 1;
          else if (outcome && outcome.revision >= revision) {
            if (outcome.ok) confirmed += 1;
            else findings.push(...outcome.findings.map((found) => onHost(host, found)));
          } else if (connected) continue;
          else away.push(host);
          open.delete(host);
        }
        if (open.size !== before) onProgress(hosts.length - open.size);
        if (open.size === 0) finish();
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      for (const host of hosts) entryOf(this.#waits, host, () => new Set()).add(look);
      cancelTimer = this.#clock.after(CONFIRMATION_LIMIT_MS, finish);
      look();
    });
  }

  #forget(host: string, look: () => void): void {
    const waits = this.#waits.get(host);
    waits?.delete(look);
    if (waits?.size === 0) this.#waits.delete(host);
  }
}

function onHost(host: string, found: Finding): Finding {
  return { ...found, message: `Host ${host}: ${found.message}` };
}

function awayFinding(hosts: readonly string[], revision: number): Finding {
  const are = hosts.length === 1 ? 'is' : 'are';
  return warning(
    'host-away',
    hosts.length === 1 ? `Host/${hosts[0]}` : '',
    `${named(hosts)} ${are} not connected, so revision ${revision} is not in force there yet.`,
    'It comes into force when the host connects; nothing is to do for that.',
  );
}

function lateFinding(hosts: readonly string[], revision: number): Finding {
  const have = hosts.length === 1 ? 'has' : 'have';
  return warning(
    'host-away',
    hosts.length === 1 ? `Host/${hosts[0]}` : '',
    `${named(hosts)} ${have} not said within ${CONFIRMATION_LIMIT_MS / 1000} seconds what became of revision ${revision}.`,
    'Look again with "netloom describe host NAME".',
  );
}

function named(hosts: readonly string[]): string {
  const shown = hosts.slice(0, NAMED_HOSTS).join(', ');
  const more = hosts.length > NAMED_HOSTS ? ` and ${hosts.length - NAMED_HOSTS} more` : '';
  return `${hosts.length === 1 ? 'Host' : `${hosts.length} hosts:`} ${shown}${more}`;
}
