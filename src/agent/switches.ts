/** The switches of a host that are open, and what each of them has been given: flows, mirrors, flow export. */
import type { OutputChange } from '../base/derive.ts';
import type { Finding } from '../base/error.ts';
import { entryOf } from '../base/map.ts';
import type { Datapath, FlowChange } from '../flow/datapath.ts';
import type { ExplainedFlow } from '../flow/flow.ts';
import { sameFlow } from '../flow/same.ts';
import type { MirrorRecord } from '../policy/records.ts';
import { flowDifference } from './flow-difference.ts';
import { mirrorsOf } from './mirrors.ts';
import type { Records } from './records.ts';

/** Flows added and removed, over all switches. */
export interface FlowCount {
  readonly added: number;
  readonly removed: number;
}

interface Switch {
  readonly datapath: Datapath;
  /** The engine may not have what the pipeline wants: compare before anything else. */
  stale: boolean;
  /** The mirrors that the engine has, as text; undefined: that is not known. */
  mirrors: string | undefined;
  /** The flow export that the engine has, as text, and what it does not do of it; undefined: that is not known. */
  flowExport: { readonly text: string; readonly findings: readonly Finding[] } | undefined;
}

export class Switches {
  readonly #switches = new Map<string, Switch>();

  /** By name. */
  get all(): ReadonlyMap<string, { readonly datapath: Datapath }> {
    return this.#switches;
  }

  get(name: string): Datapath | undefined {
    return this.#switches.get(name)?.datapath;
  }

  /** What an earlier life of this agent left there is compared with what is wanted, never flushed. */
  add(name: string, datapath: Datapath): void {
    this.#switches.set(name, { datapath, stale: true, mirrors: undefined, flowExport: undefined });
  }

  delete(name: string): void {
    this.#switches.delete(name);
  }

  /** Nobody knows what flows the switches have. */
  flowsAreUnknown(): void {
    for (const entry of this.#switches.values()) entry.stale = true;
  }

  /** Nobody knows what flows and mirrors a switch has. */
  wasReset(name: string): void {
    const entry = this.#switches.get(name);
    if (!entry) return;
    entry.stale = true;
    entry.mirrors = undefined;
  }

  /** Nobody knows anything of what the switches have. */
  allIsUnknown(): void {
    for (const entry of this.#switches.values()) {
      entry.stale = true;
      entry.mirrors = undefined;
      entry.flowExport = undefined;
    }
  }

  /** Desired flows minus actual ones, one bundle a switch. `wanted`: all of them, where a switch has to be compared. */
  async program(
    changes: Iterable<OutputChange<ExplainedFlow>>,
    wanted: () => readonly ExplainedFlow[],
  ): Promise<FlowCount> {
    const bySwitch = new Map<string, { add: ExplainedFlow[]; remove: ExplainedFlow[] }>();
    const on = (name: string) => entryOf(bySwitch, name, () => ({ add: [], remove: [] }));
    for (const { before, after } of changes) {
      if (after) {
        // New words for the same flow are no news to the engine.
        if (!before || !sameFlow(before, after)) on(after.switch).add.push(after);
      } else if (before) on(before.switch).remove.push(before);
    }
    const count = { added: 0, removed: 0 };
    for (const [name, entry] of this.#switches) {
      const change = entry.stale ? await missing(name, entry.datapath, wanted()) : bySwitch.get(name);
      if (!change || (change.add.length === 0 && change.remove.length === 0)) {
        entry.stale = false;
        continue;
      }
      entry.stale = true;
      await entry.datapath.applyFlows(change);
      entry.stale = false;
      count.added += change.add.length;
      count.removed += change.remove.length;
    }
    return count;
  }

  /** The mirrors that the policy asks for, on every switch that may have others. */
  async mirror(records: ReadonlyMap<string, MirrorRecord>): Promise<void> {
    for (const [name, entry] of this.#switches) {
      const mirrors = mirrorsOf(name, records.values());
      const text = JSON.stringify(mirrors);
      if (entry.mirrors === text) continue;
      entry.mirrors = undefined;
      await entry.datapath.setMirrors(mirrors);
      entry.mirrors = text;
    }
  }

  /** Whom each switch tells about its traffic. The result: what the engines do not do of it. */
  async export(records: Records): Promise<readonly Finding[]> {
    const all: Finding[] = [];
    for (const [name, entry] of this.#switches) {
      const record = records.get(`switch/${name}`);
      const wanted = record?.kind === 'switch' ? record.flowExport : undefined;
      const text = JSON.stringify(wanted ?? null);
      if (entry.flowExport?.text !== text) {
        entry.flowExport = undefined;
        const findings = await entry.datapath.setFlowExport(wanted);
        const path = `LogicalSwitch/${name}.flowExport`;
        entry.flowExport = { text, findings: findings.map((each) => ({ ...each, path })) };
      }
      all.push(...entry.flowExport.findings);
    }
    return all;
  }
}

/** The change that makes the flows of a switch what they should be, whatever they are. */
async function missing(
  name: string,
  datapath: Datapath,
  wanted: readonly ExplainedFlow[],
): Promise<FlowChange> {
  const actual = await datapath.dumpFlows();
  const difference = flowDifference(
    wanted.filter((flow) => flow.switch === name),
    actual.map(({ flow }) => flow),
  );
  return {
    add: [...difference.missing, ...difference.changed.map((each) => each.wanted)],
    remove: difference.extra,
  };
}
