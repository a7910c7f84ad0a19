import { type Command, Option } from 'commander';
import { type Context, command, withApi } from '../context.ts';
import { DEFAULT_LISTEN } from '../place.ts';

interface Options {
  readonly data?: string;
  readonly listen: string;
  readonly sample: 'campus' | 'blue-red' | 'none';
  readonly oidc?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

export function upCommand({ terminal }: Context): Command {
  const made = command('up', 'Run the controller, its database, the API, and hosts in this process', [
    ['netloom up', 'on the data in ~/.local/share/netloom'],
    ['netloom up --sample campus', 'with a sample network to look at, if there is none yet'],
    ['netloom up --oidc oidc.yaml', 'people log in with their account elsewhere'],
    ['netloom up --data ./lab --listen 127.0.0.1:7400', 'a second one, on other data'],
  ]);
  return withApi(made, DEFAULT_LISTEN)
    .addOption(
      new Option('--sample <name>', 'network to begin with, where there is none yet')
        .choices(['campus', 'blue-red', 'none'])
        .default('none'),
    )
    .action(async (options: Options) => {
      const { dataDirectory } = await import('../place.ts');
      const { serve } = await import('../serve.ts');
      const { openLabServer } = await import('../serve-lab.ts');
      const { sample, ...rest } = options;
      await serve({ ...rest, data: dataDirectory(options.data, terminal.env) }, terminal, (store) =>
        openLabServer(store, sample, terminal),
      );
    });
}
