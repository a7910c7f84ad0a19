/** `netloom host`. */
import type { Command } from 'commander';
import type { FailoverSummary } from '../../controller/migration/failover.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';
import {
  certificatesCommand,
  revokeCommand,
  revokeTokenCommand,
  tokenCommand,
  tokensCommand,
} from './host-identity.ts';

interface FailoverOptions extends ServerOptions {
  readonly to?: string;
  readonly vm?: readonly string[];
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly output: 'text' | 'json' | 'yaml';
}

export function hostCommand(context: Context): Command {
  return command('host', 'Act on a host', [
    ['netloom host token host1', 'what the host joins this controller with'],
    ['netloom host certificates', 'who has joined, and until when that is good'],
    ['netloom host revoke host1', 'it is not believed any more'],
    ['netloom host failover host1 --dry-run', 'show where its VMs would be placed'],
    ['netloom host failover host1', 'the host is dead: place its VMs elsewhere'],
  ])
    .addCommand(tokenCommand(context))
    .addCommand(tokensCommand(context))
    .addCommand(revokeTokenCommand(context))
    .addCommand(certificatesCommand(context))
    .addCommand(revokeCommand(context))
    .addCommand(failoverCommand(context));
}

function failoverCommand({ terminal, finish }: Context): Command {
  const made = command('failover', 'Place the VMs of a dead host elsewhere, with their addresses', [
    ['netloom host failover host1', 'each where there is most room'],
    ['netloom host failover host1 --to host2 --vm shop till', 'two of them, to host2'],
    ['netloom host failover host1 --dry-run', 'show where they would be placed, and change nothing'],
  ])
    .argument('<host>', 'host that is dead')
    .option('--to <host>', 'where to; left out, the least loaded host that takes the VM')
    .option('--vm <name...>', 'only these VMs')
    .option('--force', 'although the agent of the host is connected')
    .option('--dry-run', 'show where they would be placed, and change nothing');
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (host: string, options: FailoverOptions) => {
      const { Client } = await import('../client.ts');
      const { objectPath } = await import('../../api/paths.ts');
      const { failoverText } = await import('../migration-text.ts');
      const { reportFindings } = await import('../report.ts');
      const { to, vm, force, dryRun, output } = options;
      const summary = await Client.of(options, terminal).post<FailoverSummary>(
        `${objectPath(`Host/${host}`)}/failover`,
        {
          ...(to === undefined ? {} : { to }),
          ...(vm === undefined ? {} : { vms: vm }),
          ...(force ? { force } : {}),
          ...(dryRun ? { dryRun } : {}),
        },
      );
      reportFindings(terminal, [...summary.findings, ...summary.left.flatMap(({ findings }) => findings)]);
      if (summary.left.length > 0) finish(1);
      if (output === 'json') return terminal.out(`${JSON.stringify(summary, null, 2)}\n`);
      if (output === 'yaml') {
        const { stringify } = await import('yaml');
        return terminal.out(stringify(summary, { aliasDuplicateObjects: false }));
      }
      return terminal.out(failoverText(summary, terminal.colours));
    },
  );
}
