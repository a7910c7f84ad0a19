/** Actions that send a frame somewhere: to a port, to the controller, to the port that a field names. */
import type { Action, OutputPort } from '../../../../flow/flow.ts';
import { readFieldName } from '../fields.ts';
import { outputNumber, outputPort, portFrom32, portTo32, RESERVED } from '../ports.ts';
import { endProperty, properties, put16, startProperty } from '../properties.ts';
import type { Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import {
  type ActionTable,
  finish,
  nicira,
  packedBits,
  standard,
  unpackedBits,
  writeFieldName,
} from './form.ts';

/** OFPAT_OUTPUT. */
const OUTPUT = 0;
/** OFPAT_SET_QUEUE. */
export const SET_QUEUE = 21;
/** NXAST_OUTPUT_REG and its successor, for fields whose names take 8 bytes; NXAST_CONTROLLER and its successor. */
const OUTPUT_REG = 15;
const OUTPUT_REG2 = 32;
const CONTROLLER = 20;
const CONTROLLER2 = 37;

/** Properties of NXAST_CONTROLLER2. */
const MAX_LEN = 0;
const CONTROLLER_ID = 1;
const REASON = 2;
const USERDATA = 3;
/** OFPR_ACTION. */
const BECAUSE_OF_ACTION = 1;

/** Whole frames. */
const WHOLE = 0xffff;

export function writeOutput(writer: Writer, port: OutputPort, maxLength = WHOLE): void {
  const start = standard(writer, OUTPUT);
  writer.u32(portTo32(outputNumber(port)));
  // How much the controller gets; for other ports it says nothing.
  writer.u16(port === 'controller' ? maxLength : 0);
  writer.zeros(6);
  finish(writer, start);
}

/** As an output where there is no user data, as NXAST_CONTROLLER2 where there is. */
export function writeController(
  writer: Writer,
  { userdata, maxLength }: Action & { type: 'controller' },
): void {
  if (userdata === '') {
    writeOutput(writer, 'controller', maxLength);
    return;
  }
  const start = nicira(writer, CONTROLLER2);
  writer.zeros(6);
  if (maxLength !== WHOLE) put16(writer, MAX_LEN, maxLength);
  const property = startProperty(writer, USERDATA);
  writer.hex(userdata);
  endProperty(writer, property);
  finish(writer, start);
}

export function writeOutputField(
  writer: Writer,
  { from, maxLength }: Action & { type: 'output_field' },
): void {
  const start = nicira(writer, OUTPUT_REG2);
  writer.u16(packedBits(from));
  writer.u16(maxLength);
  writeFieldName(writer, from);
  finish(writer, start);
}

export function writeQueue(writer: Writer, queue: number): void {
  const start = standard(writer, SET_QUEUE);
  writer.u32(queue);
  finish(writer, start);
}

export const STANDARD_OUTPUTS: ActionTable = new Map([[OUTPUT, readOutput]]);

export const NICIRA_OUTPUTS: ActionTable = new Map([
  [OUTPUT_REG, readOutputField],
  [OUTPUT_REG2, readOutputField2],
  [CONTROLLER, readController],
  [CONTROLLER2, readController2],
]);

function readOutput(body: Reader): Action | undefined {
  const number = portFrom32(body.u32());
  const maxLength = body.u16();
  if (number === RESERVED.controller) return { type: 'controller', userdata: '', maxLength };
  const port = number === undefined ? undefined : outputPort(number);
  return port === undefined ? undefined : { type: 'output', port };
}

function readOutputField(body: Reader): Action | undefined {
  const packed = body.u16();
  const from = unpackedBits(packed, readFieldName(body));
  return from && { type: 'output_field', from, maxLength: body.u16() };
}

function readOutputField2(body: Reader): Action | undefined {
  const packed = body.u16();
  const maxLength = body.u16();
  const from = unpackedBits(packed, readFieldName(body));
  return from && { type: 'output_field', from, maxLength };
}

/** To the controller with this id, for this reason: ours have neither. */
function readController(body: Reader): Action | undefined {
  const maxLength = body.u16();
  const id = body.u16();
  const reason = body.u8();
  return id === 0 && reason === BECAUSE_OF_ACTION
    ? { type: 'controller', userdata: '', maxLength }
    : undefined;
}

function readController2(body: Reader): Action | undefined {
  body.skip(6);
  let maxLength = WHOLE;
  let userdata = '';
  for (const { type, value } of properties(body)) {
    if (type === MAX_LEN) maxLength = value.u16();
    else if (type === USERDATA) userdata = value.hex(value.left);
    else if (type === CONTROLLER_ID && value.u16() === 0) continue;
    else if (type === REASON && value.u8() === BECAUSE_OF_ACTION) continue;
    else return undefined;
  }
  return { type: 'controller', userdata, maxLength };
}
