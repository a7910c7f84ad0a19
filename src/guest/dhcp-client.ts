/**
 * The DHCP client (RFC 2131 section 4.4, figure 5), without INIT-REBOOT:
 *
 *     off --start--> selecting --OFFER--> requesting --ACK--> probing --nobody has it--> bound
 *                     ^  ^                    |                  |                        | T1
 *                     |  `------ NAK ---------'                  |                     renewing --ACK--> bound
 *                     |  `--- DECLINE, after 10 s ---------------'                        | T2
 *                     `------- lease over, or NAK -------------------------------- rebinding --ACK--> bound
 */
import { BROADCAST_MAC, type Ipv4, ipv4, macToNumber } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { write48 } from '../packet/bytes.ts';
import {
  addressOption,
  DHCP_MESSAGE,
  DHCP_OP,
  DHCP_OPTION,
  type DhcpOption,
  DhcpView,
  shortOption,
} from '../packet/dhcp.ts';
import { dhcpLayers } from '../packet/dhcp-layers.ts';
import { IP_PROTOCOL } from '../packet/ipv4.ts';
import { UDP_PORT, UdpView } from '../packet/udp.ts';
import { Alarm } from './alarm.ts';
import { type Lease, readLease } from './dhcp-lease.ts';
import type { IpPacket } from './ip-packet.ts';
import type { Stack } from './stack.ts';

export type DhcpState =
  | { readonly state: 'off' }
  /** Looking for a server; `since` by the clock's `now`. */
  | { readonly state: 'selecting'; readonly since: number; readonly attempts: number }
  /** A server offered `lease`, and is asked for it. */
  | { readonly state: 'requesting'; readonly since: number; readonly lease: Lease; readonly attempts: number }
  /** The lease is granted; whether somebody else uses the address is being found out. */
  | { readonly state: 'probing'; readonly lease: Lease }
  | { readonly state: 'bound'; readonly lease: Lease }
  | { readonly state: 'renewing'; readonly lease: Lease }
  | { readonly state: 'rebinding'; readonly lease: Lease };

export interface DhcpEvents {
  readonly changed: (state: DhcpState) => void;
  /** There is a lease, and its address is usable. */
  readonly bound: () => void;
  /** Nobody answers, or somebody else has the address: the interface has to help itself. */
  readonly failed: () => void;
}

const NO_ADDRESS = ipv4('0.0.0.0');
const LIMITED_BROADCAST = ipv4('255.255.255.255');

/** Milliseconds until the first repetition; each further one waits twice as long (RFC 2131 section 4.1). */
const FIRST_RETRY = 4000;
/** Messages without an answer before a search or a request is given up: after 60 s. */
export const ATTEMPTS = 4;
/** Milliseconds between two searches once one was in vain. */
export const SEARCH_INTERVAL = 300_000;
/** Milliseconds after a DECLINE (RFC 2131 section 3.1, step 5), and after a NAK so that the two cannot chase each other. */
const RESTART_DELAY = { decline: 10_000, nak: 1000 } as const;
/** Least milliseconds between two requests to renew (RFC 2131 section 4.4.5). */
const RENEW_INTERVAL = 60_000;
/** Largest DHCP message that is taken (option 57): what fits an Ethernet frame. */
const MAX_MESSAGE = 1500;

const WANTED = Uint8Array.of(
  DHCP_OPTION.SUBNET_MASK,
  DHCP_OPTION.CLASSLESS_ROUTES,
  DHCP_OPTION.ROUTER,
  DHCP_OPTION.DNS,
  DHCP_OPTION.MTU,
  DHCP_OPTION.LEASE_TIME,
  DHCP_OPTION.SERVER_ID,
  DHCP_OPTION.RENEWAL_TIME,
  DHCP_OPTION.REBINDING_TIME,
);

export class DhcpClient {
  readonly #stack: Stack;
  readonly #events: DhcpEvents;
  #state: DhcpState = { state: 'off' };
  #xid = 0;
  readonly #alarm: Alarm;

  constructor(stack: Stack, events: DhcpEvents) {
    this.#stack = stack;
    this.#alarm = new Alarm(stack.clock);
    this.#events = events;
  }

  get state(): DhcpState {
    return this.#state;
  }

  /** The lease in use; its address is usable. */
  get lease(): Lease | undefined {
    const current = this.#state;
    return current.state === 'bound' || current.state === 'renewing' || current.state === 'rebinding'
      ? current.lease
      : undefined;
  }

