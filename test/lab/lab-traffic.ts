/**
 * Traffic across a lab of examples/blue-red.yaml while something is broken there: from blue1 (host1) to blue2 (host2) a stream
 * that is allowed, and beside it what must never arrive.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { namespaceName } from '../../src/lab/real/names.ts';
import { fabricPlace } from '../../src/lab/real/physical-switches.ts';
import { readMachines } from '../../src/lab/real/place.ts';
import type { LabPlan } from '../../src/lab/real/plan.ts';
import { command } from '../ovs/namespaces.ts';
import { inNamespace } from '../ovs/open-vswitch.ts';
import { type Received, type Sent, type Stream, Traffic } from '../support/traffic.ts';
import { untilIsSo } from '../support/until.ts';

/** Of the stream that is allowed; the others are forbidden. */
const ALLOWED = 1;
/** Of UDP; nobody may send to it. */
export const DENIED_PORT = 7001;

/** What came of the traffic. */
export interface Outcome {
  /** Frames that are allowed. */
  readonly sent: number;
  /** Those that did not arrive. */
  readonly lost: number;
  /**
   * Frames that a switch did not take out of its socket in time, because this machine had no processor for it (the kernel
   * counts them at the socket): the datapath in user space has room for 200 milliseconds of this traffic. Of all streams together.
   */
  readonly overrun: number;
  /** Numbers of the first frames that did not arrive. */
  readonly missing: readonly number[];
  readonly doubled: number;
  /** Frames that are forbidden, and were sent all the same. */
  readonly tried: number;
  /** Those of them that arrived. */
  readonly leaked: number;
}

/** Begun anew when it has ended, as often as one likes. */
export class LabTraffic {
  readonly #plan: LabPlan;
  readonly #signal: AbortSignal;
  #senders: Traffic<Sent>[] = [];
  #receiver: Traffic<Received> | undefined;
  #overrunBefore = 0;

  /** `signal`: ends all waiting. */
  constructor(plan: LabPlan, signal: AbortSignal) {
    this.#plan = plan;
    this.#signal = signal;
  }

  get isRunning(): boolean {
    return this.#receiver !== undefined;
  }

  /** Starts it; blue1 reaches blue2 already. */
  async begin(): Promise<void> {
    const [blue1, blue2, red1] = ['blue1', 'blue2', 'red1'].map((key) => this.#portOf(key));
    if (!blue1 || !blue2 || !red1) throw new Error('three machines');
    const toBlue2 = { dstMac: blue2.mac, dst: '10.0.0.7', port: 7000 };
    const fromBlue1 = { ...toBlue2, srcMac: blue1.mac, src: '10.0.0.5', perSecond: 100 };
    const streams: readonly Stream[] = [
      { ...fromBlue1, stream: ALLOWED, perSecond: 1000 },
      { ...fromBlue1, stream: 2, port: DENIED_PORT },
      { ...fromBlue1, stream: 3, src: '10.0.0.66' },
      { ...fromBlue1, stream: 4, srcMac: '00:1d:d8:b7:1c:ee' },
    ];
    // Of another tenant, who has the same addresses.
    const foreign: Stream = { ...toBlue2, stream: 5, srcMac: red1.mac, src: '10.0.0.5', perSecond: 100 };
    this.#overrunBefore = await this.#overruns();
    this.#receiver = await Traffic.receive(this.#namespaceOf('blue2'), 'eth0');
    this.#senders = [
      await Traffic.send(this.#namespaceOf('blue1'), 'eth0', streams),
      await Traffic.send(this.#namespaceOf('red1'), 'eth0', [foreign]),
    ];
    await this.flows();
  }

  /** Waits until frames arrive that were not sent before now. */
  async flows(): Promise<void> {
    const wanted = (await this.received()) + 100;
    await untilIsSo(
      `more than ${wanted} frames`,
      () => this.received(),
      (now) => now > wanted,
      { signal: this.#signal },
    );
  }

  /** Frames that are allowed and have arrived. */
  async received(): Promise<number> {
    return (await this.#receiver?.report())?.get(ALLOWED)?.received ?? 0;
  }

  /** Milliseconds for which nothing has arrived, since it was asked last. */
  async longestGap(): Promise<number> {
    return (await this.#receiver?.mark())?.get(ALLOWED)?.longestGapMs ?? 0;
  }

  /** Ends it. */
  async end(): Promise<Outcome> {
    const sent = new Map<number, Sent>();
    for (const sender of this.#senders)
      for (const [stream, each] of await sender.stop()) sent.set(stream, each);
    // What is under way arrives, or never does.
    for (let before = -1; before !== (await this.received()); await sleep(300))
      before = await this.received();
    const received = (await this.#receiver?.stop()) ?? new Map<number, Received>();
    this.#senders = [];
    this.#receiver = undefined;
    const allowed = sent.get(ALLOWED)?.sent ?? 0;
    const { missing = [], doubled = 0, received: arrived = 0 } = received.get(ALLOWED) ?? {};
    if (allowed !== arrived) console.info(`missing: ${missing}`, await this.#dropped());
    const forbidden = [...sent.keys()].filter((stream) => stream !== ALLOWED);
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
    return {
      sent: allowed,
      lost: allowed - arrived,
      overrun: (await this.#overruns()) - this.#overrunBefore,
      missing,
      doubled,
      tried: sum(forbidden.map((stream) => sent.get(stream)?.sent ?? 0)),
      leaked: sum(forbidden.map((stream) => received.get(stream)?.received ?? 0)),
    };
  }

  kill(): void {
    for (const traffic of [...this.#senders, ...(this.#receiver ? [this.#receiver] : [])]) traffic.kill();
  }

  /** Frames that the sockets of the switches had no room for; sockets that are gone have taken their count with them. */
  async #overruns(): Promise<number> {
    const places = [this.#plan.fabric, ...this.#plan.hosts.map(({ namespace }) => namespace)];
    const all = await Promise.all(
      places.map((namespace) => command(...inNamespace(namespace), 'ss', '-0', '-m', '-n')),
    );
    return [...all.join('\n').matchAll(/,d(\d+)\)/g)].reduce((sum, [, dropped]) => sum + Number(dropped), 0);
  }

  /** What each switch says that it dropped since it started, for whoever wonders where a frame went. */
  async #dropped(): Promise<string> {
    const hosts = this.#plan.hosts.map(({ namespace, runDirectory }) => ({ namespace, runDirectory }));
    const places = [fabricPlace(this.#plan), ...hosts];
    const texts = places.map(async ({ namespace, runDirectory }) => {
      const rundir = `OVS_RUNDIR=${runDirectory}`;
      const text = await command(...inNamespace(namespace), 'env', rundir, 'ovs-appctl', 'coverage/show');
      return `${namespace}\n${text
        .split('\n')
        .filter((line) => /drop|lost|upcall/.test(line))
        .join('\n')}`;
    });
    return (await Promise.all(texts)).join('\n');
  }

  #portOf(key: string) {
    return readMachines(this.#plan.name).find((each) => each.key === key)?.nics[0]?.port;
  }

  #namespaceOf(key: string): string {
    return namespaceName(this.#plan.name, 'vm', key);
  }
}
