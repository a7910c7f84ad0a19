/**
 * The DHCP server in the switch (RFC 2131): one port, one answer, no state. Policy has decided the port's address long
 * before the guest asks, so an offer reserves nothing and a lease need not be remembered; answers depend on the
 * request and the port record alone. A guest that asks ten thousand times, or for ten thousand others, gets nothing
 * more (security.md P7).
 *
 *     DISCOVER                                      OFFER
 *     REQUEST  selecting    server id, requested    ACK, or NAK for another address; silence for another server
 *              init-reboot  requested, no ciaddr    ACK, or NAK for another address
 *              renewing     ciaddr, to us           ACK, or NAK for another address
 *              rebinding    ciaddr, to all          ACK, or NAK for another address
 *     INFORM   ciaddr                               ACK without a lease
 *     DECLINE, RELEASE, anything else               silence
 */
import {
  BROADCAST_MAC,
  type Ipv4,
  ipv4,
  ipv4FromNumber,
  isIpv4,
  type Mac,
  prefix,
  prefixContains,
  prefixMask,
  prefixOf,
} from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { checksumHolds } from '../packet/checksum.ts';
import {
  addressOption,
  DHCP,
  DHCP_MESSAGE,
  DHCP_OP,
  DHCP_OPTION,
  type DhcpOption,
  type DhcpView,
  dhcpOptionsLength,
  longOption,
  shortOption,
} from '../packet/dhcp.ts';
import { dhcpLayers } from '../packet/dhcp-layers.ts';
import { type ClasslessRoute, DHCP_VALUE, dhcpOptionsOf } from '../packet/dhcp-options.ts';
import { type Layers, parseFrame } from '../packet/parse.ts';
import { UDP_PORT } from '../packet/udp.ts';
import type { PortAddress, PortRecord } from '../policy/records.ts';
import { DHCP_SERVER_MAC, dnsOf, isDatagramWhole, searchOf } from './answers.ts';

/** In seconds. Short enough that a changed gateway or MTU reaches guests within half an hour. */
export const LEASE_TIME = 3600;
/** T1, when the guest asks to go on, in seconds: half of the lease (RFC 2131 section 4.4.5). */
export const RENEWAL_TIME = LEASE_TIME / 2;
/** T2, when it asks any server, in seconds: 7/8 of the lease. */
export const REBINDING_TIME = (LEASE_TIME * 7) / 8;

const NO_ADDRESS = ipv4('0.0.0.0');
const DEFAULT_ROUTE = prefix('0.0.0.0/0');
const LIMITED_BROADCAST = ipv4('255.255.255.255');
/** Bytes of options that every client takes, the "end" option included (RFC 2131 section 2). */
const OPTIONS_LIMIT = 312;
/** Addresses that one option can hold. */
const MOST_SERVERS = 63;

/** What an answer says besides what every answer says. */
interface Answer {
  readonly type: number;
  /** An address is granted (or offered), for LEASE_TIME. */
  readonly grants: boolean;
}

const OFFER: Answer = { type: DHCP_MESSAGE.OFFER, grants: true };
const ACK: Answer = { type: DHCP_MESSAGE.ACK, grants: true };
const ACK_INFORM: Answer = { type: DHCP_MESSAGE.ACK, grants: false };
const NAK: Answer = { type: DHCP_MESSAGE.NAK, grants: false };

/** What the responder answers from. */
interface Grant {
  readonly address: Ipv4;
  readonly settings: PortAddress;
  readonly server: Ipv4;
  readonly port: PortRecord;
}

/**
 * The frame that answers a DHCP request of this port; undefined when it is no request, a malformed one, one for
 * another MAC address than the port's, or one that is answered with silence. The answer goes back to the same port.
 */
export function answerDhcp(port: PortRecord, request: Uint8Array): Uint8Array | undefined {
  const grant = grantOf(port);
  if (!grant) return undefined;
  const layers = parseFrame(request);
  const message = requestOf(layers, port.mac);
  const to = layers.ipv4?.dstIp;
  if (!message || (to !== LIMITED_BROADCAST && to !== grant.server)) return undefined;
  const answer = answerTo(message, grant);
  return answer && build(message, grant, answer);
}

