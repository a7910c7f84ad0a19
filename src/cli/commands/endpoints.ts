import type { Command } from 'commander';
import type { EndpointView } from '../../api/probe.ts';
import type { Finding } from '../../base/error.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly output: 'table' | 'json' | 'yaml';
}

export function endpointsCommand({ terminal }: Context): Command {
  const made = command('endpoints', 'List what can be pinged and walked between', [
    ['netloom endpoints', 'names, addresses, hosts and networks'],
    ['netloom endpoints -o json', 'for a program'],
  ]);
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(async (options: Options) => {
    const { Client } = await import('../client.ts');
    const { reportFindings } = await import('../report.ts');
    const { printed } = await import('../printed.ts');
    const { table } = await import('../table.ts');
    const client = Client.of(options, terminal);
    const { items } = await client.get<{
      items: readonly (Omit<EndpointView, 'host'> & { host?: string })[];
    }>('/api/v1/endpoints');
    const { warnings } = await client.get<{ warnings: readonly Finding[] }>('/api/v1/status');
    reportFindings(
      terminal,
      warnings.filter(({ code }) => code === 'address-conflict'),
    );
    // Users of a tenant are not told hosts.
    const withHosts = items.some(({ host }) => host !== undefined);
    const host = (text = '') => (withHosts ? [text] : []);
    const rows = items.map((e) => [e.name, e.addresses.join(', '), e.mac, ...host(e.host), e.network]);
    const titles = ['NAME', 'ADDRESSES', 'MAC', ...host('HOST'), 'NETWORK'];
    const words = () =>
      table(titles, rows, terminal.colours) || 'There are none: no host vNIC and no VM is connected.\n';
    terminal.out(printed(items, options.output, words));
  });
}
