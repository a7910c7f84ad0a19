/**
 * The flows of a switch: found by table for a frame, and by what identifies them for a change. Flows end by themselves
 * (expiry.ts), and frames learn new ones.
 *
 * What a frame learns is in the tables for the next frame: while one is on its way it sees the tables as they were when
 * it came in, as in Open vSwitch, whose tables have versions. So `learn` decides at once, and `publish` puts it in.
 */
import { throwIfErrors } from '../../base/error.ts';
import { flowFindings } from '../../flow/check.ts';
import type { FlowChange, FlowStats } from '../../flow/datapath.ts';
import type { Flow, Learn } from '../../flow/flow.ts';
import { flowKey } from '../../flow/same.ts';
import { formatActions } from '../../flow/text-actions.ts';
import { ExpiryQueue } from './expiry.ts';
import { type Referable, type Reference, referenceFindings, referencesOf } from './flow-references.ts';
import { type Lifetime, newLifetime, shorten } from './lifetime.ts';
import { FlowTable, newRule, type Rule } from './table.ts';

export interface FlowStoreParts extends Referable {
  /** Milliseconds. */
  readonly now: () => number;
  /** Told the tables of a change before it is made; a flow that ends by itself says so by its lifetime instead. */
  readonly onChange: (tables: ReadonlySet<number>) => void;
}

/** What came of learning: the flow as it is in the switch now; undefined where the limit was reached. */
type Learned = Rule | undefined;

export class FlowStore {
  readonly #parts: FlowStoreParts;
  readonly #tables = new Map<number, FlowTable>();
  /** Every flow by what identifies it. */
  readonly #rules = new Map<string, Rule>();
  readonly #expiry = new ExpiryQueue<Rule>();
  /** How many flows name a group or a meter: mostly none, when one is removed. */
  readonly #users = new Map<Reference, number>();
  /** How many flows a table has with a cookie. */
  readonly #cookies = new Tally();
  /** How many flows there are whose end takes with it what was learnt with a cookie into a table. */
  readonly #teachers = new Tally();
  /** How many of these may end by themselves. */
  #mortalTeachers = 0;
  /** Learnt, and not in the tables yet. */
  #pending: { readonly rule: Rule; readonly old: Rule | undefined }[] = [];

  constructor(parts: FlowStoreParts) {
    this.#parts = parts;
  }

  /** Tables that have, or had, a flow. */
  get tables(): ReadonlyMap<number, FlowTable> {
    return this.#tables;
  }

