/** Findings as an agent sends them. The controller takes them for what a stranger says: checked and cut to size. */
import * as z from 'zod';
import { CODES, type ErrorCode } from '../base/codes.ts';
import { type Finding, warning } from '../base/error.ts';
import { oneLine } from './line.ts';

/** More findings than this are not sent: nobody reads them, and the first ones say what is wrong. */
const MAX_FINDINGS = 50;
const MAX_TEXT = 1000;

const text = oneLine(MAX_TEXT);
/** Findings as they come, at most so many and cut to size. */
export const findingsSchema = z
  .array(
    z.strictObject({
      // A newer agent may know codes that this controller does not.
      code: z
        .string()
        .transform((code): ErrorCode => (Object.hasOwn(CODES, code) ? (code as ErrorCode) : 'internal')),
      severity: z.enum(['error', 'warning']),
      path: text,
      message: text,
      remedy: text,
    }),
  )
  .transform((findings) => findings.slice(0, MAX_FINDINGS));

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export function writeFindings(findings: readonly Finding[]): Uint8Array {
  const plain = findings.slice(0, MAX_FINDINGS).map(({ code, severity, path, message, remedy }) => ({
    code,
    severity,
    path: path.slice(0, MAX_TEXT),
    message: message.slice(0, MAX_TEXT),
    remedy: remedy.slice(0, MAX_TEXT),
  }));
  return encoder.encode(JSON.stringify(plain));
}

/** Never throws: findings that cannot be read are replaced by one that says so. No bytes are no findings. */
export function readFindings(bytes: Uint8Array): readonly Finding[] {
  if (bytes.length === 0) return [];
  try {
    return findingsSchema.parse(JSON.parse(decoder.decode(bytes)));
  } catch {
    return [
      warning(
        'protocol-violation',
        '',
        'The agent sent findings that cannot be read.',
        "Look into the agent's log.",
      ),
    ];
  }
}
