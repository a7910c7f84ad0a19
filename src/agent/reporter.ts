/**
 * Looks at the host from time to time, and when the controller asks, and says how it is. By itself it speaks when
 * something is not as the policy wants it, or when it is not as it was said to be.
 */
import type { Clock } from '../base/clock.ts';
import { type Finding, NetloomError } from '../base/error.ts';
import type { Drift, HostReport, SwitchFact, VnicFact } from '../stream/report.ts';
import type { Agent } from './agent.ts';
import type { Engine } from './engine.ts';

export interface ReporterOptions {
  readonly agent: Agent;
  readonly engine: Engine;
  /** Of Netloom. */
  readonly version: string;
  /** What is plugged in for the vNICs of VMs; absent: the engine does not say. */
  readonly vnics?: () => Promise<readonly VnicFact[]>;
  /** Takes what is said without having been asked for. */
  readonly send: (report: HostReport) => void;
}

/** A look may take this part of the time and no more: where it takes long, it is taken less often. */
const SHARE = 20;

export class Reporter {
  readonly #options: ReporterOptions;
  #said = '';
  #lookSoon: () => void = () => {};
  /** The latest report. */
  #last: HostReport | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** How the host is; `repair`: after what differs has been made as it should be. Never rejects. */
  async report(repair = false): Promise<HostReport> {
    const { agent } = this.#options;
    let drift: readonly Drift[] = [];
    let repaired: readonly Drift[] = [];
    const findings: Finding[] = [];
    try {
      let switches: readonly SwitchFact[];
      if (repair) {
        const result = await agent.repair();
        ({ drift, switches, repaired } = result);
        findings.push(...result.findings);
      } else ({ drift, switches } = await agent.check());
      const report = { ...(await this.#facts()), switches, drift, repaired, findings };
      this.#said = essence(report);
      this.#last = report;
      return report;
    } catch (thrown) {
      findings.push(...NetloomError.from(thrown).findings);
      const { version } = this.#options;
      return { version, engine: '', nics: [], switches: [], drift, repaired, findings };
    }
  }

  /** Looks, and speaks where there is something to say. */
  async look(): Promise<void> {
    const before = this.#said;
    const report = await this.report();
    if (report.drift.length > 0 || report.findings.length > 0 || essence(report) !== before)
      this.#options.send(report);
  }

  /** Looks at what is plugged in, and at nothing else; speaks where that has changed. Never rejects. */
  async lookAtVnics(): Promise<void> {
    const last = this.#last;
    // An engine that does not answer is told of by the next whole look.
    const vnics = await this.#options.vnics?.().catch(() => undefined);
    if (!last || !vnics || last !== this.#last) return;
    const report = { ...last, vnics, repaired: [] };
    if (essence(report) === essence(last)) return;
    this.#last = report;
    this.#said = essence(report);
    this.#options.send(report);
  }

  /**
   * Looks every `every` milliseconds, and more often at the links while a VM moves: the migration goes on when its link is up
   * on the destination. The result ends it.
   */
  start(clock: Clock, every: number): () => void {
    const stopWhole = this.#startWhole(clock, every);
    if (!this.#options.vnics) return stopWhole;
    let cancel = () => {};
    let stopped = false;
    const next = () => {
      if (stopped) return;
      cancel = clock.after(LINKS_EVERY_MS, () => {
        void (this.#options.agent.isMoving() ? this.lookAtVnics() : Promise.resolve()).then(next);
      });
    };
    next();
    return () => {
      stopped = true;
      cancel();
      stopWhole();
    };
  }

  /**
   * The engine is not what it was: what was seen of it is out of date, also by a look that is under way, which may have
   * waited for the engine and is no reason to rest.
   */
  lookSoon(): void {
    this.#lookSoon();
  }

  #startWhole(clock: Clock, every: number): () => void {
    let cancel = () => {};
    let stopped = false;
    /** When the next look is due; undefined while one is under way. */
    let due: number | undefined;
    /** No look before this. */
    let rested = clock.now();
    let hasChanged = false;
    let isAnew = false;
    const next = (at: number) => {
      if (stopped) return;
      cancel();
      due = at;
      cancel = clock.after(at - clock.now(), () => {
        const begin = clock.now();
        due = undefined;
        hasChanged = false;
        isAnew = false;
        void this.look().then(() => {
          const now = clock.now();
          rested = isAnew ? now : now + SHARE * (now - begin);
          next(Math.max(rested, now + (hasChanged || isAnew ? FOREIGN_MS : every)));
        });
      });
    };
    next(clock.now() + Math.min(every, FIRST_LOOK_MS));
    this.#options.agent.onForeignChange(() => {
      hasChanged = true;
      // Who changes one flow changes others: a moment later all of it is seen at once.
      const soon = Math.max(rested, clock.now() + FOREIGN_MS);
      if (due !== undefined && soon < due) next(soon);
    });
    this.#lookSoon = () => {
      isAnew = true;
      rested = clock.now();
      if (due !== undefined) next(Math.min(due, rested + FOREIGN_MS));
    };
    return () => {
      stopped = true;
      cancel();
    };
  }

  async #facts(): Promise<Pick<HostReport, 'version' | 'engine' | 'nics' | 'vnics'>> {
    const { engine, version } = this.#options;
    const vnics = await this.#options.vnics?.();
    return {
      version,
      engine: await engine.about(),
      nics: await engine.nics(),
      ...(vnics ? { vnics } : {}),
    };
  }
}

const LINKS_EVERY_MS = 250;
const FOREIGN_MS = 1_000;
/** Soon after the start the host is as it is going to be. */
const FIRST_LOOK_MS = 1_000;

/** What is worth saying again when it changes. Not what was repaired: that is said once. */
function essence({ drift, nics, switches, vnics, findings }: HostReport): string {
  return JSON.stringify([drift, nics, switches.map(({ name }) => name), vnics, findings]);
}