/** Undefined where the switch does not serve the port, or has no IPv4 address for it. */
function grantOf(port: PortRecord): Grant | undefined {
  const settings = port.addresses.find((a) => isIpv4(a.address) && a.vlan === undefined);
  const server = port.dhcpServer;
  if (!settings || !isIpv4(settings.address) || server === undefined || !isIpv4(server)) return undefined;
  return { address: settings.address, settings, server, port };
}

/**
 * The DHCP message that a client with this MAC address sent. Every length was checked against the frame by the views;
 * a datagram whose checksum does not hold, or that is in pieces, is not looked into.
 */
function requestOf(
  { bytes, end, eth, vlans, ipv4: ip, udp, dhcp, fragment }: Layers,
  own: Mac,
): DhcpView | undefined {
  if (!eth || !ip || !udp || !dhcp || vlans.length > 0 || fragment !== 'none') return undefined;
  // Such a frame is too long to need padding, so what stands behind the packet is something that it does not declare.
  if (ip.end !== end) return undefined;
  if (udp.srcPort !== UDP_PORT.DHCP_CLIENT || udp.dstPort !== UDP_PORT.DHCP_SERVER) return undefined;
  if (!checksumHolds(bytes, ip.offset, ip.payloadOffset)) return undefined;
  if (udp.checksum !== 0 && !isDatagramWhole(bytes, ip.offset, udp)) return undefined;
  // A relay agent has no business on the port of a guest.
  if (dhcp.op !== DHCP_OP.REQUEST || dhcp.giaddr !== NO_ADDRESS || dhcp.chaddr !== own) return undefined;
  return dhcp;
}

/** RFC 2131 section 4.3 and its table 4. Undefined = silence. */
function answerTo(message: DhcpView, grant: Grant): Answer | undefined {
  switch (message.type) {
    case DHCP_MESSAGE.DISCOVER:
      return message.ciaddr === NO_ADDRESS ? OFFER : undefined;
    case DHCP_MESSAGE.REQUEST:
      return answerToRequest(message, grant);
    case DHCP_MESSAGE.INFORM:
      return message.ciaddr === grant.address ? ACK_INFORM : undefined;
    default:
      return undefined;
  }
}

function answerToRequest(message: DhcpView, { address, server }: Grant): Answer | undefined {
  const { ciaddr } = message;
  const chosen = readAddress(message, DHCP_OPTION.SERVER_ID);
  const requested = readAddress(message, DHCP_OPTION.REQUESTED_ADDRESS);
  if (chosen === 'malformed' || requested === 'malformed') return undefined;
  // Another server was chosen: what it promised is not for us to judge.
  if (chosen !== undefined && chosen !== server) return undefined;
  const isNew = requested !== undefined && ciaddr === NO_ADDRESS; // selecting, init-reboot
  const isExtension = requested === undefined && ciaddr !== NO_ADDRESS; // renewing, rebinding
  if (!isNew && !isExtension) return undefined;
  return (requested ?? ciaddr) === address ? ACK : NAK;
}

function readAddress(message: DhcpView, code: number): Ipv4 | 'malformed' | undefined {
  return message.option(code) ? (message.address(code) ?? 'malformed') : undefined;
}

/** Buffers are zeroed by `frame`, and hold nothing but what is put in here: no byte of another packet gets out. */
function build(message: DhcpView, grant: Grant, answer: Answer): Uint8Array {
  const { address, server, port } = grant;
  const isNak = answer.type === DHCP_MESSAGE.NAK;
  const to = destinationOf(message, grant, isNak);
  return frame(
    { layer: 'eth', src: DHCP_SERVER_MAC, dst: to === LIMITED_BROADCAST ? BROADCAST_MAC : port.mac },
    { layer: 'ipv4', src: server, dst: to, df: true },
    { layer: 'udp', sport: UDP_PORT.DHCP_SERVER, dport: UDP_PORT.DHCP_CLIENT },
    ...dhcpLayers({
      type: answer.type,
      xid: message.xid,
      broadcast: message.broadcast,
      chaddr: port.mac,
      ...(isNak ? {} : { ciaddr: message.ciaddr }),
      ...(answer.grants ? { yiaddr: address } : {}),
      options: optionsOf(message, grant, answer),
    }),
  );
}

