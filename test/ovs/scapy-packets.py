"""Packets that were not made by our code: one line a packet, its name and its bytes in hexadecimal."""
import sys
from scapy.all import *
from scapy.contrib.igmp import IGMP
from scapy.contrib.igmpv3 import IGMPv3, IGMPv3mq, IGMPv3mr, IGMPv3gr
from scapy.contrib.lldp import *
from scapy.contrib.lacp import SlowProtocol, LACP
from scapy.contrib.bfd import BFD
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.vxlan import VXLAN
from scapy.layers.dhcp6 import *

A, B = "00:1d:d8:b7:1c:01", "00:1d:d8:b7:1c:02"
E = Ether(src=A, dst=B)
I4 = IP(src="10.0.0.5", dst="10.0.0.7", id=77)
I6 = IPv6(src="2001:db8::5", dst="2001:db8::7")
L6 = IPv6(src="fe80::5", dst="ff02::1", hlim=255)
M6 = IPv6(src="fe80::5", dst="ff02::16", hlim=1) / IPv6ExtHdrHopByHop(options=[RouterAlert()])
INNER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="172.16.0.1", dst="172.16.0.2") / UDP(sport=7777, dport=8888) / b"inner"
QUOTED4 = IP(src="10.0.0.7", dst="10.0.0.5", id=9) / UDP(sport=5000, dport=5001) / b"12345678"
QUOTED6 = IPv6(src="2001:db8::7", dst="2001:db8::5") / UDP(sport=5000, dport=5001) / b"12345678"
CLIENT = mac2str(A)
DUID = DUID_LL(lladdr=A)
SERVER = DUID_LLT(lladdr=B, timeval=1000)


def dhcp(op, options, **fields):
    ports = dict(sport=68, dport=67) if op == 1 else dict(sport=67, dport=68)
    return E / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(**ports) / BOOTP(op=op, xid=0x01020304, chaddr=CLIENT, **fields) / DHCP(options=options + ["end"])


def dhcp6(message, *options):
    request = message.msgtype not in (2, 7)
    ports = dict(sport=546, dport=547) if request else dict(sport=547, dport=546)
    for option in options:
        message = message / option
    return E / IPv6(src="fe80::5", dst="ff02::1:2") / UDP(**ports) / message


