/**
 * Hosts, cables and guests that run in this process on the policy of some source, and what one can do with them: ping
 * with real frames, follow a frame, keep all frames, look at the guests.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import type { Finding } from '../base/error.ts';
import { ANNOUNCE_INTERVAL } from '../guest/probe.ts';
import { type IpAddress, isIpv4, parseIp } from '../packet/address.ts';
import { attachmentWords } from './attachment-words.ts';
import { Capture } from './capture.ts';
import { conflictsOf } from './conflicts.ts';
import { Arrivals } from './echo.ts';
import {
  type Endpoint,
  endpointsOf,
  findEndpoint,
  type IpVersion,
  type Pair,
  resolvePair,
} from './endpoints.ts';
import { Fabric } from './fabric.ts';
import { type PingResult, pingPair } from './ping.ts';
import type { PolicySource } from './policy-source.ts';
import { Tracer } from './trace.ts';
import type { Walk } from './walk.ts';
import { walkOf } from './walker.ts';
import { WarpClock } from './warp-clock.ts';

export interface LiveOptions {
  /** `warp` (default): waiting takes no time, for a lab that does one thing and ends. `real`: for one that stays. */
  readonly time?: 'warp' | 'real';
  /** Keep every frame for `pcap()`. */
  readonly capture?: boolean;
  /** 0 <= random() < 1; default Math.random. With `clock`, a run can be repeated exactly. */
  readonly random?: () => number;
  /** What time it is; default the system's. With `time: 'warp'` it may stand still. */
  readonly clock?: Clock;
  /** Of Netloom, as the agents report it. */
  readonly version?: string;
  /** See FabricOptions. */
  readonly beforePolicy?: (host: string) => Promise<void>;
  readonly onTrouble?: (host: string, findings: readonly Finding[]) => void;
}

export interface PingChoice {
  /** How many; default 1. */
  readonly count?: number;
  /** Version of IP; an address says it itself. */
  readonly version?: IpVersion;
}

export interface EndpointSummary {
  readonly name: string;
  readonly host: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  /** `Blue/Blue subnet (VSID 5001)`, `VLAN 5`, `untagged` */
  readonly network: string;
}

/** Between two looks at whether the hosts are as they should be, in milliseconds. */
const INSPECT_MS = 10_000;
/** How long guests may take to get their addresses, in milliseconds of the lab's time. */
const GUESTS_READY_MS = 20_000;
/** How long a ping may take besides its intervals: ARP asks three times, then the answer has its time. */
const PING_MS = 6_000;

export class LiveNetwork {
  readonly fabric: Fabric;
  readonly #tracer: Tracer;
  readonly #capture: Capture | undefined;
  readonly #clock: Clock;
  readonly #random: () => number;
  /** Of the ping that is under way. */
  #arrivals: Arrivals | undefined;
  /** One walk or ping at a time, so that a trace tells of one thing. */
  #work: Promise<unknown> = Promise.resolve();

  /** Not running before `fabric.start()`. */
  constructor(source: PolicySource, options: LiveOptions = {}) {
    const { clock: now = systemClock } = options;
    const clock = options.time === 'real' ? now : new WarpClock(now);
    this.#clock = clock;
    this.#random = options.random ?? Math.random;
    this.#capture = options.capture ? new Capture(clock) : undefined;
    this.fabric = new Fabric({
      source,
      clock,
      random: this.#random,
      onFrame: (place, frame) => {
        this.#tracer.onFrame(place, frame);
        this.#capture?.onFrame(place, frame);
        this.#arrivals?.onFrame(place, frame);
      },
      ...(options.beforePolicy ? { beforePolicy: options.beforePolicy } : {}),
      ...(options.onTrouble ? { onTrouble: options.onTrouble } : {}),
      ...(options.version === undefined ? {} : { version: options.version }),
      // Where waiting takes no time, nobody is there to see what drifts.
      ...(options.time === 'real' ? { inspectEvery: INSPECT_MS } : {}),
    });
    this.#tracer = new Tracer(this.fabric);
    const capture = this.#capture;
    if (capture) {
      this.fabric.observe((host, name, event) => capture.onSwitch(this.fabric, host, name, event));
    }
  }

