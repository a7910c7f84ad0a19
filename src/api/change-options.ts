/** How a change is to be carried out: the fields of the body and the query that every change takes. */
import { z } from 'zod';

export const changeFields = {
  dryRun: z.boolean().default(false).describe('Say what would happen and change nothing.'),
  message: z.string().max(1000).optional().describe('Why, for the journal.'),
  requestId: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('Any text of your own; makes it safe to send the same request again.'),
};

export const changeQuery = z.strictObject({
  wait: z
    .enum(['hosts'])
    .optional()
    .describe('`hosts`: answer when every connected host has said what became of it; else at the commit.'),
});
