/**
 * The agent of a real host.
 *
 *     lock -> status socket -> Open vSwitch -> (undo what was interrupted) -> policy from the disk in force -> controller
 *
 * The data plane never waits for the controller, and never depends on this process: it ends with everything as it is, and
 * begins by finding out what is there. Nothing is flushed; what differs is changed in one bundle a switch.
 */
import { Agent } from '../agent/agent.ts';
import { recordsOf } from '../agent/changes.ts';
import { Counting } from '../agent/counting.ts';
import { askRegularly } from '../agent/neighbour-schedule.ts';
import { Reporter } from '../agent/reporter.ts';
import { advertiseRegularly } from '../agent/router-advertiser.ts';
import type { Clock } from '../base/clock.ts';
import { type Finding, NetloomError } from '../base/error.ts';
import { PolicyClient } from '../stream/client.ts';
import type { Held } from '../stream/replica.ts';
import type { Drift, HostReport } from '../stream/report.ts';
import type { ControllerLink } from './controller-link.ts';
import type { HostEngine } from './engine.ts';
import { InForce } from './in-force.ts';
import { type HostNetwork, hostNetwork } from './inherit/host-network.ts';
import { Management } from './inherit/management.ts';
import type { Log } from './log.ts';
import { PolicyKeeper } from './state/policy-keeper.ts';
import { type Asked, collectStatus, emptyStatus } from './status/collect.ts';
import { serveStatus } from './status/socket.ts';
import type { AgentStatus } from './status/status.ts';
import { drifted, Troubles } from './troubles.ts';

export interface DaemonOptions {
  readonly host: string;
  /** The state directory, which the caller has locked. */
  readonly directory: string;
  /** Of Netloom. */
  readonly version: string;
  readonly bootNonce: string;
  readonly clock: Clock;
  /** Gives numbers in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Connects with Open vSwitch. Rejects where it is not there yet: it is tried again. */
  readonly openEngine: (onTrouble: (trouble: Finding) => void) => Promise<HostEngine>;
  readonly controller: ControllerLink;
  /** What the management of the host is moved in; absent: the network of this process. */
  readonly network?: HostNetwork;
  /** Milliseconds between two looks at whether the host is as it should be. */
  readonly inspectEvery?: number;
  /** Milliseconds between two attempts at what did not succeed, and until the leftovers of an earlier life are swept. */
  readonly retryEvery?: number;
}

const ACCEPTED = 'The controller has accepted this host.';
const INSPECT_EVERY_MS = 10_000;
const RETRY_EVERY_MS = 5_000;

export class HostDaemon {
  readonly #options: DaemonOptions;
  readonly #troubles: Troubles;
  readonly #since: number;
  readonly #keeper: PolicyKeeper;
  #running: Running | undefined;
  #drift: readonly Drift[] = [];
  #stopped = false;
  /** What is tried next. */
  #next: { readonly what: Next; readonly cancel: () => void } | undefined;
  /** What is under way and has to end before this does. */
  #work: Promise<void> = Promise.resolve();
  #stopStatus = () => {};

