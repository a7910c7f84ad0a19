/** `netloom vm plug-info`. */
import { type Command, Option } from 'commander';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

const FORMATS = ['libvirt', 'qemu', 'taps', 'incus'] as const;

interface Options extends ServerOptions {
  readonly for?: (typeof FORMATS)[number];
  readonly output: 'text' | 'json' | 'yaml';
}

export function plugInfoCommand({ terminal }: Context): Command {
  const made = command('plug-info', 'Show how a hypervisor plugs in the vNICs of a VM', [
    ['netloom vm plug-info web', 'ids, MAC addresses and MTU, and what to write where'],
    ['netloom vm plug-info web --for libvirt', 'the <interface> elements alone'],
    ['netloom vm plug-info web --for taps | sudo sh', 'on its host: taps for a QEMU that you start yourself'],
    ['netloom vm plug-info web --for qemu', 'the options of that QEMU'],
    ['netloom vm plug-info web -o json', 'for a program'],
  ])
    .argument('<vm>', 'VM: its name, or tenant:name')
    .addOption(new Option('--for <what>', 'only what to write there').choices(FORMATS));
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(async (vm: string, options: Options) => {
    const { Client } = await import('../client.ts');
    const { findObject } = await import('../objects.ts');
    const { printed } = await import('../printed.ts');
    const text = await import('../plug-text.ts');
    const { table } = await import('../table.ts');
    const info = text.plugInfoOf(await findObject(Client.of(options, terminal), 'VirtualMachine', vm));
    const forms = {
      libvirt: text.libvirtXml,
      qemu: text.qemuOptions,
      taps: text.tapCommands,
      incus: text.incusCommands,
    };
    if (options.for) return terminal.out(forms[options.for](info));
    if (options.output !== 'text') return terminal.out(printed({ ...info }, options.output, () => ''));
    const { bold, dim } = terminal.colours;
    const place =
      info.host === undefined
        ? 'is not placed on a host yet'
        : info.destination === undefined
          ? `is to run on ${info.host}`
          : `moves from ${info.host} to ${info.destination}: plug it in on both`;
    terminal.out(`${bold(info.vm)} ${place}.\n`);
    if (info.unconnected.length > 0)
      terminal.out(
        `Nothing to plug in for ${info.unconnected.join(', ')}: see "netloom describe vm ${info.vm}".\n`,
      );
    if (info.vnics.length === 0) return;
    const rows = info.vnics.map(({ name, id, mac, mtu, adapter, addresses }) => [
      name,
      id,
      mac,
      `${mtu}`,
      adapter,
      addresses.join(', '),
    ]);
    terminal.out(
      `\n${table(['VNIC', 'IFACE-ID', 'MAC', 'MTU', 'ADAPTER', 'ADDRESSES'], rows, terminal.colours)}`,
    );
    terminal.out(`\n${bold('libvirt')} ${dim('(in <devices>)')}\n\n${text.libvirtXml(info)}`);
    terminal.out(`\n${bold('QEMU')} ${dim('(taps as root on the host, then the options)')}\n\n`);
    terminal.out(`${text.tapCommands(info)}\n${text.qemuOptions(info)}`);
    return terminal.out(`\n${bold('Incus')}\n\n${text.incusCommands(info)}`);
  });
}
