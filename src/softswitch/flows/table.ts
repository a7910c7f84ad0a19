/**
 * One flow table: tuple space search. Rules that test the same bits (the same words under the same masks) are one
 * group, in which a hash of those bits finds a rule at once; groups are tried from the highest priority down, until
 * none that is left can beat what was found. (Srinivasan, Suri, Varghese 1999; Open vSwitch, lib/classifier.c.)
 */
import type { Flow } from '../../flow/flow.ts';
import type { Trail } from '../cache/trail.ts';
import { type CompiledMatch, compileMatch, type FlowKey } from '../frame/key.ts';
import { type Counters, newCounters } from './counters.ts';
import type { Lifetime } from './lifetime.ts';

/** A flow in a table, with what it has counted. */
export interface Rule extends Counters {
  readonly flow: Flow;
  readonly match: CompiledMatch;
  /** Of a flow that may end by itself, or was learnt. */
  readonly life: Lifetime | undefined;
}

export function newRule(flow: Flow, life?: Lifetime): Rule {
  return { flow, match: compileMatch(flow.match), life, ...newCounters() };
}

interface Group {
  readonly words: readonly number[];
  readonly masks: readonly number[];
  /** Priority -> number of rules that have it; never zero. */
  readonly priorities: Map<number, number>;
  highest: number;
  /** Rules whose values hash alike, the highest priority first. */
  readonly buckets: Map<number, Rule[]>;
}

export class FlowTable {
  readonly #groups = new Map<string, Group>();
  /** The same groups, the highest priority first. */
  #order: Group[] = [];

  add(rule: Rule): void {
    const { words, masks, values } = rule.match;
    const shape = `${words}/${masks}`;
    let group = this.#groups.get(shape);
    if (!group) {
      group = { words, masks, priorities: new Map(), highest: -1, buckets: new Map() };
      this.#groups.set(shape, group);
      this.#order.push(group);
    }
    const hash = hashWords(values);
    const bucket = group.buckets.get(hash) ?? [];
    const place = bucket.findIndex((r) => r.flow.priority < rule.flow.priority);
    bucket.splice(place < 0 ? bucket.length : place, 0, rule);
    group.buckets.set(hash, bucket);
    const { priority } = rule.flow;
    group.priorities.set(priority, (group.priorities.get(priority) ?? 0) + 1);
    if (priority > group.highest) this.#setHighest(group, priority);
  }

  remove(rule: Rule): void {
    const { words, masks, values } = rule.match;
    const shape = `${words}/${masks}`;
    const group = this.#groups.get(shape);
    const hash = hashWords(values);
    const bucket = group?.buckets.get(hash);
    const index = bucket?.indexOf(rule) ?? -1;
    if (!group || !bucket || index < 0) return;
    bucket.splice(index, 1);
    if (bucket.length === 0) group.buckets.delete(hash);
    const { priority } = rule.flow;
    const left = group.priorities.get(priority)! - 1;
    if (left > 0) {
      group.priorities.set(priority, left);
      return;
    }
    group.priorities.delete(priority);
    if (group.priorities.size === 0) {
      this.#groups.delete(shape);
      this.#order = this.#order.filter((g) => g !== group);
    } else if (priority === group.highest) this.#setHighest(group, Math.max(...group.priorities.keys()));
  }

  /** The rule of the highest priority that matches; among equals, any. The trail is told all bits that were read. */
  lookup(key: FlowKey, trail?: Trail): Rule | undefined {
    let best: Rule | undefined;
    for (const group of this.#order) {
      if (best && best.flow.priority >= group.highest) break;
      const found = findIn(group, key);
      if (trail) noteLooks(group, key, found !== undefined, trail);
      if (found && (!best || found.flow.priority > best.flow.priority)) best = found;
    }
    return best;
  }

  #setHighest(group: Group, priority: number): void {
    group.highest = priority;
    this.#order.sort((a, b) => b.highest - a.highest);
  }
}

/** Rules up to which a group in which nothing was found is taken apart, rule by rule. */
const FEW_RULES = 32;

/** Tells the trail which bits say that this, or nothing, was found in a group. */
function noteLooks({ words, masks, buckets }: Group, key: FlowKey, isFound: boolean, trail: Trail): void {
  if (isFound || buckets.size > FEW_RULES) {
    for (const [i, word] of words.entries()) trail.look(word, masks[i]!);
    return;
  }
  for (const rules of buckets.values()) {
    for (const { match } of rules) trail.lookApart(match.words, match.masks, match.values, key);
  }
}

function findIn({ words, masks, buckets }: Group, key: FlowKey): Rule | undefined {
  let hash = SEED;
  for (let i = 0; i < words.length; i++) hash = mix(hash, key[words[i]!]! & masks[i]!);
  const bucket = buckets.get(hash);
  return bucket?.find(({ match }) => {
    for (let i = 0; i < words.length; i++) {
      if ((key[words[i]!]! & masks[i]!) >>> 0 !== match.values[i]) return false;
    }
    return true;
  });
}

const SEED = 0x2545f491;

function mix(hash: number, word: number): number {
  const h = Math.imul(hash ^ word, 0x9e3779b1);
  return h ^ (h >>> 15);
}

function hashWords(values: readonly number[]): number {
  return values.reduce(mix, SEED);
}
