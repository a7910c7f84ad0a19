import type { Command } from 'commander';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';
import type { Drop, PortCounter, Told } from '../counted-text.ts';

interface Options extends ServerOptions {
  readonly drops?: true;
  readonly output: 'table' | 'json' | 'yaml';
}

export function countersCommand({ terminal }: Context): Command {
  const made = command('counters', 'List what went through ports, or what rules have dropped', [
    ['netloom counters', 'of all ports: vNICs, NICs of uplinks, provider addresses, tunnels'],
    ['netloom counters blue1', 'of one VM'],
    ['netloom counters host1 -o json', 'of one host, for a program'],
    ['netloom counters host1 --drops', 'what rules have dropped there, and why'],
  ])
    .argument('[name]', 'a VM or a host')
    .option('--drops', 'what rules have dropped, and why (administrators only)')
    .addHelpText(
      'after',
      '\nIN is what came into the virtual switch by the port: what a machine sent. LOST is what was broken, or went no further.\n',
    );
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (name: string | undefined, options: Options) => {
      const { Client } = await import('../client.ts');
      const { dropsText, missingText, portsText } = await import('../counted-text.ts');
      const { printed } = await import('../printed.ts');
      const client = Client.of(options, terminal);
      const query = name === undefined ? '' : `?of=${encodeURIComponent(name)}`;
      const { items, drops, ...told } = await client.get<
        Told<PortCounter> & { readonly drops?: readonly Drop[] }
      >(`/api/v1/counters${query}`);
      terminal.err(missingText(told));
      const { colours } = terminal;
      if (!options.drops)
        return terminal.out(printed(items, options.output, () => portsText(items, colours)));
      const words = () =>
        drops ? dropsText(drops, colours) : 'Only an administrator is told what was dropped.\n';
      terminal.out(printed(drops ?? [], options.output, words));
    },
  );
}
