import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { GuestNic } from '../guest/nic.ts';
import { BROADCAST_MAC, type Ipv4, ip, ipv4, ipv4FromNumber, mac } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import {
  addressOption,
  DHCP_MESSAGE,
  DHCP_OPTION,
  type DhcpOption,
  type DhcpView,
  shortOption,
} from '../packet/dhcp.ts';
import { dhcpLayers } from '../packet/dhcp-layers.ts';
import { DHCP_VALUE } from '../packet/dhcp-options.ts';
import type { DhcpLayer, Ipv4Layer, UdpLayer } from '../packet/layer.ts';
import { type Layers, parseFrame } from '../packet/parse.ts';
import type { PortRecord } from '../policy/records.ts';
import { DHCP_SERVER_MAC } from './answers.ts';
import { answerDhcp, LARGEST_ANSWER, LEASE_TIME, REBINDING_TIME, RENEWAL_TIME } from './dhcp-responder.ts';

const { DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM } = DHCP_MESSAGE;
const SERVER = ipv4('192.0.2.253');
const YOURS = ipv4('10.10.1.100');
const OTHER = ipv4('10.10.1.101');
const GATEWAY = ipv4('10.10.0.1');
const ALL = ipv4('255.255.255.255');
const OWN = mac('00:1d:d8:b7:1c:00');

const PORT: PortRecord = {
  kind: 'port',
  id: '7d5b2c1e-0000-4000-8000-000000000001',
  name: 'test01/eth0',
  owner: 'vm',
  switch: 'Internal',
  mac: OWN,
  addresses: [
    { address: ip('2001:db8::5'), prefixLength: 64, dns: [] },
    {
      address: YOURS,
      prefixLength: 16,
      gateway: GATEWAY,
      dns: [ip('10.10.0.3'), ip('2001:db8::3'), ip('10.10.0.4')],
    },
    { address: OTHER, prefixLength: 16, dns: [] },
  ],
  attachment: { type: 'virtual', vsid: 5001 },
  security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: false },
  mtu: 1458,
  dhcpServer: SERVER,
  origin: 'VirtualMachine/test01',
};

interface Change {
  readonly ip?: Partial<Ipv4Layer>;
  readonly udp?: Partial<UdpLayer>;
}

function request(message: Omit<DhcpLayer, 'layer'>, change: Change = {}): Uint8Array {
  return frame(
    { layer: 'eth', src: OWN, dst: BROADCAST_MAC },
    { layer: 'ipv4', dst: ALL, ...change.ip },
    { layer: 'udp', sport: 68, dport: 67, ...change.udp },
    ...dhcpLayers({ xid: 0x1234abcd, chaddr: OWN, ...message }),
  );
}

function answered(bytes: Uint8Array, port = PORT): (Layers & { readonly dhcp: DhcpView }) | undefined {
  const reply = answerDhcp(port, bytes);
  if (!reply) return undefined;
  const layers = parseFrame(reply);
  expect(layers.dhcp).toBeDefined();
  return layers as Layers & { readonly dhcp: DhcpView };
}

const requested = (address: Ipv4) => addressOption(DHCP_OPTION.REQUESTED_ADDRESS, [address]);
const chosen = (server: Ipv4) => addressOption(DHCP_OPTION.SERVER_ID, [server]);

