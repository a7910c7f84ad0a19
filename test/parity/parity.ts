/** Runs random scenarios through Open vSwitch and through the softswitch, until enough frames were compared. */
import { differences } from './compare.ts';
import { Coverage } from './coverage.ts';
import { generate } from './generate.ts';
import { Random } from './random.ts';
import { RealSwitch } from './real.ts';
import { scenarioText } from './report.ts';
import { frameCount, type Scenario } from './scenario.ts';
import { shrink } from './shrink.ts';
import { runSoft, WAYS, type Way } from './soft.ts';

/** Open vSwitch 3.1 writes past the end of a frame now and then (docs/parity.md); then it is started anew. */
const MOST_ACCIDENTS = 5;
/** Frames of a scenario. */
const FRAMES = 600;

export interface ParityOptions {
  readonly seed: number;
  /** At least so many frames are compared. */
  readonly frames: number;
  /** Only this scenario of the seed. */
  readonly scenario?: number;
  /** Names of features (generate.ts); absent: all. */
  readonly features?: readonly string[];
  readonly progress?: (state: ParityProgress) => void;
  /** A difference was found; it is made smaller now, which takes a minute or so. */
  readonly found?: (where: string) => void;
  /** Open vSwitch has crashed, or does not do the same again; the scenario does not count. */
  readonly accident?: (what: string) => void;
}

export interface ParityProgress {
  readonly scenarios: number;
  /** Frames that went into Open vSwitch, and by every way through the softswitch. */
  readonly frames: number;
  /** Frames that came out. */
  readonly delivered: number;
}

export interface ParityResult extends ParityProgress {
  readonly coverage: Coverage;
  /** What a person needs to see about the first difference; undefined: there was none. */
  readonly difference: string | undefined;
}

export async function runParity(options: ParityOptions): Promise<ParityResult> {
  const coverage = new Coverage();
  let real = await RealSwitch.start();
  let accidents = 0;
  let [scenarios, frames, delivered] = [0, 0, 0];
  try {
    const first = options.scenario ?? 0;
    for (let i = first; frames < options.frames && (options.scenario === undefined || i === first); i++) {
      const scenario = generate(new Random(options.seed * 100_003 + i), FRAMES, options.features);
      const [outcome, ...softs] = await Promise.all([
        real.run(scenario).catch((error: unknown) => {
          if (real.isDead && ++accidents <= MOST_ACCIDENTS) return undefined;
          throw error;
        }),
        // Whoever watches keeps the flow cache out, so only the way without it is watched.
        ...WAYS.map((w) => runSoft(scenario, w, w === 'tables' ? coverage.observer : undefined)),
      ]);
      if (!outcome) {
        options.accident?.(`seed ${options.seed}, scenario ${i}: Open vSwitch has crashed`);
        await real.stop();
        real = await RealSwitch.start();
        continue;
      }
      const way = WAYS.find((_, w) => differences(outcome, softs[w]!).length > 0);
      if (way) {
        const where = `seed ${options.seed}, scenario ${i}`;
        options.found?.(where);
        const text = await explain(real, scenario, way).catch((error: unknown) => error);
        if (!real.isDead && text !== undefined) {
          if (typeof text !== 'string') throw text;
          return { scenarios, frames, delivered, coverage, difference: `${where}\n${text}` };
        }
        // What Open vSwitch wrote to the wrong place before it crashed, or what a thread of it did at another time.
        const first = differences(outcome, softs[WAYS.indexOf(way)]!).slice(0, 20).join('\n');
        if (++accidents > MOST_ACCIDENTS)
          throw new Error(`too many accidents; the last in ${where}:\n${first}`);
        options.accident?.(`${where}: a difference that does not show again\n${first}`);
        await real.stop();
        real = await RealSwitch.start();
        continue;
      }
      scenarios++;
      frames += frameCount(scenario.steps);
      delivered += outcome.delivered.flat().reduce((sum, list) => sum + list.length, 0);
      options.progress?.({ scenarios, frames, delivered });
    }
    return { scenarios, frames, delivered, coverage, difference: undefined };
  } finally {
    await real.stop();
  }
}

/** Undefined: it does not show again. Otherwise the smallest scenario that shows it, and what each side does with it. */
async function explain(real: RealSwitch, scenario: Scenario, way: Way): Promise<string | undefined> {
  const compare = async (s: Scenario) => differences(await real.run(s), await runSoft(s, way));
  const differs = (s: Scenario) =>
    compare(s).then(
      (found) => found.length > 0,
      (error: unknown) => {
        if (real.isDead) throw error;
        // Open vSwitch refuses some programs that lack a part.
        return false;
      },
    );
  if (!(await differs(scenario))) return undefined;
  const small = await shrink(scenario, differs);
  const found = await compare(small);
  if (found.length === 0) return undefined;
  const cache = scenario.slowPath ? 'without' : 'with';
  return [
    scenarioText(small),
    `Open vSwitch ${cache} its datapath flow cache; softswitch by way of ${way}`,
    ...found,
  ].join('\n');
}
