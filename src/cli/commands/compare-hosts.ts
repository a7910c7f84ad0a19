import type { Command } from 'commander';
import type { Comparison } from '../../controller/fabric/compare.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly group?: string;
  readonly output: 'table' | 'json' | 'yaml';
}

export function compareHostsCommand({ terminal }: Context): Command {
  const made = command('compare-hosts', 'Show where like hosts differ, and who is the odd one out', [
    ['netloom compare-hosts', 'each host group, its hosts among each other'],
    ['netloom compare-hosts --group "Building N"', 'the hosts of one group and of the groups in it'],
    ['netloom compare-hosts host1 host2', 'these hosts'],
  ])
    .argument('[host...]', 'names of hosts')
    .option('--group <name>', 'hosts of this host group and of the groups in it');
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (hosts: readonly string[], options: Options) => {
      const { Client } = await import('../client.ts');
      const { comparisonText } = await import('../comparison-text.ts');
      const { printed } = await import('../printed.ts');
      const query = new URLSearchParams();
      for (const host of hosts) query.append('host', host);
      if (options.group !== undefined) query.set('group', options.group);
      const { items } = await Client.of(options, terminal).get<{ items: readonly Comparison[] }>(
        `/api/v1/host-comparison?${query}`,
      );
      terminal.out(printed(items, options.output, (all) => comparisonText(all, terminal.colours)));
    },
  );
}