packets = {
    "arp request": E / ARP(op=1, hwsrc=A, psrc="10.0.0.5", pdst="10.0.0.7"),
    "arp reply": E / ARP(op=2, hwsrc=B, psrc="10.0.0.7", hwdst=A, pdst="10.0.0.5"),
    "arp announcement": E / ARP(op=1, hwsrc=A, psrc="10.0.0.5", pdst="10.0.0.5"),
    "rarp request": Ether(src=A, dst="ff:ff:ff:ff:ff:ff", type=0x8035) / ARP(op=3, hwsrc=A, hwdst=A, psrc="0.0.0.0", pdst="0.0.0.0"),
    "spanning tree": Dot3(src=A, dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42, ctrl=3) / STP(),
    "snap arp": Dot3(src=A, dst=B) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x0806) / ARP(op=1, hwsrc=A, psrc="10.0.0.5", pdst="10.0.0.7"),
    "snap ipv4": Dot3(src=A, dst=B) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x0800) / I4 / UDP(sport=1, dport=9999) / b"x",
    "snap of an organization": Dot3(src=A, dst=B) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0x00000C, code=0x2000) / b"\x02\xb4\x00\x00",
    "vlan": E / Dot1Q(vlan=5, prio=3) / I4 / ICMP(id=1, seq=2) / b"ping",
    "vlan in vlan": E / Dot1AD(vlan=100, prio=1) / Dot1Q(vlan=7, prio=6) / I4 / ICMP(id=1, seq=2),
    "priority tag": E / Dot1Q(vlan=0, prio=7) / ARP(op=1, hwsrc=A, psrc="10.0.0.5", pdst="10.0.0.7"),
    "icmp echo request": E / I4 / ICMP(type=8, id=4660, seq=7) / b"abcdefgh",
    "icmp echo reply": E / IP(src="10.0.0.7", dst="10.0.0.5", ttl=3, tos=0xB8, flags="DF") / ICMP(type=0, id=4660, seq=7) / b"abcdefgh",
    "icmp port unreachable": E / I4 / ICMP(type=3, code=3) / QUOTED4,
    "icmp too big": E / I4 / ICMP(type=3, code=4, nexthopmtu=1400) / QUOTED4,
    "icmp redirect": E / I4 / ICMP(type=5, code=1, gw="10.0.0.254") / QUOTED4,
    "icmp time exceeded": E / I4 / ICMP(type=11, code=0) / QUOTED4,
    "icmp parameter problem": E / I4 / ICMP(type=12, code=0, ptr=20) / QUOTED4,
    "icmp timestamp": E / I4 / ICMP(type=13, id=5, seq=6, ts_ori=1000, ts_rx=0, ts_tx=0),
    "icmp timestamp reply": E / I4 / ICMP(type=14, id=5, seq=6, ts_ori=1000, ts_rx=2000, ts_tx=3000),
    "ipv4 options": E / IP(src="10.0.0.5", dst="10.0.0.7", options=[IPOption_Router_Alert(), IPOption_NOP(), IPOption_NOP()]) / UDP(sport=9, dport=9999) / b"y",
    "ipv4 first fragment": E / IP(src="10.0.0.5", dst="10.0.0.7", id=300, flags="MF") / UDP(sport=5, dport=9999, len=1000, chksum=0x1234) / (b"z" * 64),
    "ipv4 later fragment": E / IP(src="10.0.0.5", dst="10.0.0.7", id=301, frag=185, proto=17) / (b"z" * 64),
    "udp with padding": E / I4 / UDP(sport=1, dport=9999) / b"x" / Padding(b"\x00" * 17),
    "udp without checksum": E / I4 / UDP(sport=1, dport=9999, chksum=0) / b"x",
    "tcp syn": E / I4 / TCP(sport=40000, dport=80, flags="S", seq=0xFEDCBA98, window=64240, options=[("MSS", 1460), ("SAckOK", b""), ("Timestamp", (100, 0)), ("NOP", None), ("WScale", 7)]),
    "tcp ack with sack": E / I4 / TCP(sport=80, dport=40000, flags="A", seq=1, ack=0x80000001, options=[("NOP", None), ("NOP", None), ("SAck", (1000, 2000))]),
    "tcp data": E / I4 / TCP(sport=80, dport=40001, flags="PA", seq=9, ack=8, window=1) / b"hello",
    "tcp urgent reset": E / I4 / TCP(sport=80, dport=40002, flags="RUEC", seq=9, urgptr=5),
    "tcp over ipv6": E / I6 / TCP(sport=40003, dport=443, flags="FA", seq=3, ack=4),
    "udp over ipv6": E / IPv6(src="2001:db8::5", dst="2001:db8::7", tc=0xB8, fl=0xABCDE, hlim=9) / UDP(sport=1, dport=9999) / b"abc",
    "ipv6 extension headers": E / I6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=9999) / b"abc",
    "ipv6 first fragment": E / I6 / IPv6ExtHdrFragment(m=1, id=0x1234, offset=0, nh=17) / UDP(sport=1, dport=9999, len=500, chksum=0x4321) / (b"f" * 64),
    "ipv6 later fragment": E / I6 / IPv6ExtHdrFragment(m=0, id=0x1234, offset=9, nh=17) / (b"f" * 64),
    "icmpv6 echo request": E / I6 / ICMPv6EchoRequest(id=3, seq=4, data=b"ping6"),
    "icmpv6 echo reply": E / I6 / ICMPv6EchoReply(id=3, seq=4, data=b"ping6"),
    "icmpv6 unreachable": E / I6 / ICMPv6DestUnreach(code=4) / QUOTED6,
    "icmpv6 too big": E / I6 / ICMPv6PacketTooBig(mtu=1280) / QUOTED6,
    "icmpv6 time exceeded": E / I6 / ICMPv6TimeExceeded() / QUOTED6,
    "icmpv6 parameter problem": E / I6 / ICMPv6ParamProblem(code=1, ptr=40) / QUOTED6,
    "neighbor solicitation": E / L6 / ICMPv6ND_NS(tgt="fe80::7") / ICMPv6NDOptSrcLLAddr(lladdr=A),
    "neighbor advertisement": E / L6 / ICMPv6ND_NA(tgt="fe80::5", R=1, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=A),
    "router solicitation": E / L6 / ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=A),
    "router advertisement": E / L6 / ICMPv6ND_RA(chlim=64, M=1, O=1, routerlifetime=1800, reachabletime=30000, retranstimer=1000) / ICMPv6NDOptSrcLLAddr(lladdr=A) / ICMPv6NDOptMTU(mtu=1458) / ICMPv6NDOptPrefixInfo(prefix="2001:db8:1::", prefixlen=64, L=1, A=1, validlifetime=86400, preferredlifetime=14400) / ICMPv6NDOptRDNSS(dns=["2001:db8::53", "2001:db8::54"], lifetime=600),
    "router advertisement with routes": E / L6 / ICMPv6ND_RA(chlim=0, routerlifetime=0) / ICMPv6NDOptPrefixInfo(prefix="2001:db8:1::", prefixlen=64, L=1, A=0) / ICMPv6NDOptRouteInfo(prefix="2001:db8:2::", plen=48, prf=1, rtlifetime=1200) / ICMPv6NDOptDNSSL(lifetime=700, searchlist=["lab.example.com", "example.com"]),
    "redirect": E / L6 / ICMPv6ND_Redirect(tgt="fe80::9", dst="2001:db8::99") / ICMPv6NDOptDstLLAddr(lladdr=B),
    "mld query": E / M6 / ICMPv6MLQuery(mrd=1000, mladdr="ff05::1"),
    "mld report": E / M6 / ICMPv6MLReport(mladdr="ff05::1"),
    "mld done": E / M6 / ICMPv6MLDone(mladdr="ff05::1"),
    "mld 2 query": E / M6 / ICMPv6MLQuery2(mrd=10000, mladdr="ff05::1", S=1, QRV=2, QQIC=125, sources=["2001:db8::a", "2001:db8::b"]),
    "mld 2 report": E / M6 / ICMPv6MLReport2(records=[ICMPv6MLDMultAddrRec(rtype=4, dst="ff02::fb"), ICMPv6MLDMultAddrRec(rtype=5, dst="ff05::2", sources=["2001:db8::a"])]),
    "igmp 1 report": E / IP(src="10.0.0.5", dst="239.1.1.1", ttl=1) / IGMP(type=0x12, mrcode=0, gaddr="239.1.1.1"),
    "igmp 2 query": E / IP(src="10.0.0.1", dst="224.0.0.1", ttl=1) / IGMP(type=0x11, mrcode=100, gaddr="0.0.0.0"),
    "igmp 2 report": E / IP(src="10.0.0.5", dst="239.1.1.1", ttl=1) / IGMP(type=0x16, mrcode=0, gaddr="239.1.1.1"),
    "igmp 2 leave": E / IP(src="10.0.0.5", dst="224.0.0.2", ttl=1) / IGMP(type=0x17, mrcode=0, gaddr="239.1.1.1"),
    "igmp 3 query": E / IP(src="10.0.0.1", dst="224.0.0.1", ttl=1) / IGMPv3(type=0x11, mrcode=100) / IGMPv3mq(gaddr="239.1.1.1", s=1, qrv=2, qqic=125, srcaddrs=["10.0.0.8", "10.0.0.9"]),
    "igmp 3 report": E / IP(src="10.0.0.5", dst="224.0.0.22", ttl=1) / IGMPv3(type=0x22) / IGMPv3mr(records=[IGMPv3gr(rtype=4, maddr="239.1.1.1"), IGMPv3gr(rtype=5, maddr="239.1.1.2", srcaddrs=["10.0.0.8", "10.0.0.9"])]),
    "dhcp discover": dhcp(1, [("message-type", "discover"), ("client_id", b"\x01" + CLIENT), ("hostname", "blue1"), ("requested_addr", "10.0.0.5"), ("param_req_list", [1, 3, 6, 12, 15, 26, 119, 121])], flags=0x8000, secs=3),
    "dhcp offer": dhcp(2, [("message-type", "offer"), ("server_id", "10.0.0.1"), ("lease_time", 3600), ("subnet_mask", "255.255.255.0"), ("router", "10.0.0.1"), ("name_server", "10.0.0.2", "10.0.0.3"), ("interface-mtu", 1458)], yiaddr="10.0.0.5", siaddr="10.0.0.1"),
    "dhcp ack with everything": dhcp(2, [("message-type", "ack"), ("server_id", "10.0.0.1"), ("lease_time", 0xFFFFFFFF), ("renewal_time", 1800), ("rebinding_time", 3150), ("domain", b"example.com"), (66, b"10.0.0.9"), (67, b"pxelinux.0"), (119, b"\x03lab\x07example\x03com\x00\x04corp\xc0\x04"), (121, b"\x10\x0a\x01\x0a\x00\x00\x01\x00\x0a\x00\x00\xfe")], yiaddr="10.0.0.5"),
    "dhcp request by a relay": dhcp(1, [("message-type", "request"), ("requested_addr", "10.0.0.5"), ("server_id", "10.0.0.1"), (82, b"\x01\x04eth0\x02\x02\x0a\x0b")], giaddr="10.0.9.1", hops=1),
    "dhcp nak": dhcp(2, [("message-type", "nak"), ("server_id", "10.0.0.1"), ("error_message", b"not yours")]),
    "dhcp offer of a boot server": dhcp(2, [("message-type", "offer"), ("server_id", "10.0.0.1")], yiaddr="10.0.0.5", sname=b"boot.lab.example", file=b"pxelinux.0"),
    "dns query": E / I4 / UDP(sport=40000, dport=53) / DNS(id=0x1234, rd=1, qd=DNSQR(qname="web.lab.example", qtype="A"), ar=DNSRROPT(rclass=1232)),
    "dns answer": E / I4 / UDP(sport=53, dport=40000) / DNS(id=0x1234, qr=1, aa=1, rd=1, ra=1, qd=DNSQR(qname="www.lab.example", qtype="A"), an=DNSRR(rrname="www.lab.example", type="CNAME", ttl=60, rdata="web.lab.example") / DNSRR(rrname="web.lab.example", type="A", ttl=61, rdata="192.0.2.20") / DNSRR(rrname="web.lab.example", type="AAAA", ttl=62, rdata="2001:db8::20"), ns=DNSRR(rrname="lab.example", type="NS", ttl=63, rdata="ns.lab.example")),
    "dns answer of many kinds": E / I6 / UDP(sport=53, dport=40000) / DNS(id=1, qr=1, qd=DNSQR(qname="lab.example", qtype="ALL"), an=DNSRR(rrname="lab.example", type="TXT", ttl=1, rdata=[b"v=spf1 -all", b"more"]) / DNSRRMX(rrname="lab.example", type=15, ttl=2, preference=10, exchange="mail.lab.example") / DNSRRSRV(rrname="_ldap._tcp.lab.example", ttl=3, priority=1, weight=2, port=389, target="web.lab.example") / DNSRR(rrname="20.2.0.192.in-addr.arpa", type="PTR", ttl=4, rdata="web.lab.example")),
    "dns no such name": E / I4 / UDP(sport=53, dport=40000) / DNS(id=2, qr=1, rcode=3, qd=DNSQR(qname="no.lab.example", qtype="A"), ns=DNSRRSOA(rrname="lab.example", ttl=5, mname="ns.lab.example", rname="admin.lab.example", serial=7, refresh=1, retry=2, expire=3, minimum=4)),
    "dhcpv6 solicit": dhcp6(DHCP6_Solicit(trid=0x010203), DHCP6OptClientId(duid=DUID), DHCP6OptIA_NA(iaid=7, T1=0, T2=0), DHCP6OptOptReq(reqopts=[23, 24]), DHCP6OptElapsedTime(elapsedtime=12), DHCP6OptRapidCommit()),
    "dhcpv6 advertise": dhcp6(DHCP6_Advertise(trid=0x010203), DHCP6OptClientId(duid=DUID), DHCP6OptServerId(duid=SERVER), DHCP6OptIA_NA(iaid=7, T1=1800, T2=2880, ianaopts=[DHCP6OptIAAddress(addr="2001:db8::5", preflft=3000, validlft=4000)]), DHCP6OptPref(prefval=255)),
    "dhcpv6 request": dhcp6(DHCP6_Request(trid=4), DHCP6OptClientId(duid=DUID), DHCP6OptServerId(duid=SERVER), DHCP6OptIA_NA(iaid=7, ianaopts=[DHCP6OptIAAddress(addr="2001:db8::5", preflft=0, validlft=0)])),
    "dhcpv6 reply": dhcp6(DHCP6_Reply(trid=4), DHCP6OptClientId(duid=DUID), DHCP6OptServerId(duid=SERVER), DHCP6OptIA_NA(iaid=7, T1=1800, T2=2880, ianaopts=[DHCP6OptIAAddress(addr="2001:db8::5", preflft=3000, validlft=4000)]), DHCP6OptDNSServers(dnsservers=["2001:db8::53", "2001:db8::54"]), DHCP6OptDNSDomains(dnsdomains=["lab.example.com", "example.com"])),
    "dhcpv6 reply without addresses": dhcp6(DHCP6_Reply(trid=5), DHCP6OptClientId(duid=DUID), DHCP6OptServerId(duid=SERVER), DHCP6OptStatusCode(statuscode=2, statusmsg=b"none left")),
    "dhcpv6 information request": dhcp6(DHCP6_InfoRequest(trid=6), DHCP6OptOptReq(reqopts=[23, 24]), DHCP6OptElapsedTime(elapsedtime=0)),
    "dhcpv6 renew": dhcp6(DHCP6_Renew(trid=7), DHCP6OptClientId(duid=DUID), DHCP6OptServerId(duid=SERVER), DHCP6OptIA_NA(iaid=7)),
    "dhcpv6 rebind": dhcp6(DHCP6_Rebind(trid=8), DHCP6OptClientId(duid=DUID), DHCP6OptIA_NA(iaid=7)),
    "gre": E / I4 / GRE(proto=0x0800) / QUOTED4,
    "gre with key, checksum and sequence": E / I4 / GRE(proto=0x6558, chksum_present=1, key_present=1, key=0x0013890C, seqnum_present=1, sequence_number=5) / INNER,
    "nvgre": E / I4 / GRE(proto=0x6558, key_present=1, key=0x0013890C) / INNER,
    "nvgre over ipv6": E / I6 / GRE(proto=0x6558, key_present=1, key=0x00138900) / INNER,
    "vxlan": E / I4 / UDP(sport=50000, dport=4789, chksum=0) / VXLAN(flags=8, vni=5001) / INNER,
    "geneve": E / I4 / UDP(sport=50000, dport=6081) / GENEVE(vni=5001, proto=0x6558) / INNER,
    "geneve with options": E / I4 / UDP(sport=50000, dport=6081) / GENEVE(vni=5002, proto=0x6558, critical=1, options=[GeneveOptions(classid=0x0102, type=0x80, data=b"\x00\x00\x00\x01"), GeneveOptions(classid=0x0103, type=1, data=b"abcdefgh")]) / INNER,
    "lldp": Ether(src=A, dst="01:80:c2:00:00:0e") / LLDPDUChassisID(subtype=4, id=A) / LLDPDUPortID(subtype=5, id=b"eth0") / LLDPDUTimeToLive(ttl=120) / LLDPDUPortDescription(description=b"uplink") / LLDPDUSystemName(system_name=b"leaf1") / LLDPDUSystemDescription(description=b"a switch") / LLDPDUEndOfLLDPDU(),
    "lldp with a mac port": Ether(src=A, dst="01:80:c2:00:00:0e") / LLDPDUChassisID(subtype=4, id=A) / LLDPDUPortID(subtype=3, id=B) / LLDPDUTimeToLive(ttl=0) / LLDPDUSystemCapabilities(mac_bridge_available=1, router_available=1, mac_bridge_enabled=1) / LLDPDUEndOfLLDPDU(),
    "lacp": Ether(src=A, dst="01:80:c2:00:00:02") / SlowProtocol() / LACP(actor_system_priority=32768, actor_system=A, actor_key=33, actor_port_priority=255, actor_port_number=2, actor_state=0x3D, partner_system_priority=127, partner_system=B, partner_key=13, partner_port_priority=128, partner_port_number=22, partner_state=0x3F, collector_max_delay=50000),
    "bfd": E / IP(src="10.0.0.5", dst="10.0.0.7", ttl=255) / UDP(sport=49152, dport=3784) / BFD(sta=3, flags=0x20, detect_mult=3, my_discriminator=0x11, your_discriminator=0x22, min_tx_interval=300000, min_rx_interval=400000, echo_rx_interval=50000),
    "bfd down": E / IP(src="10.0.0.5", dst="10.0.0.7", ttl=255) / UDP(sport=49152, dport=3784) / BFD(diag=3, sta=1, flags=0, detect_mult=5, my_discriminator=0x11, your_discriminator=0),
}

for name, packet in packets.items():
    print(name + "|" + bytes(packet).hex())