describe('an offer', () => {
  it('says all that the port record says', () => {
    const offer = answered(request({ type: DISCOVER }))!;
    expect([offer.eth?.srcMac, offer.eth?.dstMac]).toEqual([DHCP_SERVER_MAC, OWN]);
    expect([offer.ipv4?.srcIp, offer.ipv4?.dstIp]).toEqual([SERVER, YOURS]);
    expect([offer.udp?.srcPort, offer.udp?.dstPort]).toEqual([67, 68]);
    expect(offer.ipv4?.checksum).toBe(offer.ipv4?.expectedChecksum());
    expect(offer.udp?.checksum).toBe(offer.udp?.expectedChecksum(offer.ipv4!.offset));
    const { dhcp } = offer;
    expect([dhcp.op, dhcp.type, dhcp.xid, dhcp.yiaddr, dhcp.chaddr]).toEqual([
      2,
      OFFER,
      0x1234abcd,
      YOURS,
      OWN,
    ]);
    expect([dhcp.ciaddr, dhcp.siaddr, dhcp.giaddr]).toEqual(Array(3).fill('0.0.0.0'));
    expect(dhcp.address(DHCP_OPTION.SUBNET_MASK)).toBe('255.255.0.0');
    expect(dhcp.addresses(DHCP_OPTION.ROUTER)).toEqual([GATEWAY]);
    expect(dhcp.addresses(DHCP_OPTION.DNS)).toEqual(['10.10.0.3', '10.10.0.4']);
    expect(dhcp.number(DHCP_OPTION.MTU, 2)).toBe(1458);
    expect(dhcp.number(DHCP_OPTION.LEASE_TIME, 4)).toBe(LEASE_TIME);
    expect(dhcp.number(DHCP_OPTION.RENEWAL_TIME, 4)).toBe(RENEWAL_TIME);
    expect(dhcp.number(DHCP_OPTION.REBINDING_TIME, 4)).toBe(REBINDING_TIME);
    expect(dhcp.address(DHCP_OPTION.SERVER_ID)).toBe(SERVER);
  });

  it('goes to all when the client asks for that', () => {
    const offer = answered(request({ type: DISCOVER, broadcast: true }))!;
    expect([offer.eth?.dstMac, offer.ipv4?.dstIp, offer.dhcp.broadcast]).toEqual([BROADCAST_MAC, ALL, true]);
  });

  it('has no router where there is no gateway', () => {
    const port = { ...PORT, addresses: [{ address: YOURS, prefixLength: 24, dns: [] }] };
    const { dhcp } = answered(request({ type: DISCOVER }), port)!;
    expect(dhcp.option(DHCP_OPTION.ROUTER)).toBeUndefined();
    expect(dhcp.option(DHCP_OPTION.DNS)).toBeUndefined();
    expect(dhcp.address(DHCP_OPTION.SUBNET_MASK)).toBe('255.255.255.0');
  });

  it('has the default route and the domain where the client asks for the options of both', () => {
    const named = { ...PORT.addresses[1]!, dnsSuffix: 'corp.example' };
    const options = [{ code: DHCP_OPTION.PARAMETER_LIST, data: Uint8Array.of(119, 121) }];
    const { dhcp } = answered(request({ type: DISCOVER, options }), { ...PORT, addresses: [named] })!;
    expect(dhcp.read(DHCP_VALUE.domainName)).toBe('corp.example');
    expect(dhcp.read(DHCP_VALUE.domainSearch)).toEqual(['corp.example']);
    expect(dhcp.read(DHCP_VALUE.classlessRoutes)).toEqual([{ prefix: '0.0.0.0/0', router: GATEWAY }]);

    const far = { ...named, gateway: ip('10.99.0.1') };
    const other = answered(request({ type: DISCOVER, options }), { ...PORT, addresses: [far] })!;
    expect(other.dhcp.read(DHCP_VALUE.classlessRoutes)).toEqual([
      { prefix: '10.99.0.1/32', router: '0.0.0.0' },
      { prefix: '0.0.0.0/0', router: '10.99.0.1' },
    ]);
    const unasked = answered(request({ type: DISCOVER }), { ...PORT, addresses: [named] })!;
    expect(unasked.dhcp.option(DHCP_OPTION.CLASSLESS_ROUTES)).toBeUndefined();
    expect(unasked.dhcp.option(DHCP_OPTION.DOMAIN_SEARCH)).toBeUndefined();
  });

  it('lists routers in the order of preference, further domains after the first, and WINS servers', () => {
    const port = {
      ...PORT,
      addresses: [
        {
          ...PORT.addresses[1]!,
          otherGateways: [ip('10.10.0.254'), ip('fd00::1')],
          dnsSuffix: 'corp.example',
          dnsSearch: ['lab.example', 'corp.example'],
          wins: [ip('10.10.0.44'), ip('10.10.0.45')],
        },
      ],
    };
    const options = [{ code: DHCP_OPTION.PARAMETER_LIST, data: Uint8Array.of(119) }];
    const { dhcp } = answered(request({ type: DISCOVER, options }), port)!;
    expect(dhcp.addresses(DHCP_OPTION.ROUTER)).toEqual([GATEWAY, '10.10.0.254']);
    expect(dhcp.read(DHCP_VALUE.domainName)).toBe('corp.example');
    expect(dhcp.read(DHCP_VALUE.domainSearch)).toEqual(['corp.example', 'lab.example']);
    expect(dhcp.read(DHCP_VALUE.netbiosNameServers)).toEqual(['10.10.0.44', '10.10.0.45']);
  });

  it('returns the client identifier (RFC 6842)', () => {
    const data = Uint8Array.from({ length: 255 }, (_, i) => i);
    const dns = Array.from({ length: 100 }, (_, i) => ip(`10.10.0.${i + 3}`));
    const many = { ...PORT, addresses: [{ ...PORT.addresses[1]!, dns }] };
    for (const port of [PORT, many]) {
      const options = [{ code: DHCP_OPTION.CLIENT_ID, data }];
      const { dhcp } = answered(request({ type: DISCOVER, options }), port)!;
      expect(dhcp.option(DHCP_OPTION.CLIENT_ID)).toEqual(data);
      expect(dhcp.number(DHCP_OPTION.MTU, 2)).toBe(1458);
      expect(dhcp.addresses(DHCP_OPTION.DNS).length).toBe(2);
    }
  });
});

