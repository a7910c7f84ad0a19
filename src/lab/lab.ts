/**
 * A whole Netloom in one process: controller, store, agents, softswitch hosts, cables and guests. `netloom try` and
 * `netloom walk` open one and throw it away; `netloom up` runs one on a store that stays.
 */
import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Finding } from '../base/error.ts';
import { Controller } from '../controller/controller.ts';
import { ANNOUNCE_INTERVAL } from '../guest/probe.ts';
import type { ModelObject } from '../model/kinds.ts';
import type { Store } from '../store/contract.ts';
import { createMemoryStore } from '../store/memory.ts';
import { Capture } from './capture.ts';
import { Arrivals } from './echo.ts';
import { type Endpoint, endpointsOf, type Pair, resolvePair } from './endpoints.ts';
import { Fabric } from './fabric.ts';
import { type PingResult, pingPair } from './ping.ts';
import { Tracer } from './trace.ts';
import { type Walk, walkOf } from './walk.ts';
import { WarpClock } from './warp-clock.ts';

export interface LabOptions {
  /** Applied to begin with. */
  readonly objects?: readonly ModelObject[];
  /** Default: in memory, gone with the lab. */
  readonly store?: Store;
  /** `warp` (default): waiting takes no time, for a lab that does one thing and ends. `real`: for one that stays. */
  readonly time?: 'warp' | 'real';
  /** Keep every frame for `pcap()`. */
  readonly capture?: boolean;
  /** 0 <= random() < 1; default Math.random. */
  readonly random?: () => number;
  /** A new UUID each time; default random ones. With `random` and `clock`, a run of the lab can be repeated exactly. */
  readonly uuid?: () => string;
  /** What time it is; default the system's. With `time: 'warp'` it may stand still. */
  readonly clock?: Clock;
  readonly onTrouble?: (host: string, findings: readonly Finding[]) => void;
}

export interface EndpointSummary {
  readonly name: string;
  readonly host: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  /** `Blue/Blue subnet (VSID 5001)`, `VLAN 5`, `untagged` */
  readonly network: string;
}

/** How long guests may take to get their addresses, in milliseconds of the lab's time. */
const GUESTS_READY_MS = 20_000;
/** How long a ping may take besides its intervals: ARP asks three times, then the answer has its time. */
const PING_MS = 6_000;

export class Lab {
  readonly controller: Controller;
  readonly fabric: Fabric;
  readonly #tracer: Tracer;
  readonly #capture: Capture | undefined;
  readonly #clock: Clock;
  readonly #random: () => number;
  /** Of the ping that is under way. */
  #arrivals: Arrivals | undefined;
  /** One walk or ping at a time, so that a trace tells of one thing. */
  #work: Promise<unknown> = Promise.resolve();

  private constructor(controller: Controller, clock: Clock, options: LabOptions) {
    this.controller = controller;
    this.#clock = clock;
    this.#random = options.random ?? Math.random;
    this.#capture = options.capture ? new Capture(clock) : undefined;
    this.fabric = new Fabric({
      controller,
      clock,
      random: this.#random,
      onFrame: (place, frame) => {
        this.#tracer.onFrame(place, frame);
        this.#capture?.onFrame(place, frame);
        this.#arrivals?.onFrame(place, frame);
      },
      ...(options.onTrouble ? { onTrouble: options.onTrouble } : {}),
    });
    this.#tracer = new Tracer(this.fabric);
    const capture = this.#capture;
    if (capture) {
      this.fabric.observe((host, name, event) => capture.onSwitch(this.fabric, host, name, event));
    }
  }

  /** Throws what is wrong with the objects, or with the store. */
  static async open(options: LabOptions = {}): Promise<Lab> {
    const { clock: now = systemClock, store = createMemoryStore(), uuid = randomUUID } = options;
    const clock = options.time === 'real' ? now : new WarpClock(now);
    const controller = await Controller.open({ store, clock: now, uuid });
    if (options.objects && options.objects.length > 0) {
      await controller.apply(
        options.objects.map((object) => ({ object })),
        { author: 'netloom', message: 'to begin with' },
      );
    }
    const lab = new Lab(controller, clock, options);
    await lab.fabric.start();
    return lab;
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

  /** Pings with real frames. Names as in endpoints.ts; `to` may be an address. */
  ping(from: string, to: string, options: { readonly count?: number } = {}): Promise<PingResult> {
    return this.#alone(async () => {
      const pair = this.#pair(from, to);
      const result = await this.#ping(pair, options.count ?? 1);
      if (result.verdict === 'answered') return result;
      const { dropped } = await this.#walk(pair);
      return dropped ? { ...result, dropped } : result;
    });
  }

  /** Follows one echo request, and its answer, through everything. */
  walk(from: string, to: string): Promise<Walk> {
    return this.#alone(async () => {
      const pair = this.#pair(from, to);
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
    await this.controller.close();
  }

  #pair(from: string, to: string): Pair {
    return resolvePair(endpointsOf(this.fabric), from, to);
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

  #networkOf({ host, port }: Endpoint): string {
    if (port.attachment.type === 'vlan')
      return port.attachment.vlan === 0 ? 'untagged' : `VLAN ${port.attachment.vlan}`;
    if (port.attachment.type === 'private')
      return `private VLAN ${port.attachment.primary} (${port.attachment.mode})`;
    const subnet = this.fabric.hosts.get(host)?.agent.records().get(`subnet/${port.attachment.vsid}`);
    return `${subnet?.kind === 'subnet' ? subnet.name : ''} (VSID ${port.attachment.vsid})`;
  }
}

function isLinkLocal6(address: string): boolean {
  return address.startsWith('fe80:');
}
