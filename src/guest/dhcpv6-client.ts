/**
 * The DHCPv6 client (RFC 8415, 18.2), as far as the first server that answers is the right one:
 *
 *     off --start('addresses')--> soliciting --ADVERTISE--> requesting --REPLY--> bound
 *      |                            ^    ^                      |                  | T1
 *      |                            |    `----- no answer ------'               renewing --REPLY--> bound
 *      |                            |                                              | T2
 *      |                            `----- all has run out ------------------- rebinding --REPLY--> bound
 *      `--start('settings')--> informing --REPLY--> informed --refresh time--> informing
 */
import { type Ipv6, ipv6, linkLocalOf, multicastMacOf } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { sameBytes } from '../packet/bytes.ts';
import { DHCP6_MESSAGE, DHCP6_OPTION, Dhcp6View } from '../packet/dhcp6.ts';
import { DHCP6_VALUE, type Dhcp6Address, duidOf } from '../packet/dhcp6-options.ts';
import { type Option, optionOf } from '../packet/option.ts';
import { UDP_PORT } from '../packet/udp.ts';
import { Alarm } from './alarm.ts';
import type { Stack } from './stack.ts';

/** What a server gave. Times are moments of the clock's `now`, or Infinity. */
export interface Dhcpv6Lease {
  /** DUID of the server; empty where it gave settings alone. */
  readonly server: Uint8Array;
  readonly addresses: readonly Ipv6[];
  readonly dns: readonly Ipv6[];
  readonly search: readonly string[];
  readonly renewAt: number;
  readonly rebindAt: number;
  readonly expiresAt: number;
}

export type Dhcpv6State =
  | { readonly state: 'off' | 'soliciting' | 'informing' }
  | {
      readonly state: 'requesting' | 'bound' | 'renewing' | 'rebinding' | 'informed';
      readonly lease: Dhcpv6Lease;
    };

const ALL_SERVERS = ipv6('ff02::1:2');
const ENDLESS = 0xffffffff;
/** Our one association. */
const IAID = 1;
/** Milliseconds until settings without addresses are asked for again, where the server does not say (RFC 8415, 21.23). */
const REFRESH_DEFAULT = 86_400_000;

/** Milliseconds to the first repetition and between the last ones, and how many messages (RFC 8415, 7.6). */
interface Timing {
  readonly first: number;
  readonly longest: number;
  readonly messages?: number;
}
const SOLICITING: Timing = { first: 1000, longest: 3_600_000 };
const REQUESTING: Timing = { first: 1000, longest: 30_000, messages: 10 };
const EXTENDING: Timing = { first: 10_000, longest: 600_000 };
const INFORMING: Timing = { first: 1000, longest: 3_600_000 };

export class Dhcpv6Client {
  readonly #stack: Stack;
  readonly #changed: () => void;
  readonly #duid: Uint8Array;
  #state: Dhcpv6State = { state: 'off' };
  #xid = 0;
  readonly #alarm: Alarm;

  /** `changed`: the lease is another one now, or there is none any more. */
  constructor(stack: Stack, changed: () => void) {
    this.#stack = stack;
    this.#alarm = new Alarm(stack.clock);
    this.#changed = changed;
    this.#duid = duidOf(stack.mac);
  }

  get state(): Dhcpv6State {
    return this.#state;
  }

  /** What is granted, and has not run out. */
  get lease(): Dhcpv6Lease | undefined {
    const current = this.#state;
    return 'lease' in current && current.state !== 'requesting' ? current.lease : undefined;
  }

  /** For addresses and settings, or for settings alone. Without effect when that is under way. */
  start(what: 'addresses' | 'settings'): void {
    const now = this.#state.state;
    const isInforming = now === 'informing' || now === 'informed';
    if (now !== 'off' && isInforming === (what === 'settings')) return;
    if (what === 'addresses') this.#solicit();
    else this.#inform();
  }

