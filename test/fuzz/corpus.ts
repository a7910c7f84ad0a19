/** One good frame, at least, of every kind of packet: what the fuzzer changes. In the notation of notation.ts. */

const ETH = 'eth(src=00:1d:d8:b7:1c:01,dst=00:1d:d8:b7:1c:02)';
const IP4 = 'ipv4(src=10.0.0.5,dst=10.0.0.7)';
const IP6 = 'ipv6(src=fe80::1,dst=fe80::2)';
const INNER = `${ETH}/${IP4}/udp(sport=1,dport=2)/data(0102030405)`;
/** An IPv4 header and the ports of a UDP datagram, as an ICMP error brings them back. */
const QUOTE_4 = '4500005400014000401126a10a0000070a00000500350035004000000000';
const QUOTE_6 = `6000000000100011${'fe80'.padEnd(32, '0')}${'fe80'.padEnd(32, '1')}1100010401000000003500350008000080002a2a00010001`;

export const CORPUS: readonly string[] = [
  `${ETH}/vlan(vid=5,pcp=3)/vlan(vid=7)/${IP4}/icmp()/data("ping")`,
  `${ETH}/arp(request,sha=00:1d:d8:b7:1c:01,spa=10.0.0.5,tpa=10.0.0.7)`,
  `${ETH}/rarp(sha=00:1d:d8:b7:1c:01,tha=00:1d:d8:b7:1c:01)`,
  `${ETH}/llc(dsap=0x42,ssap=0x42)/data(0000000000)/pad(00*38)`,
  `${ETH}/llc(dsap=4,ssap=4,control=0x0201)/data(01)`,
  `${ETH}/llc/snap/${IP4}/tcp(flags=S)`,
  `${ETH}/llc/snap(organization=0x00000c,proto=0x2000)/data(02b4)`,
  `${ETH}/lldp(chassis=00:1d:d8:b7:1c:00,port=5:65746830,ttl=120,system="leaf1",description="a switch",capabilities=20+4,o8=05010a0000010200000001,o127=00120f01036c110000)`,
  `${ETH}/lacp(actor=00:1d:d8:b7:1c:01,actorkey=1,actorport=2,actorstate=0x3d,partner=00:1d:d8:b7:1c:02,partnerstate=0x3f,maxdelay=50000)`,
  `${ETH}/ipv4(src=10.0.0.5,dst=10.0.0.7,options=940400000707040000000000)/tcp(sport=1,dport=80,flags=S,options=020405b40402080a00000001000000000103030a)/data(00*9)`,
  `${ETH}/${IP4}/tcp(flags=A,options=0101050a0000000100000009)`,
  `${ETH}/${IP4}/udp(sport=5,dport=6)/data(00*20)/pad(00*6)`,
  `${ETH}/ipv4(mf,id=7)/udp(len=4000)/data(00*16)`,
  `${ETH}/ipv4(frag=64,id=7)/data(00*16)`,
  `${ETH}/${IP4}/icmp(unreachable,code=4,mtu=1400)/data(${QUOTE_4})`,
  `${ETH}/${IP4}/icmp(redirect,gateway=10.0.0.1)/data(${QUOTE_4})`,
  `${ETH}/${IP4}/icmp(parameter-problem,pointer=20)/data(${QUOTE_4})`,
  `${ETH}/${IP4}/icmp(timestamp,id=1,seq=1)/data(00*12)`,
  `${ETH}/${IP4}/igmp(query,maxresp=100)`,
  `${ETH}/${IP4}/igmp(query,maxresp=200,group=239.1.1.1,suppress,qrv=2,qqic=125,sources=10.0.0.5+10.0.0.6)`,
  `${ETH}/${IP4}/igmp(report2,group=239.1.1.1)`,
  `${ETH}/${IP4}/igmp(report3,to-exclude=239.1.1.1,allow=239.1.1.2+10.0.0.8+10.0.0.9)`,
  `${ETH}/${IP6}/hopopts(050200000100)/mld(query,maxresp=10000)`,
  `${ETH}/${IP6}/hopopts(050200000100)/mld(query,maxresp=40000,group=ff05::1,qrv=2,qqic=125,sources=fe80::7+fe80::8)`,
  `${ETH}/${IP6}/mld(done,group=ff05::1)`,
  `${ETH}/${IP6}/mld(report2,is-exclude=ff02::fb,block=ff05::1+fe80::7)`,
  `${ETH}/${IP6}/icmpv6(echo-request,id=1,seq=1)/data("ping")`,
  `${ETH}/${IP6}/icmpv6(packet-too-big,mtu=1280)/data(${QUOTE_6})`,
  `${ETH}/${IP6}/icmpv6(parameter-problem,pointer=40)/data(${QUOTE_6})`,
  `${ETH}/${IP6}/icmpv6(neighbor-solicitation,target=fe80::2,sll=00:1d:d8:b7:1c:01,o14=010203040506)`,
  `${ETH}/${IP6}/icmpv6(neighbor-advertisement,target=fe80::2,solicited,tll=00:1d:d8:b7:1c:01)`,
  `${ETH}/${IP6}/icmpv6(redirect,target=fe80::2,destination=2001:db8::9,tll=00:1d:d8:b7:1c:01)`,
  `${ETH}/${IP6}/icmpv6(router-solicitation,sll=00:1d:d8:b7:1c:01)`,
  `${ETH}/${IP6}/icmpv6(router-advertisement,hoplimit=64,lifetime=1800,sll=00:1d:d8:b7:1c:01,prefix="2001:db8::/64 LA 2592000 604800",linkmtu=1458,rdnss="600 2001:db8::53+2001:db8::54",dnssl="600 lab.example.com+example.com",route="2001:db8:1::/48 high 1800")`,
  `${ETH}/${IP6}/hopopts/routing/dstopts/ah(00000000000102030405)/fragment(id=7)/udp(dport=5)`,
  `${ETH}/${IP6}/fragment(mf,id=7)/udp(len=4000)/data(00*16)`,
  `${ETH}/${IP4}/udp(sport=68,dport=67)/dhcp(discover,xid=1,broadcast,chaddr=00:1d:d8:b7:1c:01,hostname="blue1",requested=10.0.0.5,params=1+3+6+15+26+119+121,o61=01001dd8b71c01,relay=circuit:65746830+remote:0102)`,
  `${ETH}/${IP4}/udp(sport=67,dport=68)/dhcp(ack,xid=1,yiaddr=10.0.0.5,chaddr=00:1d:d8:b7:1c:01,sname="boot.lab.example",file="pxelinux.0",mask=255.255.255.0,gateway=10.0.0.1,dns=1.1.1.1+8.8.8.8,domain="example.com",mtu=1458,lease=3600,server=10.0.0.1,tftp="10.0.0.9",bootfile="pxelinux.0",search=lab.example.com+corp.example.com,routes="10.1.0.0/16 via 10.0.0.1+0.0.0.0/0 via 10.0.0.254")`,
  `${ETH}/${IP6}/udp(sport=546,dport=547)/dhcp6(solicit,xid=1,client=00030001001dd8b71c01,ia="1 0 0",params=23+24,elapsed=0,rapid-commit=yes)`,
  `${ETH}/${IP6}/udp(sport=547,dport=546)/dhcp6(reply,xid=1,client=00030001001dd8b71c01,server=00030001001dd8b71c02,ia="1 1800 2880; 2001:db8::5 3000 4000; status 0 fine",dns=2001:db8::53,search=lab.example.com+example.com,preference=255,refresh=600,status="0 fine")`,
  `${ETH}/${IP4}/udp(dport=53)/dns(id=7,rd,question="web.lab.example AAAA",additional=". 0 CLASS1232 OPT 0x000a0008")/data(0102030405060708)`,
  `${ETH}/${IP4}/udp(sport=53)/dns(id=7,response,aa,rd,ra,question="www.lab.example A",answer="www.lab.example 60 CNAME web.lab.example",answer="web.lab.example 60 A 192.0.2.20",authority="lab.example 60 NS ns.lab.example",additional="ns.lab.example 60 AAAA 2001:db8::53")`,
  `${ETH}/${IP6}/udp(sport=53)/dns(response,names=repeated,question="lab.example MX",answer="lab.example 60 MX 10 mail.lab.example",answer="lab.example 60 TXT 'v=spf1 -all' ''",answer="_ldap._tcp.lab.example 60 SRV 1 2 389 web.lab.example",answer="lab.example 60 TYPE257 0x0005697373756563612e6578616d706c65")`,
  `${ETH}/${IP6}/udp(sport=53)/dns(response,nxdomain,names=whole,question="nothing.lab.example A",authority="lab.example 60 SOA ns.lab.example admin.lab.example 1 2 3 4 5")`,
  `${ETH}/${IP4}/udp(dport=3784)/bfd(up,mine=1,yours=2,auth=0109017061737300ff)`,
  `${ETH}/${IP4}/gre(vsid=5001,flow=12)/${INNER}`,
  `${ETH}/${IP4}/gre(key=1,seq=2,c,proto=0x0800)/data(00*20)`,
  `${ETH}/${IP4}/udp()/vxlan(vni=5001)/${INNER}/pad()/pad(00)`,
  `${ETH}/${IP6}/udp()/geneve(vni=5001,critical,o66176=00000001,o66049=)/${INNER}`,
];
