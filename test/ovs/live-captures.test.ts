// Packets of real programs and real stacks, captured by tcpdump and dumpcap, read by us and by tshark: field by field
// the same. With LIVE_FIXTURE=1 in the environment, test/fixtures/live-packets.* are made anew from them.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { toHex } from '../../src/packet/bytes.ts';
import { readCapture } from '../../src/packet/capture.ts';
import { formatFrame, parseNotation } from '../../src/packet/notation.ts';
import { PcapngWriter } from '../../src/packet/pcapng.ts';
import { compareWithTshark } from '../support/packet-comparison.ts';
import { FIELDS } from '../support/packet-fields.ts';
import { liveScenes, type Scene } from './live-scenes.ts';
import { lldpScene, switchScenes } from './live-switch-scenes.ts';
import { Namespaces } from './namespaces.ts';
import { itWithNamespaces, itWithTools } from './open-vswitch.ts';
import { Programs } from './wire.ts';

const PROGRAMS = ['dnsmasq', 'dhclient', 'dhcrelay', 'iperf3', 'tcpdump', 'dumpcap', 'ethtool'];

/** What these programs and stacks are known to say; a field that is missing here was not provoked. */
const MET = [
  ...['arp.opcode', 'eth.len', 'llc.dsap', 'vlan.id', 'vlan.priority', 'ip.frag_offset', 'ip.flags.mf'],
  ...['icmp.type', 'icmp.ident', 'icmpv6.nd.ns.target_address', 'icmpv6.nd.na.flag', 'icmpv6.opt.prefix'],
  ...[
    'icmpv6.nd.ra.flag.m',
    'icmpv6.nd.ra.flag.prf',
    'icmpv6.opt.mtu',
    'icmpv6.opt.rdnss',
    'icmpv6.opt.dnssl',
  ],
  ...['icmpv6.mld.multicast_address', 'icmpv6.mldr.mar.record_type', 'icmpv6.mldr.mar.source_address'],
  ...['igmp.maddr', 'igmp.record_type', 'igmp.saddr', 'tcp.options.mss_val', 'tcp.options.timestamp.tsval'],
  ...['dhcp.ip.your', 'dhcp.ip.relay', 'dhcp.server', 'dhcp.file', 'dhcp.option.dhcp', 'dhcp.option.router'],
  ...['dhcp.option.subnet_mask', 'dhcp.option.domain_name_server', 'dhcp.option.hostname'],
  ...['dhcp.option.domain_name', 'dhcp.option.interface_mtu', 'dhcp.option.requested_ip_address'],
  ...['dhcp.option.ip_address_lease_time', 'dhcp.option.dhcp_server_id', 'dhcp.option.request_list_item'],
  ...['dhcp.option.dhcp_dns_domain_search_list_fqdn', 'dhcp.option.renewal_time_value'],
  ...['dhcp.option.agent_information_option.agent_circuit_id', 'dhcpv6.msgtype', 'dhcpv6.duid.bytes'],
  ...['dhcpv6.iaaddr.ip', 'dhcpv6.dns_server', 'dhcpv6.search_list_entry', 'dhcpv6.status_code'],
  ...['dns.qry.name', 'dns.flags.rcode', 'dns.a', 'dns.aaaa', 'dns.cname', 'dns.mx.mail_exchange', 'dns.txt'],
  ...['dns.srv.target', 'dns.ptr.domain_name', 'gre.key', 'vxlan.vni', 'geneve.vni', 'geneve.option.class'],
  ...['lldp.chassis.id.mac', 'lldp.time_to_live', 'lacp.actor.state', 'lacp.partner.sysid'],
  ...['bfd.sta', 'bfd.your_discriminator'],
];

itWithNamespaces(
  'we read in packets of real stacks what tshark reads, field by field',
  async () => {
    const namespaces = new Namespaces();
    const programs = new Programs();
    const played: Promise<readonly Scene[]>[] = [];
    try {
      played.push(
        liveScenes(namespaces, programs),
        switchScenes(namespaces),
        lldpScene(namespaces).then((scene) => [scene]),
      );
      const scenes = (await Promise.all(played)).flat();
      const packets = scenes.flatMap(({ name, frames }) => frames.map((bytes) => ({ name, bytes })));
      expect(scenes.filter(({ frames }) => frames.length === 0)).toEqual([]);
      expect(packets.length).toBeGreaterThan(200);

      const { differences, met } = compareWithTshark(packets);
      expect(differences).toEqual([]);
      expect(MET.filter((field) => !(field in FIELDS))).toEqual([]);
      expect(MET.filter((field) => !met.has(field))).toEqual([]);

      for (const { bytes } of packets) expect(toHex(parseNotation(formatFrame(bytes)))).toBe(toHex(bytes));
      if (process.env.LIVE_FIXTURE) keep(scenes);
    } finally {
      await Promise.allSettled(played);
      await programs.stop();
      await namespaces.remove();
    }
  },
  120_000,
  PROGRAMS,
);

itWithTools(['tshark'], 'and in those of them that are kept for the tests without root', () => {
  const capture = readCapture(readFileSync(new URL('../fixtures/live-packets.pcapng', import.meta.url)));
  const packets = capture.packets.map((p) => ({
    name: capture.interfaces[p.interface]?.name ?? '',
    bytes: p.frame,
  }));
  expect(packets.length).toBeGreaterThan(100);
  const { differences, met } = compareWithTshark(packets);
  expect(differences).toEqual([]);
  expect(MET.filter((field) => !met.has(field))).toEqual([]);
});

/** As many packets of one shape of a scene are kept. */
const OF_ONE_SHAPE = 1;

/** A capture of some packets of each scene, and their notation, one a line. */
function keep(scenes: readonly Scene[]): void {
  const writer = new PcapngWriter();
  const lines: string[] = [];
  for (const { name, frames } of scenes) {
    const id = writer.interface(name);
    const shapes = new Map<string, number>();
    for (const bytes of frames) {
      const text = formatFrame(bytes);
      // What is asked and answered counts, other values and data do not.
      const shape = text.replace(/=(?!"[^"]*(?: [A-Z]+))[^,()]*/g, '').replace(/data\([^()]*\)/g, 'data');
      const before = shapes.get(shape) ?? 0;
      shapes.set(shape, before + 1);
      if (before >= OF_ONE_SHAPE) continue;
      writer.packet(id, BigInt(lines.length) * 1_000_000n, bytes);
      lines.push(`${name}: ${text}`);
    }
  }
  const fixture = (ending: string) => new URL(`../fixtures/live-packets.${ending}`, import.meta.url);
  writeFileSync(fixture('pcapng'), writer.finish());
  writeFileSync(fixture('txt'), `${lines.join('\n')}\n`);
}
