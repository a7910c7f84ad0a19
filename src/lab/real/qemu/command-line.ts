/** How QEMU is called for a machine of a lab (qemu-system(1)). Pure. */

export interface QemuNic {
  /** The tap, which is there. */
  readonly tap: string;
  readonly mac: string;
  /** In bytes of IP packet. */
  readonly mtu: number;
  /** virtio; an Intel 82540EM or a DEC 21143, which boot by PXE without drivers. */
  readonly model: 'virtio' | 'e1000' | 'tulip';
}

export interface QemuMachine {
  readonly name: string;
  /** Where its sockets are: `qmp.sock`, `links.sock`, `shell.sock`, `console.sock`. */
  readonly directory: string;
  /** What it says on its console is added to this file, wherever it runs. */
  readonly consoleLog: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly memoryMb: number;
  readonly kernel: string;
  readonly initrd: string;
  /** Of the kernel. */
  readonly append: string;
  readonly nics: readonly QemuNic[];
  /** It waits for a machine that is moved to it. */
  readonly incoming?: boolean;
}

const MODELS = { virtio: 'virtio-net-pci', e1000: 'e1000', tulip: 'tulip' } as const;

/** The arguments. */
export function qemuArguments(machine: QemuMachine): string[] {
  const { name, directory, consoleLog, accelerator, memoryMb, kernel, initrd, append, nics, incoming } =
    machine;
  const at = (file: string) => comma(`${directory}/${file}`);
  const serial = (id: string, log = '') => [
    '-chardev',
    `socket,id=${id},path=${at(`${id}.sock`)},server=on,wait=off${log}`,
    '-serial',
    `chardev:${id}`,
  ];
  const monitor = (file: string) => ['-qmp', `unix:${at(file)},server=on,wait=off`];
  return [
    ...['-name', comma(name), '-machine', 'pc', '-accel', accelerator, '-m', String(memoryMb)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...monitor('qmp.sock'),
    // A socket serves one client at a time, and who follows the links is there all the time.
    ...monitor('links.sock'),
    ...serial('console', `,logfile=${comma(consoleLog)},logappend=on`),
    ...serial('shell'),
    ...['-kernel', kernel, '-initrd', initrd, '-append', append],
    ...nics.flatMap(nic),
    ...(incoming ? ['-incoming', 'defer'] : []),
  ];
}

function nic({ tap, mac, mtu, model }: QemuNic, i: number): string[] {
  // Without vnet_hdr the guest computes its checksums, as a switch that reads the tap as packets needs them.
  const backend = `tap,id=net${i},ifname=${tap},script=no,downscript=no,vhost=off,vnet_hdr=off`;
  const tells = model === 'virtio' ? `,host_mtu=${mtu}` : '';
  return ['-netdev', backend, '-device', `${MODELS[model]},id=nic${i},netdev=net${i},mac=${mac}${tells}`];
}

/** A comma ends a value, and two are one. */
function comma(text: string): string {
  return text.replaceAll(',', ',,');
}
