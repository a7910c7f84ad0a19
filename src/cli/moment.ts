/** `2026-11-21 16:40:05 UTC`, of a time as the API gives it. */
export function moment(time: string): string {
  return time.replace('T', ' ').replace(/(?:\.\d+)?Z$/, ' UTC');
}
