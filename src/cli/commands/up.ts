import { type Command, Option } from 'commander';
import { type Context, command } from '../context.ts';
import { DEFAULT_LISTEN } from '../place.ts';

interface Options {
  readonly data?: string;
  readonly listen: string;
  readonly sample: 'campus' | 'blue-red' | 'none';
  readonly oidc?: string;
}

export function upCommand({ terminal }: Context): Command {
  return command('up', 'Run the controller, its database, the API, and hosts in this process', [
    ['netloom up', 'on the data in ~/.local/share/netloom'],
    ['netloom up --sample campus', 'with a sample network to look at, if there is none yet'],
    ['netloom up --oidc oidc.yaml', 'people log in with their account elsewhere'],
    ['netloom up --data ./lab --listen 127.0.0.1:7400', 'a second one, on other data'],
  ])
    .option('--data <dir>', 'data directory (NETLOOM_DATA; default: ~/.local/share/netloom)')
    .option('--listen <host:port>', 'address of the API; port 0 takes any free one', DEFAULT_LISTEN)
    .addOption(
      new Option('--sample <name>', 'network to begin with, where there is none yet')
        .choices(['campus', 'blue-red', 'none'])
        .default('none'),
    )
    .option('--oidc <file>', 'log people in at an OpenID Connect provider, as this file says')
    .action(async (options: Options) => {
      const { dataDirectory } = await import('../place.ts');
      const { serve } = await import('../serve.ts');
      await serve({ ...options, data: dataDirectory(options.data, terminal.env) }, terminal);
    });
}
