import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ip, ipv6, linkLocalOf, mac } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { fold, pseudoHeaderSum } from '../packet/checksum.ts';
import { DHCP6_MESSAGE, DHCP6_OPTION } from '../packet/dhcp6.ts';
import { DHCP6_STATUS, DHCP6_VALUE, duidOf } from '../packet/dhcp6-options.ts';
import { optionOf } from '../packet/option.ts';
import { parseFrame } from '../packet/parse.ts';
import type { PortRecord, SubnetRecord } from '../policy/records.ts';
import { DHCP_SERVER_MAC } from './answers.ts';
import { answerDhcpv6, DHCPV6_LIFETIME } from './dhcpv6-responder.ts';
import {
  association,
  dhcpv6,
  GUEST,
  GUEST_DUID,
  MADE,
  PORT,
  SERVER,
  SLAAC_PORT,
  SLAAC_SUBNET,
  SUBNET,
  XID,
} from './ipv6-fixture.ts';

const {
  SOLICIT,
  ADVERTISE,
  REQUEST,
  CONFIRM,
  RENEW,
  REBIND,
  REPLY,
  RELEASE,
  DECLINE,
  RECONFIGURE,
  INFORMATION_REQUEST,
} = DHCP6_MESSAGE;
const OWN = ipv6('fd00::5');
const FOREIGN = ipv6('fd00::6');
const TO_US = optionOf(DHCP6_VALUE.serverId, duidOf(DHCP_SERVER_MAC));
const TO_ANOTHER = optionOf(DHCP6_VALUE.serverId, duidOf(mac('02:00:00:00:00:99')));
const GRANTED = { address: OWN, preferred: DHCPV6_LIFETIME.preferred, valid: DHCPV6_LIFETIME.valid };

function answered(question: Uint8Array, port: PortRecord = PORT, subnet: SubnetRecord | undefined = SUBNET) {
  const bytes = answerDhcpv6(port, subnet, question);
  if (!bytes) return undefined;
  const layers = parseFrame(bytes);
  const { eth, ipv6: packet, udp, dhcp6 } = layers;
  expect([eth!.srcMac, eth!.dstMac]).toEqual([DHCP_SERVER_MAC, GUEST]);
  expect([packet!.srcIp, packet!.dstIp]).toEqual([SERVER, linkLocalOf(GUEST)]);
  expect([udp!.srcPort, udp!.dstPort, packet!.end]).toEqual([547, 546, layers.end]);
  expect(dhcp6!.xid).toBe(XID);
  expect(dhcp6!.read(DHCP6_VALUE.serverId)).toEqual(duidOf(DHCP_SERVER_MAC));
  return dhcp6!;
}

const ia = (message: ReturnType<typeof answered>) => message!.read(DHCP6_VALUE.association)!;

