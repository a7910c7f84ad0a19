import type { Command } from 'commander';
import type { Walk } from '../../lab/walk.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly file?: string;
  readonly output: 'text' | 'json';
}

export function walkCommand({ terminal }: Context): Command {
  const made = command('walk', 'Follow one frame from end to end: each place, each rule, and why', [
    ['netloom walk blue1 blue2', 'in the network of the server'],
    ['netloom walk blue1 red2 --file examples/blue-red.yaml', 'in a network that is in a file'],
    ['netloom walk blue1/eth0 10.0.0.7 -o json', 'from a certain vNIC to an address, for a program'],
  ])
    .argument('<from>', 'VM or host, or one of its vNICs as NAME/NIC')
    .argument('<to>', 'the same, or an IP address')
    .option('--file <file>', 'walk in the network that this file describes; no server is needed');
  return withServer(withOutput(made, 'text', 'json')).action(
    async (from: string, to: string, options: Options, self: Command) => {
      if (options.file !== undefined && options.server !== undefined) {
        self.error('error: --file and --server exclude each other');
      }
      const walk = options.file === undefined ? await walkOnServer() : await walkInFile(options.file);
      const { formatWalk } = await import('../../lab/walk-text.ts');
      const { bold, dim } = terminal.colours;
      terminal.out(
        options.output === 'json' ? `${JSON.stringify(walk, null, 2)}\n` : formatWalk(walk, { bold, dim }),
      );

      async function walkOnServer(): Promise<Walk> {
        const { Client } = await import('../client.ts');
        return Client.of(options, terminal).post<Walk>('/api/v1/walk', { from, to });
      }

      async function walkInFile(file: string): Promise<Walk> {
        const { openLab } = await import('../open-lab.ts');
        const lab = await openLab(file, terminal);
        try {
          return await lab.walk(from, to);
        } finally {
          await lab.close();
        }
      }
    },
  );
}
