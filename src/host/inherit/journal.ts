/**
 * What the agent remembers of its moves of the management addresses, on the disk before it moves anything: so that a change
 * that cut the host off is undone by whatever life of the agent comes next, also after a reboot.
 */
import { z } from 'zod';
import { readState, writeDurably } from '../state/files.ts';
import { settingsSchema } from './network.ts';

const FILE = 'management';

const journalSchema = z.strictObject({
  version: z.literal(1),
  /** How the NIC was before a host vNIC took over; absent while none has, and none is about to. */
  original: settingsSchema.exactOptional(),
  /** The heir that has been confirmed: the interface, and what it was made from. */
  confirmed: z.strictObject({ device: z.string(), signature: z.string() }).exactOptional(),
  /** What is on trial; still here when an agent starts: it was interrupted. An empty signature: the NIC takes its own back. */
  trial: z.strictObject({ device: z.string(), signature: z.string() }).exactOptional(),
  /** What cut the host off, and is not tried again; or was interrupted, and is tried `MOST_ATTEMPTS` times. */
  failed: z
    .strictObject({ signature: z.string(), attempts: z.int().min(1), why: z.string() })
    .exactOptional(),
});

export type Journal = Readonly<z.infer<typeof journalSchema>>;

export const EMPTY_JOURNAL: Journal = { version: 1 };

/** A trial that was interrupted this many times is taken for one that cut the host off. */
export const MOST_ATTEMPTS = 2;

/** Undefined where the file is damaged; the empty one where there is none. */
export function readJournal(directory: string): Journal | undefined {
  const content = readState(directory, FILE);
  if (content === undefined) return EMPTY_JOURNAL;
  try {
    return journalSchema.parse(JSON.parse(content));
  } catch {
    return undefined;
  }
}

/** On the disk when it returns. Throws `agent-state`. */
export function writeJournal(directory: string, journal: Journal): void {
  writeDurably(directory, FILE, `${JSON.stringify(journal)}\n`);
}

/** Whether this attempt is one that is not made (again). */
export function isRefused({ failed }: Journal, signature: string): boolean {
  return failed?.signature === signature && failed.attempts >= MOST_ATTEMPTS;
}

/** The journal once the trial that it speaks of has been undone. `final`: the time was over, so it is not tried again. */
export function undone(journal: Journal, why: string, final: boolean): Journal {
  const { trial, failed, ...rest } = journal;
  if (!trial) return journal;
  const before = failed?.signature === trial.signature ? failed.attempts : 0;
  const attempts = final ? MOST_ATTEMPTS : before + 1;
  const kept = { ...rest, failed: { signature: trial.signature, attempts, why } };
  if (rest.confirmed) return kept;
  // Nobody has taken over, so the NIC is as its administrator has it, whatever he makes of it from now on.
  const { original: _, ...without } = kept;
  return without;
}

/** The journal once the change on trial is to stay. */
export function kept(journal: Journal): Journal {
  const { trial, failed: _, confirmed: __, original, version } = journal;
  if (!trial || trial.signature === '') return { version };
  return { version, ...(original ? { original } : {}), confirmed: trial };
}
