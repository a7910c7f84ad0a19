/**
 * Fields of packets by the names that tshark has for them, and what our readers say for each. A field has as many
 * values in a packet as there are layers (or options) of its kind.
 */
import { toHex } from '../../src/packet/bytes.ts';
import { DHCP_VALUE } from '../../src/packet/dhcp-options.ts';
import { DHCP6_VALUE } from '../../src/packet/dhcp6-options.ts';
import { readDns } from '../../src/packet/dns-read.ts';
import { ETHERTYPE } from '../../src/packet/ethernet.ts';
import { readTcpOptions } from '../../src/packet/header-options.ts';
import { ICMP_TYPE, ICMP_UNREACHABLE } from '../../src/packet/icmp.ts';
import { ICMPV6_TYPE } from '../../src/packet/icmpv6.ts';
import { LLDP_VALUE } from '../../src/packet/lldp.ts';
import { ND_VALUE } from '../../src/packet/nd-options.ts';
import type { Layers } from '../../src/packet/parse.ts';

export type Value = string | number | bigint | boolean | undefined;
/** What we read for a field of tshark's in one level of a packet. */
type Reader = (layers: Layers) => readonly Value[] | Value;

export const FIELDS: Readonly<Record<string, Reader>> = {
  'eth.src': (l) => l.eth?.srcMac,
  'eth.dst': (l) => l.eth?.dstMac,
  'eth.type': (l) => (l.eth && l.eth.etherType >= 0x600 ? l.eth.etherType : undefined),
  'eth.len': (l) => (l.eth && l.eth.etherType < 0x600 ? l.eth.etherType : undefined),
  'vlan.id': (l) => tags(l, ETHERTYPE.VLAN).map((v) => v.vid),
  'vlan.priority': (l) => tags(l, ETHERTYPE.VLAN).map((v) => v.pcp),
  'vlan.etype': (l) => tags(l, ETHERTYPE.VLAN).map((v) => v.etherType),
  'ieee8021ad.id': (l) => tags(l, ETHERTYPE.SERVICE_VLAN).map((v) => v.vid),
  'ieee8021ad.priority': (l) => tags(l, ETHERTYPE.SERVICE_VLAN).map((v) => v.pcp),
  'llc.dsap': (l) => l.llc?.dsap,
  'llc.ssap': (l) => l.llc?.ssap,
  'llc.control': (l) => l.llc?.control,
  'llc.oui': (l) => l.snap?.organization,
  'llc.type': (l) => (l.snap?.organization === 0 ? l.snap.protocol : undefined),
  'llc.cisco_pid': (l) => (l.snap && l.snap.organization > 0 ? l.snap.protocol : undefined),
  'arp.opcode': (l) => (l.arp ?? l.rarp)?.operation,
  'arp.src.hw_mac': (l) => (l.arp ?? l.rarp)?.senderMac,
  'arp.src.proto_ipv4': (l) => (l.arp ?? l.rarp)?.senderIp,
  'arp.dst.hw_mac': (l) => (l.arp ?? l.rarp)?.targetMac,
  'arp.dst.proto_ipv4': (l) => (l.arp ?? l.rarp)?.targetIp,
  'ip.src': (l) => l.ipv4?.srcIp,
  'ip.dst': (l) => l.ipv4?.dstIp,
  'ip.ttl': (l) => l.ipv4?.ttl,
  'ip.proto': (l) => l.ipv4?.protocol,
  'ip.len': (l) => l.ipv4?.totalLength,
  'ip.hdr_len': (l) => l.ipv4?.headerLength,
  'ip.id': (l) => l.ipv4?.id,
  'ip.dsfield': (l) => l.ipv4?.tos,
  'ip.flags.df': (l) => l.ipv4?.dontFragment,
  'ip.flags.mf': (l) => l.ipv4?.moreFragments,
  // In units of 8 bytes.
  'ip.frag_offset': (l) => l.ipv4 && l.ipv4.fragmentOffset / 8,
  'ip.checksum': (l) => l.ipv4?.checksum,
  'ipv6.src': (l) => l.ipv6?.srcIp,
  'ipv6.dst': (l) => l.ipv6?.dstIp,
  'ipv6.hlim': (l) => l.ipv6?.hopLimit,
  'ipv6.plen': (l) => l.ipv6?.payloadLength,
  'ipv6.nxt': (l) => l.ipv6?.nextHeader,
  'ipv6.flow': (l) => l.ipv6?.flowLabel,
  'ipv6.tclass': (l) => l.ipv6?.trafficClass,
  'icmp.type': (l) => l.icmp?.type,
  'icmp.code': (l) => l.icmp?.code,
  'icmp.checksum': (l) => l.icmp?.checksum,
  'icmp.ident': (l) => (hasId(l) ? l.icmp?.id : undefined),
  'icmp.seq': (l) => (hasId(l) ? l.icmp?.seq : undefined),
  'icmp.mtu': (l) => (l.icmp?.code === ICMP_UNREACHABLE.FRAGMENTATION_NEEDED ? l.icmp.mtu : undefined),
  'icmp.redir_gw': (l) => (l.icmp?.type === ICMP_TYPE.REDIRECT ? l.icmp.gateway : undefined),
  'icmp.pointer': (l) => (l.icmp?.type === ICMP_TYPE.PARAMETER_PROBLEM ? l.icmp.pointer : undefined),
  'icmpv6.type': (l) => l.icmpv6?.type,
  'icmpv6.code': (l) => l.icmpv6?.code,
  'icmpv6.checksum': (l) => l.icmpv6?.checksum,
  'icmpv6.echo.identifier': (l) => (l.icmpv6?.isEcho ? l.icmpv6.id : undefined),
  'icmpv6.echo.sequence_number': (l) => (l.icmpv6?.isEcho ? l.icmpv6.seq : undefined),
  'icmpv6.mtu': (l) => of6(l, ICMPV6_TYPE.PACKET_TOO_BIG)?.rest,
  'icmpv6.pointer': (l) => of6(l, ICMPV6_TYPE.PARAMETER_PROBLEM)?.rest,
  'icmpv6.nd.ns.target_address': (l) => of6(l, ICMPV6_TYPE.NEIGHBOR_SOLICITATION)?.targetIp,
  'icmpv6.nd.na.target_address': (l) => of6(l, ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT)?.targetIp,
  'icmpv6.nd.na.flag': (l) => of6(l, ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT)?.rest,
  'icmpv6.nd.rd.target_address': (l) => of6(l, ICMPV6_TYPE.REDIRECT)?.targetIp,
  'icmpv6.nd.ra.cur_hop_limit': (l) => l.icmpv6?.router()?.hopLimit,
  'icmpv6.nd.ra.flag.m': (l) => l.icmpv6?.router()?.managed,
  'icmpv6.nd.ra.flag.o': (l) => l.icmpv6?.router()?.other,
  'icmpv6.nd.ra.flag.prf': (l) => l.icmpv6?.router()?.preference,
  'icmpv6.nd.ra.router_lifetime': (l) => l.icmpv6?.router()?.lifetime,
  'icmpv6.nd.ra.reachable_time': (l) => l.icmpv6?.router()?.reachable,
  'icmpv6.nd.ra.retrans_timer': (l) => l.icmpv6?.router()?.retrans,
  'icmpv6.opt.type': (l) => l.icmpv6?.options().map((o) => o.type),
  'icmpv6.opt.src_linkaddr': (l) => l.icmpv6?.linkAddress(1),
  'icmpv6.opt.target_linkaddr': (l) => l.icmpv6?.linkAddress(2),
  'icmpv6.opt.mtu': (l) => l.icmpv6?.read(ND_VALUE.mtu),
  // tshark has the prefix of a route under the same name.
  'icmpv6.opt.prefix': (l) =>
    [l.icmpv6?.read(ND_VALUE.prefix), l.icmpv6?.read(ND_VALUE.route)].map((p) => p?.prefix.split('/')[0]),
  'icmpv6.opt.prefix.length': (l) =>
    [l.icmpv6?.read(ND_VALUE.prefix), l.icmpv6?.read(ND_VALUE.route)].map((p) => p?.prefix.split('/')[1]),
  'icmpv6.opt.prefix.flag.l': (l) => l.icmpv6?.read(ND_VALUE.prefix)?.onLink,
  'icmpv6.opt.prefix.flag.a': (l) => l.icmpv6?.read(ND_VALUE.prefix)?.autonomous,
  'icmpv6.opt.prefix.valid_lifetime': (l) => l.icmpv6?.read(ND_VALUE.prefix)?.valid,
  'icmpv6.opt.prefix.preferred_lifetime': (l) => l.icmpv6?.read(ND_VALUE.prefix)?.preferred,
  'icmpv6.opt.route_lifetime': (l) => l.icmpv6?.read(ND_VALUE.route)?.lifetime,
  'icmpv6.opt.rdnss': (l) => l.icmpv6?.read(ND_VALUE.dnsServers)?.servers,
  'icmpv6.opt.rdnss.lifetime': (l) => l.icmpv6?.read(ND_VALUE.dnsServers)?.lifetime,
  'icmpv6.opt.dnssl': (l) => l.icmpv6?.read(ND_VALUE.dnsSearch)?.domains,
  'icmpv6.opt.dnssl.lifetime': (l) => l.icmpv6?.read(ND_VALUE.dnsSearch)?.lifetime,
  'icmpv6.mld.multicast_address': (l) => l.mld?.group,
  'icmpv6.mld.maximum_response_delay': (l) =>
    l.mld?.version === 1 && l.mld.intervalCode === undefined ? l.mld.maxResponse : undefined,
  'icmpv6.mld.maximum_response_code': (l) =>
    l.mld?.intervalCode === undefined ? undefined : l.mld.maxResponse,
  'icmpv6.mld.flag.s': (l) => l.mld?.suppress,
  'icmpv6.mld.flag.qrv': (l) => l.mld?.robustness,
  'icmpv6.mld.qqi': (l) => l.mld?.intervalCode,
  'icmpv6.mld.source_address': (l) => l.mld?.sources(),
  'icmpv6.mldr.mar.record_type': (l) => l.mld?.records().map((r) => r.type),
  'icmpv6.mldr.mar.multicast_address': (l) => l.mld?.records().map((r) => r.group),
  'icmpv6.mldr.mar.source_address': (l) => l.mld?.records().flatMap((r) => r.sources),
  'igmp.type': (l) => l.igmp?.type,
  'igmp.version': (l) => l.igmp?.version,
  'igmp.checksum': (l) => l.igmp?.checksum,
  'igmp.s': (l) => l.igmp?.suppress,
  'igmp.qrv': (l) => l.igmp?.robustness,
  'igmp.qqic': (l) => l.igmp?.intervalCode,
  'igmp.maddr': (l) => [l.igmp?.group, ...(l.igmp?.records() ?? []).map((r) => r.group)],
  'igmp.record_type': (l) => l.igmp?.records().map((r) => r.type),
  'igmp.saddr': (l) => [...(l.igmp?.sources() ?? []), ...(l.igmp?.records() ?? []).flatMap((r) => r.sources)],
  'udp.srcport': (l) => l.udp?.srcPort,
  'udp.dstport': (l) => l.udp?.dstPort,
  'udp.length': (l) => l.udp?.length,
  'udp.checksum': (l) => l.udp?.checksum,
  'tcp.srcport': (l) => l.tcp?.srcPort,
  'tcp.dstport': (l) => l.tcp?.dstPort,
  'tcp.seq_raw': (l) => l.tcp?.seq,
  'tcp.ack_raw': (l) => l.tcp?.ack,
  'tcp.hdr_len': (l) => l.tcp?.headerLength,
  'tcp.flags': (l) => l.tcp?.flags,
  'tcp.window_size_value': (l) => l.tcp?.window,
  'tcp.checksum': (l) => l.tcp?.checksum,
  'tcp.urgent_pointer': (l) => l.tcp?.urgent,
  'tcp.options.mss_val': (l) => tcpOptionsOf(l)?.mss,
  'tcp.options.wscale.shift': (l) => tcpOptionsOf(l)?.windowScale,
  'tcp.options.timestamp.tsval': (l) => tcpOptionsOf(l)?.timestamps?.value,
  'tcp.options.timestamp.tsecr': (l) => tcpOptionsOf(l)?.timestamps?.echo,
  'tcp.options.sack.count': (l) => tcpOptionsOf(l)?.sack?.length,
  'dhcp.type': (l) => l.dhcp?.op,
  'dhcp.id': (l) => l.dhcp?.xid,
  'dhcp.hops': (l) => l.dhcp?.hops,
  'dhcp.secs': (l) => l.dhcp?.secs,
  'dhcp.flags.bc': (l) => l.dhcp?.broadcast,
  'dhcp.ip.client': (l) => l.dhcp?.ciaddr,
  'dhcp.ip.your': (l) => l.dhcp?.yiaddr,
  'dhcp.ip.server': (l) => l.dhcp?.siaddr,
  'dhcp.ip.relay': (l) => l.dhcp?.giaddr,
  'dhcp.server': (l) => l.dhcp?.serverName || undefined,
  'dhcp.file': (l) => l.dhcp?.bootFile || undefined,
  'dhcp.option.dhcp': (l) => l.dhcp?.read(DHCP_VALUE.messageType),
  'dhcp.option.subnet_mask': (l) => l.dhcp?.read(DHCP_VALUE.subnetMask),
  'dhcp.option.router': (l) => l.dhcp?.read(DHCP_VALUE.routers),
  'dhcp.option.domain_name_server': (l) => l.dhcp?.read(DHCP_VALUE.dns),
  'dhcp.option.hostname': (l) => l.dhcp?.read(DHCP_VALUE.hostName),
  'dhcp.option.domain_name': (l) => l.dhcp?.read(DHCP_VALUE.domainName),
  'dhcp.option.interface_mtu': (l) => l.dhcp?.read(DHCP_VALUE.mtu),
  'dhcp.option.requested_ip_address': (l) => l.dhcp?.read(DHCP_VALUE.requestedAddress),
  'dhcp.option.ip_address_lease_time': (l) => l.dhcp?.read(DHCP_VALUE.leaseTime),
  'dhcp.option.renewal_time_value': (l) => l.dhcp?.read(DHCP_VALUE.renewalTime),
  'dhcp.option.rebinding_time_value': (l) => l.dhcp?.read(DHCP_VALUE.rebindingTime),
  'dhcp.option.dhcp_server_id': (l) => l.dhcp?.read(DHCP_VALUE.serverId),
  'dhcp.option.request_list_item': (l) => l.dhcp?.read(DHCP_VALUE.parameterList),
  'dhcp.option.message': (l) => l.dhcp?.read(DHCP_VALUE.message),
  'dhcp.option.tftp_server_name': (l) => l.dhcp?.read(DHCP_VALUE.tftpServer),
  'dhcp.option.bootfile_name': (l) => l.dhcp?.read(DHCP_VALUE.bootFile),
  'dhcp.option.dhcp_dns_domain_search_list_fqdn': (l) => l.dhcp?.read(DHCP_VALUE.domainSearch),
  'dhcp.option.agent_information_option.suboption': (l) =>
    l.dhcp?.read(DHCP_VALUE.relayInformation)?.map((o) => o.code),
  'dhcp.option.agent_information_option.agent_circuit_id': (l) => relay(l, 1),
  'dhcp.option.agent_information_option.agent_remote_id': (l) => relay(l, 2),
  'dhcpv6.msgtype': (l) => l.dhcp6?.type,
  'dhcpv6.xid': (l) => l.dhcp6?.xid,
  'dhcpv6.option.type': (l) =>
    l.dhcp6
      ?.options()
      .flatMap((o) =>
        [o.code, ...(l.dhcp6?.read(DHCP6_VALUE.association)?.addresses.map(() => 5) ?? [])].slice(
          0,
          o.code === 3 ? 2 : 1,
        ),
      ),
  'dhcpv6.duid.bytes': (l) =>
    [l.dhcp6?.read(DHCP6_VALUE.clientId), l.dhcp6?.read(DHCP6_VALUE.serverId)].map((d) => d && toHex(d)),
  'dhcpv6.iaid': (l) => l.dhcp6?.read(DHCP6_VALUE.association)?.iaid.toString(16).padStart(8, '0'),
  'dhcpv6.iaid.t1': (l) => l.dhcp6?.read(DHCP6_VALUE.association)?.renew,
  'dhcpv6.iaid.t2': (l) => l.dhcp6?.read(DHCP6_VALUE.association)?.rebind,
  'dhcpv6.iaaddr.ip': (l) => l.dhcp6?.read(DHCP6_VALUE.association)?.addresses.map((a) => a.address),
  'dhcpv6.iaaddr.pref_lifetime': (l) =>
    l.dhcp6?.read(DHCP6_VALUE.association)?.addresses.map((a) => a.preferred),
  'dhcpv6.iaaddr.valid_lifetime': (l) =>
    l.dhcp6?.read(DHCP6_VALUE.association)?.addresses.map((a) => a.valid),
  'dhcpv6.requested_option_code': (l) => l.dhcp6?.read(DHCP6_VALUE.optionRequest),
  'dhcpv6.option_preference': (l) => l.dhcp6?.read(DHCP6_VALUE.preference),
  'dhcpv6.dns_server': (l) => l.dhcp6?.read(DHCP6_VALUE.dns),
  'dhcpv6.search_list_entry': (l) => l.dhcp6?.read(DHCP6_VALUE.domainList)?.map((name) => `${name}.`),
  'dhcpv6.status_code': (l) => l.dhcp6?.read(DHCP6_VALUE.status)?.status,
  'dhcpv6.status_msg': (l) => l.dhcp6?.read(DHCP6_VALUE.status)?.text,
  'dns.id': (l) => l.dns?.id,
  'dns.flags': (l) => l.dns?.flags,
  'dns.flags.response': (l) => l.dns?.isResponse,
  'dns.flags.opcode': (l) => l.dns?.opcode,
  'dns.flags.rcode': (l) => (l.dns?.isResponse ? l.dns.responseCode : undefined),
  'dns.count.queries': (l) => l.dns?.count(0),
  'dns.count.answers': (l) => l.dns?.count(1),
  'dns.count.auth_rr': (l) => l.dns?.count(2),
  'dns.count.add_rr': (l) => l.dns?.count(3),
  'dns.qry.name': (l) => dnsOf(l)?.question.map((text) => text.split(' ')[0]),
  'dns.qry.type': (l) =>
    l.dns
      ?.entries()
      .filter(({ section }) => section === 0)
      .map(({ type }) => type),
  // The names of SRV records tshark has in parts.
  'dns.resp.name': (l) =>
    dnsRecords(l).flatMap(([name, , type]) => (type === 'SRV' ? [] : name === '.' ? '<Root>' : name)),
  'dns.resp.type': (l) =>
    l.dns
      ?.entries()
      .filter(({ section }) => section > 0)
      .map(({ type }) => type),
  'dns.resp.ttl': (l) => dnsRecords(l).flatMap(([, ttl, type]) => (type?.startsWith('CLASS') ? [] : ttl)),
  'dns.a': (l) => dnsData(l, 'A').flat(),
  'dns.aaaa': (l) => dnsData(l, 'AAAA').flat(),
  'dns.cname': (l) => dnsData(l, 'CNAME').flat(),
  'dns.ns': (l) => dnsData(l, 'NS').flat(),
  'dns.ptr.domain_name': (l) => dnsData(l, 'PTR').flat(),
  'dns.mx.preference': (l) => dnsData(l, 'MX').map(([preference]) => preference),
  'dns.mx.mail_exchange': (l) => dnsData(l, 'MX').map(([, exchange]) => exchange),
  'dns.srv.port': (l) => dnsData(l, 'SRV').map(([, , port]) => port),
  'dns.srv.target': (l) => dnsData(l, 'SRV').map(([, , , target]) => target),
  'dns.soa.mname': (l) => dnsData(l, 'SOA').map(([name]) => name),
  'dns.soa.serial_number': (l) => dnsData(l, 'SOA').map(([, , serial]) => serial),
  'dns.txt': (l) => dnsData(l, 'TXT').flatMap((words) => words.join(' ').slice(1, -1).split("' '")),
  'gre.proto': (l) => l.gre?.protocolType,
  'gre.key': (l) => l.gre?.key,
  'gre.sequence_number': (l) => l.gre?.sequence,
  'gre.checksum': (l) => (l.gre?.checksumWord === undefined ? undefined : l.gre.checksumWord >>> 16),
  'vxlan.vni': (l) => l.vxlan?.vni,
  'geneve.vni': (l) => l.geneve?.vni,
  'geneve.proto_type': (l) => l.geneve?.protocolType,
  'geneve.flags.oam': (l) => l.geneve?.control,
  'geneve.flags.critical': (l) => l.geneve?.critical,
  'geneve.option.class': (l) => l.geneve?.options().map((o) => o.code >>> 8),
  'geneve.option.type': (l) => l.geneve?.options().map((o) => o.code & 0xff),
  'geneve.option.unknown.data': (l) => l.geneve?.options().map((o) => toHex(o.data)),
  'lldp.chassis.id.mac': (l) => macOf(l.lldp?.read(LLDP_VALUE.chassis), 4),
  'lldp.port.subtype': (l) => l.lldp?.read(LLDP_VALUE.port)?.subtype,
  'lldp.port.id.mac': (l) => macOf(l.lldp?.read(LLDP_VALUE.port), 3),
  'lldp.time_to_live': (l) => l.lldp?.timeToLive,
  'lldp.port.desc': (l) => l.lldp?.read(LLDP_VALUE.portDescription),
  'lldp.tlv.system.name': (l) => l.lldp?.read(LLDP_VALUE.systemName),
  'lldp.tlv.system.desc': (l) => l.lldp?.read(LLDP_VALUE.systemDescription),
  'lldp.tlv.system_cap': (l) => l.lldp?.read(LLDP_VALUE.capabilities)?.supported,
  'lldp.tlv.enable_system_cap': (l) => l.lldp?.read(LLDP_VALUE.capabilities)?.enabled,
  'lacp.version': (l) => l.lacp?.version,
  'lacp.actor.sys_priority': (l) => l.lacp?.actor().systemPriority,
  'lacp.actor.sysid': (l) => l.lacp?.actor().system,
  'lacp.actor.key': (l) => l.lacp?.actor().key,
  'lacp.actor.port_priority': (l) => l.lacp?.actor().portPriority,
  'lacp.actor.port': (l) => l.lacp?.actor().port,
  'lacp.actor.state': (l) => l.lacp?.actorState,
  'lacp.partner.sys_priority': (l) => l.lacp?.partner().systemPriority,
  'lacp.partner.sysid': (l) => l.lacp?.partner().system,
  'lacp.partner.key': (l) => l.lacp?.partner().key,
  'lacp.partner.port_priority': (l) => l.lacp?.partner().portPriority,
  'lacp.partner.port': (l) => l.lacp?.partner().port,
  'lacp.partner.state': (l) => l.lacp?.partnerState,
  'lacp.collector.max_delay': (l) => l.lacp?.maxDelay,
  'bfd.diag': (l) => l.bfd?.diagnostic,
  'bfd.sta': (l) => l.bfd?.state,
  'bfd.flags.p': (l) => l.bfd?.poll,
  'bfd.flags.f': (l) => l.bfd?.final,
  'bfd.detect_time_multiplier': (l) => l.bfd?.multiplier,
  'bfd.message_length': (l) => l.bfd?.headerLength,
  'bfd.my_discriminator': (l) => l.bfd?.myDiscriminator,
  'bfd.your_discriminator': (l) => l.bfd?.yourDiscriminator,
  'bfd.desired_min_tx_interval': (l) => l.bfd?.desiredTx,
  'bfd.required_min_rx_interval': (l) => l.bfd?.requiredRx,
  'bfd.required_min_echo_interval': (l) => l.bfd?.requiredEchoRx,
};

