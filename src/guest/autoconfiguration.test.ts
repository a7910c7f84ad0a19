import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Ipv6, ipv6, linkLocalOf, multicastMacOf, prefix } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { DHCP6_MESSAGE, DHCP6_OPTION, type Dhcp6View } from '../packet/dhcp6.ts';
import { DHCP6_STATUS, DHCP6_VALUE, duidOf } from '../packet/dhcp6-options.ts';
import type { Icmpv6Layer } from '../packet/layer.ts';
import { ND_VALUE, type NdPrefix } from '../packet/nd-options.ts';
import { type Option, optionOf } from '../packet/option.ts';
import { parseFrame } from '../packet/parse.ts';
import type { GuestNic } from './nic.ts';
import { Hub, macOf, pingNow } from './testing.ts';

const ROUTER = macOf(200);
const GATEWAY = linkLocalOf(ROUTER);
const YOURS = ipv6('fd00::5');
const MADE = ipv6('fd00::ff:fe00:1');
/** Solicitation, four messages of DHCPv6 and duplicate address detection, with the times of the RFCs. */
const SETTLING = 10_000;

const PREFIX: NdPrefix = {
  prefix: prefix('fd00::/64'),
  onLink: true,
  autonomous: false,
  valid: 7200,
  preferred: 3600,
};

const { SOLICIT, ADVERTISE, REQUEST, RENEW, REBIND, REPLY, RELEASE, DECLINE, INFORMATION_REQUEST } =
  DHCP6_MESSAGE;

/** A router and a DHCPv6 server that do what the test says, and note what they were asked. */
class Network {
  readonly hub = new Hub();
  readonly heard: { readonly type: number; readonly message: Dhcp6View; readonly at: number }[] = [];
  solicitations = 0;
  says: Partial<Icmpv6Layer> | undefined = { managed: true, other: true, lifetime: 1800 };
  prefixes: readonly NdPrefix[] = [PREFIX];
  more: readonly Option[] = [optionOf(ND_VALUE.mtu, 1400)];
  /** The answer to a message; undefined = silence. */
  answer: (message: Dhcp6View) => { type: number; options: readonly Option[] } | undefined = (message) => {
    switch (message.type) {
      case SOLICIT:
        return { type: ADVERTISE, options: [granted(YOURS)] };
      case REQUEST:
      case RENEW:
      case REBIND:
        return { type: REPLY, options: [granted(YOURS), optionOf(DHCP6_VALUE.dns, [ipv6('fd00::53')])] };
      case INFORMATION_REQUEST:
        return { type: REPLY, options: [optionOf(DHCP6_VALUE.dns, [ipv6('fd00::53')])] };
      default:
        return undefined;
    }
  };
  readonly #send: (bytes: Uint8Array) => void;

  constructor() {
    this.#send = this.hub.join((bytes) => {
      const { icmpv6, udp, dhcp6, ipv6: ip } = parseFrame(bytes.slice());
      if (icmpv6?.type === 133) {
        this.solicitations += 1;
        this.advertise();
      }
      if (dhcp6 && ip && udp?.dstPort === 547) this.#asked(dhcp6, ip.srcIp);
    });
  }

  advertise(from: Ipv6 = GATEWAY, ttl = 255): void {
    if (!this.says) return;
    const to = ipv6('ff02::1');
    const options = [...this.prefixes.map((p) => optionOf(ND_VALUE.prefix, p)), ...this.more];
    this.#send(
      frame(
        { layer: 'eth', src: ROUTER, dst: multicastMacOf(to) },
        { layer: 'ipv6', src: from, dst: to, ttl },
        { layer: 'icmpv6', type: 134, hoplimit: 64, sll: ROUTER, ...this.says, options },
      ),
    );
  }

  /** Says that it has the address. */
  claim(address: Ipv6): void {
    const to = ipv6('ff02::1');
    this.#send(
      frame(
        { layer: 'eth', src: macOf(66), dst: multicastMacOf(to) },
        { layer: 'ipv6', src: address, dst: to, ttl: 255 },
        { layer: 'icmpv6', type: 136, target: address, override: true, tll: macOf(66) },
      ),
    );
  }

  #asked(message: Dhcp6View, from: Ipv6): void {
    this.heard.push({ type: message.type, message, at: this.hub.clock.now() });
    const answer = this.answer(message);
    if (!answer) return;
    this.#send(
      frame(
        { layer: 'eth', src: ROUTER, dst: macOf(1) },
        { layer: 'ipv6', src: GATEWAY, dst: from },
        { layer: 'udp', sport: 547, dport: 546 },
        {
          layer: 'dhcp6',
          type: answer.type,
          xid: message.xid,
          options: [
            optionOf(DHCP6_VALUE.clientId, message.read(DHCP6_VALUE.clientId)!),
            optionOf(DHCP6_VALUE.serverId, duidOf(ROUTER)),
            ...answer.options,
          ],
        },
      ),
    );
  }

  asked(): number[] {
    return this.heard.splice(0).map(({ type }) => type);
  }

  pass(seconds: number): void {
    this.hub.clock.advance(1000 * seconds);
  }
}