  /** Gives the addresses back, if there are any. */
  stop(): void {
    const { lease } = this;
    this.#alarm.cancel();
    if (lease && lease.addresses.length > 0) {
      this.#newTransaction();
      this.#send(DHCP6_MESSAGE.RELEASE, 0, [serverOf(lease), association(lease.addresses)]);
    }
    this.#become({ state: 'off' });
  }

  /** Somebody else has the address (RFC 8415, 18.2.8): begins anew. */
  decline(address: Ipv6): void {
    const { lease } = this;
    if (!lease?.addresses.includes(address)) return;
    this.#newTransaction();
    this.#send(DHCP6_MESSAGE.DECLINE, 0, [serverOf(lease), association([address])]);
    this.#solicit();
  }

  /** Takes what a server sent to the client port. */
  receive(payload: Uint8Array): void {
    const message = Dhcp6View.at(payload, 0);
    if (!message || message.xid !== this.#xid) return;
    const client = message.read(DHCP6_VALUE.clientId);
    const server = message.read(DHCP6_VALUE.serverId);
    if (!client || !server || !sameBytes(client, this.#duid)) return;
    const { ADVERTISE, REPLY } = DHCP6_MESSAGE;
    const current = this.#state;
    switch (current.state) {
      case 'soliciting': {
        const lease = message.type === ADVERTISE ? this.#read(message, server) : undefined;
        if (lease) this.#request(lease);
        return;
      }
      case 'requesting':
      case 'renewing':
      case 'rebinding': {
        const lease = message.type === REPLY ? this.#read(message, server) : undefined;
        if (lease) this.#bind(lease);
        else if (message.type === REPLY) this.#solicit();
        return;
      }
      case 'informing':
        if (message.type === REPLY) this.#informed(message, server);
        return;
      case 'off':
      case 'bound':
      case 'informed':
        return;
    }
  }

  #solicit(): void {
    this.#become({ state: 'soliciting' });
    this.#ask(DHCP6_MESSAGE.SOLICIT, SOLICITING, [association([])]);
  }

  #request(lease: Dhcpv6Lease): void {
    this.#become({ state: 'requesting', lease });
    const options = [serverOf(lease), association(lease.addresses)];
    this.#ask(DHCP6_MESSAGE.REQUEST, REQUESTING, options, () => this.#solicit());
  }

  #bind(lease: Dhcpv6Lease): void {
    this.#become({ state: 'bound', lease });
    this.#alarm.until(lease.renewAt, () => this.#renew(lease));
  }

