import type { Command } from 'commander';
import type { EndpointView } from '../../api/probe.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly output: 'table' | 'json';
}

export function endpointsCommand({ terminal }: Context): Command {
  const made = command('endpoints', 'List what can be pinged and walked between', [
    ['netloom endpoints', 'names, addresses, hosts and networks'],
    ['netloom endpoints -o json', 'for a program'],
  ]);
  return withServer(withOutput(made, 'table', 'json')).action(async (options: Options) => {
    const { Client } = await import('../client.ts');
    const { table } = await import('../table.ts');
    const { items } = await Client.of(options, terminal).get<{ items: readonly EndpointView[] }>(
      '/api/v1/endpoints',
    );
    if (options.output === 'json') return terminal.out(`${JSON.stringify(items, null, 2)}\n`);
    const rows = items.map((e) => [e.name, e.addresses.join(', '), e.mac, e.host, e.network]);
    return terminal.out(table(['NAME', 'ADDRESSES', 'MAC', 'HOST', 'NETWORK'], rows, terminal.colours));
  });
}
