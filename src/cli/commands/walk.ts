import type { Command } from 'commander';
import type { LiveNetwork } from '../../lab/live-network.ts';
import type { Walk } from '../../lab/walk.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';
import { type VersionOptions, versionOf, withVersion } from '../ip-version.ts';

interface Options extends ServerOptions, VersionOptions {
  readonly file?: string;
  readonly policy?: string;
  readonly output: 'text' | 'json' | 'yaml';
}

export function walkCommand({ terminal }: Context): Command {
  const made = command('walk', 'Follow one frame from end to end: each place, each rule, and why', [
    ['netloom walk blue1 blue2', 'in the network of the server'],
    ['netloom walk blue1 red2 --file examples/blue-red.yaml', 'in a network that is in a file'],
    ['netloom walk Blue1 Blue2 --policy examples/blue-red-by-hand.yaml', 'on hosts with these records'],
    ['netloom walk blue1/eth0 10.0.0.7 -o json', 'from a certain vNIC to an address, for a program'],
  ])
    .argument('<from>', 'VM or host, or one of its vNICs as NAME/NIC')
    .argument('<to>', 'the same, or an IP address')
    .option('--file <file>', 'walk in the network that this file describes; no server is needed')
    .option(
      '--policy <file>',
      'walk on hosts that have the policy records of this file; no server is needed',
    );
  return withServer(withOutput(withVersion(made), 'text', 'json', 'yaml')).action(
    async (from: string, to: string, options: Options, self: Command) => {
      const { file, policy, server } = options;
      if ([file, policy, server].filter((each) => each !== undefined).length > 1) {
        self.error('error: --file, --policy and --server exclude each other');
      }
      const walk = await (file === undefined && policy === undefined ? walkOnServer() : walkHere());
      const { formatWalk } = await import('../../lab/walk-text.ts');
      const { printed } = await import('../printed.ts');
      const { bold, dim } = terminal.colours;
      terminal.out(printed(walk, options.output, () => formatWalk(walk, { bold, dim })));

      async function walkOnServer(): Promise<Walk> {
        const { Client } = await import('../client.ts');
        return Client.of(options, terminal).post<Walk>('/api/v1/walk', { from, to, ...versionOf(options) });
      }

      async function walkHere(): Promise<Walk> {
        const lab = await openHere();
        try {
          return await lab.walk(from, to, versionOf(options));
        } finally {
          await lab.close();
        }
      }

      async function openHere(): Promise<LiveNetwork> {
        if (file !== undefined) return (await import('../open-lab.ts')).openLab(file, terminal);
        return (await import('../open-policy.ts')).openPolicy(policy ?? '', terminal);
      }
    },
  );
}
