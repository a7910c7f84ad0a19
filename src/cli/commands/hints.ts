import type { Command } from 'commander';
import type { Finding } from '../../base/error.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly output: 'table' | 'json' | 'yaml';
}

export function hintsCommand({ terminal }: Context): Command {
  const made = command('hints', 'Show what works and could be better: NICs, teams, MTU, VLANs, pools', [
    ['netloom hints', 'each with what to do'],
    ['netloom hints -o json', 'for a program'],
  ]);
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(async (options: Options) => {
    const { Client } = await import('../client.ts');
    const { printed } = await import('../printed.ts');
    const { items } = await Client.of(options, terminal).get<{ items: readonly Finding[] }>('/api/v1/hints');
    const { bold, dim, yellow } = terminal.colours;
    const words = (all: readonly Finding[]) =>
      all
        .map(
          ({ code, path, message, remedy }) =>
            `${bold(path)} ${yellow(`[${code}]`)}\n  ${message}\n  ${dim(remedy)}\n`,
        )
        .join('\n') || 'There are none.\n';
    terminal.out(printed(items, options.output, words));
  });
}
