import type { Command } from 'commander';
import type { EndpointView } from '../../api/probe.ts';
import { type Context, command, type ServerOptions, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly address: string;
}

export function guestCommand({ terminal, finish }: Context): Command {
  const made = command('guest', 'Play the administrator inside a guest that runs in the server', [
    [
      'netloom guest test01 --address 10.10.1.122/16',
      'set an address by hand, in the place of what DHCP gave',
    ],
    ['netloom guest blue1/eth1 --address 10.0.0.9/24', 'on one NIC of several'],
  ])
    .argument('<endpoint>', 'VM, or one of its vNICs, as "netloom endpoints" lists them')
    .requiredOption('--address <address/length>', 'address and prefix length');
  return withServer(made).action(async (endpoint: string, options: Options, self: Command) => {
    const [, address, length] = /^([0-9a-f:.]+)\/(\d{1,3})$/i.exec(options.address) ?? [];
    if (address === undefined)
      self.error('error: say the address with its prefix length: --address 10.10.1.122/16');
    const { Client } = await import('../client.ts');
    const view = await Client.of(options, terminal).post<EndpointView>('/api/v1/guest-address', {
      endpoint,
      address,
      prefixLength: Number(length),
    });
    const has = view.addresses.join(', ') || 'no address';
    if (view.addresses.includes(address)) return terminal.out(`${view.name} has ${has}.\n`);
    finish(1);
    terminal.err(
      `${view.name} does not have ${address}, because somebody on its network has it; it has ${has}. See "netloom endpoints".\n`,
    );
  });
}