describe('a request for addresses', () => {
  it('is advertised the address of the port, with what belongs to it', () => {
    const advertised = answered(dhcpv6(SOLICIT, [association()]))!;
    expect(advertised.type).toBe(ADVERTISE);
    expect(advertised.read(DHCP6_VALUE.clientId)).toEqual(GUEST_DUID);
    expect(advertised.read(DHCP6_VALUE.preference)).toBe(255);
    expect(ia(advertised)).toEqual({
      iaid: 7,
      renew: DHCPV6_LIFETIME.renew,
      rebind: DHCPV6_LIFETIME.rebind,
      addresses: [GRANTED],
    });
    expect(advertised.read(DHCP6_VALUE.dns)).toEqual(['fd00::53']);
    expect(advertised.read(DHCP6_VALUE.domainList)).toEqual(['blue.example']);
  });

  it('is granted it at once with rapid commit, and only then', () => {
    const rapid = optionOf(DHCP6_VALUE.rapidCommit, true);
    const granted = answered(dhcpv6(SOLICIT, [association(), rapid]))!;
    expect([granted.type, granted.read(DHCP6_VALUE.rapidCommit)]).toEqual([REPLY, true]);
    expect(answered(dhcpv6(SOLICIT, [association()]))!.option(DHCP6_OPTION.RAPID_COMMIT)).toBeUndefined();
  });

  it.each([
    ['request', REQUEST, [TO_US]],
    ['renew', RENEW, [TO_US]],
    ['rebind', REBIND, []],
  ] as const)('%s gets the address of the port, whichever it names; others have run out', (_, type, more) => {
    for (const named of [[], [OWN], [OWN, FOREIGN], [FOREIGN]]) {
      const reply = answered(dhcpv6(type, [...more, association(...named)]))!;
      expect(reply.type).toBe(REPLY);
      const over = named.includes(FOREIGN) ? [{ address: FOREIGN, preferred: 0, valid: 0 }] : [];
      expect(ia(reply).addresses).toEqual([GRANTED, ...over]);
    }
  });

  it('gives a second association nothing', () => {
    const second = optionOf(DHCP6_VALUE.association, { iaid: 8, renew: 0, rebind: 0, addresses: [] });
    const reply = answered(dhcpv6(REQUEST, [TO_US, association(), second]))!;
    const all = reply.options().filter((o) => o.code === DHCP6_OPTION.IA_NA);
    expect(all.map((o) => DHCP6_VALUE.association.decode(o.data)!.addresses.length)).toEqual([1, 0]);
    expect(DHCP6_VALUE.association.decode(all[1]!.data)!.status?.status).toBe(DHCP6_STATUS.NO_ADDRESSES);
  });

  it('says that there is none where the guest makes its address itself', () => {
    const advertised = answered(dhcpv6(SOLICIT, [association(MADE)]), SLAAC_PORT, SLAAC_SUBNET);
    expect(ia(advertised).status?.status).toBe(DHCP6_STATUS.NO_ADDRESSES);
    const both = { ...SLAAC_PORT, addresses: [...SLAAC_PORT.addresses, PORT.addresses[1]!] };
    expect(ia(answered(dhcpv6(SOLICIT, [association()]), both, SLAAC_SUBNET)).addresses).toEqual([GRANTED]);
  });

  it('is answered on a network without virtualization too', () => {
    const port: PortRecord = { ...PORT, attachment: { type: 'vlan', vlan: 10 } };
    expect(answerDhcpv6(port, undefined, dhcpv6(SOLICIT, [association()]))).toBeDefined();
  });
});

it('a request whose checksum the guest leaves to its NIC is answered, and one with any other sum is not', () => {
  const begun = (change: number) => {
    const question = dhcpv6(SOLICIT, [association()]);
    const { ipv6: packet, udp } = parseFrame(question);
    udp!.checksum = fold(pseudoHeaderSum(question, packet!.offset, 17, udp!.end - udp!.offset)) ^ change;
    return question;
  };
  expect(ia(answered(begun(0))).addresses).toEqual([GRANTED]);
  expect(answered(begun(1))).toBeUndefined();
});

describe('other messages', () => {
  it('confirm: whether the guest is where its addresses are', () => {
    const status = (...named: (typeof OWN)[]) =>
      answered(dhcpv6(CONFIRM, [association(...named)]))?.read(DHCP6_VALUE.status)?.status;
    expect([status(OWN), status(FOREIGN), status(OWN, FOREIGN), status()]).toEqual([
      DHCP6_STATUS.SUCCESS,
      DHCP6_STATUS.NOT_ON_LINK,
      DHCP6_STATUS.NOT_ON_LINK,
      undefined,
    ]);
  });

  it.each([
    ['release', RELEASE],
    ['decline', DECLINE],
  ])('%s: taken note of, and the address stays the port’s', (_, type) => {
    const reply = answered(dhcpv6(type, [TO_US, association(OWN)]))!;
    expect(reply.read(DHCP6_VALUE.status)?.status).toBe(DHCP6_STATUS.SUCCESS);
    expect(ia(answered(dhcpv6(SOLICIT, [association()]))).addresses).toEqual([GRANTED]);
  });

  it('information request: settings without addresses', () => {
    const asked = optionOf(DHCP6_VALUE.optionRequest, [DHCP6_OPTION.REFRESH_TIME]);
    const reply = answered(dhcpv6(INFORMATION_REQUEST, [asked]))!;
    expect(reply.option(DHCP6_OPTION.IA_NA)).toBeUndefined();
    expect(reply.read(DHCP6_VALUE.dns)).toEqual(['fd00::53']);
    expect(reply.read(DHCP6_VALUE.refreshTime)).toBe(DHCPV6_LIFETIME.renew);
    const plain = answered(dhcpv6(INFORMATION_REQUEST))!;
    expect(plain.option(DHCP6_OPTION.REFRESH_TIME)).toBeUndefined();
  });
});

