/** Connection tracking, which stateful port ACLs need: is there room? */
import { type Check, failed, ok, unknown, warned } from './check.ts';

export interface ConnectionFacts {
  readonly count: number | undefined;
  readonly most: number | undefined;
  readonly isUserspace: boolean;
}

export function judgeConnections({ count, most, isUserspace }: ConnectionFacts): Check {
  const name = 'connection-tracking';
  const raise = isUserspace
    ? 'ovs-appctl dpctl/ct-set-maxconns N'
    : 'sysctl net.netfilter.nf_conntrack_max=N';
  if (count === undefined || most === undefined)
    return unknown(
      name,
      'How many connections are tracked could not be asked.',
      'It is asked of the running switch; start it.',
    );
  const words = `${count} of ${most} connections are tracked.`;
  if (count >= most)
    return failed(
      name,
      `${words} New ones are dropped on ports with stateful rules.`,
      `Raise the limit: ${raise}`,
    );
  if (count >= most * 0.8) return warned(name, words, `Raise the limit: ${raise}`);
  return ok(name, words);
}
