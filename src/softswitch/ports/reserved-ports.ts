/** Ports by number, where a number comes from a frame or a register (OpenFlow 1.0, ofp_port; 16 bits). */
import type { OutputPort } from '../../flow/flow.ts';
import { FIRST_RESERVED_PORT, LOCAL_PORT } from '../../flow/values.ts';

const RESERVED: ReadonlyMap<number, OutputPort> = new Map<number, OutputPort>([
  [0xfff8, 'in_port'],
  [0xfffa, 'normal'],
  [0xfffb, 'flood'],
  [0xfffc, 'all'],
  [0xfffd, 'controller'],
  [LOCAL_PORT, 'local'],
]);

/** Undefined for OFPP_NONE, OFPP_TABLE, and numbers that stand for nothing. */
export function reservedPort(number: number): OutputPort | undefined {
  return number < FIRST_RESERVED_PORT ? number : RESERVED.get(number);
}
