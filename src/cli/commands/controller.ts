import type { Command } from 'commander';
import { type Context, command, withApi } from '../context.ts';
import { DEFAULT_AGENTS, DEFAULT_LISTEN } from '../place.ts';

interface Options {
  readonly data?: string;
  readonly listen: string;
  readonly agents: string;
  readonly agentsUrl?: string;
  readonly oidc?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

export function controllerCommand({ terminal }: Context): Command {
  const made = command(
    'controller',
    'Run the controller of real hosts: its database, the API, and a listener for agents',
    [
      ['netloom controller', 'agents on this machine only'],
      ['netloom controller --agents 192.0.2.10:7301', 'agents on the network'],
      [
        'netloom controller --agents [::]:7301 --agents-url https://ctl.example:7301',
        'as join tokens are to say it',
      ],
      [
        'netloom controller --agents unix:/run/netloom-controller/agents.sock',
        'a program of yours passes connections on',
      ],
      [
        'netloom controller --listen ctl.example:7300 --tls-cert ctl.crt --tls-key ctl.key',
        'the API on the network',
      ],
    ],
  );
  return withApi(made, DEFAULT_LISTEN)
    .option('--agents <where>', 'where agents connect: HOST:PORT, or unix: and a path', DEFAULT_AGENTS)
    .option('--agents-url <url>', 'how agents reach that, for join tokens: https://HOST:PORT')
    .action(async ({ agents, agentsUrl, ...options }: Options, self: Command) => {
      if (agentsUrl !== undefined && !/^https:\/\/[^/\s]+$/.test(agentsUrl))
        self.error('error: --agents-url is written https://HOST:PORT');
      const { dataDirectory } = await import('../place.ts');
      const { serve } = await import('../serve.ts');
      const { openControllerServer } = await import('../serve-controller.ts');
      const data = dataDirectory(options.data, terminal.env);
      await serve({ ...options, data }, terminal, (store) =>
        openControllerServer(
          store,
          { data, agents, ...(agentsUrl === undefined ? {} : { agentsUrl }) },
          terminal,
        ),
      );
    });
}
