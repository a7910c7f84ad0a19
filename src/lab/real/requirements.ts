/** What a lab needs of the machine, and how to get what is missing. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { type Finding, finding, throwIfErrors } from '../../base/error.ts';
import type { DriverKind } from './place.ts';

/** Program -> the package of Debian that has it. */
const TOOLS: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  sysctl: 'procps',
  ethtool: 'ethtool',
  ping: 'iputils-ping',
  dhclient: 'isc-dhcp-client',
  'ovs-vsctl': 'openvswitch-switch',
  'ovs-vswitchd': 'openvswitch-switch',
  'ovsdb-server': 'openvswitch-switch',
  'ovsdb-tool': 'openvswitch-switch',
};
const QEMU_TOOLS: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  'dpkg-deb': 'dpkg',
};

/** Throws `lab-requirements` with all that is missing. */
export function checkRequirements(driver: DriverKind): void {
  throwIfErrors(missing({ ...TOOLS, ...(driver === 'namespace' ? {} : QEMU_TOOLS) }));
}

/** The same for a single command that needs one program more. */
export function checkTool(tool: string, from: string): void {
  throwIfErrors(missing({ [tool]: from }));
}

function missing(tools: Readonly<Record<string, string>>): Finding[] {
  const findings: Finding[] = [];
  if (process.getuid?.() !== 0)
    findings.push(
      finding(
        'lab-requirements',
        '',
        'A lab makes network namespaces, which only root may do.',
        'Run the command with sudo. "netloom up" and "netloom try" need no root: they have switches in the process.',
      ),
    );
  const absent = Object.keys(tools).filter((tool) => !isInstalled(tool));
  if (absent.length > 0) {
    const packages = new Set(absent.map((tool) => tools[tool]));
    findings.push(
      finding(
        'lab-requirements',
        '',
        `There is no ${absent.join(', no ')} on this machine.`,
        `Install it: apt-get install ${[...packages].join(' ')}`,
      ),
    );
  }
  return findings;
}

function isInstalled(tool: string): boolean {
  // The programs of administrators are not on everybody's path, and root may come without them by su.
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}
