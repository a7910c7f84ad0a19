/** Ports and their counters (OpenFlow 1.5, 7.2.1, 7.3.5 and 7.4.3). */
import { macFromNumber, macToNumber, parseMac } from '../../../packet/address.ts';
import type { PortCounters } from './multipart-message.ts';
import { portFrom32, portTo32 } from './ports.ts';
import { endProperty, properties, startProperty } from './properties.ts';
import { type Reader, WireError } from './reader.ts';
import type { Port } from './state.ts';
import { millisecondsOf, timeOf } from './statistics.ts';
import type { Writer } from './writer.ts';

/** OFP_MAX_PORT_NAME_LEN. */
const NAME_LENGTH = 16;
/** OFPPC_PORT_DOWN and OFPPS_LINK_DOWN. */
const DOWN = 1;
/** OFPPDPT_ETHERNET. */
const ETHERNET = 0;

/** `struct ofp_port`. */
export function writePort(writer: Writer, port: Port): void {
  const start = writer.length;
  writer.u32(portTo32(port.number));
  writer.zeros(4);
  const mac = parseMac(port.mac);
  writer.uint(mac ? BigInt(macToNumber(mac)) : 0n, 6);
  writer.zeros(2);
  writer.text(port.name, NAME_LENGTH);
  writer.u32(port.config);
  writer.u32(port.state);
  const property = startProperty(writer, ETHERNET);
  // Features in the old form; then the speed that it has, and the highest.
  writer.zeros(20);
  writer.u32(port.speedKbps);
  writer.zeros(4);
  endProperty(writer, property);
  writer.lengthAt(start + 4, start);
}

export function readPort(list: Reader): Port {
  const body = list.element(4, 40, 8);
  const number = portNumber(body);
  body.skip(4);
  const mac = macFromNumber(Number(body.uint(6)));
  body.skip(2);
  const name = body.text(NAME_LENGTH);
  const config = body.u32();
  const state = body.u32();
  let speedKbps = 0;
  for (const { type, value } of properties(body)) {
    if (type !== ETHERNET || value.left < 28) continue;
    value.skip(20);
    speedKbps = value.u32();
  }
  return {
    number,
    name,
    mac,
    down: (config & DOWN) !== 0,
    linkDown: (state & DOWN) !== 0,
    speedKbps,
    config,
    state,
  };
}

/** `struct ofp_port_stats`. */
export function writePortCounters(writer: Writer, counters: PortCounters): void {
  const start = writer.length;
  writer.zeros(4);
  writer.u32(portTo32(counters.number));
  writer.u64(timeOf(counters.duration));
  for (const name of COUNTERS) writer.u64(counters[name]);
  writer.lengthAt(start, start);
}

const COUNTERS = [
  'rxPackets',
  'txPackets',
  'rxBytes',
  'txBytes',
  'rxDropped',
  'txDropped',
  'rxErrors',
  'txErrors',
] as const;

export function readPortCounters(list: Reader): PortCounters {
  const body = list.element(0, 80, 8);
  body.skip(4);
  const number = portNumber(body);
  const duration = millisecondsOf(body.u64());
  const next = () => body.u64();
  return {
    number,
    duration,
    rxPackets: next(),
    txPackets: next(),
    rxBytes: next(),
    txBytes: next(),
    rxDropped: next(),
    txDropped: next(),
    rxErrors: next(),
    txErrors: next(),
  };
}

function portNumber(body: Reader): number {
  const wide = body.u32();
  const number = portFrom32(wide);
  if (number === undefined) throw new WireError(`there is no port ${wide}`);
  return number;
}