  /** Without effect when it runs. */
  start(): void {
    if (this.#state.state === 'off') this.#search();
  }

  /** Gives the lease back, if there is one (RFC 2131 section 4.4.6). */
  stop(): void {
    const { lease } = this;
    if (lease) {
      const { address } = lease.settings;
      this.#sendTo(lease, DHCP_MESSAGE.RELEASE, { ciaddr: address, options: [serverOption(lease)] });
    }
    this.#alarm.cancel();
    this.#forget();
    this.#become({ state: 'off' });
  }

  /** Takes a packet when it is an answer to a DHCP client; false when it is something else. */
  receive(packet: IpPacket): boolean {
    if (this.#state.state === 'off' || packet.fragment || packet.protocol !== IP_PROTOCOL.UDP) return false;
    const udp = UdpView.at(packet.bytes, packet.payloadOffset);
    if (udp?.srcPort !== UDP_PORT.DHCP_SERVER || udp.dstPort !== UDP_PORT.DHCP_CLIENT) return false;
    const message = DhcpView.at(packet.bytes, udp.payloadOffset, udp.end);
    if (!message) this.#stack.counters.drop('dhcp-malformed');
    else if (this.#isForUs(message)) this.#answer(message);
    return true;
  }

  #isForUs(message: DhcpView): boolean {
    return message.op === DHCP_OP.REPLY && message.xid === this.#xid && message.chaddr === this.#stack.mac;
  }

  #answer(message: DhcpView): void {
    const now = this.#stack.clock.now();
    const current = this.#state;
    switch (current.state) {
      case 'selecting': {
        const lease = message.type === DHCP_MESSAGE.OFFER ? readLease(message, now) : undefined;
        if (lease) this.#request(lease, 0);
        return;
      }
      case 'requesting':
      case 'renewing':
      case 'rebinding': {
        if (message.type === DHCP_MESSAGE.NAK) {
          this.#refused(current.lease, message);
          return;
        }
        const lease = message.type === DHCP_MESSAGE.ACK ? readLease(message, now) : undefined;
        if (lease?.settings.address !== current.lease.settings.address) return;
        if (current.state === 'requesting') {
          this.#probe(lease);
          return;
        }
        this.#stack.addresses.update(lease.settings);
        this.#bind(lease);
        return;
      }
      case 'off':
      case 'probing':
      case 'bound':
        return;
    }
  }

  // ---------------------------------------------------------------------------------------- acquiring

  #search(): void {
    this.#newTransaction();
    this.#discover(0);
  }