/** T1 1800, T2 2880, preferred for 3600, valid for 7200 seconds. */
function granted(...addresses: Ipv6[]): Option {
  return optionOf(DHCP6_VALUE.association, {
    iaid: 1,
    renew: 1800,
    rebind: 2880,
    addresses: addresses.map((address) => ({ address, preferred: 3600, valid: 7200 })),
  });
}

function started(change: (network: Network) => void = () => {}): { network: Network; nic: GuestNic } {
  const network = new Network();
  change(network);
  const nic = network.hub.nic(1);
  nic.autoconfigure();
  network.hub.clock.advance(SETTLING);
  return { network, nic };
}

const beyondLink = (nic: GuestNic) =>
  nic.addresses.filter(({ address, state }) => state === 'usable' && !address.startsWith('fe80'));

describe('an IPv6 guest', () => {
  it('asks for a router, and for addresses as that says', () => {
    const { network, nic } = started();
    expect([network.solicitations, network.asked()]).toEqual([1, [SOLICIT, REQUEST]]);
    expect(beyondLink(nic)).toMatchObject([
      { address: YOURS, prefixLength: 64, gateway: GATEWAY, mtu: 1400, dns: ['fd00::53'], origin: 'dhcp' },
    ]);
    expect([nic.address, nic.mtu]).toEqual([YOURS, 1400]);
    expect(nic.router).toMatchObject({ router: GATEWAY, isDefault: true, managed: true, mtu: 1400 });
  });

  it('identifies itself by its MAC address, and asks the server that it chose', () => {
    const { network } = started();
    const [solicit, request] = network.heard;
    expect(solicit!.message.read(DHCP6_VALUE.clientId)).toEqual(duidOf(macOf(1)));
    expect(solicit!.message.option(DHCP6_OPTION.SERVER_ID)).toBeUndefined();
    expect(request!.message.read(DHCP6_VALUE.serverId)).toEqual(duidOf(ROUTER));
    expect(request!.message.read(DHCP6_VALUE.association)!.addresses[0]!.address).toBe(YOURS);
  });

  it('reaches others by the router’s word: neighbours on the link, the rest through the router', () => {
    const { network, nic } = started();
    const other = network.hub.nic(2);
    other.configure({ address: ipv6('fd00::7'), prefixLength: 64 });
    expect(pingNow(network.hub, nic, ipv6('fd00::7')).received).toBe(1);
    const passed: string[] = [];
    network.hub.join((bytes) =>
      passed.push(`${parseFrame(bytes).eth!.dstMac} ${parseFrame(bytes).ipv6?.dstIp}`),
    );
    nic.ping(ipv6('2001:db8::1'), { count: 1 }, () => {});
    expect(passed).toContain(`${ROUTER} 2001:db8::1`);
  });

  it('makes an address of a prefix that says so, and asks for settings alone', () => {
    const { network, nic } = started((n) => {
      n.says = { managed: false, other: true, lifetime: 1800 };
      n.prefixes = [{ ...PREFIX, autonomous: true }];
    });
    expect(network.asked()).toEqual([INFORMATION_REQUEST]);
    expect(beyondLink(nic)).toMatchObject([
      { address: MADE, prefixLength: 64, gateway: GATEWAY, dns: ['fd00::53'], origin: 'slaac' },
    ]);
  });

  it('does both where both is said, and neither where nothing is', () => {
    const both = started((n) => {
      n.prefixes = [{ ...PREFIX, autonomous: true }];
    });
    expect(beyondLink(both.nic).map(({ address }) => address)).toEqual([YOURS, MADE]);
    const neither = started((n) => {
      n.says = { managed: false, other: false, lifetime: 1800 };
    });
    expect([neither.network.asked(), beyondLink(neither.nic)]).toEqual([[], []]);
  });

  it.each([
    ['of 48 bits', { ...PREFIX, prefix: prefix('fd00::/48') }],
    ['that is link-local', { ...PREFIX, prefix: prefix('fe80::/64') }],
    ['of groups', { ...PREFIX, prefix: prefix('ff0e::/64') }],
    ['that has run out', { ...PREFIX, valid: 0, preferred: 0 }],
  ])('makes no address of a prefix %s', (_, one) => {
    const { nic } = started((n) => {
      n.says = { lifetime: 1800 };
      n.prefixes = [{ ...one, autonomous: true }];
    });
    expect(beyondLink(nic)).toEqual([]);
  });

  it.each([
    ['comes through a router', GATEWAY, 254],
    ['comes from beyond the link', ipv6('fd00::1'), 255],
  ])('believes no advertisement that %s', (_, from, ttl) => {
    const network = new Network();
    const { says } = network;
    network.says = undefined;
    const nic = network.hub.nic(1);
    nic.autoconfigure();
    network.says = says;
    network.advertise(from, ttl);
    expect(nic.router).toBeUndefined();
    expect(nic.stats.drops['nd-malformed']).toBe(1);
    network.advertise();
    expect(nic.router).toBeDefined();
  });

  it('takes no MTU that IPv6 does not fit', () => {
    const { nic } = started((n) => {
      n.more = [optionOf(ND_VALUE.mtu, 1200)];
    });
    expect(nic.mtu).toBe(1500);
  });

  it('asks again until a router answers, ever more seldom', () => {
    const network = new Network();
    const { says } = network;
    network.says = undefined;
    const nic = network.hub.nic(1);
    nic.autoconfigure();
    network.pass(4 + 8 + 16);
    expect(network.solicitations).toBe(4);
    network.says = says;
    network.pass(32);
    network.pass(SETTLING / 1000);
    expect(nic.address).toBe(YOURS);
    const { solicitations } = network;
    network.pass(3600);
    expect(network.solicitations).toBe(solicitations);
  });
});

