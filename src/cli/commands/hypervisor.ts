/** `netloom hypervisor`: what a host's hypervisor calls, so that the links of taps say where a VM runs. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { type Context, command } from '../context.ts';

export function hypervisorCommand(context: Context): Command {
  return command('hypervisor', 'Let the links of taps say where a VM runs, on a host with QEMU', [
    [
      'netloom hypervisor follow --qmp /run/qmp/web.sock --tap tap-3f2504e0',
      'beside a QEMU that you start yourself',
    ],
    ['netloom hypervisor libvirt-hook web started begin - < web.xml', 'what the hook of libvirt runs'],
  ])
    .addCommand(followCommand(context))
    .addCommand(libvirtHookCommand(context));
}

interface FollowOptions {
  readonly qmp: string;
  readonly tap: readonly string[];
}

function followCommand({ terminal }: Context): Command {
  return command(
    'follow',
    'Follow a machine of QEMU until it ends: its taps are up where it runs, and only there',
    [
      [
        'netloom hypervisor follow --qmp /run/qmp/web.sock --tap tap-3f2504e0',
        'as root, on the host of the machine',
      ],
    ],
  )
    .requiredOption('--qmp <socket>', 'QMP socket of its own (-qmp unix:PATH,server=on,wait=off)')
    .requiredOption('--tap <name...>', 'the taps of its NICs')
    .action(async ({ qmp, tap }: FollowOptions, self: Command) => {
      const wrong = tap.find((name) => !/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/u.test(name));
      if (wrong !== undefined) self.error(`error: ${JSON.stringify(wrong)} is not the name of an interface`);
      const { followLinks } = await import('../../host/hypervisor/follow-links.ts');
      const { TapLinks } = await import('../../host/hypervisor/tap-links.ts');
      const links = new TapLinks(tap);
      try {
        const { client, done } = await followLinks(qmp, {
          setLinks: async (link) => {
            await links.set(link);
            terminal.out(`${tap.join(', ')} ${link}\n`);
          },
          onTrouble: (error) => terminal.err(`${error.message}\n`),
        });
        void terminal.interrupted().then(() => client.close());
        await done;
      } finally {
        const said = await links.close();
        if (said) terminal.err(`${said}\n`);
      }
    });
}

function libvirtHookCommand({ terminal }: Context): Command {
  return command(
    'libvirt-hook',
    'What /etc/libvirt/hooks/qemu.d/netloom runs; the XML of the domain is standard input',
    [
      [
        'netloom hypervisor libvirt-hook web start begin - < web.xml',
        'takes the taps down, before QEMU starts',
      ],
      ['netloom hypervisor libvirt-hook web started begin - < web.xml', 'follows the machine from now on'],
    ],
  )
    .argument('<domain>', 'name of the domain')
    .argument('<operation>', 'prepare, start, started, stopped, release, migrate …')
    .argument('[more...]', 'what libvirt says besides')
    .action(async (_domain: string, operation: string) => {
      if (operation !== 'start' && operation !== 'started') return;
      const { domainOf } = await import('../../host/hypervisor/libvirt-domain.ts');
      const { taps, qmp } = domainOf(await text(process.stdin));
      // A machine that nobody can follow keeps the links that libvirt gives it.
      if (taps.length === 0 || qmp === undefined) return;
      if (operation === 'start') {
        const { TapLinks } = await import('../../host/hypervisor/tap-links.ts');
        const links = new TapLinks(taps);
        await links.set('down');
        const said = await links.close();
        if (said) terminal.err(`${said}\n`);
        return;
      }
      // libvirt waits for its hooks, and this goes on as long as the machine.
      const [program = ''] = process.argv.slice(1);
      const args = [program, 'hypervisor', 'follow', '--qmp', qmp, ...taps.flatMap((tap) => ['--tap', tap])];
      spawn(process.execPath, args, { detached: true, stdio: 'ignore' }).unref();
    });
}
