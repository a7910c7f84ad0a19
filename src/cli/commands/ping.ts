import type { Command } from 'commander';
import type { PingView } from '../../api/probe.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';
import { type VersionOptions, versionOf, withVersion } from '../ip-version.ts';

interface Options extends ServerOptions, VersionOptions {
  readonly count: string;
  readonly output: 'table' | 'json' | 'yaml';
}

export function pingCommand({ terminal, finish }: Context): Command {
  const made = command(
    'ping',
    'Ping from one VM or host to another, with real frames; ends with 1 without an answer',
    [
      ['netloom ping blue1 blue2', 'from one VM to another'],
      ['netloom ping app-db01/eth1 10.20.1.101', 'from a certain vNIC to an address'],
      ['netloom ping cloud-pm-cn01/Management cloud-pm-cn02/Management -c 3', 'between hosts'],
      ['netloom ping web1 web2 -6', 'by IPv6'],
    ],
  )
    .argument('<from>', 'VM or host, or one of its vNICs as NAME/NIC')
    .argument('<to>', 'the same, or an IP address')
    .option('-c, --count <number>', 'how many, up to 20', '1');
  return withServer(withOutput(withVersion(made), 'table', 'json', 'yaml')).action(
    async (from: string, to: string, options: Options, self: Command) => {
      if (!/^(?:[1-9]|1\d|20)$/.test(options.count)) self.error('error: the count is a number from 1 to 20');
      const { Client } = await import('../client.ts');
      const { pingTable } = await import('../ping-text.ts');
      const { printed } = await import('../printed.ts');
      const result = await Client.of(options, terminal).post<PingView>('/api/v1/ping', {
        from,
        to,
        count: Number(options.count),
        ...versionOf(options),
      });
      terminal.out(printed(result, options.output, () => pingTable([result], terminal.colours)));
      // As ping(8) does.
      finish(result.received > 0 ? 0 : 1);
    },
  );
}
