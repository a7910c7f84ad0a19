// A guest and the switch talk DHCP; tshark says what it sees.
import { describe, expect, it } from 'vitest';
import { DHCP_SERVER_MAC } from '../../src/agent/answers.ts';
import { answerDhcp } from '../../src/agent/dhcp-responder.ts';
import { FakeClock } from '../../src/base/clock.ts';
import { GuestNic } from '../../src/guest/nic.ts';
import { ip, mac } from '../../src/packet/address.ts';
import { parseFrame } from '../../src/packet/parse.ts';
import type { PortRecord } from '../../src/policy/records.ts';
import { tsharkComplaints, tsharkFields } from '../support/tshark.ts';

const MAC = mac('00:1d:d8:b7:1c:00');
const PORT: PortRecord = {
  kind: 'port',
  id: '7d5b2c1e-0000-4000-8000-000000000001',
  name: 'test01/eth0',
  owner: 'vm',
  switch: 'Internal',
  mac: MAC,
  addresses: [
    {
      address: ip('10.10.1.100'),
      prefixLength: 16,
      gateway: ip('10.10.0.1'),
      dns: [ip('10.10.0.3'), ip('10.10.0.4')],
    },
  ],
  attachment: { type: 'virtual', vsid: 5001 },
  security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: false },
  mtu: 1458,
  dhcpServer: ip('192.0.2.253'),
  origin: 'VirtualMachine/test01',
};

/** The frames of one guest that boots, then finds that its address has changed. */
function conversation(): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const clock = new FakeClock();
  let port = PORT;
  const nic: GuestNic = new GuestNic({
    name: 'test01',
    mac: MAC,
    clock,
    random: () => 0.25,
    send: (bytes) => {
      if (!parseFrame(bytes).dhcp) return;
      frames.push(bytes);
      const reply = answerDhcp(port, bytes);
      if (!reply) return;
      frames.push(reply);
      nic.receive(reply);
    },
  });
  nic.dhcp();
  clock.advance(10_000);
  port = { ...PORT, addresses: [{ address: ip('10.10.1.101'), prefixLength: 16, dns: [] }] };
  // Nobody answers ARP for the gateway here, so the guest asks all at T2, and is told NAK.
  clock.advance(3_150_000);
  nic.close();
  return frames;
}

describe('DHCP in the eyes of tshark', () => {
  const frames = conversation();

  it('is well formed, checksums included', () => {
    expect(frames.length).toBeGreaterThanOrEqual(6);
    expect(tsharkComplaints(frames)).toEqual([]);
    const broken = frames[1]!.slice(0, 290);
    expect(tsharkComplaints([broken])).not.toEqual([]);
  });

  it('is discover, offer, request, ack; later request and nak', () => {
    const rows = tsharkFields(
      frames,
      'dhcp.option.dhcp',
      'eth.src',
      'ip.src',
      'ip.dst',
      'dhcp.option.dhcp_server_id',
    );
    const server = [DHCP_SERVER_MAC, '192.0.2.253'];
    const all = '255.255.255.255';
    expect(rows.slice(0, 6)).toEqual([
      ['1', MAC, '0.0.0.0', all, ''],
      ['2', ...server, '10.10.1.100', '192.0.2.253'],
      ['3', MAC, '0.0.0.0', all, '192.0.2.253'],
      ['5', ...server, '10.10.1.100', '192.0.2.253'],
      ['3', MAC, '10.10.1.100', all, ''],
      ['6', ...server, all, '192.0.2.253'],
    ]);
  });

  it('offer and ack say what the port record says', () => {
    const values = {
      'dhcp.type': '2',
      // In chaddr, and in the client identifier that comes back (RFC 6842).
      'dhcp.hw.mac_addr': `${MAC},${MAC}`,
      'dhcp.ip.your': '10.10.1.100',
      'dhcp.option.subnet_mask': '255.255.0.0',
      'dhcp.option.router': '10.10.0.1',
      'dhcp.option.domain_name_server': '10.10.0.3,10.10.0.4',
      'dhcp.option.interface_mtu': '1458',
      'dhcp.option.ip_address_lease_time': '3600',
      'dhcp.option.renewal_time_value': '1800',
      'dhcp.option.rebinding_time_value': '3150',
      'dhcp.option.dhcp_server_id': '192.0.2.253',
      'dhcp.option.end': '255',
    };
    const rows = tsharkFields([frames[1]!, frames[3]!], ...Object.keys(values));
    expect(rows).toEqual([Object.values(values), Object.values(values)]);
  });
});