  #renew(lease: Dhcpv6Lease): void {
    this.#become({ state: 'renewing', lease });
    const options = [serverOf(lease), association(lease.addresses)];
    this.#ask(DHCP6_MESSAGE.RENEW, EXTENDING, options, () => this.#rebind(lease), lease.rebindAt);
  }

  #rebind(lease: Dhcpv6Lease): void {
    this.#become({ state: 'rebinding', lease });
    const options = [association(lease.addresses)];
    this.#ask(DHCP6_MESSAGE.REBIND, EXTENDING, options, () => this.#solicit(), lease.expiresAt);
  }

  #inform(): void {
    this.#become({ state: 'informing' });
    this.#ask(DHCP6_MESSAGE.INFORMATION_REQUEST, INFORMING, []);
  }

  #informed(message: Dhcp6View, server: Uint8Array): void {
    const seconds = message.read(DHCP6_VALUE.refreshTime);
    const again = this.#stack.clock.now() + (seconds === undefined ? REFRESH_DEFAULT : 1000 * seconds);
    const never = { renewAt: Infinity, rebindAt: Infinity, expiresAt: Infinity };
    this.#become({
      state: 'informed',
      lease: { server, addresses: [], ...settingsIn(message), ...never },
    });
    this.#alarm.until(seconds === ENDLESS ? Infinity : again, () => this.#inform());
  }

  /** Undefined where there is no address that can be used. */
  #read(message: Dhcp6View, server: Uint8Array): Dhcpv6Lease | undefined {
    const given = message.read(DHCP6_VALUE.association);
    const addresses = given?.iaid === IAID ? given.addresses.filter(({ valid }) => valid > 0) : [];
    if (!given || addresses.length === 0) return undefined;
    const now = this.#stack.clock.now();
    const preferred = Math.min(...addresses.map((a) => a.preferred));
    const after = (seconds: number) => (seconds === ENDLESS ? Infinity : now + 1000 * seconds);
    return {
      server,
      addresses: addresses.map(({ address }) => address),
      ...settingsIn(message),
      // RFC 8415, 21.4: 0 leaves the time to the client.
      renewAt: after(given.renew || preferred * 0.5),
      rebindAt: after(given.rebind || preferred * 0.8),
      expiresAt: after(Math.min(...addresses.map((a) => a.valid))),
    };
  }

  // ------------------------------------------------------------------------------------------ sending

  /** Sends until there is an answer, at most until the moment `end`; `vain` is called when there is none. */
  #ask(type: number, timing: Timing, options: readonly Option[], vain = () => {}, end = Infinity): void {
    const { clock, random } = this.#stack;
    this.#newTransaction();
    const since = clock.now();
    const repeat = (count: number, last: number) => {
      if (count === timing.messages || clock.now() >= end) {
        vain();
        return;
      }
      // RFC 8415, 15: twice as long each time, a tenth more or less.
      const wait = Math.min(timing.longest, last === 0 ? timing.first : 2 * last);
      const delay = Math.min(wait * (0.9 + 0.2 * random()), end - clock.now());
      this.#alarm.after(delay, () => repeat(count + 1, wait));
      this.#send(type, clock.now() - since, options);
    };
    repeat(0, 0);
  }

  #send(type: number, elapsed: number, options: readonly Option[]): void {
    const { mac } = this.#stack;
    this.#stack.sendFrame(
      frame(
        { layer: 'eth', src: mac, dst: multicastMacOf(ALL_SERVERS) },
        { layer: 'ipv6', src: linkLocalOf(mac), dst: ALL_SERVERS, ttl: 1 },
        { layer: 'udp', sport: UDP_PORT.DHCP6_CLIENT, dport: UDP_PORT.DHCP6_SERVER },
        {
          layer: 'dhcp6',
          type,
          xid: this.#xid,
          options: [
            optionOf(DHCP6_VALUE.clientId, this.#duid),
            ...options,
            // Hundredths of a second.
            optionOf(DHCP6_VALUE.elapsedTime, Math.min(0xffff, Math.floor(elapsed / 10))),
            optionOf(DHCP6_VALUE.optionRequest, WANTED),
          ],
        },
      ),
    );
  }

  // -------------------------------------------------------------------------------------------- state

  #become(state: Dhcpv6State): void {
    const before = this.lease;
    this.#state = state;
    if (this.lease !== before) this.#changed();
  }

  #newTransaction(): void {
    this.#xid = Math.floor(this.#stack.random() * 2 ** 24);
  }
}

const WANTED = [DHCP6_OPTION.DNS, DHCP6_OPTION.DOMAIN_LIST, DHCP6_OPTION.REFRESH_TIME];

function association(addresses: readonly Ipv6[]): Option {
  const named = addresses.map((address): Dhcp6Address => ({ address, preferred: 0, valid: 0 }));
  return optionOf(DHCP6_VALUE.association, { iaid: IAID, renew: 0, rebind: 0, addresses: named });
}

function serverOf({ server }: Dhcpv6Lease): Option {
  return optionOf(DHCP6_VALUE.serverId, server);
}

function settingsIn(message: Dhcp6View): Pick<Dhcpv6Lease, 'dns' | 'search'> {
  return {
    dns: message.read(DHCP6_VALUE.dns) ?? [],
    search: message.read(DHCP6_VALUE.domainList) ?? [],
  };
}
