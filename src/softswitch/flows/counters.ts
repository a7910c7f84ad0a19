/** What flows, groups and buckets count. */
export interface Counters {
  packets: bigint;
  bytes: bigint;
}

export function newCounters(): Counters {
  return { packets: 0n, bytes: 0n };
}
