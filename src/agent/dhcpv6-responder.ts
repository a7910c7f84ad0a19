/**
 * The DHCPv6 server in the switch (RFC 8415): one port, one answer, no state. As with DHCPv4 the policy has decided the
 * port's addresses long before the guest asks, so nothing is reserved and nothing remembered; answers depend on the
 * request and the port record alone.
 *
 *     SOLICIT                 ADVERTISE, or REPLY where rapid commit is asked for
 *     REQUEST, RENEW, REBIND  REPLY: the port's addresses; others that the guest names have run out
 *     CONFIRM                 REPLY: whether all that the guest names are the port's
 *     RELEASE, DECLINE        REPLY: success; what is the port's stays the port's
 *     INFORMATION-REQUEST     REPLY without addresses
 *     anything else           silence
 *
 * The first association of a message that asks for addresses gets all of them, further ones get none.
 */
import { type Ipv6, ipv6, isIpv6 } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { sameBytes } from '../packet/bytes.ts';
import { DHCP6_MESSAGE, DHCP6_OPTION, type Dhcp6View } from '../packet/dhcp6.ts';
import {
  DHCP6_STATUS,
  DHCP6_VALUE,
  type Dhcp6Address,
  type Dhcp6Association,
  duidOf,
} from '../packet/dhcp6-options.ts';
import { type Option, optionOf } from '../packet/option.ts';
import { type Layers, parseFrame } from '../packet/parse.ts';
import { UDP_PORT } from '../packet/udp.ts';
import type { PortRecord, SubnetRecord } from '../policy/records.ts';
import { DHCP_SERVER_MAC, ipv6DnsOf, isDatagramWhole, MOST_IPV6, managedAddresses } from './answers.ts';

/** In seconds; T1 and T2 are half of the preferred lifetime and 0.8 of it (RFC 8415, 21.4). */
export const DHCPV6_LIFETIME = { renew: 1800, rebind: 2880, preferred: 3600, valid: 7200 } as const;

/** "All DHCP relay agents and servers" (RFC 8415, 7.1). No unicast: RFC 8415, 16. */
const ALL_SERVERS = ipv6('ff02::1:2');
/** "Ask me and wait for nobody" (RFC 8415, 18.2.1). */
const HIGHEST_PREFERENCE = 255;
/** Associations of a message that are looked at: the answer has to fit the smallest MTU of IPv6. */
const MOST_ASSOCIATIONS = 8;
const SERVER_DUID = duidOf(DHCP_SERVER_MAC);

/** Whether a message must name this server, must name none, or may do either (RFC 8415, 16). */
const SERVER_NAMED: Readonly<Record<number, 'yes' | 'no' | 'maybe'>> = {
  [DHCP6_MESSAGE.SOLICIT]: 'no',
  [DHCP6_MESSAGE.REQUEST]: 'yes',
  [DHCP6_MESSAGE.CONFIRM]: 'no',
  [DHCP6_MESSAGE.RENEW]: 'yes',
  [DHCP6_MESSAGE.REBIND]: 'no',
  [DHCP6_MESSAGE.RELEASE]: 'yes',
  [DHCP6_MESSAGE.DECLINE]: 'yes',
  [DHCP6_MESSAGE.INFORMATION_REQUEST]: 'maybe',
};

interface Answer {
  readonly type: number;
  readonly options: readonly Option[];
}

/**
 * The frame that answers a DHCPv6 request of this port; undefined when it is no request, a malformed one, or one that is
 * answered with silence. `subnet`: the virtual subnet that the port is on. The answer goes back to the same port.
 */
export function answerDhcpv6(
  port: PortRecord,
  subnet: SubnetRecord | undefined,
  request: Uint8Array,
): Uint8Array | undefined {
  const server = port.dhcpv6Server;
  if (server === undefined || !isIpv6(server)) return undefined;
  const layers = parseFrame(request);
  const message = requestOf(layers, port);
  const addresses = managedAddresses(port, subnet)
    .map(({ address }) => address)
    .filter(isIpv6)
    .slice(0, MOST_IPV6.addresses);
  const answer = message && answerTo(message, port, addresses);
  if (!answer) return undefined;
  const clientId = message.read(DHCP6_VALUE.clientId);
  return frame(
    { layer: 'eth', src: DHCP_SERVER_MAC, dst: port.mac },
    { layer: 'ipv6', src: server, dst: layers.ipv6!.srcIp },
    { layer: 'udp', sport: UDP_PORT.DHCP6_SERVER, dport: UDP_PORT.DHCP6_CLIENT },
    {
      layer: 'dhcp6',
      type: answer.type,
      xid: message.xid,
      options: [
        ...(clientId ? [optionOf(DHCP6_VALUE.clientId, clientId)] : []),
        optionOf(DHCP6_VALUE.serverId, SERVER_DUID),
        ...answer.options,
      ],
    },
  );
}

/** What the port's guest asked, if RFC 8415, 16 lets a server look at it. */
function requestOf(
  { bytes, end, eth, vlans, ipv6: ip, udp, dhcp6, fragment }: Layers,
  port: PortRecord,
): Dhcp6View | undefined {
  if (!eth || !ip || !udp || !dhcp6 || vlans.length > 0 || fragment !== 'none') return undefined;
  // Such a frame is too long to need padding, so what stands behind the packet is something that it does not declare.
  if (ip.end !== end || ip.dstIp !== ALL_SERVERS || eth.srcMac !== port.mac) return undefined;
  if (udp.srcPort !== UDP_PORT.DHCP6_CLIENT || udp.dstPort !== UDP_PORT.DHCP6_SERVER) return undefined;
  if (udp.checksum === 0 || !isDatagramWhole(bytes, ip.offset, udp)) return undefined;
  return isValid(dhcp6) ? dhcp6 : undefined;
}