/** RFC 2131 section 4.1; a NAK goes to all, since the client's address is what is wrong. */
function destinationOf(message: DhcpView, grant: Grant, isNak: boolean): Ipv4 {
  if (isNak) return LIMITED_BROADCAST;
  if (message.ciaddr !== NO_ADDRESS) return message.ciaddr;
  return message.broadcast ? LIMITED_BROADCAST : grant.address;
}

/**
 * RFC 2131 table 3, by weight: what does not fit any more is left out, and only what has to do with names can come to
 * that.
 */
function optionsOf(
  message: DhcpView,
  { settings, server, port }: Grant,
  answer: Answer,
): readonly DhcpOption[] {
  const options: DhcpOption[] = [addressOption(DHCP_OPTION.SERVER_ID, [server])];
  const clientId = message.option(DHCP_OPTION.CLIENT_ID);
  // RFC 6842 section 3: what identifies the client comes back to it, as long as one option can hold it.
  if (clientId && clientId.length <= 255) options.push({ code: DHCP_OPTION.CLIENT_ID, data: clientId });
  if (answer.type === DHCP_MESSAGE.NAK) return options;

  if (answer.grants) {
    options.push(
      longOption(DHCP_OPTION.LEASE_TIME, LEASE_TIME),
      longOption(DHCP_OPTION.RENEWAL_TIME, RENEWAL_TIME),
      longOption(DHCP_OPTION.REBINDING_TIME, REBINDING_TIME),
    );
  }
  const mask = prefixMask(prefixOf(settings.address, settings.prefixLength));
  options.push(addressOption(DHCP_OPTION.SUBNET_MASK, [ipv4FromNumber(Number(mask))]));
  const { gateway } = settings;
  const routers = gateway === undefined ? [] : [gateway, ...(settings.otherGateways ?? [])].filter(isIpv4);
  if (routers.length > 0) options.push(addressOption(DHCP_OPTION.ROUTER, routers.slice(0, MOST_SERVERS)));
  options.push(shortOption(DHCP_OPTION.MTU, port.mtu));
  const wants = (code: number) => message.option(DHCP_OPTION.PARAMETER_LIST)?.includes(code) === true;
  const routes = routesTo(settings);
  if (routes.length > 0 && wants(DHCP_OPTION.CLASSLESS_ROUTES))
    options.push(...dhcpOptionsOf(DHCP_VALUE.classlessRoutes, routes));

  // 3: the message type, which is written before these options; 2: code and length of an option.
  const room = () => OPTIONS_LIMIT - 3 - dhcpOptionsLength(options) - 2;
  const dns = dnsOf(port, 4)
    .filter(isIpv4)
    .slice(0, Math.max(0, Math.min(MOST_SERVERS, Math.floor(room() / 4))));
  if (dns.length > 0) options.push(addressOption(DHCP_OPTION.DNS, dns));
  const wins = (settings.wins ?? []).filter(isIpv4).slice(0, MOST_SERVERS);
  if (wins.length > 0 && 4 * wins.length <= room())
    options.push(addressOption(DHCP_OPTION.NETBIOS_NAME_SERVERS, wins));
  const search = searchOf(port);
  const [domain] = search;
  if (domain !== undefined && domain.length <= room())
    options.push(...dhcpOptionsOf(DHCP_VALUE.domainName, domain));
  if (search.length > 0 && wants(DHCP_OPTION.DOMAIN_SEARCH)) {
    const list = dhcpOptionsOf(DHCP_VALUE.domainSearch, search);
    if (dhcpOptionsLength(list) - 2 <= room()) options.push(...list);
  }
  return options;
}

/** The default route; a client that knows option 121 takes it from there alone (RFC 3442, "DHCP Client Behavior"). */
function routesTo({ address, prefixLength, gateway }: PortAddress): ClasslessRoute[] {
  if (gateway === undefined || !isIpv4(gateway)) return [];
  const byDefault = { prefix: DEFAULT_ROUTE, router: gateway };
  if (prefixContains(prefixOf(address, prefixLength), gateway)) return [byDefault];
  return [{ prefix: prefixOf(gateway, 32), router: NO_ADDRESS }, byDefault];
}

/** Bytes of the largest answer: Ethernet, IPv4 and UDP headers, the fixed part, and all options that every client takes. */
export const LARGEST_ANSWER = 14 + 20 + 8 + DHCP.OPTIONS + OPTIONS_LIMIT;
