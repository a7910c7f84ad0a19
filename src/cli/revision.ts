import type { Command } from 'commander';

/** A revision that was typed; ends the program where it is none. */
export function revisionOf(text: string, self: Command, least = 1): number {
  if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text);
  return self.error(`error: ${JSON.stringify(text)} is not a revision`);
}