describe('silence', () => {
  const solicit = dhcpv6(SOLICIT, [association()]);
  it.each([
    ['a solicit that names a server', dhcpv6(SOLICIT, [TO_US, association()])],
    ['a request to another server', dhcpv6(REQUEST, [TO_ANOTHER, association()])],
    ['a request to no server', dhcpv6(REQUEST, [association()])],
    ['a rebind to a server', dhcpv6(REBIND, [TO_US, association(OWN)])],
    ['a confirm to a server', dhcpv6(CONFIRM, [TO_US, association(OWN)])],
    ['an information request with an association', dhcpv6(INFORMATION_REQUEST, [association()])],
    ['what servers send', dhcpv6(REPLY, [TO_US, association(OWN)])],
    ['an advertise', dhcpv6(ADVERTISE, [TO_US, association(OWN)])],
    ['a reconfigure', dhcpv6(RECONFIGURE, [TO_US])],
    ['one to a single server', dhcpv6(SOLICIT, [association()], { to: ipv6(SERVER) })],
    ['one from another MAC address', dhcpv6(SOLICIT, [association()], { src: mac('00:1d:d8:b7:1c:02') })],
    ['a wrong checksum', changed(solicit, solicit.length - 1)],
    ['one that is cut short', solicit.subarray(0, solicit.length - 3)],
    ['bytes behind the packet', Uint8Array.of(...solicit, 1, 2, 3)],
    ['one without a client identifier', withoutClient()],
  ])('%s', (_, question) => {
    expect(answered(solicit)).toBeDefined();
    expect(answered(question)).toBeUndefined();
  });

  it('a port that the switch does not serve', () => {
    const { dhcpv6Server: _, ...port } = PORT;
    expect(answered(solicit, port)).toBeUndefined();
  });
});

it('no request of however many gets another address than the port has (P7)', () => {
  const address = fc.bigInt({ min: 0n, max: 0xffffn }).map((n) => ipv6(`fd00::${n.toString(16)}`));
  fc.assert(
    fc.property(
      fc.constantFrom(SOLICIT, REQUEST, RENEW, REBIND),
      fc.array(fc.array(address, { maxLength: 4 }), { maxLength: 20 }),
      (type, wished) => {
        const named = type === REQUEST || type === RENEW ? [TO_US] : [];
        const reply = answered(dhcpv6(type, [...named, ...wished.map((all) => association(...all))]))!;
        const given = reply
          .options()
          .filter((o) => o.code === DHCP6_OPTION.IA_NA)
          .flatMap((o) => DHCP6_VALUE.association.decode(o.data)!.addresses)
          .filter(({ valid }) => valid > 0);
        expect(given).toEqual(wished.length === 0 ? [] : [GRANTED]);
      },
    ),
  );
});

it('never throws, and answers no more than fits, whatever the bytes', () => {
  const base = dhcpv6(SOLICIT, [association(OWN), optionOf(DHCP6_VALUE.optionRequest, [23, 24])]);
  const many = {
    ...PORT,
    addresses: Array.from({ length: 64 }, (_, i) => ({
      ...PORT.addresses[1]!,
      address: ip(`fd00::${(i + 0x100).toString(16)}`),
    })),
  };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 8 }),
      fc.nat(base.length),
      (changes, length) => {
        const bytes = base.slice(0, length);
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        const reply = answerDhcpv6(many, SUBNET, bytes);
        if (reply) expect(reply.length).toBeLessThanOrEqual(14 + 1280);
      },
    ),
  );
});

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  return copy;
}

function withoutClient(): Uint8Array {
  return frame(
    { layer: 'eth', src: GUEST, dst: mac('33:33:00:01:00:02') },
    { layer: 'ipv6', src: linkLocalOf(GUEST), dst: ipv6('ff02::1:2'), ttl: 1 },
    { layer: 'udp', sport: 546, dport: 547 },
    { layer: 'dhcp6', type: SOLICIT, xid: XID, options: [association()] },
  );
}
