/** How features write rules: by the name of the table, with the words and the origin that the walk shows. */
import type { Rule } from '../base/derive.ts';
import { resubmit } from '../flow/actions.ts';
import type { Action, ExplainedFlow, Match } from '../flow/flow.ts';
import { cookieOf, type Feature } from './cookies.ts';
import type { PipelineFact } from './facts.ts';
import { type TableName, tableNumber } from './tables.ts';

/** A feature: what it makes of one unit of policy. One file each, named like the compiler's file for the same thing. */
export type FeatureRule = Rule<PipelineFact, ExplainedFlow>;

/** Everything that the rules of one unit have in common. */
export interface RuleContext {
  readonly switch: string;
  readonly feature: Feature;
  /** Key of the record that the rules serve. */
  readonly thing: string;
  readonly origin: string;
}

/** One rule. `words` finish the sentence "this rule says: …". */
export function rule(
  context: RuleContext,
  table: TableName,
  priority: number,
  match: Match,
  actions: readonly Action[],
  words: string,
): ExplainedFlow {
  return {
    switch: context.switch,
    table: tableNumber(table),
    priority,
    match,
    actions,
    cookie: cookieOf(context.feature, context.thing),
    words,
    origin: context.origin,
  };
}

/** On to another table of the pipeline. */
export function next(table: TableName): Action {
  return resubmit(tableNumber(table));
}

/** `VirtualMachine/blue2` -> `blue2`, for words. */
export function nameOf(origin: string): string {
  return origin.slice(origin.indexOf('/') + 1);
}
