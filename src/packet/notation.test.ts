import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyLayers, mutated } from '../../test/support/frames.ts';
import { NetloomError } from '../base/error.ts';
import { frame } from './build.ts';
import { fromHex, toHex } from './bytes.ts';
import { layersOf } from './dissect.ts';
import { formatFrame, formatLayers, parseLayers, parseNotation } from './notation.ts';

const anyFrame = anyLayers.map((layers) => frame(...layers));
const ETH = 'eth(src=00:1d:d8:b7:1c:01,dst=00:1d:d8:b7:1c:02)';

describe('notation', () => {
  it('of a built frame gives the frame again, and says nothing that can be derived', () => {
    fc.assert(
      fc.property(anyFrame, (bytes) => {
        const text = formatFrame(bytes);
        expect(text).not.toMatch(/checksum=|len=/);
        expect(toHex(parseNotation(text))).toBe(toHex(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  it('of any bytes gives the bytes again', () => {
    fc.assert(
      fc.property(fc.oneof(mutated(anyFrame), fc.uint8Array({ maxLength: 200 })), (bytes) => {
        expect(toHex(frame(...layersOf(bytes)))).toBe(toHex(bytes));
        expect(toHex(parseNotation(formatFrame(bytes)))).toBe(toHex(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('of layers gives the layers again', () => {
    fc.assert(
      fc.property(anyFrame, (bytes) => {
        const layers = layersOf(bytes);
        expect(formatLayers(parseLayers(formatLayers(layers)))).toBe(formatLayers(layers));
      }),
    );
  });

  // One line for each layer, as people see it.
  it.each([
    `${ETH}/arp(request,sha=00:1d:d8:b7:1c:01,spa=10.0.0.5,tha=00:00:00:00:00:00,tpa=10.0.0.7)`,
    `${ETH}/vlan(vid=5,pcp=3)/ipv4(src=10.0.0.5,dst=10.0.0.7,ttl=64)/icmp(echo-request,id=1,seq=1)/data(0102)`,
    `${ETH}/ipv4(src=10.0.0.5,dst=10.0.0.7,ttl=64,df)/icmp(unreachable,code=4,mtu=1458)/data(00*28)`,
    `${ETH}/ipv4(src=10.0.0.5,dst=10.0.0.7,ttl=1,id=7,mf,proto=17)/data(00*16)`,
    `${ETH}/ipv4(src=10.0.0.5,dst=10.0.0.7,ttl=64)/udp(sport=1,dport=2)/data(ff)/pad(00*17)`,
    `${ETH}/ipv4(src=10.0.0.5,dst=10.0.0.7,ttl=64)/udp(sport=1,dport=2,checksum=0xbad0)/data(ff)`,
    `${ETH}/ipv4(src=10.0.0.5,dst=10.0.0.7,ttl=64)/tcp(sport=1000,dport=80,flags=SA,seq=1,ack=2,window=512,options=020405b4)`,
    `${ETH}/ipv4(src=0.0.0.0,dst=255.255.255.255,ttl=64)/udp(sport=68,dport=67)/dhcp(discover,xid=0x00000001,broadcast,chaddr=00:1d:d8:b7:1c:01,requested=10.0.0.5,params=1+3+6+26,hostname="blue1",o61=01001dd8b71c01)`,
    `${ETH}/ipv4(src=192.0.2.253,dst=10.0.0.5,ttl=64)/udp(sport=67,dport=68)/dhcp(ack,xid=0x00000001,yiaddr=10.0.0.5,chaddr=00:1d:d8:b7:1c:01,mask=255.255.255.0,gateway=10.0.0.1,dns=1.1.1.1+8.8.8.8,mtu=1458,lease=3600,server=192.0.2.253)`,
    `${ETH}/ipv6(src=2001:db8::5,dst=2001:db8::7,ttl=64)/icmpv6(echo-reply,id=1,seq=2)/data(0102)`,
    `${ETH}/ipv6(src=fe80::1,dst=ff02::1:ff00:7,ttl=255)/icmpv6(neighbor-solicitation,target=2001:db8::7,sll=00:1d:d8:b7:1c:01)`,
    `${ETH}/ipv6(src=fe80::1,dst=fe80::2,ttl=255)/icmpv6(neighbor-advertisement,target=2001:db8::7,solicited,override,tll=00:1d:d8:b7:1c:01)`,
    `${ETH}/ipv6(src=fe80::1,dst=ff02::1,ttl=255)/icmpv6(router-advertisement,hoplimit=64,managed,lifetime=1800)`,
    `${ETH}/ipv6(src=2001:db8::5,dst=2001:db8::7,ttl=64)/hopopts(010400000000)/fragment(id=0x00000001)/udp(sport=1,dport=2)`,
    `${ETH}/ipv4(src=192.168.4.11,dst=192.168.4.22,ttl=64)/gre(vsid=5001,flow=12)/${ETH}/arp(reply,sha=00:1d:d8:b7:1c:01,spa=10.0.0.5,tha=00:1d:d8:b7:1c:02,tpa=10.0.0.7)`,
    `${ETH}/ipv4(src=192.168.4.11,dst=192.168.4.22,ttl=64)/udp(sport=50000,dport=4789)/vxlan(vni=5001)/${ETH}/data(00)/pad()/pad(00)`,
    `${ETH}/ipv4(src=192.168.4.11,dst=192.168.4.22,ttl=64)/gre(key=0x00000005,seq=1,c,proto=0x0800)/data(00)`,
    `eth(src=00:1d:d8:b7:1c:01,dst=01:80:c2:00:00:00,type=0x0026)/data(424203)`,
    `${ETH}/llc(dsap=0x42,ssap=0x42)/data(0000000000)/pad(00*38)`,
    `${ETH}/vlan(vid=5)/llc(dsap=0x04,ssap=0x05,control=0x0201)`,
    `${ETH}/llc()/snap()/ipv4(src=10.0.0.5,dst=10.0.0.7,ttl=64)/icmp(echo-request,id=1,seq=1)`,
    `${ETH}/llc()/snap(organization=0x00000c,proto=0x2000)/data(02b4)`,
    `${ETH}/rarp(reverse-request,sha=00:1d:d8:b7:1c:01,spa=0.0.0.0,tha=00:1d:d8:b7:1c:01,tpa=0.0.0.0)`,
    `${ETH}/lldp(chassis=00:1d:d8:b7:1c:00,port=5:65746830,ttl=120,system="leaf1",capabilities=20+4,o8=0501)`,
    `${ETH}/lacp(actor=00:1d:d8:b7:1c:01,actorpriority=32768,actorkey=1,actorportpriority=255,actorport=2,actorstate=0x3d,partner=00:00:00:00:00:00,partnerpriority=0,partnerkey=0,partnerportpriority=0,partnerport=0,partnerstate=0x00)`,
    `${ETH}/ipv4(src=10.0.0.5,dst=224.0.0.22,ttl=1,options=94040000)/igmp(report3,to-exclude=239.1.1.1,allow=239.1.1.2+10.0.0.8+10.0.0.9)`,
    `${ETH}/ipv4(src=10.0.0.1,dst=224.0.0.1,ttl=1)/igmp(query,maxresp=100,group=239.1.1.1,suppress,qrv=2,qqic=125,sources=10.0.0.5+10.0.0.6)`,
    `${ETH}/ipv4(src=10.0.0.1,dst=224.0.0.1,ttl=1)/igmp(query,maxresp=100,group=0.0.0.0)`,
    `${ETH}/ipv6(src=fe80::1,dst=ff02::16,ttl=1)/hopopts(050200000100)/mld(report2,is-exclude=ff02::fb)`,
    `${ETH}/ipv6(src=fe80::1,dst=ff02::1,ttl=1)/hopopts(050200000100)/mld(query,maxresp=10000,group=::,qrv=2,qqic=125)`,
    `${ETH}/ipv6(src=fe80::1,dst=ff02::2,ttl=1)/mld(done,group=ff05::1)`,
    `${ETH}/ipv6(src=fe80::1,dst=ff02::1,ttl=255)/icmpv6(router-advertisement,hoplimit=64,lifetime=1800,sll=00:1d:d8:b7:1c:01,prefix="2001:db8::/64 LA 2592000 604800",linkmtu=1458,rdnss="600 2001:db8::53",dnssl="600 example.com",route="2001:db8:1::/48 high 1800",o14=0102030405060708090a0b0c0d0e)`,
    `${ETH}/ipv4(src=10.0.0.1,dst=10.0.0.5,ttl=64)/icmp(redirect,code=1,gateway=10.0.0.2)/data(00*28)`,
    `${ETH}/ipv4(src=10.0.0.5,dst=10.0.0.7,ttl=64)/icmp(timestamp,id=1,seq=2)/data(000000010000000000000000)`,
    `${ETH}/ipv4(src=10.0.0.5,dst=255.255.255.255,ttl=64)/udp(sport=68,dport=67)/dhcp(ack,xid=0x00000001,chaddr=00:1d:d8:b7:1c:01,domain="example.com",search=lab.example.com+example.com,routes="10.1.0.0/16 via 10.0.0.1+0.0.0.0/0 via 10.0.0.254",relay=circuit:65746830+s5:0a000000,tftp="10.0.0.9",bootfile="pxelinux.0")`,
    `${ETH}/ipv6(src=fe80::2,dst=fe80::1,ttl=64)/udp(sport=547,dport=546)/dhcp6(reply,xid=0x0a0b0c,client=00030001001dd8b71c01,server=00030001001dd8b71c02,ia="1 1800 2880; 2001:db8::5 3000 4000",dns=2001:db8::53+2001:db8::54,search=example.com,status="0 fine",rapid-commit=yes,o39=00)`,
    `${ETH}/ipv4(src=192.168.4.11,dst=192.168.4.22,ttl=255)/udp(sport=49152,dport=3784)/bfd(up,flags=0x08,multiplier=3,mine=0x00000001,yours=0x00000002,tx=300000,rx=300000)`,
    `${ETH}/ipv4(src=192.168.4.11,dst=192.168.4.22,ttl=64)/udp(sport=50000,dport=6081)/geneve(vni=5001,critical,o66176=00000001)/${ETH}/data(00)`,
    'data(0102)',
    'data()',
  ])('reads and writes %s', (text) => {
    expect(formatFrame(parseNotation(text))).toBe(text);
  });

  it('fills in what is left out', () => {
    expect(formatFrame(parseNotation('eth/arp(tpa=10.0.0.7)'))).toBe(
      'eth(src=00:00:00:00:00:00,dst=ff:ff:ff:ff:ff:ff)/arp(request,sha=00:00:00:00:00:00,spa=0.0.0.0,tha=00:00:00:00:00:00,tpa=10.0.0.7)',
    );
    expect(toHex(parseNotation('eth( type = 0x0800 ) / data( "ping" )'))).toBe(
      'ffffffffffff00000000000008 0070696e67'.replace(' ', ''),
    );
    expect(formatFrame(parseNotation('eth/ipv4/udp/dhcp(offer)'))).toContain(
      'udp(sport=67,dport=68)/dhcp(offer,',
    );
    expect(formatFrame(parseNotation('eth/ipv6/icmpv6(neighbor-solicitation)'))).toContain('ttl=255');
  });

  it.each([
    ['', 'character 1: there is no layer ""'],
    ['ether()', 'character 1: there is no layer "ether"; there are eth, vlan'],
    ['eth(dst=zz)', 'character 9: dst is a MAC address, not "zz"'],
    ['eth()/ipv4(src=127.1)', 'character 16: src is an IPv4 address, not "127.1"'],
    ['eth()/vlan(vid=4096)', 'character 16: vid is a number of 0..4095, not "4096"'],
    ['eth()/vlan(vid=1,vid=2)', 'character 18: vlan has vid twice'],
    ['eth()/vlan(vlan=4)', 'character 12: vlan has no field "vlan"; it has vid, pcp, dei, type'],
    ['eth()/vlan(native)', 'character 12: vlan has no flag "native"'],
    ['eth()/ipv4(df=1)', 'character 15: df is a flag'],
    ['eth()/ipv4()/icmp(ping)', 'character 19: type is a number or one of echo-reply,'],
    [
      'eth()/udp()',
      'character 7: udp cannot follow eth; what can: vlan, llc, arp, rarp, ipv4, ipv6, lldp, lacp, data, pad',
    ],
    ['eth()/pad()/pad()', 'character 13: there are more pads than Ethernet frames'],
    ['eth()/data(123)', 'character 12: bytes is pairs of hexadecimal digits'],
    ['eth()/data(00*99999)', 'character 12: bytes is pairs of hexadecimal digits'],
    ['eth()/data("abc)', 'character 12: the quotation does not end'],
    ['eth()/ipv4(frag=7)', 'character 1: a fragment offset is a multiple of 8'],
    ['eth()/ipv4(options=01)', 'character 1: IPv4 options are a multiple of 4'],
    ['eth()/ipv4()/data(00*65535)', 'character 1: an IPv4 packet has at most 65535 bytes'],
    ['eth()/ipv4()/udp()/dhcp(colour=3)', 'character 25: dhcp has no field "colour"'],
    ['eth()/ipv4()/udp()/dhcp(mask=3)', 'character 30: mask is an IPv4 address, not "3"'],
    ['eth()/ipv4()/tcp(flags=X)', 'character 24: flags is letters of FSRPAUEC'],
    ['eth(', 'character 5: eth has no flag ""'],
    ['eth()arp()', 'character 6: here another layer begins with /'],
    ['eth()/__proto__()', 'character 7: there is no layer ""'],
    ['eth(__proto__=1)', 'eth has no field "__proto__"'],
    ['eth()/ipv4()/udp()/dhcp(constructor=1)', 'dhcp has no field "constructor"'],
  ])('refuses %j and says where and why', (text, message) => {
    expect(() => parseNotation(text)).toThrow(NetloomError);
    expect(() => parseNotation(text)).toThrow(message);
  });

  it('refuses any other text with an error of its own', () => {
    const scraps = fc.constantFrom(
      'eth',
      'ipv4',
      'udp',
      'dhcp',
      'data',
      'pad',
      'gre',
      '(',
      ')',
      '/',
      ',',
      '=',
      '"',
      '1',
      'src',
      '00*9',
      '10.0.0.1',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(scraps, { maxLength: 14 }).map((s) => s.join('')),
        ),
        (text) => {
          try {
            parseNotation(text);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(NetloomError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('never loses bytes behind what it knows', () => {
    // GRE with a reserved bit, VXLAN with one, DHCP with a file name: no layer holds these.
    const gre = parseNotation(`${ETH}/ipv4/gre(vsid=5001)/${ETH}/arp()`);
    gre[34]! |= 0x02;
    expect(formatFrame(gre)).toContain('ttl=64,proto=47)/data(22006558');
    const short = fromHex('0102030405')!;
    expect(formatFrame(short)).toBe('data(0102030405)');
  });
});
