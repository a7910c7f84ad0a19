/** A ping between two ends of a lab, by the ping program there, and what came of it in the words of `netloom ping`. */
import { NetloomError } from '../../base/error.ts';
import { type IpVersion, resolvePair } from '../endpoints.ts';
import type { PingResult } from '../ping.ts';
import type { ControllerAccess } from './controller-access.ts';
import { readMachines } from './place.ts';
import type { LabPlan } from './plan.ts';
import { type RealEndpoint, realEndpoints } from './real-endpoints.ts';
import { outcome } from './run.ts';

/** As the controller has them; while it is away, the machines as they were made. */
export async function knownEndpoints(
  { name }: Pick<LabPlan, 'name'>,
  controller: Pick<ControllerAccess, 'endpoints'>,
): Promise<readonly RealEndpoint[]> {
  try {
    return await controller.endpoints();
  } catch (thrown) {
    if (!(thrown instanceof NetloomError) || thrown.code !== 'server-unreachable') throw thrown;
    return readMachines(name).flatMap(({ host, nics }) =>
      realEndpoints(
        host,
        nics.map(({ port }) => port),
        new Map(),
      ),
    );
  }
}

export interface PingOptions {
  readonly endpoints: readonly RealEndpoint[];
  /** The program and its arguments that run a command where the endpoint is. */
  readonly inside: (endpoint: RealEndpoint, command: readonly string[]) => readonly string[];
  readonly count: number;
  readonly version?: IpVersion;
}

/** Throws `not-found` where there is no such end, `no-address` where one has none of that version. */
export async function pingReal(from: string, to: string, options: PingOptions): Promise<PingResult> {
  const { endpoints, inside, count, version } = options;
  const pair = resolvePair(endpoints, from, to, version);
  const { address } = pair;
  const before = pair.to && (await echoesAt(inside, pair.to, address));
  // Seconds: -i between two, -W for the answer to the last.
  const command = ['ping', '-n', '-c', `${count}`, '-i', '0.2', '-W', '2', '-I', pair.from.device, address];
  const ended = await outcome(inside(pair.from, command), 10_000 + count * 1_000);
  const after = pair.to && (await echoesAt(inside, pair.to, address));
  const arrived = before === undefined || after === undefined ? undefined : after - before;
  return pingResult(pair.from.name, pair.to?.name ?? address, address, count, ended, arrived);
}

/** A ping without an answer, with the reason for which the rules lose it, or with what to look at when they do not. */
export async function withReason(
  result: PingResult,
  controller: Pick<ControllerAccess, 'walk'>,
): Promise<PingResult> {
  if (result.verdict !== 'lost') return result;
  // The reason is an extra: without a controller, there is what ping itself said.
  const walk = await controller.walk(result.from, result.to).catch(() => undefined);
  if (!walk) return result;
  const dropped = walk.dropped ?? {
    at: result.from,
    reason: 'by its rules it is answered; "netloom lab capture" shows how far it comes',
  };
  return { ...result, dropped };
}

/**
 * What ping printed. Addresses repeat between tenants: an answer counts when the requests came to who was meant, of whom
 * `arrived` did.
 */
export function pingResult(
  from: string,
  to: string,
  address: string,
  count: number,
  ended: { readonly out: string; readonly err: string },
  arrived?: number,
): PingResult {
  const text = ended.out;
  const [, sentText, answersText] = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(text) ?? [];
  const sent = sentText === undefined ? count : Number(sentText);
  const answers = Number(answersText ?? 0);
  const received = arrived === undefined ? answers : Math.min(answers, arrived);
  const [, min, avg, max] = /= ([\d.]+)\/([\d.]+)\/([\d.]+)/.exec(text) ?? [];
  const said = text
    .split('\n')
    .concat(ended.err.split('\n'))
    .flatMap((line) => /(?:icmp_seq=\d+ |^ping: |^connect: )(?!.*time=)(.+)$/.exec(line)?.[1] ?? []);
  return {
    from,
    to,
    address,
    sent,
    received,
    ...(received > 0 && min !== undefined
      ? { rtt: { min: Number(min), avg: Number(avg), max: Number(max) } }
      : {}),
    verdict: received === 0 ? 'lost' : received < sent ? 'partial' : 'answered',
    errors: [...new Set(said)],
    ...(received < answers
      ? { dropped: { at: from, reason: `another machine has ${address} where it is, and answered` } }
      : received === 0 && said[0] !== undefined
        ? { dropped: { at: from, reason: said[0] } }
        : {}),
  };
}

/** How many echo requests of the address's version somebody has got so far; undefined where that cannot be seen. */
async function echoesAt(
  inside: PingOptions['inside'],
  endpoint: RealEndpoint,
  address: string,
): Promise<number | undefined> {
  const file = address.includes(':') ? '/proc/net/snmp6' : '/proc/net/snmp';
  const { out } = await outcome(inside(endpoint, ['cat', file]));
  return echoesIn(out);
}

/** From /proc/net/snmp (a line of names, a line of numbers) or /proc/net/snmp6 (name and number). */
export function echoesIn(text: string): number | undefined {
  const v6 = /^Icmp6InEchos\s+(\d+)$/m.exec(text)?.[1];
  if (v6 !== undefined) return Number(v6);
  const [names, numbers] = text.split('\n').filter((line) => line.startsWith('Icmp: '));
  const index = names?.split(' ').indexOf('InEchos') ?? -1;
  const number = index < 0 ? undefined : numbers?.split(' ')[index];
  return number === undefined ? undefined : Number(number);
}
