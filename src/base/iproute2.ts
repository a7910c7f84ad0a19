/** iproute2: what reads and changes interfaces, addresses and routes of the kernel. */
import { finding, NetloomError } from './error.ts';
import { type RunTool, runTool } from './run-tool.ts';

/** One call of `ip`: its arguments. */
export type IpCall = readonly string[];

/** What `ip` prints. Throws `host-tool-failed`. */
export async function ip(call: IpCall, run: RunTool = runTool): Promise<string> {
  try {
    return await run('ip', call);
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : '';
    const why = said || (cause instanceof Error ? cause.message : String(cause));
    throw new NetloomError(
      [
        finding(
          'host-tool-failed',
          '',
          `"ip ${call.join(' ')}" failed: ${why}.`,
          'See whether iproute2 is installed and whether the agent has CAP_NET_ADMIN.',
        ),
      ],
      { cause },
    );
  }
}

/** What `ip -json` prints, as a value. Throws `host-tool-failed`. */
export async function ipJson(call: IpCall, run: RunTool = runTool): Promise<unknown> {
  const text = await ip(['-json', ...call], run);
  // Where there is nothing to show it shows nothing at all.
  return text.trim() === '' ? [] : JSON.parse(text);
}
