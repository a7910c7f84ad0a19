import type { Command } from 'commander';
import { type Context, command } from '../context.ts';
import { type ChangeOptions, withChange } from '../submit-change.ts';

interface Options extends ChangeOptions {
  readonly file?: readonly string[];
}

export function deleteCommand(context: Context): Command {
  const { terminal } = context;
  const made = command('delete', 'Delete objects, all of them or none', [
    ['netloom delete vm blue1 blue2', 'two virtual machines'],
    ['netloom delete subnet "Blue/Blue subnet" --dry-run', 'show what it would come to'],
    ['netloom delete -f blue-red.yaml', 'everything that a file describes'],
  ])
    .argument('[kind]', 'kind of the objects')
    .argument('[names...]', 'names of the objects')
    .option('-f, --file <file...>', 'delete what these files describe; - is standard input');
  return withChange(made).action(
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
      const { submitChange } = await import('../submit-change.ts');
      const client = Client.of(options, terminal);
      const keys: string[] = [];
      if (word !== undefined) {
        for (const name of names) keys.push(await findKey(client, kindOfWord(word), name));
      } else {
        const parsed = await readFiles(options.file ?? [], terminal);
        throwInput(parsed.findings);
        keys.push(...parsed.objects.map(({ key }) => key));
      }
      await submitChange(client, '/api/v1/delete', { objects: keys }, options, context);
    },
  );
}