describe('what a guest got', () => {
  it('is extended with the same server, and kept', () => {
    const { network, nic } = started();
    network.asked();
    network.pass(1800);
    expect(network.asked()).toEqual([RENEW]);
    network.pass(1800);
    expect(network.asked()).toEqual([RENEW]);
    expect([nic.address, nic.dhcpv6State.state]).toEqual([YOURS, 'bound']);
  });

  it('is extended with any server when that one is silent, and runs out when all are', () => {
    const { network, nic } = started();
    const { answer } = network;
    network.answer = (message) => (message.type === RENEW ? undefined : answer(message));
    network.asked();
    network.pass(2890);
    const asked = network.asked();
    expect([new Set(asked), asked.at(-1)]).toEqual([new Set([RENEW, REBIND]), REBIND]);
    expect([nic.address, nic.dhcpv6State.state]).toEqual([YOURS, 'bound']);

    network.answer = () => undefined;
    network.pass(7150);
    expect(nic.address).toBe(YOURS);
    network.pass(50);
    expect([nic.address, nic.dhcpv6State.state]).toEqual([undefined, 'soliciting']);
  });

  it('is replaced when the server grants another address', () => {
    const { network, nic } = started();
    const other = ipv6('fd00::9');
    network.answer = (message) =>
      message.type === RENEW ? { type: REPLY, options: [granted(other)] } : undefined;
    network.pass(1800);
    network.pass(SETTLING / 1000);
    expect(beyondLink(nic).map(({ address }) => address)).toEqual([other]);
  });

  it('is begun anew when the server knows nothing of it', () => {
    const { network, nic } = started();
    const { answer } = network;
    const none = optionOf(DHCP6_VALUE.association, {
      iaid: 1,
      renew: 0,
      rebind: 0,
      addresses: [],
      status: { status: DHCP6_STATUS.NO_BINDING, text: '' },
    });
    network.answer = (message) =>
      message.type === RENEW ? { type: REPLY, options: [none] } : answer(message);
    network.asked();
    network.pass(1800);
    network.pass(SETTLING / 1000);
    expect(network.asked()).toEqual([RENEW, SOLICIT, REQUEST]);
    expect(nic.address).toBe(YOURS);
  });

  it('is declined when somebody else has it', () => {
    const network = new Network();
    const nic = network.hub.nic(1);
    let claimed = false;
    network.hub.join((bytes) => {
      if (parseFrame(bytes).icmpv6?.targetIp !== YOURS || claimed) return;
      claimed = true;
      network.claim(YOURS);
    });
    nic.autoconfigure();
    network.pass(2);
    expect(network.asked()).toEqual([SOLICIT, REQUEST, DECLINE, SOLICIT, REQUEST]);
    network.pass(SETTLING / 1000);
    expect(nic.address).toBe(YOURS);
  });

  it('is given back at the end', () => {
    const { network, nic } = started();
    network.asked();
    nic.stopAutoconfiguration();
    expect([network.asked(), beyondLink(nic), nic.router]).toEqual([[RELEASE], [], undefined]);
    network.advertise();
    expect(nic.router).toBeUndefined();
  });

  it('has its gateway for as long as the router said, unless it says so again', () => {
    const gateway = (nic: GuestNic) => beyondLink(nic)[0]?.gateway;
    const { network, nic } = started();
    network.pass(1780);
    expect(gateway(nic)).toBe(GATEWAY);
    network.advertise();
    network.pass(1790);
    expect(gateway(nic)).toBe(GATEWAY);
    network.pass(20);
    expect([gateway(nic), nic.router?.isDefault]).toEqual([undefined, false]);
    network.advertise();
    expect(gateway(nic)).toBe(GATEWAY);
    network.says = { managed: true, lifetime: 0 };
    network.advertise();
    expect(gateway(nic)).toBeUndefined();
  });

  it('has a made address for as long as its prefix is valid', () => {
    const { network, nic } = started((n) => {
      n.says = { lifetime: 9000 };
      n.prefixes = [{ ...PREFIX, autonomous: true }];
    });
    network.pass(7180);
    expect(nic.address).toBe(MADE);
    network.pass(20);
    expect(nic.address).toBeUndefined();
  });
});

it('a guest takes whatever bytes a server sends, and goes on', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 120 }), { maxLength: 5 }), (payloads) => {
      const network = new Network();
      const nic = network.hub.nic(1);
      nic.autoconfigure();
      const send = network.hub.join(() => {});
      for (const bytes of payloads)
        send(
          frame(
            { layer: 'eth', src: ROUTER, dst: macOf(1) },
            { layer: 'ipv6', src: GATEWAY, dst: linkLocalOf(macOf(1)) },
            { layer: 'udp', sport: 547, dport: 546 },
            { layer: 'data', bytes },
          ),
        );
      network.hub.clock.advance(SETTLING);
      expect(nic.address).toBe(YOURS);
      nic.close();
    }),
    { numRuns: 50 },
  );
});
