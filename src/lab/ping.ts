/** A ping between two vNICs of a lab, and how it is reported. */
import type { PingReport } from '../guest/ping.ts';
import type { Pair } from './endpoints.ts';

export interface PingResult {
  readonly from: string;
  readonly to: string;
  readonly address: string;
  readonly sent: number;
  readonly received: number;
  /** Round trips in milliseconds; absent when nothing was answered. */
  readonly rtt?: { readonly min: number; readonly avg: number; readonly max: number };
  readonly verdict: 'answered' | 'partial' | 'lost';
  /** What the sender was told: "no answer to ARP for 10.0.0.9". */
  readonly errors: readonly string[];
  /** Where a frame that got no answer ended, and why. */
  readonly dropped?: Dropped;
}

export interface Dropped {
  /** "table neighbour of the virtual switch Tenant switch on host1" */
  readonly at: string;
  readonly reason: string;
  /** The rule that decided, in words; absent when no rule matched. */
  readonly rule?: string;
  /** The object that the rule came from. */
  readonly origin?: string;
}

/** `until` lets the lab go on until its argument says so, or for too long. */
export async function pingPair(
  pair: Pair,
  count: number,
  until: (done: () => boolean) => Promise<void>,
): Promise<PingResult> {
  let report: PingReport | undefined;
  const stop = pair.from.nic.ping(pair.address, { count, interval: 100, timeout: 1000 }, (result) => {
    report = result;
  });
  await until(() => report !== undefined);
  stop();
  const times = report?.replies.map((reply) => reply.rtt) ?? [];
  const received = report?.received ?? 0;
  const sent = report?.sent ?? count;
  return {
    from: pair.from.name,
    to: pair.to?.name ?? pair.address,
    address: pair.address,
    sent,
    received,
    ...(times.length > 0 ? { rtt: { min: round(Math.min(...times)), avg: round(mean(times)), max: round(Math.max(...times)) } } : {}),
    verdict: received === 0 ? 'lost' : received < sent ? 'partial' : 'answered',
    errors: [...new Set(report?.errors.map((error) => error.message) ?? [])],
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** To the microsecond. */
function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