  /** All of the change, or nothing: throws NetloomError (flow-invalid) before it changes anything. */
  apply(change: FlowChange): void {
    throwIfErrors([
      ...[...change.add, ...change.remove].flatMap(flowFindings),
      ...change.add.flatMap(({ actions }) => referenceFindings(actions, this.#parts)),
    ]);
    const now = this.#parts.now();
    this.expire(now);
    const added = change.add.map((flow) => [flowKey(flow), newRule(flow, lifeOf(flow, now))] as const);
    const removed = change.remove.map(flowKey);
    this.#parts.onChange(new Set([...change.add, ...change.remove].map(({ table }) => table)));
    for (const key of removed) this.#removeAt(key);
    for (const [key, rule] of added) {
      const old = this.#rules.get(key);
      this.#rules.set(key, rule);
      this.#count(rule, 1);
      if (old) this.#drop(old);
      // Unless it went with what the old one taught.
      if (this.#rules.get(key) === rule) this.#enter(rule);
    }
  }

  /** Removes the flows that name a group or a meter. */
  removeUsers(reference: Reference): void {
    if (!this.#users.has(reference)) return;
    const users = [...this.#rules].filter(([, { flow }]) => referencesOf(flow.actions).has(reference));
    this.#parts.onChange(new Set(users.map(([, { flow }]) => flow.table)));
    for (const [key] of users) this.#removeAt(key);
  }

  /** By table, then the highest priority first. */
  dump(): readonly FlowStats[] {
    this.expire(this.#parts.now());
    return [...this.#rules.values()]
      .map((rule) => ({ flow: flowNow(rule), packets: rule.packets, bytes: rule.bytes }))
      .sort((a, b) => a.flow.table - b.flow.table || b.flow.priority - a.flow.priority);
  }

  clear(): void {
    this.#parts.onChange(new Set(this.#tables.keys()));
    this.#rules.clear();
    this.#tables.clear();
    this.#expiry.clear();
    this.#users.clear();
    this.#cookies.clear();
    this.#teachers.clear();
    this.#mortalTeachers = 0;
    this.#pending = [];
  }

  // -------------------------------------------------------------------------------------------------- learning

  /**
   * Notes that a frame has learnt a flow. One that is there already with the same actions and cookie is learnt again:
   * its hard timeout begins anew. One that does something else takes on the new actions and cookie, and keeps its
   * counters and timeouts (OFPFC_MODIFY_STRICT).
   */
  learn(flow: Flow, { limit }: Learn, now: number): Learned {
    const key = flowKey(flow);
    const old = this.#rules.get(key);
    if (old && isAlike(old.flow, flow)) {
      if (old.life) old.life.modified = now;
      return old;
    }
    if (limit > 0 && this.#cookies.get(flow.table, flow.cookie) >= limit) return undefined;
    const rule = newRule(old ? withTimeoutsOf(flow, flowNow(old)) : flow, learnedLife(flow, old, now));
    this.#rules.set(key, rule);
    this.#count(rule, 1);
    if (old) this.#count(old, -1);
    this.#pending.push({ rule, old });
    return rule;
  }

  /** Puts what was learnt into the tables. */
  publish(): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = [];
    this.#parts.onChange(new Set(pending.map(({ rule }) => rule.flow.table)));
    for (const { rule, old } of pending) {
      if (old) {
        this.#leave(old);
        rule.packets += old.packets;
        rule.bytes += old.bytes;
        // The frame that did it may have gone by the old one.
        if (rule.life && old.life) rule.life.used = Math.max(rule.life.used, old.life.used);
        this.#removeLearned(old);
      }
      // Unless it went with the flow that made it.
      if (this.#rules.get(flowKey(rule.flow)) === rule) this.#enter(rule);
    }
  }

  /** A frame with FIN or RST went by the flow. */
  shorten(rule: Rule, idle: number, hard: number): void {
    if (!rule.life) return;
    shorten(rule.life, idle, hard);
    this.#expiry.watch(rule);
  }

  /**
   * Before frames go by what is known of others like them: a flow that is over takes with it what it taught. Any other flow
   * says by its lifetime that it is over, and may wait until somebody looks into the tables.
   */
  endTeachers(): void {
    if (this.#mortalTeachers > 0) this.expire(this.#parts.now());
  }

  /** Removes the flows whose time is up. */
  expire(now: number): void {
    for (const rule of this.#expiry.due(now)) this.#removeAt(flowKey(rule.flow));
  }

  // ------------------------------------------------------------------------------------------------- bookkeeping

  #removeAt(key: string): void {
    const rule = this.#rules.get(key);
    if (!rule) return;
    this.#rules.delete(key);
    this.#drop(rule);
  }

  /** The flow is no more, or another one has taken its place. */
  #drop(rule: Rule): void {
    this.#count(rule, -1);
    this.#leave(rule);
    this.#removeLearned(rule);
  }

  #enter(rule: Rule): void {
    const table = this.#tables.get(rule.flow.table) ?? new FlowTable();
    table.add(rule);
    this.#tables.set(rule.flow.table, table);
    this.#expiry.watch(rule);
  }

  #leave(rule: Rule): void {
    this.#tables.get(rule.flow.table)?.remove(rule);
    if (rule.life) rule.life.isOver = true;
  }

  #count({ flow, life }: Rule, by: number): void {
    this.#cookies.add(flow.table, flow.cookie, by);
    for (const reference of referencesOf(flow.actions)) {
      const users = (this.#users.get(reference) ?? 0) + by;
      if (users === 0) this.#users.delete(reference);
      else this.#users.set(reference, users);
    }
    const lessons = lessonsOf(flow);
    for (const { table, cookie } of lessons) this.#teachers.add(table, cookie, by);
    if (life && lessons.length > 0) this.#mortalTeachers += by;
  }

  /** With the last flow that learns with delete_learned goes what was learnt. */
  #removeLearned({ flow }: Rule): void {
    for (const { table, cookie } of lessonsOf(flow)) {
      if (this.#teachers.get(table, cookie) > 0) continue;
      const learned = [...this.#rules].filter(([, r]) => r.flow.table === table && r.flow.cookie === cookie);
      if (learned.length > 0) this.#parts.onChange(new Set([table]));
      for (const [key] of learned) this.#removeAt(key);
    }
  }
}

/** Numbers by table and cookie. */
class Tally {
  readonly #numbers = new Map<string, number>();

  get(table: number, cookie: bigint): number {
    return this.#numbers.get(`${table}/${cookie}`) ?? 0;
  }

  add(table: number, cookie: bigint, by: number): void {
    const key = `${table}/${cookie}`;
    const number = this.get(table, cookie) + by;
    if (number === 0) this.#numbers.delete(key);
    else this.#numbers.set(key, number);
  }

  clear(): void {
    this.#numbers.clear();
  }
}

/** What the flow teaches and takes with it when it ends. */
function lessonsOf({ actions }: Flow): Learn[] {
  return actions.flatMap((a) => (a.type === 'learn' && a.learn.deleteLearned ? [a.learn] : []));
}

function isAlike(a: Flow, b: Flow): boolean {
  return a.cookie === b.cookie && formatActions(a.actions) === formatActions(b.actions);
}

/** Of a flow that the operator adds: undefined where nothing can end it but him. */
function lifeOf({ idleTimeout = 0, hardTimeout = 0, actions }: Flow, now: number): Lifetime | undefined {
  const mayEnd = idleTimeout > 0 || hardTimeout > 0 || actions.some(({ type }) => type === 'fin_timeout');
  return mayEnd ? newLifetime(idleTimeout, hardTimeout, now) : undefined;
}

function learnedLife({ idleTimeout, hardTimeout }: Flow, old: Rule | undefined, now: number): Lifetime {
  if (!old) return newLifetime(idleTimeout ?? 0, hardTimeout ?? 0, now);
  const { idle, hard, used } = old.life ?? newLifetime(0, 0, now);
  return { ...newLifetime(idle, hard, now), used };
}

/** The flow with its timeouts as they are now. */
function flowNow({ flow, life }: Rule): Flow {
  if (!life || (life.idle === (flow.idleTimeout ?? 0) && life.hard === (flow.hardTimeout ?? 0))) return flow;
  return withTimeouts(flow, life.idle, life.hard);
}

function withTimeoutsOf(flow: Flow, { idleTimeout = 0, hardTimeout = 0 }: Flow): Flow {
  return withTimeouts(flow, idleTimeout, hardTimeout);
}

function withTimeouts(
  { idleTimeout: _idle, hardTimeout: _hard, ...flow }: Flow,
  idle: number,
  hard: number,
): Flow {
  return { ...flow, ...(idle ? { idleTimeout: idle } : {}), ...(hard ? { hardTimeout: hard } : {}) };
}
