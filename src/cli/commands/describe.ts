import type { Command } from 'commander';
import type { CommitSummary } from '../../api/journal.ts';
import type { JsonObject } from '../../base/json.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly output: 'text' | 'json' | 'yaml';
}

export function describeCommand({ terminal }: Context): Command {
  const made = command(
    'describe',
    'Show everything about one object: what was said, what became of it, who changed it',
    [
      ['netloom describe vm blue1', 'addresses, MAC, VSID, switch of each vNIC'],
      ['netloom describe host host1', 'its agent, its provider addresses'],
      ['netloom describe pool "VmSubnet/AAA/test/CA Pool"', 'how many addresses are left'],
      ['netloom describe vm blue1 -o json', 'for a program'],
    ],
  )
    .argument('<kind>', 'kind: vm, VirtualMachine, virtual-machines …')
    .argument('<name>', 'name of the object');
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (word: string, name: string, options: Options) => {
      const { Client } = await import('../client.ts');
      const { kindOfWord, findObject, findKey } = await import('../objects.ts');
      const { historyText } = await import('../history-text.ts');
      const { printed } = await import('../printed.ts');
      const kind = kindOfWord(word);
      const client = Client.of(options, terminal);
      const object = await findObject(client, kind, name);
      const key = await findKey(client, kind, name);
      const history = await client.get<{ items: readonly CommitSummary[] }>(
        `/api/v1/history?limit=5&object=${encodeURIComponent(key)}`,
      );
      if (options.output !== 'text')
        return terminal.out(printed({ ...object, history: history.items }, options.output, () => ''));
      const { meta, status, ...fields } = object;
      const { bold } = terminal.colours;
      terminal.out(`${bold(key)}\n\n`);
      terminal.out(await section(fields));
      if (meta !== undefined) terminal.out(`\n${bold('Meta')}\n${await section(meta)}`);
      if (status !== undefined && Object.keys(status as JsonObject).length > 0)
        terminal.out(`\n${bold('Status')}\n${await section(status)}`);
      if (history.items.length > 0)
        terminal.out(`\n${bold('Latest changes')}\n${historyText(history.items, terminal.colours)}`);
    },
  );
}

async function section(value: unknown): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(value, { aliasDuplicateObjects: false }).replace(/^/gm, '  ').trimEnd().concat('\n');
}
