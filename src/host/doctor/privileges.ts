/** What the process may do: capabilities(7). */
import { type Check, failed, ok } from './check.ts';

export interface PrivilegeFacts {
  /** `CapEff` of /proc/self/status, a bit for each capability. */
  readonly effective: bigint;
  /** Effective user. */
  readonly uid: number;
}

/** The agent needs these and no others (packaging/netloom-agent.service). */
const NEEDED = [
  { name: 'CAP_NET_ADMIN', bit: 12n, for: 'addresses, routes and links' },
  { name: 'CAP_NET_RAW', bit: 13n, for: 'probes of paths and addresses' },
] as const;

export function judgePrivileges({ effective, uid }: PrivilegeFacts): Check {
  const missing = NEEDED.filter(({ bit }) => ((effective >> bit) & 1n) === 0n);
  const who = uid === 0 ? 'root' : `uid ${uid}`;
  if (missing.length === 0)
    return ok('capabilities', `As ${who}, with ${NEEDED.map(({ name }) => name).join(' and ')}.`);
  return failed(
    'capabilities',
    `As ${who}, without ${missing.map((each) => `${each.name} (${each.for})`).join(' and ')}.`,
    'Run it as root, or as the service does: with these as ambient capabilities.',
  );
}
