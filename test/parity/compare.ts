/** Where two outcomes differ, in words. */
import { formatFrame } from '../../src/packet/notation.ts';
import type { Outcome } from './scenario.ts';
import { portName } from './scenario.ts';

/** Empty: they are the same. */
export function differences(real: Outcome, soft: Outcome): string[] {
  const found: string[] = [];
  for (const [step, ports] of real.delivered.entries()) {
    for (const [i, frames] of ports.entries()) {
      const other = soft.delivered[step]?.[i] ?? [];
      if (sameList(frames, other)) continue;
      found.push(
        `step ${step + 1}: out of ${portName(i + 1)}`,
        ...framesText('Open vSwitch', frames, other),
        ...framesText('softswitch  ', other, frames),
      );
    }
  }
  found.push(...listDifference('packet-ins', real.packetIns, soft.packetIns));
  found.push(...mapDifference('flow', real.flows, soft.flows));
  found.push(...mapDifference('group', real.groups, soft.groups));
  found.push(...mapDifference('meter', real.meters, soft.meters));
  found.push(...listDifference('learnt addresses', real.macs, soft.macs));
  found.push(...listDifference('connections', real.connections, soft.connections));
  return found;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** The frames that the other does not have. */
function framesText(who: string, frames: readonly string[], other: readonly string[]): string[] {
  const left = [...other];
  const own = frames.filter((hex) => {
    const at = left.indexOf(hex);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  const lines = own.slice(0, 4).flatMap((hex) => [`    ${show(hex)}`, `      ${hex}`]);
  const more = own.length > 4 ? [`    … and ${own.length - 4} more`] : [];
  const order = own.length === 0 && left.length === 0 ? ', in another order' : '';
  return [
    `  ${who}: ${frames.length} frames${order}${own.length > 0 ? ', of which only here:' : ''}`,
    ...lines,
    ...more,
  ];
}

function show(hex: string): string {
  return formatFrame(Buffer.from(hex, 'hex'));
}

function listDifference(what: string, real: readonly string[], soft: readonly string[]): string[] {
  if (sameList(real, soft)) return [];
  return [
    `${what}:`,
    ...extra('Open vSwitch', real, soft),
    ...extra('softswitch  ', soft, real),
    ...([...real].sort().join() === [...soft].sort().join() ? ['  the same in another order'] : []),
  ];
}

function extra(who: string, own: readonly string[], other: readonly string[]): string[] {
  return own
    .filter((line) => !other.includes(line))
    .slice(0, 6)
    .map((line) => `  ${who}: ${line}`);
}

function mapDifference(
  what: string,
  real: ReadonlyMap<string, string>,
  soft: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...real.keys(), ...soft.keys()])].flatMap((key) => {
    const [a, b] = [real.get(key) ?? 'is not there', soft.get(key) ?? 'is not there'];
    return a === b ? [] : [`${what} ${key}`, `  Open vSwitch: ${a}`, `  softswitch  : ${b}`];
  });
}