describe('a request', () => {
  const rows: [string, Omit<DhcpLayer, 'layer'>, number | undefined][] = [
    ['selecting', { options: [requested(YOURS), chosen(SERVER)] }, ACK],
    ['selecting another address', { options: [requested(OTHER), chosen(SERVER)] }, NAK],
    ['selecting another server', { options: [requested(YOURS), chosen(ipv4('10.10.0.66'))] }, undefined],
    ['init-reboot', { options: [requested(YOURS)] }, ACK],
    ['init-reboot with an address of elsewhere', { options: [requested(ipv4('192.168.1.5'))] }, NAK],
    ['renewing', { ciaddr: YOURS }, ACK],
    ['renewing another address', { ciaddr: OTHER }, NAK],
    ['with nothing that says for what', {}, undefined],
    ['with two that contradict', { ciaddr: YOURS, options: [requested(YOURS)] }, undefined],
    ['with a short address', { options: [{ code: 50, data: Uint8Array.of(10, 10, 1) }] }, undefined],
    ['with a long server', { ciaddr: YOURS, options: [{ code: 54, data: new Uint8Array(8) }] }, undefined],
  ];
  for (const [name, message, type] of rows) {
    it(`${name}: ${type === ACK ? 'ACK' : type === NAK ? 'NAK' : 'silence'}`, () => {
      const reply = answered(request({ type: REQUEST, ...message }));
      expect(reply?.dhcp.type).toBe(type);
      if (type === ACK) expect([reply?.dhcp.yiaddr, reply?.dhcp.number(51, 4)]).toEqual([YOURS, LEASE_TIME]);
      if (type !== NAK) return;
      expect([reply?.ipv4?.dstIp, reply?.eth?.dstMac]).toEqual([ALL, BROADCAST_MAC]);
      expect([reply?.dhcp.yiaddr, reply?.dhcp.ciaddr]).toEqual(['0.0.0.0', '0.0.0.0']);
      expect(reply?.dhcp.options().map((o) => o.code)).toEqual([53, 54]);
    });
  }

  it('renewing is sent to the server and answered to the address', () => {
    const reply = answered(request({ type: REQUEST, ciaddr: YOURS }, { ip: { src: YOURS, dst: SERVER } }));
    expect([reply?.dhcp.type, reply?.ipv4?.dstIp, reply?.eth?.dstMac, reply?.dhcp.ciaddr]).toEqual([
      ACK,
      YOURS,
      OWN,
      YOURS,
    ]);
    expect(
      answered(request({ type: REQUEST, ciaddr: YOURS }, { ip: { src: YOURS, dst: GATEWAY } })),
    ).toBeUndefined();
  });
});

describe('other messages', () => {
  it('INFORM gets everything but a lease', () => {
    const reply = answered(request({ type: INFORM, ciaddr: YOURS }, { ip: { src: YOURS } }))!;
    expect([reply.dhcp.type, reply.dhcp.yiaddr, reply.ipv4?.dstIp]).toEqual([ACK, '0.0.0.0', YOURS]);
    for (const code of [51, 58, 59]) expect(reply.dhcp.option(code)).toBeUndefined();
    expect(reply.dhcp.number(DHCP_OPTION.MTU, 2)).toBe(1458);
    expect(answered(request({ type: INFORM, ciaddr: ipv4('10.99.0.1') }))).toBeUndefined();
  });

  it('DECLINE, RELEASE, answers and unknown types get silence', () => {
    for (const type of [DECLINE, RELEASE, OFFER, ACK, NAK, 0, 9, 255])
      expect(answered(request({ type, op: 1, options: [requested(YOURS), chosen(SERVER)] }))).toBeUndefined();
    expect(answered(request({}))).toBeUndefined();
  });
});

