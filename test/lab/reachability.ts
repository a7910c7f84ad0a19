/**
 * Who reaches whom, asked twice: of the whole data centre in this process (softswitch, guests of our own), and of a real lab
 * (Open vSwitch, the IP stack of Linux). Both answers have one form, so that two data centres are alike when they are equal.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openRealLab } from '../../src/cli/lab-options.ts';
import { endpointsOf } from '../../src/lab/endpoints.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { RealEndpoint } from '../../src/lab/real/real-endpoints.ts';
import { commandAt, splitPlace, whereIs } from '../../src/lab/real/where.ts';
import { parseIp } from '../../src/packet/address.ts';

const PROBER = fileURLToPath(new URL('prober.py', import.meta.url));
/** Milliseconds, for all requests of one lab. */
const LIMIT = 120_000;

/** What a question about a gateway is addressed to: an address that no endpoint of the lab has. */
const GATEWAY = 'its gateway';

/** A question: one echo request. Names of vNICs, `blue1/eth0`. */
interface Question {
  readonly from: string;
  readonly to: string;
  readonly address: string;
}

/**
 * What came of a request: `answered`, by who was meant; `answered by red1/eth0`, who has the address where the sender is;
 * `refused by 10.0.0.1`, a router; or `lost`. Keys: `blue1/eth0 > blue2/eth0 10.0.0.7`.
 */
export type Reachability = ReadonlyMap<string, string>;

const keyOf = ({ from, to, address }: Question) => `${from} > ${to} ${address}`;

/** How many of them were answered by who was meant. */
export function answeredIn(reachability: Reachability): number {
  return [...reachability.values()].filter((outcome) => outcome === 'answered').length;
}

/** Where reality differs from what is wanted; empty when it does not. */
export function differences(wanted: Reachability, real: Reachability): string[] {
  return [...wanted].flatMap(([key, outcome]) => {
    const seen = real.get(key);
    return seen === outcome ? [] : [`${key}: ${outcome} on the softswitch, ${seen} on Open vSwitch`];
  });
}

/**
 * Every endpoint to every other one, once by each version of IP that both speak. Not where Linux answers itself without a
 * frame: within one machine, however many networks it is on, and where a machine of somebody else has the sender's address.
 * And everybody to their gateways: routers of virtual subnets answer, routers elsewhere are not part of a lab.
 */
export async function reachabilityInProcess(lab: Lab): Promise<Reachability> {
  const found = new Map<string, string>();
  for (const question of questionsOf(lab)) {
    const version = question.address.includes(':') ? 6 : 4;
    const { from, to, address } = question;
    const result = await (to === GATEWAY ? lab.ping(from, address) : lab.ping(from, to, { version }));
    const refused = result.errors.flatMap((error) => /^([\da-f.:]+): /.exec(error)?.[1] ?? [])[0];
    found.set(
      keyOf({ ...question, address: result.address }),
      result.answeredBy !== undefined
        ? `answered by ${result.answeredBy}`
        : result.verdict !== 'lost'
          ? 'answered'
          : refused === undefined
            ? 'lost'
            : `refused by ${refused}`,
    );
  }
  return found;
}

function questionsOf(lab: Lab): Question[] {
  const endpoints = lab.endpoints();
  const addressesOf = Map.groupBy(endpoints, ({ name }) => splitPlace(name)[0]);
  const isOwn = (from: string, address: string) =>
    addressesOf.get(splitPlace(from)[0])?.some(({ addresses }) => addresses.includes(address));
  const gateways = endpointsOf(lab.fabric).flatMap(({ name: from, port }) =>
    [...new Set(port.addresses.flatMap(({ gateway }) => gateway ?? []))].map((address): Question => {
      return { from, to: GATEWAY, address };
    }),
  );
  const others = endpoints.flatMap(({ name: from, addresses: own }) =>
    endpoints.flatMap(({ name: to, addresses }): Question[] => {
      if (splitPlace(from)[0] === splitPlace(to)[0]) return [];
      return [4, 6].flatMap((version) => {
        const speaks = (address: string) => address.includes(':') === (version === 6);
        const address = addresses.find(speaks);
        const isAsked = address !== undefined && own.some(speaks) && !isOwn(from, address);
        return isAsked ? [{ from, to, address }] : [];
      });
    }),
  );
  return [...gateways, ...others];
}

interface Seen {
  readonly answers: readonly number[];
  readonly requests: readonly (readonly [tag: number, device: string])[];
  readonly errors: readonly (readonly [tag: number, from: string])[];
}

