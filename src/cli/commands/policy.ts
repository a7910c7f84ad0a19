/** `netloom policy get`. */
import { Argument, type Command } from 'commander';
import type { HostPolicyView } from '../../api/policy.ts';
import { KIND_ORDER } from '../../policy/order.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly output: 'table' | 'wide' | 'yaml' | 'json';
}

export function policyCommand(context: Context): Command {
  return command('policy', 'Look at the policy records of hosts', [
    ['netloom policy get host1', 'everything that host1 holds'],
    ['netloom policy get host1 route', 'its customer routes'],
  ]).addCommand(getCommand(context));
}

function getCommand({ terminal }: Context): Command {
  const made = command('get', 'Show the policy records that a host holds', [
    ['netloom policy get host1', 'a table for each kind of record'],
    ['netloom policy get host1 lookup route', 'lookup records and customer routes'],
    ['netloom policy get host1 port -o wide', 'all columns, and the object that each record came from'],
    ['netloom policy get host1 -o yaml > host1.yaml', 'for "netloom try --policy"; docs/records.md'],
  ])
    .argument('<host>', 'name of the host')
    .addArgument(
      new Argument('[kind...]', 'kinds of records; all of them when left out').choices(KIND_ORDER),
    );
  return withServer(withOutput(made, 'table', 'wide', 'yaml', 'json')).action(
    async (host: string, kinds: readonly string[], options: Options) => {
      const { Client } = await import('../client.ts');
      const { objectPath } = await import('../../api/paths.ts');
      const query = new URLSearchParams(kinds.map((kind): [string, string] => ['kind', kind]));
      const policy = await Client.of(options, terminal).get<HostPolicyView>(
        `${objectPath(`Host/${host}`)}/policy?${query}`,
      );
      if (options.output === 'json') return terminal.out(`${JSON.stringify(policy, null, 2)}\n`);
      if (options.output === 'yaml') {
        const { writeRecords } = await import('../../lab/by-hand/write.ts');
        return terminal.out(writeRecords(host, policy.records));
      }
      const { policyText } = await import('../policy-text.ts');
      terminal.out(policyText(policy, options.output === 'wide', terminal.colours));
      if (policy.records.length === 0) {
        const what =
          kinds.length > 0 ? ` of the ${kinds.length === 1 ? 'kind' : 'kinds'} ${kinds.join(', ')}` : '';
        terminal.err(`${host} holds no records${what}.\n`);
      }
    },
  );
}
