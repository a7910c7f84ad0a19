/** Makes a scenario that shows a difference as small as it gets. */
import type { Action, Flow } from '../../src/flow/flow.ts';
import { entriesOf, matchFindings } from '../../src/flow/match.ts';
import type { Scenario, Step } from './scenario.ts';

/** Whether the scenario (still) shows a difference. */
export type Differs = (scenario: Scenario) => Promise<boolean>;

/** Tries of a smaller scenario; each takes both switches some ten milliseconds. */
const TRIES = 400;

export async function shrink(scenario: Scenario, differs: Differs): Promise<Scenario> {
  let tries = 0;
  const tried: Differs = async (candidate) => ++tries <= TRIES && (await differs(candidate));
  // Long steps as a whole first: a step costs more than a frame.
  let best = await shrinkPart(
    scenario,
    (s) => s.steps,
    (s, steps) => ({ ...s, steps }),
    tried,
  );
  for (let before: Scenario | undefined; before !== best && tries < TRIES; ) {
    before = best;
    best = await shrinkPart(
      best,
      (s) => singles(s.steps),
      (s, steps) => ({ ...s, steps }),
      tried,
    );
    best = await shrinkPart(
      best,
      (s) => s.flows,
      (s, flows) => ({ ...s, flows }),
      tried,
    );
    best = await shrinkPart(
      best,
      (s) => s.groups,
      (s, groups) => ({ ...s, groups }),
      tried,
    );
    best = await shrinkPart(
      best,
      (s) => s.meters,
      (s, meters) => ({ ...s, meters }),
      tried,
    );
    for (let i = 0; i < best.flows.length; i++) best = await shrinkFlow(best, i, tried);
    const plain: Scenario = { ...best, vlans: best.vlans.map(() => ({ mode: 'trunk', trunks: [] })) };
    if (JSON.stringify(plain.vlans) !== JSON.stringify(best.vlans) && (await tried(plain))) best = plain;
  }
  return best;
}

/** One frame a step. */
function singles(steps: readonly Step[]): Step[] {
  return steps.flatMap((step): Step[] =>
    step.type === 'frames' ? step.frames.map((frame) => ({ ...step, frames: [frame] })) : [step],
  );
}

/** Leaves out as many elements of a list as can go (Zeller, "Simplifying and Isolating Failure-Inducing Input"). */
async function shrinkPart<T>(
  scenario: Scenario,
  get: (scenario: Scenario) => readonly T[],
  put: (scenario: Scenario, list: readonly T[]) => Scenario,
  differs: Differs,
): Promise<Scenario> {
  let list = get(scenario);
  let best = scenario;
  for (let size = Math.ceil(list.length / 2); size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0) {
    for (let at = 0; at < list.length; ) {
      const shorter = [...list.slice(0, at), ...list.slice(at + size)];
      const candidate = put(best, shorter);
      if (await differs(candidate)) {
        list = shorter;
        best = candidate;
      } else {
        at += size;
      }
    }
  }
  return best;
}

/** Fewer actions, clones opened up, fewer fields in the match. */
async function shrinkFlow(scenario: Scenario, i: number, differs: Differs): Promise<Scenario> {
  const withFlow = (s: Scenario, flow: Flow): Scenario => ({ ...s, flows: s.flows.with(i, flow) });
  let best = await shrinkPart(
    scenario,
    (s) => s.flows[i]!.actions,
    (s, actions) => withFlow(s, { ...s.flows[i]!, actions }),
    differs,
  );
  const { actions } = best.flows[i]!;
  for (const [at, action] of actions.entries()) {
    const opened = withFlow(best, { ...best.flows[i]!, actions: openedAt(actions, at, action) });
    if (action.type === 'clone' && (await differs(opened))) return opened;
  }
  for (const [name] of entriesOf(best.flows[i]!.match)) {
    const { [name]: _, ...match } = best.flows[i]!.match;
    if (matchFindings(match).length > 0) continue;
    const candidate = withFlow(best, { ...best.flows[i]!, match });
    if (await differs(candidate)) best = candidate;
  }
  return best;
}

function openedAt(actions: readonly Action[], at: number, action: Action): readonly Action[] {
  return action.type === 'clone'
    ? [...actions.slice(0, at), ...action.actions, ...actions.slice(at + 1)]
    : actions;
}