function tags(l: Layers, type: number) {
  const types = [l.eth?.etherType, ...l.vlans.map((v) => v.etherType)];
  return l.vlans.filter((_, i) => types[i] === type);
}

function hasId(l: Layers): boolean {
  const { TIMESTAMP, TIMESTAMP_REPLY } = ICMP_TYPE;
  return (
    l.icmp !== undefined && (l.icmp.isEcho || [TIMESTAMP, TIMESTAMP_REPLY].some((t) => t === l.icmp?.type))
  );
}

const of6 = (l: Layers, type: number) => (l.icmpv6?.type === type ? l.icmpv6 : undefined);

const tcpOptionsOf = (l: Layers) => l.tcp && readTcpOptions(l.tcp.options());

function relay(l: Layers, code: number): Value {
  const found = l.dhcp?.read(DHCP_VALUE.relayInformation)?.find((o) => o.code === code);
  return found && toHex(found.data);
}

function dnsOf(l: Layers) {
  return l.dns && readDns(l.dns, 'all');
}

/** Name, TTL, type and data of each record, as words. */
function dnsRecords(l: Layers): string[][] {
  const texts = dnsOf(l);
  return [...(texts?.answer ?? []), ...(texts?.authority ?? []), ...(texts?.additional ?? [])].map((text) =>
    text.split(' '),
  );
}

/** The data of the records of a type. */
function dnsData(l: Layers, type: string): string[][] {
  return dnsRecords(l).flatMap(([, , is, ...data]) => (is === type ? [data] : []));
}

function macOf(id: { subtype: number; id: Uint8Array } | undefined, subtype: number): Value {
  return id?.subtype === subtype ? toHex(id.id).replace(/..(?!$)/g, '$&:') : undefined;
}
