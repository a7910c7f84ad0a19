import type { Command } from 'commander';
import type { Finding } from '../../base/error.ts';
import type { Remediated } from '../../controller/fabric/remediate.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly output: 'table' | 'json' | 'yaml';
}

interface Answer {
  readonly job?: number;
  readonly summary?: string;
  readonly findings: readonly Finding[];
  readonly hosts: readonly Remediated[];
}

export function remediateCommand({ terminal, finish }: Context): Command {
  const made = command(
    'remediate',
    'Make hosts as they should be: repair what was changed behind Netloom’s back',
    [
      ['netloom remediate host1', 'repair one host'],
      ['netloom remediate --all --dry-run', 'look at all hosts, and say what would be repaired'],
      ['netloom remediate --all', 'repair all hosts'],
    ],
  )
    .argument('[host...]', 'names of hosts')
    .option('--all', 'all hosts')
    .option('--dry-run', 'look, and change nothing');
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (hosts: readonly string[], options: Options) => {
      const { Client } = await import('../client.ts');
      const { complianceText, repairedText } = await import('../compliance-text.ts');
      const { printed } = await import('../printed.ts');
      const { reportFindings } = await import('../report.ts');
      const answer = await Client.of(options, terminal).post<Answer>('/api/v1/remediate', {
        hosts,
        all: options.all === true,
        dryRun: options.dryRun === true,
      });
      terminal.out(
        printed(answer, options.output, ({ hosts: results, summary }) =>
          options.dryRun
            ? complianceText(results, terminal.colours)
            : `${repairedText(results, terminal.colours)}${summary ?? ''}\n`,
        ),
      );
      if (options.output === 'table') reportFindings(terminal, answer.findings);
      if (answer.findings.length > 0) finish(1);
    },
  );
}
