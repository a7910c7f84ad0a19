/** Sends probes: how large a packet gets to a provider address in one piece, and who answers for our own. */
import { isIP } from 'node:net';
import { endOf } from '../../base/run-tool.ts';
import type { FabricPath } from './fabric.ts';
import { printedBy } from './look-system.ts';
import type { OwnAddressFact, PathFact } from './paths.ts';

/** IP and ICMP headers before what ping is asked to send. */
const HEADERS = { 4: 20 + 8, 6: 40 + 8 } as const;
/** What every path carries (RFC 791, RFC 8200, 5). */
const SMALLEST = { 4: 576, 6: 1280 } as const;

/** As many probes as this are under way at a time. */
const AT_ONCE = 16;

export async function lookAtPaths(paths: readonly FabricPath[]): Promise<PathFact[]> {
  const facts: PathFact[] = [];
  for (let i = 0; i < paths.length; i += AT_ONCE)
    facts.push(...(await Promise.all(paths.slice(i, i + AT_ONCE).map(lookAtPath))));
  return facts;
}

async function lookAtPath({ from, to, needed }: FabricPath): Promise<PathFact> {
  const answers = (bytes: number) => isAnswered(from, to, bytes);
  if (await answers(needed)) return { from, to, needed, fits: needed };
  let fits: number = SMALLEST[familyOf(to)];
  if (!(await answers(fits))) return { from, to, needed, fits: undefined };
  for (let most = needed - 1; fits < most; ) {
    const middle = Math.ceil((fits + most) / 2);
    if (await answers(middle)) fits = middle;
    else most = middle - 1;
  }
  return { from, to, needed, fits };
}

/** A packet of so many bytes, which nobody may cut, is answered. Two tries: the first may wait for a neighbour's address. */
async function isAnswered(from: string, to: string, bytes: number): Promise<boolean> {
  const family = familyOf(to);
  const size = `${bytes - HEADERS[family]}`;
  const out = await printedBy('ping', [
    `-${family}`,
    '-n',
    '-q',
    '-c',
    '2',
    '-i',
    '0.2',
    '-W',
    '1',
    '-M',
    'do',
    '-s',
    size,
    '-I',
    from,
    to,
  ]);
  return out !== undefined;
}

function familyOf(address: string): 4 | 6 {
  return isIP(address) === 6 ? 6 : 4;
}

/** `device`: the interface that has the address; undefined where none has. */
export async function lookAtOwnAddress(address: string, device: string | undefined): Promise<OwnAddressFact> {
  if (device === undefined || familyOf(address) === 6)
    return { address, isHere: device !== undefined, others: undefined };
  return { address, isHere: true, others: await answeringFor(address, device) };
}

/**
 * Two programs have the name arping: that of iputils, and Habets'. Both can ask without saying who they are, so nobody's
 * neighbour table changes; our own stack does not answer itself. Nobody answers = both end with an error, or not, by version.
 */
async function answeringFor(address: string, device: string): Promise<string[] | undefined> {
  const isIputils = (await printedBy('arping', ['-V']))?.includes('iputils') ?? false;
  const { code, out } = isIputils
    ? await endOf('arping', ['-D', '-c', '2', '-w', '3', '-I', device, address])
    : await endOf('arping', ['-0', '-c', '2', '-w', '3', '-i', device, address]);
  if (code !== 0 && code !== 1) return undefined;
  const macs = [...out.matchAll(/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/gi)].map(([mac]) => mac.toLowerCase());
  return [...new Set(macs)];
}
