/**
 * Numbers of ports. Open vSwitch has 16 bits for them, and so does our flow language; on the wire of OpenFlow 1.1 and
 * later they have 32, and the reserved ones are the last of those (OpenFlow 1.5, 7.2.1.2).
 */
import type { OutputPort } from '../../../flow/flow.ts';
import { FIRST_RESERVED_PORT } from '../../../flow/values.ts';

/** OFPP_…, in 16 bits. */
export const RESERVED = {
  in_port: 0xfff8,
  normal: 0xfffa,
  flood: 0xfffb,
  all: 0xfffc,
  controller: 0xfffd,
  local: 0xfffe,
} as const;

/** OFPP_ANY and OFPG_ANY: no restriction. */
export const ANY = 0xffffffff;

const WORDS: ReadonlyMap<number, OutputPort> = new Map(
  Object.entries(RESERVED).map(([word, number]) => [number, word as OutputPort]),
);

/** 16 bits as 32. */
export function portTo32(port: number): number {
  return port >= FIRST_RESERVED_PORT ? 0xffff0000 + port : port;
}

/** 32 bits as 16; undefined for a number that Open vSwitch has no port for. */
export function portFrom32(port: number): number | undefined {
  if (port < FIRST_RESERVED_PORT) return port;
  return port >= 0xffff0000 + FIRST_RESERVED_PORT ? port - 0xffff0000 : undefined;
}

/** A port as an output names it, in 16 bits. */
export function outputNumber(port: OutputPort): number {
  return typeof port === 'number' ? port : RESERVED[port];
}

/** Undefined for reserved ports that the flow language does not have. */
export function outputPort(number: number): OutputPort | undefined {
  return number < FIRST_RESERVED_PORT ? number : WORDS.get(number);
}
