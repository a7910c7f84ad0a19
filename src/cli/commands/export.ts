import type { Command } from 'commander';
import type { JsonObject } from '../../base/json.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly file?: string;
  readonly withAllocations?: boolean;
  readonly output: 'yaml' | 'json';
}

export function exportCommand({ terminal }: Context): Command {
  const made = command('export', 'Write down the whole description, as it can be applied again', [
    ['netloom export -f campus.yaml', 'everything, into a file'],
    ['netloom export vm subnet pool', 'some kinds, to standard output'],
    [
      'netloom export --with-allocations -f rebuild.yaml',
      'with the addresses, MACs, VSIDs that were handed out',
    ],
  ])
    .argument('[kind...]', 'kinds: vm, VirtualMachine, virtual-machines …; left out: all')
    .option('-f, --file <file>', 'file to write; left out: standard output')
    .option('--with-allocations', 'fix what was handed out, so that another system hands out the same');
  return withServer(withOutput(made, 'yaml', 'json')).action(
    async (words: readonly string[], options: Options) => {
      const { Client } = await import('../client.ts');
      const { kindOfWord } = await import('../objects.ts');
      const { exportText } = await import('../export-text.ts');
      const query = new URLSearchParams();
      for (const word of words) query.append('kind', kindOfWord(word));
      if (options.withAllocations) query.set('allocations', 'true');
      const { objects } = await Client.of(options, terminal).get<{ objects: readonly JsonObject[] }>(
        `/api/v1/export?${query}`,
      );
      const text =
        options.output === 'json' ? `${JSON.stringify(objects, null, 2)}\n` : await exportText(objects);
      if (options.file === undefined) return terminal.out(text);
      const { writeOutput } = await import('../output-file.ts');
      writeOutput(options.file, text, '--file');
      terminal.err(`${objects.length} objects written to ${options.file}.\n`);
    },
  );
}