  constructor(options: DaemonOptions) {
    const { clock, directory, host, log } = options;
    this.#options = options;
    this.#since = clock.wall();
    this.#troubles = new Troubles(log);
    this.#keeper = new PolicyKeeper({
      directory,
      host,
      clock,
      onTrouble: (trouble) =>
        this.#troubles.set('policy file', trouble ? [trouble] : [], 'The policy is on the disk again.'),
    });
  }

  /** Begins; it goes on by itself until `stop`. Rejects only where the state directory cannot be used. */
  async start(): Promise<void> {
    const { directory, host, version, log, controller } = this.#options;
    log.info(`The agent of host ${host} begins (Netloom ${version}, controller ${controller.url}).`);
    const stopStatus = await serveStatus(directory, () => this.status());
    if (this.#stopped) return stopStatus();
    this.#stopStatus = stopStatus;
    this.#work = this.#begin();
  }

  /** Ends, and leaves the data plane exactly as it is. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#next?.cancel();
    this.#stopStatus();
    await this.#running?.client.stop();
    await this.#work;
    const running = this.#running;
    running?.stopLooking();
    running?.stopAdvertising();
    running?.stopAsking();
    await running?.agent.idle();
    this.#keeper.flush();
    await running?.engine.close();
    this.#options.log.info('The agent ends. Everything on the host goes on as it is.');
  }

  /** Never rejects. */
  async status(): Promise<AgentStatus> {
    const { host, version, controller } = this.#options;
    const until = controller.certificateUntil();
    const running = this.#running;
    const base = {
      host,
      version,
      pid: process.pid,
      since: new Date(this.#since).toISOString(),
      ...(until === undefined ? {} : { certificateUntil: new Date(until).toISOString() }),
    };
    const standing = { drift: this.#drift, troubles: this.#troubles.all() };
    const { url } = controller;
    return running
      ? collectStatus(base, url, running, standing, this.#options.clock)
      : emptyStatus(base, url, standing.troubles);
  }

  /** Until Open vSwitch is there; then everything else. Never rejects. */
  async #begin(): Promise<void> {
    const { openEngine, log } = this.#options;
    const tell = (trouble: Finding) => this.#troubles.set('Open vSwitch', [trouble]);
    let engine: HostEngine;
    try {
      engine = await openEngine(tell);
    } catch (thrown) {
      tell(NetloomError.from(thrown).findings[0]);
      this.#later('begin');
      return;
    }
    try {
      if (!this.#stopped) {
        this.#answers();
        log.info(`${await engine.about()} is what switches frames here.`);
        await this.#run(engine);
      }
    } catch (thrown) {
      // Whatever it was, the host goes on as it is, and it is tried again.
      this.#troubles.set('start', NetloomError.from(thrown).findings);
      this.#later('begin');
    }
    if (!this.#running) await engine.close();
  }

  async #run(engine: HostEngine): Promise<void> {
    const { host, directory, version, bootNonce, clock, random, log, controller } = this.#options;
    const agent = new Agent(host, engine);
    const counting = new Counting(agent, clock);
    const management = new Management({
      directory,
      agent,
      network: this.#options.network ?? hostNetwork(),
      clock,
      log,
      reachable: () => controller.reachable(),
    });
    const reporter = new Reporter({
      agent,
      engine,
      version,
      vnics: () => engine.vnics(),
      send: (report) => {
        this.#seen(report);
        client.report(report);
      },
    });
    const held = this.#held();
    // Where the policy on the disk was not to be believed, nobody knows what there was before.
    if (management.isInterrupted && (held || !this.#keeper.hasRefused))
      await management.recover(held ? recordsOf(held.policy) : []);
    if (this.#stopped) return;
    const inForce = new InForce({
      agent,
      management,
      keeper: this.#keeper,
      reporter,
      log,
      ...(held ? { held } : {}),
      onOutcome: (ok) => {
        if (!ok) this.#later('retry');
      },
    });
    const client = new PolicyClient({
      host,
      bootNonce,
      transport: controller.transport,
      clock,
      random,
      handler: {
        onSnapshot: (...args) => inForce.onSnapshot(...args),
        onDelta: (...args) => inForce.onDelta(...args),
        onBookmark: (revision) => inForce.onBookmark(revision),
        onCheck: async (repair) => {
          const report = await inForce.onCheck(repair);
          this.#seen(report);
          return report;
        },
        onCount: () => counting.count(),
      },
      ...(held ? { held } : {}),
      onTrouble: (trouble) => this.#troubles.set('controller', trouble ? [trouble] : [], ACCEPTED, ACCEPTED),
    });
    agent.onRestored(({ switch: name, ok, findings, flows }) => {
      log.info(`Open vSwitch was started anew: ${flows.added} flows of ${name} were set again.`);
      this.#troubles.set(`restore ${name}`, findings);
      reporter.lookSoon();
      if (ok) this.#answers();
      else this.#later('retry');
    });
    this.#running = {
      engine,
      agent,
      management,
      inForce,
      client,
      reporter,
      stopLooking: reporter.start(clock, this.#options.inspectEvery ?? INSPECT_EVERY_MS),
      stopAdvertising: advertiseRegularly(agent, clock),
      stopAsking: askRegularly(agent, clock, random),
    };
    client.start();
    this.#later('sweep');
  }

  #held(): Held | undefined {
    const { log, host } = this.#options;
    const held = this.#keeper.read();
    if (held === undefined) {
      log.info(`There is no policy of ${host} on the disk yet.`);
      return undefined;
    }
    if (!('policy' in held)) {
      log.finding(held);
      return undefined;
    }
    log.info(`The policy on the disk is of revision ${held.revision}, ${held.policy.size} records.`);
    return held;
  }

  /**
   * Takes away what an earlier life left and this one does not know: once the controller has said what there is to be, for only
   * then is it sure that nobody wants it.
   */
  async #sweep(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    const { client, inForce, reporter } = running;
    if (
      client.connection.state !== 'connected' ||
      inForce.revision !== client.revision ||
      client.revision === 0
    )
      return this.#later('sweep');
    const report = await reporter.report(true);
    this.#seen(report);
    // Whatever it says: the reporter takes it for said, and says no more of what it has seen now.
    client.report(report);
  }

  /** What did not come to be: once more. */
  async #retry(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    const { inForce, client } = running;
    const before = inForce.findings;
    const findings = await inForce.again();
    if (JSON.stringify(findings) !== JSON.stringify(before)) client.outcome(findings);
    // What still fails is tried once more by itself; then the sweep is due.
    this.#later('sweep');
  }

  #answers(): void {
    this.#troubles.set('Open vSwitch', [], 'Open vSwitch is there, and nothing is wrong with it.');
  }

  #seen({ drift, findings }: HostReport): void {
    this.#drift = drift;
    // A look asks everything that there is to ask.
    if (findings.length === 0) this.#answers();
    this.#troubles.set('engine', this.#running?.engine.findings() ?? []);
    this.#troubles.set(
      'look',
      drift.length > 0 ? [...findings, drifted(drift)] : findings,
      'The host is as the policy wants it.',
    );
  }

  /** One thing is tried at a time; the sweep waits until there is nothing else to try. */
  #later(what: Next): void {
    if (this.#stopped || (what === 'sweep' && this.#next)) return;
    this.#next?.cancel();
    const cancel = this.#options.clock.after(this.#options.retryEvery ?? RETRY_EVERY_MS, () => {
      this.#next = undefined;
      this.#work = this.#work
        .then(() => (what === 'begin' ? this.#begin() : what === 'retry' ? this.#retry() : this.#sweep()))
        .catch((thrown: unknown) => {
          this.#troubles.set('agent', NetloomError.from(thrown).findings);
        });
    });
    this.#next = { what, cancel };
  }
}

/** What is tried again, or for the first time once it is time. */
type Next = 'begin' | 'retry' | 'sweep';

interface Running extends Asked {
  readonly reporter: Reporter;
  readonly stopLooking: () => void;
  readonly stopAdvertising: () => void;
  readonly stopAsking: () => void;
}
