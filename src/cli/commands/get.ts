import type { Command } from 'commander';
import type { JsonObject } from '../../base/json.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly output: 'table' | 'wide' | 'json' | 'yaml';
}

export function getCommand({ terminal }: Context): Command {
  const made = command('get', 'Show objects of a kind; without a kind, list the kinds', [
    ['netloom get', 'which kinds there are, and their words'],
    ['netloom get vm', 'all virtual machines'],
    ['netloom get subnet "Blue/Blue subnet" -o yaml', 'one object, as it can be applied again'],
    ['netloom get hosts -o wide', 'with more columns'],
  ])
    .argument('[kind]', 'kind: vm, VirtualMachine, virtual-machines …')
    .argument('[name]', 'name of one object');
  return withServer(withOutput(made, 'table', 'wide', 'json', 'yaml')).action(
    async (word: string | undefined, name: string | undefined, options: Options) => {
      if (word === undefined) return terminal.out(await kindList(terminal.colours));
      const { Client } = await import('../client.ts');
      const { kindOfWord, findObject, listObjects } = await import('../objects.ts');
      const kind = kindOfWord(word);
      const client = Client.of(options, terminal);
      const objects =
        name === undefined ? await listObjects(client, kind) : [await findObject(client, kind, name)];
      switch (options.output) {
        case 'json':
          return terminal.out(`${JSON.stringify(name === undefined ? objects : objects[0], null, 2)}\n`);
        case 'yaml':
          return terminal.out(await yamlOf(objects));
        default: {
          const { noneText, tableOf } = await import('../columns.ts');
          const { table } = await import('../table.ts');
          const { titles, rows } = tableOf(kind, objects, options.output === 'wide');
          if (rows.length === 0) terminal.err(noneText(kind));
          return terminal.out(table(titles, rows, terminal.colours));
        }
      }
    },
  );
}

async function yamlOf(objects: readonly JsonObject[]): Promise<string> {
  const { stringify } = await import('yaml');
  return objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n');
}

async function kindList(colours: Context['terminal']['colours']): Promise<string> {
  const { KIND_NAMES } = await import('../../model/definition.ts');
  const { kindOf } = await import('../../model/kinds.ts');
  const { table } = await import('../table.ts');
  const rows = KIND_NAMES.map((kind) => {
    const { plural, short, summary } = kindOf(kind);
    return [kind, [plural, ...short].join(', '), summary];
  });
  return table(['KIND', 'WORDS', 'WHAT IT IS'], rows, colours);
}
