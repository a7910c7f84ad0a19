/**
 * Traffic of real programs between real stacks, scene by scene: what the hosts and guests of a data centre say.
 *
 *     client eth0 ----------- eth0 server     dnsmasq, iperf3; VLAN, VXLAN
 *     guest eth0 -- eth0 relay eth1 -- eth1 server        dhcrelay
 *
 * All addresses are of the ranges for documentation, all MAC addresses local ones.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/until.ts';
import { command, type Namespaces } from './namespaces.ts';
import { type CaptureTool, framesDuring, type Programs } from './wire.ts';

export interface Scene {
  readonly name: string;
  readonly frames: readonly Uint8Array[];
}

const NAMES = join(import.meta.dirname, 'live-names.mjs');
const GROUPS = join(import.meta.dirname, 'live-groups.mjs');

const CLIENT_CONF = `
option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
send host-name "blue1";
send dhcp-client-identifier 1:02:00:00:00:00:0c;
send dhcp-requested-address 192.0.2.120;
request subnet-mask, routers, domain-name-servers, host-name, domain-name, interface-mtu,
  tftp-server-name, bootfile-name, domain-search, rfc3442-classless-static-routes;
`;

const DNSMASQ = [
  ...['--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--user=root'],
  ...['--pid-file', '--log-facility=-', '--dhcp-leasefile=leases', '--dhcp-authoritative'],
  ...['--local-service', '--domain=lab.example', '--auth-ttl=60', '--local-ttl=60', '--enable-ra'],
  ...['--ra-param=eth0,mtu:1400,high,10,1800', '--no-ping', '--quiet-ra'],
  ...['--dhcp-range=192.0.2.100,192.0.2.150,255.255.255.0,1h'],
  ...['--dhcp-range=198.51.100.100,198.51.100.150,255.255.255.0,1h'],
  ...['--dhcp-range=2001:db8:1::100,2001:db8:1::1ff,slaac,64,1h'],
  ...['--dhcp-option=option:router,192.0.2.1', '--dhcp-option=option:dns-server,192.0.2.1,192.0.2.2'],
  ...['--dhcp-option=option:mtu,1400', '--dhcp-option=66,192.0.2.9', '--dhcp-option=67,pxelinux.0'],
  ...['--dhcp-option=119,lab.example,corp.lab.example'],
  ...['--dhcp-option=121,198.51.100.0/24,192.0.2.254,0.0.0.0/0,192.0.2.1'],
  ...['--dhcp-option=option6:dns-server,[2001:db8:1::1],[2001:db8:1::2]'],
  ...['--dhcp-option=option6:domain-search,lab.example,corp.lab.example'],
  ...['--host-record=web.lab.example,192.0.2.20,2001:db8:1::20', '--cname=www.lab.example,web.lab.example'],
  ...['--mx-host=lab.example,mail.lab.example,10', '--txt-record=lab.example,v=spf1 -all,second text'],
  ...['--srv-host=_ldap._tcp.lab.example,web.lab.example,389,1,2', '--address=/many.lab.example/192.0.2.31'],
  ...[
    '--naptr-record=lab.example,10,20,s,SIP+D2U,,_sip._udp.lab.example',
    '--caa-record=lab.example,0,issue,ca.example',
  ],
  ...['--ptr-record=30.2.0.192.in-addr.arpa,printer.lab.example', '--bogus-priv', '--local=/lab.example/'],
];

/** Plays all scenes in order. */
export async function liveScenes(namespaces: Namespaces, programs: Programs): Promise<readonly Scene[]> {
  const client = await namespaces.add('client');
  const server = await namespaces.add('server');
  const nic = (of: string, mac: string) => ({ in: of, name: 'eth0', mac: `02:00:00:00:00:${mac}` });
  await namespaces.cable(nic(client, '0c'), nic(server, '05'));
  for (const host of [client, server]) await withoutOffload(host, 'eth0');
  const at =
    (host: string) =>
    (...words: readonly string[]) =>
      command('ip', 'netns', 'exec', host, ...words);
  const [onClient, onServer] = [at(client), at(server)];
  const scenes: Scene[] = [];
  const scene = async (name: string, tool: CaptureTool, act: () => Promise<unknown>) => {
    const frames = await framesDuring(client, 'eth0', tool, async () => {
      await act();
    });
    scenes.push({ name, frames });
  };
  const ping = (...options: readonly string[]) => onClient('ping', '-n', '-c', '1', '-W', '2', ...options);

  await onServer('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'eth0');
  await onServer('ip', 'address', 'add', '2001:db8:1::1/64', 'dev', 'eth0', 'nodad');
  programs.start(server, 'dnsmasq', ...DNSMASQ);
  scenes.push(await relayed(namespaces, programs, server));

  await scene('link up', 'tcpdump', async () => {
    await onClient('ip', 'link', 'set', 'eth0', 'down');
    await onClient('ip', 'link', 'set', 'eth0', 'up');
    await until('an address by router advertisement', async () => {
      const addresses = await onClient('ip', '-6', 'address', 'show', 'dev', 'eth0');
      return addresses.includes('2001:db8:1:') && !addresses.includes('tentative');
    });
  });

  const file = (name: string) => join(programs.directory, name);
  writeFileSync(file('client.conf'), CLIENT_CONF);
  /** Nothing of the machine is set: the script that would is no script. */
  const dhclient = (...words: readonly string[]) => {
    const files = ['-cf', file('client.conf'), '-lf', file('client.leases'), '-pf', file('client.pid')];
    return onClient('dhclient', ...words, '-sf', '/bin/true', ...files, 'eth0');
  };
  await scene('dhclient', 'dumpcap', async () => {
    await dhclient('-4', '-1');
    await dhclient('-4', '-r');
  });
  await scene('dhclient -6', 'tcpdump', async () => {
    await dhclient('-6', '-1', '-D', 'LL');
    await dhclient('-6', '-r', '-D', 'LL');
  });
  await scene('dhclient -6 -S', 'dumpcap', () => dhclient('-6', '-S', '-1'));
  await dhclient('-6', '-S', '-x');

  await onClient('ip', 'address', 'add', '192.0.2.10/24', 'dev', 'eth0');
  await onClient('ip', 'address', 'add', '2001:db8:1::10/64', 'dev', 'eth0', 'nodad');
  await scene('ping', 'tcpdump', async () => {
    await ping('192.0.2.1');
    await ping('-Q', '0xb8', '-t', '3', '-p', 'ff', '192.0.2.1');
    await ping('-R', '192.0.2.1');
    await ping('-T', 'tsandaddr', '192.0.2.1');
  });
  await scene('ping -s 4000', 'dumpcap', () => ping('-s', '4000', '192.0.2.1'));
  await scene('ping6', 'tcpdump', () => ping('-6', '-F', '12345', '2001:db8:1::1'));
  await scene('ping6 -s 4000', 'dumpcap', () => ping('-6', '-s', '4000', '2001:db8:1::1'));
  await scene('arping', 'tcpdump', async () => {
    await onClient('arping', '-c', '1', '-I', 'eth0', '192.0.2.1');
    await onClient('arping', '-c', '1', '-U', '-I', 'eth0', '-S', '192.0.2.10', '192.0.2.10').catch(() => {});
  });

  await scene('names', 'dumpcap', () => onClient(process.execPath, NAMES, '192.0.2.1'));
  await scene('names over IPv6', 'tcpdump', () => onClient(process.execPath, NAMES, '2001:db8:1::1'));

  programs.start(server, 'iperf3', '-s');
  const iperf3 = async (...words: readonly string[]) => {
    await until('iperf3 answering', () =>
      onClient('iperf3', '-c', '192.0.2.1', ...words).then(
        () => true,
        () => false,
      ),
    );
  };
  await scene('iperf3', 'dumpcap', () => iperf3('-n', '6K'));
  await scene('iperf3 -u', 'tcpdump', () => iperf3('-u', '-n', '2K', '-l', '500'));
  await scene('nobody listens', 'tcpdump', async () => {
    for (const address of ['192.0.2.1', '2001:db8:1::1'])
      await onClient('bash', '-c', `echo hello > /dev/udp/${address}/9`);
  });

  for (const [igmp, mld] of [
    [3, 2],
    [2, 1],
    [1, 1],
  ] as const) {
    await onClient('sysctl', '-qw', `net.ipv4.conf.eth0.force_igmp_version=${igmp}`);
    await onClient('sysctl', '-qw', `net.ipv6.conf.eth0.force_mld_version=${mld}`);
    await scene(`groups, IGMP ${igmp} and MLD ${mld}`, igmp === 2 ? 'dumpcap' : 'tcpdump', () =>
      onClient(process.execPath, GROUPS, '192.0.2.10', 'eth0', igmp === 3 ? 'sources' : ''),
    );
  }

  for (const [host, own, remote] of [
    [onClient, 1, '192.0.2.1'],
    [onServer, 2, '192.0.2.10'],
  ] as const) {
    const tunnel = ['type', 'vxlan', 'id', '5001', 'remote', remote, 'dev', 'eth0', 'dstport', '4789'];
    await host('ip', 'link', 'add', 'overlay', 'address', `02:00:00:00:01:0${own}`, ...tunnel);
    await host('sysctl', '-qw', 'net.ipv6.conf.overlay.disable_ipv6=1');
    await host('ip', 'address', 'add', `203.0.113.${own}/24`, 'dev', 'overlay');
    await host('ip', 'link', 'set', 'overlay', 'up');
  }
  await scene('vxlan of the kernel', 'tcpdump', () => ping('203.0.113.2'));
  return scenes;
}

/** A relay between a guest and the server puts its agent option into what the guest asks. */
async function relayed(namespaces: Namespaces, programs: Programs, server: string): Promise<Scene> {
  const guest = await namespaces.add('guest');
  const relay = await namespaces.add('relay');
  await namespaces.cable(
    { in: guest, name: 'eth0', mac: '02:00:00:00:00:0d' },
    { in: relay, name: 'eth0', mac: '02:00:00:00:00:0e' },
  );
  await namespaces.cable(
    { in: relay, name: 'eth1', mac: '02:00:00:00:00:0f' },
    { in: server, name: 'eth1', mac: '02:00:00:00:00:06' },
  );
  for (const [host, nic] of [
    [guest, 'eth0'],
    [relay, 'eth0'],
    [relay, 'eth1'],
    [server, 'eth1'],
  ] as const)
    await withoutOffload(host, nic);
  const address = (host: string, nic: string, text: string) =>
    command('ip', '-n', host, 'address', 'add', text, 'dev', nic);
  await address(relay, 'eth0', '198.51.100.1/25');
  await address(relay, 'eth1', '198.51.100.129/25');
  await address(server, 'eth1', '198.51.100.130/25');
  await command('ip', '-n', server, 'route', 'add', '198.51.100.0/25', 'via', '198.51.100.129');
  programs.start(relay, 'dhcrelay', '-4', '-d', '-a', '-iu', 'eth1', '-id', 'eth0', '198.51.100.130');
  const file = (name: string) => join(programs.directory, name);
  // Without what this machine would send of itself.
  writeFileSync(file('guest.conf'), 'request subnet-mask, routers;');
  const files = ['-cf', file('guest.conf'), '-lf', file('guest.leases'), '-pf', file('guest.pid')];
  const frames = await framesDuring(relay, 'eth1', 'dumpcap', async () => {
    await command('ip', 'netns', 'exec', guest, 'dhclient', '-4', '-1', '-sf', '/bin/true', ...files, 'eth0');
    await command('ip', 'netns', 'exec', guest, 'dhclient', '-4', '-x', '-sf', '/bin/true', ...files, 'eth0');
  });
  return { name: 'dhcrelay', frames };
}

/** Checksums and segments as they are on a wire, not as the kernel leaves them to a NIC. */
export async function withoutOffload(namespace: string, nic: string): Promise<void> {
  const off = ['tx', 'gso', 'tso', 'gro'].flatMap((feature) => [feature, 'off']);
  await command('ip', 'netns', 'exec', namespace, 'ethtool', '-K', nic, ...off);
}
