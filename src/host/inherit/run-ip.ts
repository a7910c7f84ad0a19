/** Runs iproute2. Arguments are a list, so no name of anybody is ever read by a shell. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { finding, NetloomError } from '../../base/error.ts';
import { type InterfaceSettings, type IpCall, mayFail, readSettings } from './network.ts';

const run = promisify(execFile);
const LIMIT = 10_000;

/** Addresses and routes of every interface. Throws `host-tool-failed`. */
export async function hostSettings(): Promise<ReadonlyMap<string, InterfaceSettings>> {
  const [addresses, routes4, routes6] = await Promise.all([
    ip('-json', 'address', 'show'),
    ip('-json', '-4', 'route', 'show', 'table', 'main'),
    ip('-json', '-6', 'route', 'show', 'table', 'main'),
  ]);
  return readSettings(json(addresses), json(routes4), json(routes6));
}

/** All interfaces, as `ip -json -details link` tells of them. Throws `host-tool-failed`. */
export async function linkDetails(): Promise<unknown> {
  return json(await ip('-json', '-details', 'link', 'show'));
}

/** Carries the calls out, all of them, and throws `host-tool-failed` with the first that had to succeed and did not. */
export async function carryOut(calls: readonly IpCall[]): Promise<void> {
  let failure: NetloomError | undefined;
  for (const call of calls) {
    try {
      await ip(...call);
    } catch (thrown) {
      if (!mayFail(call)) failure ??= NetloomError.from(thrown);
    }
  }
  if (failure) throw failure;
}

async function ip(...args: readonly string[]): Promise<string> {
  try {
    return (await run('ip', args, { timeout: LIMIT, maxBuffer: 1 << 26 })).stdout;
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : '';
    throw new NetloomError(
      [
        finding(
          'host-tool-failed',
          '',
          `"ip ${args.join(' ')}" failed: ${said || (cause instanceof Error ? cause.message : String(cause))}.`,
          'See whether iproute2 is installed and whether the agent has CAP_NET_ADMIN.',
        ),
      ],
      { cause },
    );
  }
}

function json(text: string): unknown {
  // Where there is nothing to show it shows nothing at all.
  return text.trim() === '' ? [] : JSON.parse(text);
}
