/** Meters between two machines (traffic.c, iperf3, ping). */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inNamespace, run } from '../../../src/lab/real/run.ts';
import { until } from '../../../src/lab/real/wait.ts';
import { processorSeconds } from './processes.ts';
import { type Connected, type Host, type Machine, reaches, TAP } from './two-hosts.ts';

const SOURCE = fileURLToPath(new URL('traffic.c', import.meta.url));
const UDP_PORT = 5200;
/** No switch here passes more of the smallest UDP packets a second. */
const MOST_PACKETS = 400_000;
const STEPS = 8;
/** Bytes of data that make a frame of 64 bytes. */
const SMALLEST = 18;
const PINGS = 1000;
/** The first ones find the way. */
const FIRST_PINGS = 20;

/** What one way between two machines is good for. */
export interface Rates {
  /** One TCP stream, megabits of data a second. */
  readonly tcp: number;
  /** Frames of 64 bytes a second that arrive of as many as the sender can send. */
  readonly frames: number;
  /** Nanoseconds of processor that the switches of both hosts together take for one of these; NaN without such. */
  readonly processor: number;
  /** UDP packets of 64-byte frames a second, as many as can be sent with at most 1 % lost. */
  readonly udp: number;
  /** Microseconds, each round trip. */
  readonly roundTrips: readonly number[];
}

export class Traffic {
  readonly #directory = mkdtempSync(join(tmpdir(), 'netloom-traffic-'));
  readonly #program = join(this.#directory, 'traffic');

  /** Also where the benchmark is interrupted. */
  readonly #remove = () => rmSync(this.#directory, { recursive: true, force: true });

  constructor() {
    process.once('exit', this.#remove);
    execFileSync('gcc', ['-O2', '-o', this.#program, SOURCE]);
  }

  close(): void {
    process.off('exit', this.#remove);
    this.#remove();
  }

  async measure({ machines, switches }: Connected, seconds: number): Promise<Rates> {
    const [from, to] = machines;
    if (!from || !to) throw new Error('there are two machines');
    await until(`${from.address} does not reach ${to.address}.`, () => reaches(from.namespace, to.address));
    const roundTrips = await ping(from, to);
    const tcp = await iperf(from, to, seconds);
    const before = processorSeconds(switches);
    const frames = await this.#flood(from, to, seconds);
    const taken = switches.length > 0 ? processorSeconds(switches) - before : Number.NaN;
    const processor = (1e9 * taken) / (frames * seconds);
    return { roundTrips, tcp, frames, processor, udp: await this.#mostUdp(from, to, seconds) };
  }

  /**
   * The longest time in milliseconds in which nothing of a stream arrives, from the event on, at any of the receivers: 2,000
   * packets a second, listened to for `seconds` after it. The event says when it was, in microseconds.
   */
  async silence(
    from: Machine,
    to: readonly Machine[],
    seconds: number,
    event: () => Promise<number>,
  ): Promise<number> {
    const all = `${seconds + 3}`;
    const receivers = to.map((each) => spawnIn(each, this.#program, 'hear', `${UDP_PORT}`, all));
    for (const receiver of receivers) await receiver.says('ready\n');
    const load = [to[0]?.address ?? '', `${UDP_PORT}`, all, '2000', `${SMALLEST}`];
    const sent = this.#run(from, 'send', ...load);
    await receivers[0]?.says(' 1000\n');
    const begin = await event();
    await sent;
    const lines = (await Promise.all(receivers.map(({ ended }) => ended))).flatMap((said) =>
      said.split('\n').slice(1, -1),
    );
    const end = begin + seconds * 1e6;
    const heard = lines.map(Number.parseFloat).filter((time) => time > begin - 1e5 && time < end);
    const times = [...heard.toSorted((a, b) => a - b), end];
    return Math.max(...times.slice(1).map((time, i) => time - (times[i] ?? time))) / 1000;
  }

  /** A machine goes from one host to another, which both know of it; the answer is when, in microseconds. */
  async move(from: Host, to: Host, mac: string): Promise<number> {
    const way = [from.namespace, to.namespace, TAP, to.machine, mac];
    return Number(await run(this.#program, 'move', '0.2', ...way));
  }

  async #flood(from: Machine, to: Machine, seconds: number): Promise<number> {
    const addresses = [to.mac, from.mac, to.address, from.address];
    const flood = this.#run(from, 'flood', 'eth0', ...addresses, '64', `${seconds}`);
    const [count] = await Promise.all([this.#run(to, 'count', 'eth0', `${seconds}`), flood]);
    return Number(count);
  }

  /** The rate is halved in on: what arrives at one that is too high is not what would arrive at a lower one. */
  async #mostUdp(from: Machine, to: Machine, seconds: number): Promise<number> {
    let [low, high, best] = [0, MOST_PACKETS, 0];
    for (let step = 0; step < STEPS; step++) {
      const rate = (low + high) / 2;
      const { sent, received } = await this.#udp(from, to, Math.max(1, seconds / 3), rate);
      if (sent >= 0.9 * rate && received >= 0.99) [low, best] = [rate, Math.max(best, sent)];
      else high = rate;
    }
    return best;
  }

  async #udp(
    from: Machine,
    to: Machine,
    seconds: number,
    rate: number,
  ): Promise<{ readonly sent: number; readonly received: number }> {
    const receiver = spawnIn(to, this.#program, 'receive', `${UDP_PORT}`, `${seconds + 3}`);
    await receiver.says('ready\n');
    const load = [to.address, `${UDP_PORT}`, `${seconds}`, `${rate}`, `${SMALLEST}`];
    const [packets = 0, took = 1] = (await this.#run(from, 'send', ...load)).split(' ').map(Number);
    const count = Number((await receiver.ended).split('\n')[1]);
    return { sent: packets / took, received: count / Math.max(packets, 1) };
  }

  #run({ namespace }: Machine, ...args: readonly string[]): Promise<string> {
    return run(...inNamespace(namespace, this.#program, ...args));
  }
}

/** By the clock that traffic.c goes by. */
export function microseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

async function iperf(from: Machine, to: Machine, seconds: number): Promise<number> {
  const server = spawnIn(to, 'iperf3', '--server', '--one-off', '--forceflush');
  await server.says('listening');
  const options = ['--client', to.address, '--time', `${seconds}`, '--omit', '1', '--json'];
  const text = await run(...inNamespace(from.namespace, 'iperf3', ...options));
  await server.ended;
  const said = JSON.parse(text) as {
    readonly end: { readonly sum_received: { readonly bits_per_second: number } };
  };
  return said.end.sum_received.bits_per_second / 1e6;
}

async function ping(from: Machine, to: Machine): Promise<readonly number[]> {
  const options = ['-n', '-i', '0.002', '-c', `${PINGS}`, '-W', '1'];
  const out = await run(...inNamespace(from.namespace, 'ping', ...options, to.address));
  const times = [...out.matchAll(/time=([\d.]+) ms/g)].map(([, time]) => Number(time) * 1000);
  return times.slice(FIRST_PINGS);
}

/** A program that runs beside what else happens. */
function spawnIn({ namespace }: Machine, ...command: readonly string[]) {
  const [tool = '', ...args] = inNamespace(namespace, ...command);
  const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command.join(' ')} ended with ${code}: ${output}`));
    });
  });
  // Whoever waits for it is told; until somebody does, it is no accident.
  ended.catch(() => {});
  const says = async (text: string) => {
    await until(`${command.join(' ')} does not say "${text}".`, () => output.includes(text));
  };
  return { ended, says };
}