  /** Every host has the latest revision in force, and every guest its address, or has given up on one. */
  async ready(): Promise<void> {
    await this.fabric.settled();
    const waiting = () => [...this.fabric.machines.values()].some((machine) => !machine.ready);
    await this.#until(() => !waiting(), GUESTS_READY_MS);
    // Each guest announces its address a second time. Where waiting takes no time, no walk has to show that.
    if (this.#clock instanceof WarpClock) await this.#until(() => false, ANNOUNCE_INTERVAL + 1);
  }

  endpoints(): EndpointSummary[] {
    return endpointsOf(this.fabric).map((endpoint) => ({
      name: endpoint.name,
      host: endpoint.host,
      mac: endpoint.port.mac,
      addresses: endpoint.nic.addresses
        .filter((a) => a.state === 'usable' && !isLinkLocal6(a.address))
        .map((a) => a.address),
      network: this.#networkOf(endpoint),
    }));
  }

  /** Addresses that two machines want on one network, as the guests noticed it. */
  conflicts(): Finding[] {
    return conflictsOf(endpointsOf(this.fabric), this.#clock.now());
  }

  /**
   * Plays the administrator inside a guest: gives it an address by hand in the place of those that it has. The guest asks
   * first whether somebody has it; this waits for what comes of that. Throws `not-found` for a name that there is not.
   */
  async configureGuest(name: string, address: IpAddress, prefixLength: number): Promise<EndpointSummary> {
    const { nic, name: found } = findEndpoint(endpointsOf(this.fabric), name);
    nic.stopDhcp();
    for (const own of nic.addresses) nic.deconfigure(own.address);
    let settled = false;
    const settle = () => {
      settled = true;
    };
    nic.configure({ address, prefixLength }, { probe: true, ready: settle, lost: settle });
    await this.#until(() => settled && nic.address !== undefined, GUESTS_READY_MS);
    return this.endpoints().find((endpoint) => endpoint.name === found)!;
  }

  /**
   * Pings with real frames. Names as in endpoints.ts; `to` may be an address. Between names, IPv6 is tried where IPv4
   * gets no answer, unless `version` says which of them.
   */
  ping(from: string, to: string, options: PingChoice = {}): Promise<PingResult> {
    return this.#alone(async () => {
      const { count = 1, version } = options;
      const pair = this.#pair(from, to, version);
      const result = await this.#ping(pair, count);
      if (result.verdict === 'answered') return result;
      if (result.received === 0 && version === undefined && parseIp(to) === undefined) {
        const other = this.#byIpv6(pair);
        const second = other && (await this.#ping(other, count));
        if (second && second.received > 0) return second;
      }
      const { dropped } = await this.#walk(pair);
      return dropped ? { ...result, dropped } : result;
    });
  }

  /** Follows one echo request, and its answer, through everything. */
  walk(from: string, to: string, { version }: Omit<PingChoice, 'count'> = {}): Promise<Walk> {
    return this.#alone(async () => {
      const pair = this.#pair(from, to, version);
      // Once for nothing: so that ARP has its answers and the switches know where the addresses are.
      await this.#ping(pair, 1);
      return this.#walk(pair);
    });
  }

  /** Everything that was on the cables since the start, as pcapng. */
  pcap(): Uint8Array {
    return this.#capture?.finish() ?? new Uint8Array();
  }

  async close(): Promise<void> {
    await this.#work;
    await this.fabric.close();
  }

  #pair(from: string, to: string, version: IpVersion | undefined): Pair {
    return resolvePair(endpointsOf(this.fabric), from, to, version);
  }

  /** The same pair by IPv6, where it is by IPv4 and both have IPv6 too. */
  #byIpv6({ from, to, address }: Pair): Pair | undefined {
    if (!to || !isIpv4(address)) return undefined;
    const addressOf = ({ port }: Endpoint) => port.addresses.find((own) => !isIpv4(own.address))?.address;
    const other = addressOf(from) && addressOf(to);
    return other && { from, to, address: other };
  }

  async #walk(pair: Pair): Promise<Walk> {
    const events = await this.#tracer.record(async () => {
      // Without data: what matters is where the frame goes.
      await this.#ping(pair, 1, 0);
    });
    return walkOf(pair, events, this.fabric);
  }

  async #ping(pair: Pair, count: number, size?: number): Promise<PingResult> {
    const id = Math.floor(this.#random() * 0x10000);
    const arrivals = pair.to && new Arrivals(pair.to.port.id, id);
    this.#arrivals = arrivals;
    try {
      return await pingPair(pair, {
        count,
        id,
        ...(size === undefined ? {} : { size }),
        ...(arrivals ? { arrivals } : {}),
        until: (done) => this.#until(done, PING_MS + 100 * count),
      });
    } finally {
      this.#arrivals = undefined;
    }
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => {});
    return result;
  }

  /** Lets things happen until `done`, at most `limit` milliseconds of the lab's time. */
  async #until(done: () => boolean, limit: number): Promise<void> {
    const end = this.#clock.now() + limit;
    while (!done() && this.#clock.now() < end) {
      // Answers of agents are asynchronous: let them through before time is made to pass.
      for (let turn = 0; turn < 3 && !done(); turn++) await new Promise((resolve) => setImmediate(resolve));
      if (done()) return;
      if (this.#clock instanceof WarpClock) {
        if (!this.#clock.warp(end - this.#clock.now())) return;
      } else await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #networkOf({ host, port: { attachment } }: Endpoint): string {
    return attachmentWords(attachment, (vsid) => {
      const subnet = this.fabric.hosts.get(host)?.agent.records().get(`subnet/${vsid}`);
      return subnet?.kind === 'subnet' ? subnet.name : undefined;
    });
  }
}

function isLinkLocal6(address: string): boolean {
  return address.startsWith('fe80:');
}
