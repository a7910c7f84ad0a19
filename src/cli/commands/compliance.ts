import type { Command } from 'commander';
import type { HostCompliance } from '../../controller/fabric/compliance.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly check?: boolean;
  readonly output: 'table' | 'json' | 'yaml';
}

export function complianceCommand({ terminal }: Context): Command {
  const made = command('compliance', 'Show how far hosts are as they should be', [
    ['netloom compliance', 'all hosts, and what is not as it should be'],
    ['netloom compliance host1', 'one host, part by part'],
    ['netloom compliance --check', 'look now, and not at what was found last'],
    ['netloom compliance -o json', 'for a program'],
  ])
    .argument('[host...]', 'names of hosts; all of them when left out')
    .option('--check', 'let the agents look now');
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (hosts: readonly string[], options: Options) => {
      const { Client } = await import('../client.ts');
      const { complianceText, partsText } = await import('../compliance-text.ts');
      const { printed } = await import('../printed.ts');
      const query = new URLSearchParams();
      for (const host of hosts) query.append('host', host);
      if (options.check) query.set('check', 'true');
      const { items } = await Client.of(options, terminal).get<{ items: readonly HostCompliance[] }>(
        `/api/v1/compliance?${query}`,
      );
      const text = printed(items, options.output, (all) =>
        hosts.length === 1 && all[0]
          ? partsText(all[0], terminal.colours)
          : complianceText(all, terminal.colours),
      );
      terminal.out(text);
    },
  );
}
