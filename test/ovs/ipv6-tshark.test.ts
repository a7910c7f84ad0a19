// A guest and the switch talk about routers and addresses of IPv6; tshark says what it sees.
import { describe, expect, it } from 'vitest';
import { DHCP_SERVER_MAC } from '../../src/agent/answers.ts';
import { answerDhcpv6 } from '../../src/agent/dhcpv6-responder.ts';
import { PORT, ROUTER, SLAAC_PORT, SLAAC_SUBNET, SUBNET } from '../../src/agent/ipv6-fixture.ts';
import { advertisement, answerSolicitation } from '../../src/agent/router-advertiser.ts';
import { FakeClock } from '../../src/base/clock.ts';
import { GuestNic } from '../../src/guest/nic.ts';
import { linkLocalOf } from '../../src/packet/address.ts';
import { parseFrame } from '../../src/packet/parse.ts';
import type { PortRecord, SubnetRecord } from '../../src/policy/records.ts';
import { tsharkComplaints, tsharkFields } from '../support/tshark.ts';

/** The frames of a guest from its start until it has asked to keep its addresses, and stops. */
function conversation(port: PortRecord, subnet: SubnetRecord): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const clock = new FakeClock();
  const nic: GuestNic = new GuestNic({
    name: 'blue1',
    mac: port.mac,
    clock,
    random: () => 0.25,
    send: (bytes) => {
      const { icmpv6, dhcp6 } = parseFrame(bytes);
      const reply = dhcp6
        ? answerDhcpv6(port, subnet, bytes)
        : icmpv6?.type === 133
          ? answerSolicitation(port, subnet, bytes)
          : undefined;
      if (!dhcp6 && !reply) return;
      frames.push(bytes);
      if (!reply) return;
      frames.push(reply);
      nic.receive(reply);
    },
  });
  nic.autoconfigure();
  clock.advance(2_000_000);
  nic.stopAutoconfiguration();
  nic.close();
  return frames;
}

describe('IPv6 of a guest in the eyes of tshark', () => {
  const managed = conversation(PORT, SUBNET);
  const slaac = conversation(SLAAC_PORT, SLAAC_SUBNET);

  it('is well formed, checksums included', () => {
    expect([managed.length, slaac.length]).toEqual([10, 6]);
    expect(tsharkComplaints([...managed, ...slaac, advertisement(PORT, SUBNET)!])).toEqual([]);
    expect(tsharkComplaints([managed[3]!.slice(0, 90)])).not.toEqual([]);
  });

  it('is a solicitation and an advertisement, then solicit, advertise, request, reply, renew, reply, release, reply', () => {
    const rows = tsharkFields(managed, 'icmpv6.type', 'dhcpv6.msgtype', 'eth.src', 'ipv6.src');
    const guest = [PORT.mac, linkLocalOf(PORT.mac)];
    const server = [DHCP_SERVER_MAC, PORT.dhcpv6Server];
    expect(rows).toEqual([
      ['133', '', ...guest],
      ['134', '', ROUTER, linkLocalOf(ROUTER)],
      ...['1', '2', '3', '7', '5', '7', '8', '7'].map((type, i) => ['', type, ...(i % 2 ? server : guest)]),
    ]);
  });

  it('the advertisement says what the records say', () => {
    const values = {
      'icmpv6.nd.ra.cur_hop_limit': '64',
      'icmpv6.nd.ra.flag.m': 'True',
      'icmpv6.nd.ra.flag.o': 'True',
      'icmpv6.nd.ra.router_lifetime': '9000',
      'icmpv6.opt.mtu': '1458',
      'icmpv6.opt.prefix': 'fd00::',
      'icmpv6.opt.prefix.length': '64',
      'icmpv6.opt.prefix.flag.l': 'True',
      'icmpv6.opt.prefix.flag.a': 'False',
      'icmpv6.opt.rdnss': 'fd00::53',
      'icmpv6.opt.dnssl': 'blue.example',
      'icmpv6.opt.src_linkaddr': ROUTER,
    };
    const said = tsharkFields([managed[1]!], ...Object.keys(values)).flat();
    expect(said.map((v) => (v === '1' ? 'True' : v === '0' ? 'False' : v))).toEqual(Object.values(values));
    const made = tsharkFields([slaac[1]!], 'icmpv6.nd.ra.flag.m', 'icmpv6.opt.prefix.flag.a').flat();
    expect(made.map((v) => (v === '1' ? 'True' : v === '0' ? 'False' : v))).toEqual(['False', 'True']);
  });

  it('the reply grants the address of the port, and its name servers', () => {
    const values = {
      'dhcpv6.iaaddr.ip': 'fd00::5',
      'dhcpv6.iaaddr.pref_lifetime': '3600',
      'dhcpv6.iaaddr.valid_lifetime': '7200',
      'dhcpv6.iaid.t1': '1800',
      'dhcpv6.iaid.t2': '2880',
      'dhcpv6.dns_server': 'fd00::53',
      'dhcpv6.search_list_entry': 'blue.example.',
    };
    for (const reply of [managed[3]!, managed[5]!, managed[7]!])
      expect(tsharkFields([reply], ...Object.keys(values)).flat()).toEqual(Object.values(values));
  });
});
