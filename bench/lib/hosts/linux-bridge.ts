/** A bridge of the kernel on each host, and its vxlan device between them: what needs no software at all. */
import { run } from '../../../src/lab/real/run.ts';
import { type Contender, configure, hostAddress, NIC, plainMachine, TAP } from './two-hosts.ts';

export const linuxBridge: Contender = {
  name: 'Linux bridge, kernel vxlan',
  missing: undefined,
  async connect({ hosts: [one, two] }) {
    for (const [host, other] of [
      [one, two],
      [two, one],
    ] as const) {
      const ip = (...args: readonly string[]) => run('ip', '-n', host.namespace, ...args);
      const tunnel = ['id', '5001', 'local', hostAddress(host), 'remote', hostAddress(other)];
      await ip('address', 'add', `${hostAddress(host)}/24`, 'dev', NIC);
      await ip('link', 'add', 'vx0', 'mtu', '1500', 'type', 'vxlan', ...tunnel, 'dstport', '4789');
      await ip('link', 'add', 'br0', 'type', 'bridge');
      for (const port of [TAP, 'vx0']) await ip('link', 'set', port, 'master', 'br0', 'up');
      await ip('link', 'set', 'br0', 'up');
    }
    const machines = [plainMachine(one), plainMachine(two)] as const;
    for (const machine of machines) await configure(machine, true);
    return { machines, switches: [] };
  },
};
