/**
 * The flow that a frame makes by a `learn` action (ovs-actions(7), "learn"; lib/learn.c). Whether it is new, and how
 * it lives on, is for the store of flows to say (flow-store.ts).
 */
import type { FieldName } from '../../flow/fields.ts';
import type { Action, FieldBits, Flow, Learn, LearnSpec, Masked, OutputPort } from '../../flow/flow.ts';
import type { Packet } from '../frame/packet.ts';
import { readBits } from '../frame/packet-bits.ts';
import { reservedPort } from '../ports/reserved-ports.ts';

/** Tells the trail of the packet what of it ends up in the flow. */
export function learnedFlow(learn: Learn, packet: Packet): Flow {
  const match: Partial<Record<FieldName, Masked>> = {};
  const actions: Action[] = [];
  const { finIdleTimeout: idleTimeout, finHardTimeout: hardTimeout } = learn;
  if (idleTimeout || hardTimeout) actions.push({ type: 'fin_timeout', idleTimeout, hardTimeout });
  for (const spec of learn.specs) {
    const value = typeof spec.from === 'bigint' ? spec.from : readBits(packet, spec.from);
    if (spec.type === 'match') match[spec.to.field] = merged(match[spec.to.field], spec.to, value);
    else actions.push(...actionOf(spec, value));
  }
  return {
    table: learn.table,
    priority: learn.priority,
    match,
    actions,
    cookie: learn.cookie,
    ...(learn.idleTimeout ? { idleTimeout: learn.idleTimeout } : {}),
    ...(learn.hardTimeout ? { hardTimeout: learn.hardTimeout } : {}),
  };
}

function merged(before: Masked | undefined, { from, to }: FieldBits, value: bigint): Masked {
  const ones = ((1n << BigInt(to - from + 1)) - 1n) << BigInt(from);
  return {
    value: ((before?.value ?? 0n) & ~ones) | (value << BigInt(from)),
    mask: (before?.mask ?? 0n) | ones,
  };
}

function actionOf(spec: LearnSpec & { type: 'load' | 'output' }, value: bigint): Action[] {
  if (spec.type === 'output') {
    const port = learnedPort(value);
    return port === undefined ? [] : [{ type: 'output', port }];
  }
  const { field, from, to } = spec.to;
  const mask = ((1n << BigInt(to - from + 1)) - 1n) << BigInt(from);
  return [{ type: 'set', field, value: value << BigInt(from), mask }];
}

/** Of the reserved ports a flow may learn some. */
const LEARNABLE: readonly OutputPort[] = ['in_port', 'flood', 'all', 'local'];

function learnedPort(value: bigint): OutputPort | undefined {
  if (value > 0xffffn) return undefined;
  const port = reservedPort(Number(value));
  return typeof port === 'number' || (port && LEARNABLE.includes(port)) ? port : undefined;
}