  #discover(attempts: number): void {
    const { clock } = this.#stack;
    const since = this.#state.state === 'selecting' && attempts > 0 ? this.#state.since : clock.now();
    if (attempts === ATTEMPTS) {
      this.#alarm.after(SEARCH_INTERVAL, () => this.#search());
      this.#events.failed();
      return;
    }
    this.#alarm.after(this.#backoff(attempts), () => this.#discover(attempts + 1));
    this.#become({ state: 'selecting', since, attempts: attempts + 1 });
    this.#broadcast(NO_ADDRESS, DHCP_MESSAGE.DISCOVER, since, {});
  }

  #request(lease: Lease, attempts: number): void {
    if (attempts === ATTEMPTS) {
      this.#search();
      return;
    }
    const current = this.#state;
    const since =
      current.state === 'selecting' || current.state === 'requesting'
        ? current.since
        : this.#stack.clock.now();
    this.#alarm.after(this.#backoff(attempts), () => this.#request(lease, attempts + 1));
    this.#become({ state: 'requesting', since, lease, attempts: attempts + 1 });
    this.#broadcast(NO_ADDRESS, DHCP_MESSAGE.REQUEST, since, {
      options: [requestedOption(lease), serverOption(lease)],
    });
  }

  #probe(lease: Lease): void {
    this.#alarm.cancel();
    this.#become({ state: 'probing', lease });
    this.#stack.addresses.claim(lease.settings, 'dhcp', {
      probe: true,
      yields: true,
      ready: () => {
        this.#bind(lease);
        this.#events.bound();
      },
      lost: () => this.#decline(lease),
    });
  }

  #decline(lease: Lease): void {
    this.#broadcast(NO_ADDRESS, DHCP_MESSAGE.DECLINE, this.#stack.clock.now(), {
      options: [requestedOption(lease), serverOption(lease)],
    });
    this.#restart(RESTART_DELAY.decline);
    this.#events.failed();
  }

  #refused(lease: Lease, nak: DhcpView): void {
    // Only the server that was asked may refuse; in rebinding every server was asked.
    const server = nak.address(DHCP_OPTION.SERVER_ID);
    if (server !== lease.server && this.#state.state !== 'rebinding') return;
    this.#forget();
    this.#restart(RESTART_DELAY.nak);
  }

  #restart(delay: number): void {
    this.#become({ state: 'selecting', since: this.#stack.clock.now(), attempts: 0 });
    this.#alarm.after(delay, () => this.#search());
  }

  // ------------------------------------------------------------------------------------------ keeping

  #bind(lease: Lease): void {
    this.#become({ state: 'bound', lease });
    this.#alarm.until(lease.renewAt, () => this.#renew(lease));
  }

  #renew(lease: Lease): void {
    const now = this.#stack.clock.now();
    if (now >= lease.rebindAt) {
      this.#rebind(lease);
      return;
    }
    if (this.#state.state !== 'renewing') this.#newTransaction();
    this.#alarm.until(nextTry(now, lease.rebindAt), () => this.#renew(lease));
    this.#become({ state: 'renewing', lease });
    this.#sendTo(lease, DHCP_MESSAGE.REQUEST, { ciaddr: lease.settings.address });
  }

  #rebind(lease: Lease): void {
    const now = this.#stack.clock.now();
    if (now >= lease.expiresAt) {
      this.#forget();
      this.#search();
      return;
    }
    if (this.#state.state !== 'rebinding') this.#newTransaction();
    this.#alarm.until(nextTry(now, lease.expiresAt), () => this.#rebind(lease));
    this.#become({ state: 'rebinding', lease });
    const { address } = lease.settings;
    this.#broadcast(address, DHCP_MESSAGE.REQUEST, lease.renewAt, { ciaddr: address });
  }

  // ------------------------------------------------------------------------------------------ sending

  #broadcast(src: Ipv4, type: number, since: number, more: Message): void {
    const { mac } = this.#stack;
    this.#stack.sendFrame(
      frame(
        { layer: 'eth', src: mac, dst: BROADCAST_MAC },
        { layer: 'ipv4', src, dst: LIMITED_BROADCAST },
        PORTS,
        ...this.#layers(type, since, more),
      ),
    );
  }

  /** To the server that granted the lease. It may be out of reach: then the time to ask every server comes (T2). */
  #sendTo(lease: Lease, type: number, more: Message): void {
    const layers = [PORTS, ...this.#layers(type, lease.renewAt, more)];
    const { address: source } = lease.settings;
    this.#stack.sendLayers(lease.server, IP_PROTOCOL.UDP, layers, { source });
  }

  #layers(type: number, since: number, { ciaddr, options = [] }: Message) {
    const { mac, clock } = this.#stack;
    const id = new Uint8Array(7);
    id[0] = 1; // Ethernet
    write48(id, 1, macToNumber(mac));
    const asks = type === DHCP_MESSAGE.DISCOVER || type === DHCP_MESSAGE.REQUEST;
    return dhcpLayers({
      type,
      xid: this.#xid,
      secs: Math.min(0xffff, Math.max(0, Math.floor((clock.now() - since) / 1000))),
      chaddr: mac,
      ...(ciaddr ? { ciaddr } : {}),
      options: [
        ...options,
        { code: DHCP_OPTION.CLIENT_ID, data: id },
        ...(asks
          ? [
              shortOption(DHCP_OPTION.MAX_SIZE, MAX_MESSAGE),
              { code: DHCP_OPTION.PARAMETER_LIST, data: WANTED },
            ]
          : []),
      ],
    });
  }

  // -------------------------------------------------------------------------------------------- state

  #become(state: DhcpState): void {
    this.#state = state;
    this.#events.changed(state);
  }

  #newTransaction(): void {
    this.#xid = Math.floor(this.#stack.random() * 2 ** 32);
  }

  /** Gives up the address of the present lease. */
  #forget(): void {
    const current = this.#state;
    if ('lease' in current && current.state !== 'requesting')
      this.#stack.addresses.release(current.lease.settings.address);
  }

  /** 4, 8, 16, 32 s, each a second more or less at random (RFC 2131 section 4.1). */
  #backoff(attempts: number): number {
    return FIRST_RETRY * 2 ** attempts + (this.#stack.random() * 2 - 1) * 1000;
  }
}

interface Message {
  readonly ciaddr?: Ipv4;
  readonly options?: readonly DhcpOption[];
}

const PORTS = { layer: 'udp', sport: UDP_PORT.DHCP_CLIENT, dport: UDP_PORT.DHCP_SERVER } as const;

function requestedOption(lease: Lease): DhcpOption {
  return addressOption(DHCP_OPTION.REQUESTED_ADDRESS, [lease.settings.address]);
}

function serverOption(lease: Lease): DhcpOption {
  return addressOption(DHCP_OPTION.SERVER_ID, [lease.server]);
}

/** Half of what is left, a minute at least, but never beyond the end (RFC 2131 section 4.4.5). */
function nextTry(now: number, end: number): number {
  return Math.min(end, now + Math.max(RENEW_INTERVAL, (end - now) / 2));
}