/** The same questions, in the real lab of this name: all at once, by one program in each network namespace. */
export async function reachabilityInReality(name: string, keys: Iterable<string>): Promise<Reachability> {
  const { plan, driverOfVms, controller } = await openRealLab({ name });
  const endpoints = new Map((await controller.endpoints()).map((endpoint) => [endpoint.name, endpoint]));
  const questions = [...keys].map(questionIn);
  const isKnown = (name: string) => name === GATEWAY || endpoints.has(name);
  const unknown = questions.find(({ from, to }) => !isKnown(from) || !isKnown(to));
  if (unknown) throw new Error(`the lab has not both of ${keyOf(unknown)}`);
  const places = Map.groupBy(endpoints.values(), (endpoint) => splitPlace(endpoint.name)[0]);
  const identifier = randomInt(0x10000);
  const probers = [...places.keys()].map((place) => {
    const tasks = questions.flatMap(({ from, address }, tag) => {
      const endpoint = endpoints.get(from);
      return endpoint && splitPlace(from)[0] === place ? [{ tag, device: endpoint.device, address }] : [];
    });
    const command = commandAt(plan, driverOfVms, whereIs(plan, place), ['python3', '-I', PROBER]);
    return new Prober(place, command, { id: identifier, tasks });
  });
  try {
    await Promise.all(probers.map((prober) => prober.ready()));
    for (const prober of probers) prober.go();
    await Promise.all(probers.map((prober) => prober.done()));
    const seen = await Promise.all(
      probers.map(async (prober) => [prober.place, await prober.seen()] as const),
    );
    return outcomes(questions, endpoints, new Map(seen));
  } finally {
    for (const prober of probers) prober.end();
  }
}

function outcomes(
  questions: readonly Question[],
  endpoints: ReadonlyMap<string, RealEndpoint>,
  seen: ReadonlyMap<string, Seen>,
): Reachability {
  const got = new Set([...seen.values()].flatMap((each) => [...each.answers]));
  const refusals = new Map([...seen.values()].flatMap((each) => [...each.errors]));
  const arrived = new Map<number, string[]>();
  for (const [place, { requests }] of seen) {
    for (const [tag, device] of requests) {
      const who = [...endpoints.values()].find((e) => splitPlace(e.name)[0] === place && e.device === device);
      arrived.set(tag, [...(arrived.get(tag) ?? []), who?.name ?? `${place} at ${device}`]);
    }
  }
  return new Map(
    questions.map((question, tag) => {
      const at = (arrived.get(tag) ?? []).sort();
      return [keyOf(question), outcomeOf(question, at, got.has(tag), refusals.get(tag))];
    }),
  );
}

/** `at`: who got the request; `refusal`: who said that it comes to nothing, empty where that was the sender itself. */
function outcomeOf({ to }: Question, at: readonly string[], isAnswered: boolean, refusal?: string): string {
  const isMeant = to === GATEWAY ? at.length === 0 : at.length === 1 && at[0] === to;
  if (isAnswered) return isMeant ? 'answered' : `answered by ${at.join(' and ') || 'nobody who was asked'}`;
  if (at.length > 0) return `lost, though ${at.join(' and ')} got it`;
  return refusal ? `refused by ${refusal}` : 'lost';
}

function questionIn(key: string): Question {
  const [from = '', rest = ''] = key.split(' > ');
  const at = rest.lastIndexOf(' ');
  const address = rest.slice(at + 1);
  if (parseIp(address) === undefined) throw new Error(`no question: ${key}`);
  return { from, to: rest.slice(0, at), address };
}

/** One prober.py. */
class Prober {
  readonly place: string;
  readonly #child;
  readonly #lines: AsyncIterator<string>;
  #said = '';

  constructor(place: string, [tool = '', ...args]: readonly string[], given: object) {
    this.place = place;
    this.#child = spawn(tool, args, { stdio: 'pipe', timeout: LIMIT });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#child.stderr.on('data', (text) => (this.#said += String(text)));
    this.#child.stdin.on('error', () => {}).write(`${JSON.stringify(given)}\n`);
  }

  ready(): Promise<void> {
    return this.#says('ready');
  }

  go(): void {
    this.#child.stdin.write('go\n');
  }

  done(): Promise<void> {
    return this.#says('done');
  }

  /** Ends it. */
  async seen(): Promise<Seen> {
    this.#child.stdin.end();
    return JSON.parse(await this.#next()) as Seen;
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  async #says(word: string): Promise<void> {
    const line = await this.#next();
    if (line !== word) throw new Error(`the prober in ${this.place} said ${line}`);
  }

  async #next(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (!done) return value;
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    throw new Error(`the prober in ${this.place} has ended: ${this.#said}`);
  }
}
