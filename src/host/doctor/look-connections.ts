/** How many connections are tracked, and how many may be. */
import type { Clock } from '../../base/clock.ts';
import { askControl, controlSocketIn } from '../../ovs/control.ts';
import type { ConnectionFacts } from './connections.ts';
import { textOf } from './look-system.ts';

export async function lookAtConnections(
  runDirectory: string,
  clock: Clock,
  isUserspace: boolean,
): Promise<ConnectionFacts> {
  if (!isUserspace) {
    const at = (name: string) => numberIn(textOf(`/proc/sys/net/netfilter/nf_conntrack_${name}`));
    return { count: at('count'), most: at('max'), isUserspace };
  }
  const socket = await controlSocketIn(runDirectory);
  const ask = async (command: string) =>
    socket === undefined
      ? undefined
      : numberIn(await askControl(socket, clock, command, 'netdev@ovs-netdev'));
  return { count: await ask('dpctl/ct-get-nconns'), most: await ask('dpctl/ct-get-maxconns'), isUserspace };
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;
}
