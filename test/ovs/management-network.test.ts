/** What the host is managed by, moved and moved back by the real iproute2. */
import { describe, expect } from 'vitest';
import { hostNetwork } from '../../src/host/inherit/host-network.ts';
import { movingCalls } from '../../src/host/inherit/network.ts';
import { command, Namespaces } from './namespaces.ts';
import { itWithNamespaces } from './open-vswitch.ts';

async function withHost(use: (namespace: string) => Promise<void>): Promise<void> {
  const namespaces = new Namespaces();
  try {
    const namespace = await namespaces.add('managed');
    for (const name of ['eth0', 'nlv1'])
      await namespaces.cable({ in: namespace, name }, { in: namespace, name: `${name}-far` });
    await use(namespace);
  } finally {
    await namespaces.remove();
  }
}

describe('the management of a host, moved to a host vNIC and back', () => {
  itWithNamespaces('leaves routes as they were: routers on the link, metrics, who set them', () =>
    withHost(async (namespace) => {
      const ip = (...args: readonly string[]) => command('ip', '-n', namespace, ...args);
      await ip('address', 'add', '10.0.0.5/32', 'dev', 'eth0');
      await ip('address', 'add', '2001:db8::5/64', 'dev', 'eth0', 'nodad');
      const routes = [
        '-4 route add default via 172.31.1.1 dev eth0 onlink proto dhcp metric 100 mtu 1400 initcwnd 20',
        '-4 route add 10.9.0.0/16 dev eth0 src 10.0.0.5',
        '-4 route add 10.8.0.0/16 via 10.9.0.1 dev eth0',
        '-6 route add default via fe80::1 dev eth0 metric 512 hoplimit 20',
        '-6 route add 2001:db8:9::/48 via 2001:db8:7::1 dev eth0 onlink proto static',
      ];
      for (const route of routes) await ip(...route.split(' '));
      const shown = async () =>
        (await Promise.all(['-4', '-6'].map((family) => ip(family, 'route', 'show', 'table', 'main')))).map(
          (text) => text.trim().split(/\s*\n/).sort(),
        );
      const before = await shown();
      const network = hostNetwork(namespace);
      const settings = (await network.settings()).get('eth0');
      if (!settings) throw new Error('eth0');
      expect(settings.isMultipath).toBeUndefined();

      // The agent gives a host vNIC its addresses.
      await ip('address', 'add', '10.0.0.5/32', 'dev', 'nlv1');
      await ip('address', 'add', '2001:db8::5/64', 'dev', 'nlv1', 'nodad');
      await network.carryOut(movingCalls(settings, 'eth0', 'nlv1', false));
      const moved = (await shown()).flat().join('\n');
      expect(moved).toContain('default via 172.31.1.1 dev nlv1 proto dhcp metric 100 onlink');
      expect(moved).not.toMatch(/(via|src) .*dev eth0/);

      await ip('address', 'flush', 'dev', 'nlv1', 'scope', 'global');
      await network.carryOut(movingCalls(settings, 'nlv1', 'eth0', true));
      expect(await shown()).toEqual(before);
    }),
  );

  itWithNamespaces('knows a NIC that has part in a route by several routers', () =>
    withHost(async (namespace) => {
      const ip = (call: string) => command('ip', '-n', namespace, ...call.split(' '));
      await ip('address add 10.0.0.5/24 dev eth0');
      await ip('address add 10.1.0.5/24 dev nlv1');
      await ip('route add default nexthop via 10.0.0.1 nexthop via 10.1.0.1');
      const settings = await hostNetwork(namespace).settings();
      expect(
        [...settings.values()].flatMap(({ device, isMultipath }) => (isMultipath ? device : [])),
      ).toEqual(expect.arrayContaining(['eth0', 'nlv1']));
      expect(settings.get('lo')?.isMultipath).toBeUndefined();
    }),
  );
});