function isValid(message: Dhcp6View): boolean {
  const named = SERVER_NAMED[message.type];
  const server = message.option(DHCP6_OPTION.SERVER_ID);
  const isOurs = server !== undefined && sameBytes(server, SERVER_DUID);
  if (named === undefined || (named === 'no' && server) || (named === 'yes' && !isOurs)) return false;
  if (server && !isOurs) return false;
  if (message.type === DHCP6_MESSAGE.INFORMATION_REQUEST) {
    const hasId = message.option(DHCP6_OPTION.CLIENT_ID) !== undefined;
    return (
      !message.option(DHCP6_OPTION.IA_NA) && (!hasId || message.read(DHCP6_VALUE.clientId) !== undefined)
    );
  }
  return message.read(DHCP6_VALUE.clientId) !== undefined;
}

/** RFC 8415, 18.3. Undefined = silence. */
function answerTo(message: Dhcp6View, port: PortRecord, own: readonly Ipv6[]): Answer | undefined {
  const { SOLICIT, REQUEST, RENEW, REBIND, CONFIRM, RELEASE, DECLINE, INFORMATION_REQUEST } = DHCP6_MESSAGE;
  const asked = associationsOf(message);
  const settings = settingsOf(port);
  switch (message.type) {
    case SOLICIT: {
      const options = [...asked.map((ia, i) => grant(ia, i === 0 ? own : [])), ...settings];
      const rapid = message.option(DHCP6_OPTION.RAPID_COMMIT) !== undefined;
      const how = rapid
        ? optionOf(DHCP6_VALUE.rapidCommit, true)
        : optionOf(DHCP6_VALUE.preference, HIGHEST_PREFERENCE);
      return { type: rapid ? DHCP6_MESSAGE.REPLY : DHCP6_MESSAGE.ADVERTISE, options: [how, ...options] };
    }
    case REQUEST:
    case RENEW:
    case REBIND:
      return reply(...asked.map((ia, i) => grant(ia, i === 0 ? own : [])), ...settings);
    case CONFIRM: {
      const named = asked.flatMap((ia) => ia.addresses.map(({ address }) => address));
      // Nothing to be said about nothing (RFC 8415, 18.3.3).
      if (named.length === 0) return undefined;
      const holds = named.every((address) => own.includes(address));
      return reply(status(holds ? DHCP6_STATUS.SUCCESS : DHCP6_STATUS.NOT_ON_LINK));
    }
    case RELEASE:
    case DECLINE:
      return reply(status(DHCP6_STATUS.SUCCESS));
    case INFORMATION_REQUEST:
      return reply(...settings, ...refreshTime(message));
    default:
      return undefined;
  }
}

function reply(...options: readonly Option[]): Answer {
  return { type: DHCP6_MESSAGE.REPLY, options };
}

function associationsOf(message: Dhcp6View): Dhcp6Association[] {
  return message
    .options()
    .filter(({ code }) => code === DHCP6_OPTION.IA_NA)
    .slice(0, MOST_ASSOCIATIONS)
    .map(({ data }) => DHCP6_VALUE.association.decode(data))
    .filter((association) => association !== undefined);
}

/** The addresses; what the guest named besides has a lifetime of 0 (RFC 8415, 18.3.4), which tells it to stop using them. */
function grant({ iaid, addresses }: Dhcp6Association, own: readonly Ipv6[]): Option {
  const { renew, rebind, preferred, valid } = DHCPV6_LIFETIME;
  const given = own.map((address): Dhcp6Address => ({ address, preferred, valid }));
  const over = [...new Set(addresses.map(({ address }) => address))]
    .filter((address) => !own.includes(address))
    .map((address): Dhcp6Address => ({ address, preferred: 0, valid: 0 }));
  if (given.length === 0) {
    const none = { status: DHCP6_STATUS.NO_ADDRESSES, text: '' };
    return optionOf(DHCP6_VALUE.association, { iaid, renew: 0, rebind: 0, addresses: over, status: none });
  }
  return optionOf(DHCP6_VALUE.association, { iaid, renew, rebind, addresses: [...given, ...over] });
}

function status(code: number): Option {
  return optionOf(DHCP6_VALUE.status, { status: code, text: '' });
}

function settingsOf(port: PortRecord): Option[] {
  const { servers, domains } = ipv6DnsOf(port);
  return [
    ...(servers.length > 0 ? [optionOf(DHCP6_VALUE.dns, servers)] : []),
    ...(domains.length > 0 ? [optionOf(DHCP6_VALUE.domainList, domains)] : []),
  ];
}

/** Only where it is asked for (RFC 8415, 21.23). */
function refreshTime(message: Dhcp6View): Option[] {
  const wanted = message.read(DHCP6_VALUE.optionRequest) ?? [];
  return wanted.includes(DHCP6_OPTION.REFRESH_TIME)
    ? [optionOf(DHCP6_VALUE.refreshTime, DHCPV6_LIFETIME.renew)]
    : [];
}
