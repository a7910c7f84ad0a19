/**
 * The agent of a real host.
 *
 *     lock -> status socket -> Open vSwitch -> (undo what was interrupted) -> policy from the disk in force -> controller
 *
 * The data plane never waits for the controller, and never depends on this process: it ends with everything as it is, and
 * begins by finding out what is there. Nothing is flushed; what differs is changed in one bundle a switch.
 */
import type { Transport } from '@connectrpc/connect';
import { Agent } from '../agent/agent.ts';
import { recordsOf } from '../agent/changes.ts';
import { Counting } from '../agent/counting.ts';
import { askRegularly } from '../agent/neighbour-schedule.ts';
import { Reporter } from '../agent/reporter.ts';
import { advertiseRegularly } from '../agent/router-advertiser.ts';
import type { Clock } from '../base/clock.ts';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import { PolicyClient } from '../stream/client.ts';
import type { Held } from '../stream/replica.ts';
import type { Drift, HostReport } from '../stream/report.ts';
import type { HostEngine } from './engine.ts';
import { InForce } from './in-force.ts';
import { Management } from './inherit/management.ts';
import type { Log } from './log.ts';
import { PolicyKeeper } from './state/policy-keeper.ts';
import { type Asked, collectStatus, emptyStatus } from './status/collect.ts';
import { serveStatus } from './status/socket.ts';
import type { AgentStatus } from './status/status.ts';
import { Troubles } from './troubles.ts';

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
  /** Milliseconds between two looks at whether the host is as it should be. */
  readonly inspectEvery?: number;
  /** Milliseconds between two attempts at what did not succeed, and until the leftovers of an earlier life are swept. */
  readonly retryEvery?: number;
}

/** The way to the controller. */
export interface ControllerLink {
  readonly url: string;
  readonly transport: Transport;
  /** Whether a new connection comes about now, within seconds. Never rejects. */
  reachable(): Promise<boolean>;
  /** End of the certificate's life in milliseconds since 1970; undefined without one. */
  certificateUntil(): number | undefined;
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
  #cancelTimer = () => {};
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
    this.#stopStatus = await serveStatus(directory, () => this.status());
    this.#work = this.#begin();
  }

  /** Ends, and leaves the data plane exactly as it is. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    this.#stopStatus();
    const running = this.#running;
    running?.stopLooking();
    running?.stopAdvertising();
    running?.stopAsking();
    await running?.client.stop();
    await this.#work;
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
      if (!this.#stopped) this.#later(() => this.#begin());
      return;
    }
    if (this.#stopped) return engine.close();
    this.#answers();
    try {
      log.info(`${await engine.about()} is what switches frames here.`);
      await this.#run(engine);
    } catch (thrown) {
      // Whatever it was, the host goes on as it is, and it is tried again.
      this.#troubles.set('start', NetloomError.from(thrown).findings);
      await engine.close();
      if (!this.#stopped) this.#later(() => this.#begin());
    }
  }

  async #run(engine: HostEngine): Promise<void> {
    const { host, directory, version, bootNonce, clock, random, log, controller } = this.#options;
    const agent = new Agent(host, engine);
    const counting = new Counting(agent, clock);
    const management = new Management({
      directory,
      agent,
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
    const inForce = new InForce({
      agent,
      management,
      keeper: this.#keeper,
      reporter,
      log,
      onOutcome: (ok) => {
        if (!ok) this.#later(() => this.#retry());
      },
    });
    const held = this.#held();
    if (management.isInterrupted) await management.recover(held ? recordsOf(held.policy) : []);
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
      else this.#later(() => this.#retry());
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
    this.#later(() => this.#sweep());
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
      return this.#later(() => this.#sweep());
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
    // What still fails is tried once more by itself.
    if (findings.every(({ severity }) => severity !== 'error')) this.#later(() => this.#sweep());
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

  /** One thing is tried again at a time. */
  #later(run: () => Promise<void>): void {
    this.#cancelTimer();
    if (this.#stopped) return;
    this.#cancelTimer = this.#options.clock.after(this.#options.retryEvery ?? RETRY_EVERY_MS, () => {
      this.#work = this.#work.then(run).catch((thrown: unknown) => {
        this.#troubles.set('agent', NetloomError.from(thrown).findings);
      });
    });
  }
}

interface Running extends Asked {
  readonly reporter: Reporter;
  readonly stopLooking: () => void;
  readonly stopAdvertising: () => void;
  readonly stopAsking: () => void;
}

function drifted(drift: readonly Drift[]): Finding {
  const [first] = drift;
  const more = drift.length > 1 ? ` And ${drift.length - 1} more.` : '';
  return {
    ...finding(
      'drift-remains',
      first?.object ?? '',
      `${first?.words ?? ''}${more}`,
      'See "netloom compliance"; "netloom remediate" makes it right.',
    ),
    severity: 'warning',
  };
}