describe('silence', () => {
  it('for every MAC address but that of the port (security.md P7)', () => {
    const macs = fc.uint8Array({ minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(macs, (bytes) => {
        const chaddr = mac([...bytes].map((b) => b.toString(16).padStart(2, '0')).join(':'));
        fc.pre(chaddr !== OWN);
        expect(answered(request({ type: DISCOVER, chaddr }))).toBeUndefined();
      }),
    );
    expect(answered(request({ type: DISCOVER }))).toBeDefined();
  });

  it('where the switch does not serve, or has no IPv4 address to give', () => {
    const { dhcpServer: _, ...unserved } = PORT;
    expect(answered(request({ type: DISCOVER }), unserved)).toBeUndefined();
    expect(
      answered(request({ type: DISCOVER }), { ...PORT, addresses: PORT.addresses.slice(0, 1) }),
    ).toBeUndefined();
  });

  it('for what is not what it claims to be', () => {
    const good = request({ type: DISCOVER });
    const options: DhcpOption[] = [shortOption(DHCP_OPTION.MTU, 1)];
    const bad: [string, Uint8Array][] = [
      ['relayed', request({ type: DISCOVER, giaddr: GATEWAY })],
      ['a reply', request({ type: DISCOVER, op: 2 })],
      ['two types', request({ type: DISCOVER, options: [{ code: 53, data: Uint8Array.of(1) }] })],
      ['other ports', request({ type: DISCOVER }, { udp: { sport: 67 } })],
      ['an IPv4 checksum that is wrong', request({ type: DISCOVER }, { ip: { checksum: 1 } })],
      ['a UDP checksum that is wrong', request({ type: DISCOVER }, { udp: { checksum: 1 } })],
      ['a first fragment', request({ type: DISCOVER }, { ip: { mf: true } })],
      [
        'a UDP length that is short',
        request({ type: DISCOVER, options }, { udp: { len: 290, checksum: 0 } }),
      ],
      ['a UDP length that is long', request({ type: DISCOVER }, { udp: { len: 400, checksum: 0 } })],
      ['bytes behind the end', Uint8Array.of(...good, 0)],
    ];
    for (let length = 0; length < good.length; length++)
      bad.push([`cut at ${length}`, good.slice(0, length)]);
    for (const [name, bytes] of bad) expect(answerDhcp(PORT, bytes), name).toBeUndefined();
    expect(answerDhcp(PORT, good)).toBeDefined();
  });
});

describe('whatever comes', () => {
  const option = fc.oneof(
    fc.record({ code: fc.integer({ min: 1, max: 254 }), data: fc.uint8Array({ maxLength: 255 }) }),
    fc.constantFrom(requested(YOURS), requested(OTHER), chosen(SERVER)),
    fc.uint8Array({ maxLength: 255 }).map((data) => ({ code: DHCP_OPTION.CLIENT_ID, data })),
  );
  const message = fc.record(
    {
      type: fc.constantFrom(DISCOVER, REQUEST, INFORM),
      xid: fc.nat(0xffffffff),
      broadcast: fc.boolean(),
      ciaddr: fc.oneof(
        fc.constant(YOURS),
        fc.constant(ipv4('0.0.0.0')),
        fc.nat(0xffffffff).map(ipv4FromNumber),
      ),
      options: fc.array(option, { maxLength: 5 }),
    },
    { requiredKeys: ['type'] },
  );

  it('an answer is for the client alone, no larger than every client takes, and grants no other address', () => {
    let answers = 0;
    fc.assert(
      fc.property(message, (m) => {
        const reply = answered(request(m));
        if (!reply) return;
        answers++;
        expect(reply.bytes.length).toBeLessThanOrEqual(LARGEST_ANSWER);
        expect(reply.ipv4!.end).toBe(reply.bytes.length);
        expect([OWN, BROADCAST_MAC]).toContain(reply.eth?.dstMac);
        expect([YOURS, ALL]).toContain(reply.ipv4?.dstIp);
        expect([YOURS, '0.0.0.0']).toContain(reply.dhcp.yiaddr);
        expect([OFFER, ACK, NAK]).toContain(reply.dhcp.type);
        expect(reply.dhcp.xid).toBe(m.xid ?? 0x1234abcd);
      }),
    );
    expect(answers).toBeGreaterThan(0);
  });

  it('nothing of the request comes back but what identifies it', () => {
    // The canary stands wherever a request has room for it, and behind the request in its buffer.
    const canary = Uint8Array.from({ length: 64 }, () => 0xa7);
    const bytes = request({
      type: DISCOVER,
      options: [
        { code: 12, data: canary },
        { code: 43, data: canary },
      ],
    });
    const sname = 14 + 20 + 8 + 44;
    bytes.fill(0xa7, sname, sname + 192);
    const udp = parseFrame(bytes).udp!;
    udp.checksum = 0;
    const pool = new Uint8Array(bytes.length + 400).fill(0xa7);
    pool.set(bytes, 200);
    const reply = answerDhcp(PORT, pool.subarray(200, 200 + bytes.length));
    expect(reply).toBeDefined();
    // One stray byte would be chance (a checksum); two in a row would be a leak.
    const text = [...reply!].join(',');
    expect(text).not.toContain('167,167');
    expect(reply?.buffer.byteLength).toBe(reply?.byteLength);
  });

  it('bytes that were changed anywhere never throw', () => {
    const good = [
      request({ type: DISCOVER, options: [{ code: 61, data: Uint8Array.of(1, 2, 3) }] }),
      request({ type: REQUEST, options: [requested(YOURS), chosen(SERVER)] }),
    ];
    const changes = fc.array(fc.tuple(fc.nat(350), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.constantFrom(...good),
        changes,
        fc.nat(400),
        fc.boolean(),
        (base, changes, length, cut) => {
          const bytes = new Uint8Array(cut ? length : base.length);
          bytes.set(base.subarray(0, bytes.length));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          // Without its checksum the datagram gets further.
          if (bytes.length > 41) bytes.fill(0, 40, 42);
          const reply = answerDhcp(PORT, bytes);
          if (reply) expect(reply.length).toBeLessThanOrEqual(LARGEST_ANSWER);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('a guest', () => {
  it('gets its address, keeps it, and gets the new one when the policy changes', () => {
    const clock = new FakeClock();
    let port = PORT;
    let asked = 0;
    const nic: GuestNic = new GuestNic({
      name: 'test01',
      mac: OWN,
      clock,
      random: () => 0.5,
      send: (bytes) => {
        const layers = parseFrame(bytes);
        if (layers.arp?.targetIp === GATEWAY) {
          const { senderMac: tha, senderIp: tpa } = layers.arp;
          const gatewayMac = mac('02:00:00:00:00:01');
          nic.receive(
            frame(
              { layer: 'eth', src: gatewayMac, dst: OWN },
              { layer: 'arp', op: 2, sha: gatewayMac, spa: GATEWAY, tha, tpa },
            ),
          );
        }
        // As the pipeline does it: UDP from port 68 to 67 goes to the agent.
        if (layers.udp?.dstPort !== 67) return;
        asked++;
        const reply = answerDhcp(port, bytes);
        if (reply) nic.receive(reply);
      },
    });
    nic.dhcp();
    clock.advance(10_000);
    expect([nic.address, nic.mtu, nic.dhcpState.state, asked]).toEqual([YOURS, 1458, 'bound', 2]);
    expect(nic.lease?.settings).toMatchObject({ prefixLength: 16, gateway: GATEWAY });
    clock.advance(RENEWAL_TIME * 1000);
    expect([nic.address, nic.dhcpState.state, asked]).toEqual([YOURS, 'bound', 3]);
    port = { ...PORT, addresses: [{ address: OTHER, prefixLength: 16, gateway: GATEWAY, dns: [] }] };
    clock.advance(RENEWAL_TIME * 1000 + 10_000);
    expect([nic.address, nic.dhcpState.state]).toEqual([OTHER, 'bound']);
    expect(nic.stats.drops).toEqual({});
  });
});
