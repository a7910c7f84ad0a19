/** Lists in the sentences of findings, cut where nobody would read on. */

/** `"a"`, `"a" and "b"`, `"a", "b" and 3 more` */
export function namesOf(keys: readonly string[]): string {
  const shown = keys.slice(0, 3).map((key) => `"${key}"`);
  if (keys.length > shown.length) return `${shown.join(', ')} and ${keys.length - shown.length} more`;
  const last = shown.pop() ?? '';
  return shown.length > 0 ? `${shown.join(', ')} and ${last}` : last;
}

/** `"a"`, `"a" or "b"`, `"a", "b" or "c"`; at most eight. */
export function choices(values: readonly string[]): string {
  const shown = values.slice(0, 8).map((value) => `"${value}"`);
  if (values.length > shown.length) return `${shown.join(', ')} …`;
  const last = shown.pop() ?? '';
  return shown.length > 0 ? `${shown.join(', ')} or ${last}` : last;
}
