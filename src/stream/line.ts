/** Text of a stranger, for people to read. */
import * as z from 'zod';

/** Cut to so many characters, and one line: nothing that it says can pass for a line of somebody else. */
export function oneLine(most: number) {
  return z.string().transform((value) => value.slice(0, most).replace(/\p{Cc}/gu, ' '));
}
