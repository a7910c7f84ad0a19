/** What commands are made with, and the options that several of them have. */
import { Command, Option } from 'commander';
import type { Terminal } from './terminal.ts';

export interface Context {
  readonly terminal: Terminal;
  /** What the program ends with if nothing is thrown: 0 done, 1 refused or failed; of a command that was run, its own. */
  finish(code: number): void;
}

/** Where the server is; see place.ts. */
export interface ServerOptions {
  readonly server?: string;
  readonly data?: string;
}

export type Output = 'table' | 'wide' | 'json' | 'yaml' | 'text';

/** A command with its examples under its help: the command line, and what it does. */
export function command(
  name: string,
  summary: string,
  examples: readonly (readonly [string, string])[],
): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, what]) => `  $ ${line.padEnd(width)}   # ${what}`);
  return new Command(name)
    .summary(summary)
    .description(`${summary}.`)
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}\n`);
}

export function withServer(made: Command): Command {
  return made
    .option(
      '--server <url>',
      'the server to talk to (NETLOOM_SERVER; default: the one of the data directory)',
    )
    .option('--data <dir>', 'data directory of the server, where its token is (NETLOOM_DATA)');
}

/** Of what serves the API. */
export function withApi(made: Command, listen: string): Command {
  return made
    .option('--data <dir>', 'data directory (NETLOOM_DATA; default: ~/.local/share/netloom)')
    .option('--listen <host:port>', 'address of the API; port 0 takes any free one', listen)
    .option('--tls-cert <file>', 'certificate of the API (PEM): it is spoken over TLS alone')
    .option('--tls-key <file>', 'the key of that certificate (PEM), which nobody else may read')
    .option('--oidc <file>', 'log people in at an OpenID Connect provider, as this file says');
}

export function withOutput(made: Command, ...forms: readonly Output[]): Command {
  return made.addOption(new Option('-o, --output <form>', 'how to show it').choices(forms).default(forms[0]));
}
