/**
 * Looks at the host from time to time, and when the controller asks, and says how it is. By itself it speaks when
 * something is not as the policy wants it, or when it is not as it was said to be.
 */
import type { Clock } from '../base/clock.ts';
import { type Finding, NetloomError } from '../base/error.ts';
import type { Drift, HostReport } from '../stream/report.ts';
import type { Agent } from './agent.ts';
import type { Engine } from './engine.ts';

export interface ReporterOptions {
  readonly agent: Agent;
  readonly engine: Engine;
  /** Of Netloom. */
  readonly version: string;
  /** Takes what is said without having been asked for. */
  readonly send: (report: HostReport) => void;
}

/** A look may take this part of the time and no more: where it takes long, it is taken less often. */
const SHARE = 20;

export class Reporter {
  readonly #options: ReporterOptions;
  #said = '';

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
      if (repair) {
        const result = await agent.repair();
        ({ drift, repaired } = result);
        findings.push(...result.findings);
      } else drift = await agent.check();
      const report = { ...(await this.#facts()), drift, repaired, findings };
      this.#said = essence(report);
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

  /** Looks every `every` milliseconds. The result ends it. */
  start(clock: Clock, every: number): () => void {
    let cancel = () => {};
    let stopped = false;
    const next = (delay: number) => {
      if (stopped) return;
      cancel = clock.after(delay, () => {
        const begin = clock.now();
        void this.look().then(() => next(Math.max(every, SHARE * (clock.now() - begin))));
      });
    };
    next(Math.min(every, FIRST_LOOK_MS));
    return () => {
      stopped = true;
      cancel();
    };
  }

  async #facts(): Promise<Pick<HostReport, 'version' | 'engine' | 'nics' | 'switches'>> {
    const { engine, agent, version } = this.#options;
    return {
      version,
      engine: await engine.about(),
      nics: await engine.nics(),
      switches: await agent.switches(),
    };
  }
}

/** Soon after the start the host is as it is going to be. */
const FIRST_LOOK_MS = 1_000;

/** What is worth saying again when it changes. Not what was repaired: that is said once. */
function essence({ drift, nics, switches, findings }: HostReport): string {
  return JSON.stringify([drift, nics, switches.map(({ name }) => name), findings]);
}
