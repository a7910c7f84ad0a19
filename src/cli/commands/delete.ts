import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { ChangeSummary } from '../../controller/change.ts';
import { type Context, command, type ServerOptions, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly file?: readonly string[];
  readonly dryRun?: boolean;
  readonly message?: string;
}

export function deleteCommand({ terminal }: Context): Command {
  const made = command('delete', 'Delete objects, all of them or none', [
    ['netloom delete vm blue1 blue2', 'two virtual machines'],
    ['netloom delete subnet "Blue/Blue subnet" --dry-run', 'show what it would come to'],
    ['netloom delete -f blue-red.yaml', 'everything that a file describes'],
  ])
    .argument('[kind]', 'kind of the objects')
    .argument('[names...]', 'names of the objects')
    .option('-f, --file <file...>', 'delete what these files describe; - is standard input')
    .option('--dry-run', 'show what would change, and change nothing')
    .option('-m, --message <text>', 'why, for the journal');
  return withServer(made).action(
    async (word: string | undefined, names: readonly string[], options: Options, self: Command) => {
      if (
        (word === undefined) === (options.file === undefined) ||
        (word !== undefined && names.length === 0)
      ) {
        self.error('error: say a kind and names, or files with -f');
      }
      const { Client } = await import('../client.ts');
      const { kindOfWord, findKey } = await import('../objects.ts');
      const { readFiles, throwInput } = await import('../input.ts');
      const { changeText } = await import('../change-text.ts');
      const { reportFindings } = await import('../report.ts');
      const client = Client.of(options, terminal);
      const keys: string[] = [];
      if (word !== undefined) {
        for (const name of names) keys.push(await findKey(client, kindOfWord(word), name));
      } else {
        const parsed = await readFiles(options.file ?? [], terminal);
        throwInput(parsed.findings);
        keys.push(...parsed.objects.map(({ key }) => key));
      }
      const summary = await client.post<ChangeSummary>('/api/v1/delete', {
        objects: keys,
        dryRun: options.dryRun === true,
        requestId: randomUUID(),
        ...(options.message === undefined ? {} : { message: options.message }),
      });
      reportFindings(terminal, summary.findings);
      terminal.out(changeText(summary, terminal.colours));
    },
  );
}
