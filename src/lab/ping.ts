/** A ping between two vNICs of a lab, and how it is reported. */
import type { PingReport } from '../guest/ping.ts';
import type { Arrivals } from './echo.ts';
import type { Pair } from './endpoints.ts';

export interface PingResult {
  readonly from: string;
  readonly to: string;
  readonly address: string;
  readonly sent: number;
  /** Answers of the machine that was meant; of another one with the same address they do not count. */
  readonly received: number;
  /** Round trips in milliseconds; absent when nothing was answered. */
  readonly rtt?: { readonly min: number; readonly avg: number; readonly max: number };
  readonly verdict: 'answered' | 'partial' | 'lost';
  /** The machine that has the address where the sender is, and answered instead of the one that was meant. */
  readonly answeredBy?: string;
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

export interface PingRun {
  readonly count: number;
  /** Identifier of the echo requests, 0..65535. */
  readonly id: number;
  /** Bytes of data behind the ICMP header. */
  readonly size?: number;
  /** What reached the machine that was meant; absent when only an address was given. */
  readonly arrivals?: Arrivals;
  /** Lets the lab go on until its argument says so, or for too long. */
  readonly until: (done: () => boolean) => Promise<void>;
}

export async function pingPair(pair: Pair, run: PingRun): Promise<PingResult> {
  const { count, id, arrivals } = run;
  let report: PingReport | undefined;
  const options = {
    count,
    id,
    interval: 100,
    timeout: 1000,
    ...(run.size === undefined ? {} : { size: run.size }),
  };
  const stop = pair.from.nic.ping(pair.address, options, (result) => {
    report = result;
  });
  await run.until(() => report !== undefined);
  stop();
  const answers = report?.received ?? 0;
  // Addresses repeat between tenants: an answer counts when the request came to the machine that was named.
  const received = arrivals ? Math.min(answers, arrivals.count) : answers;
  const sent = report?.sent ?? count;
  const times = received > 0 ? (report?.replies.map((reply) => reply.rtt) ?? []) : [];
  return {
    from: pair.from.name,
    to: pair.to?.name ?? pair.address,
    address: pair.address,
    sent,
    received,
    ...(times.length > 0
      ? { rtt: { min: round(Math.min(...times)), avg: round(mean(times)), max: round(Math.max(...times)) } }
      : {}),
    verdict: received === 0 ? 'lost' : received < sent ? 'partial' : 'answered',
    ...(received < answers && arrivals?.other !== undefined ? { answeredBy: arrivals.other } : {}),
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
