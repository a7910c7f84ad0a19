/**
 * Random traffic for a world: honest frames, and frames that lie in one place or in several; ARP and neighbour
 * discovery of all kinds; tags, fragments, extension headers, headers cut short, bits turned over, noise.
 */
import fc from 'fast-check';
import {
  BROADCAST_MAC,
  type IpAddress,
  type Ipv4,
  type Ipv6,
  ip,
  isIpv4,
  isIpv6,
  linkLocalOf,
  type Mac,
  mac,
  multicastMacOf,
  solicitedNodeOf,
  ZERO_MAC,
} from '../../src/packet/address.ts';
import { frame as build } from '../../src/packet/build.ts';
import { read16, write16 } from '../../src/packet/bytes.ts';
import { ETHERNET } from '../../src/packet/ethernet.ts';
import type { Icmpv6Layer, Layer } from '../../src/packet/layer.ts';
import { pushVlan } from '../../src/packet/vlan.ts';
import {
  type PortRecord,
  type ProviderRecord,
  prefixOfFamily,
  type SubnetRecord,
} from '../../src/policy/records.ts';
import { type Outer, providerPort, type World } from './oracle.ts';
import { pick } from './topology.ts';

export type Sender =
  | { readonly type: 'port'; readonly host: string; readonly port: string }
  | { readonly type: 'outside'; readonly network: string }
  /** A host that says it is another, or sends what was not agreed. */
  | { readonly type: 'fabric'; readonly outer: Outer };

export interface Sent {
  readonly from: Sender;
  readonly frame: Uint8Array;
}

/** Places of a frame that may lie, and how. */
type MacChoice =
  | 'own'
  | 'peer'
  | 'gateway'
  | 'broadcast'
  | 'group'
  | 'bridge'
  | 'zero'
  | 'stranger'
  | 'machine';
type IpChoice =
  | 'own'
  | 'second'
  | 'link-local'
  | 'peer'
  | 'peer link-local'
  | 'gateway'
  | 'gateway link-local'
  | 'none'
  | 'all'
  | 'group'
  | 'far'
  | 'loop'
  | 'pa'
  | 'machine';
type Aim =
  | 'neighbour'
  | 'routed'
  | 'gateway'
  | 'gateway link-local'
  | 'far gateway'
  | 'everyone'
  | 'beyond'
  | 'self'
  | 'lie'
  | 'machine';

interface FramePlan {
  readonly from: number;
  readonly family: 'own' | 4 | 6;
  readonly aim: Aim;
  /** Which peer, machine, gateway. */
  readonly n: number;
  readonly srcMac: MacChoice;
  readonly srcIp: IpChoice;
  readonly dstMac: MacChoice;
  readonly dstIp: IpChoice;
  readonly ttl: number;
  /** Bytes of data. */
  readonly size: number;
  readonly body: Body;
  readonly extensions: readonly Layer[];
  readonly fragment: { readonly mf: boolean; readonly frag: number } | undefined;
  readonly dress: Dress;
}

type Body =
  | { readonly type: 'echo'; readonly reply: boolean; readonly code: number }
  | { readonly type: 'udp'; readonly sport: number; readonly dport: number }
  | { readonly type: 'tcp' }
  | {
      readonly type: 'arp';
      readonly op: number;
      readonly sha: MacChoice;
      readonly spa: IpChoice;
      readonly tpa: IpChoice | 'aim';
    }
  | {
      readonly type: 'nd';
      readonly message: number;
      readonly target: IpChoice | 'aim';
      readonly code: number;
      readonly sll: MacChoice | undefined;
      readonly tll: MacChoice | undefined;
      readonly to: 'aim' | 'solicited' | 'all';
    }
  | { readonly type: 'other'; readonly protocol: number; readonly bytes: Uint8Array };

type Dress =
  | { readonly type: 'none' }
  | { readonly type: 'tags'; readonly tags: readonly { readonly tpid: number; readonly tci: number }[] }
  | { readonly type: 'snap'; readonly ethernet: boolean }
  | { readonly type: 'ethertype'; readonly value: number }
  | { readonly type: 'turn'; readonly at: number; readonly bits: number }
  | { readonly type: 'cut'; readonly to: number }
  | { readonly type: 'pad'; readonly bytes: Uint8Array }
  | { readonly type: 'noise'; readonly bytes: Uint8Array; readonly from: number };

function weighted<T>(...choices: readonly (readonly [number, fc.Arbitrary<T>])[]): fc.Arbitrary<T> {
  return fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

const macChoice = fc.constantFrom<MacChoice>(
  'own',
  'peer',
  'gateway',
  'broadcast',
  'group',
  'bridge',
  'zero',
  'stranger',
  'machine',
);
const ipChoice = fc.constantFrom<IpChoice>(
  'own',
  'second',
  'link-local',
  'peer',
  'peer link-local',
  'gateway',
  'gateway link-local',
  'none',
  'all',
  'group',
  'far',
  'loop',
  'pa',
  'machine',
);
const honestly = <T>(usual: T, other: fc.Arbitrary<T>) => weighted([12, fc.constant(usual)], [1, other]);
const udpPort = fc.constantFrom(67, 68, 546, 547, 53, 9, 4789);

const body: fc.Arbitrary<Body> = weighted<Body>(
  [
    4,
    fc.record({ type: fc.constant('echo' as const), reply: fc.boolean(), code: honestly(0, fc.constant(1)) }),
  ],
  [2, fc.record({ type: fc.constant('udp' as const), sport: udpPort, dport: udpPort })],
  [1, fc.constant({ type: 'udp', sport: 68, dport: 67 })],
  [1, fc.constant({ type: 'tcp' })],
  [
    4,
    fc.record({
      type: fc.constant('arp' as const),
      op: weighted([4, fc.constant(1)], [2, fc.constant(2)], [1, fc.constantFrom(0, 3, 8, 0x0101)]),
      sha: honestly<MacChoice>('own', macChoice),
      spa: honestly<IpChoice>('own', ipChoice),
      tpa: weighted<IpChoice | 'aim'>([3, fc.constant('aim')], [2, ipChoice]),
    }),
  ],
  [
    4,
    fc.record({
      type: fc.constant('nd' as const),
      message: weighted([4, fc.constant(135)], [3, fc.constant(136)], [2, fc.constantFrom(133, 134, 137)]),
      target: weighted<IpChoice | 'aim'>([3, fc.constant('aim')], [2, ipChoice]),
      code: honestly(0, fc.constant(1)),
      sll: weighted<MacChoice | undefined>(
        [3, fc.constant('own')],
        [2, fc.constant(undefined)],
        [1, macChoice],
      ),
      tll: weighted<MacChoice | undefined>(
        [2, fc.constant('own')],
        [3, fc.constant(undefined)],
        [1, macChoice],
      ),
      to: fc.constantFrom('aim', 'solicited', 'all'),
    }),
  ],
  [
    1,
    fc.record({
      type: fc.constant('other' as const),
      protocol: fc.constantFrom(0, 2, 47, 50, 17, 58, 1, 60, 43, 44, 51, 253),
      bytes: fc.uint8Array({ maxLength: 40 }),
    }),
  ],
);

const extension: fc.Arbitrary<Layer> = fc.oneof(
  fc.constantFrom<Layer>({ layer: 'hopopts' }, { layer: 'dstopts' }, { layer: 'routing' }, { layer: 'ah' }),
  fc.record({
    layer: fc.constant('fragment' as const),
    mf: fc.boolean(),
    frag: fc.constantFrom(0, 8),
    id: fc.constant(7),
  }),
  // A routing header that leads on: one more segment.
  fc.constant<Layer>({ layer: 'routing', body: Uint8Array.of(0, 1, 0, 0, 0, 0) }),
);

const tag = fc.record({
  tpid: weighted([4, fc.constant(0x8100)], [1, fc.constantFrom(0x88a8, 0x9100)]),
  tci: fc.constantFrom(0, 10, 20, 0xa00a, 0x6000, 5, 4095),
});
const noise = fc.uint8Array({ maxLength: 80 });

const dress: fc.Arbitrary<Dress> = weighted<Dress>(
  [60, fc.constant({ type: 'none' })],
  [6, fc.record({ type: fc.constant('tags' as const), tags: fc.array(tag, { minLength: 1, maxLength: 3 }) })],
  [1, fc.record({ type: fc.constant('snap' as const), ethernet: fc.boolean() })],
  [
    1,
    fc.record({
      type: fc.constant('ethertype' as const),
      value: fc.constantFrom(0x88cc, 0x8035, 0x8847, 0x0842, 0x888e, 0x86dd, 0x0800),
    }),
  ],
  [
    3,
    fc.record({
      type: fc.constant('turn' as const),
      at: fc.nat(110),
      bits: fc.integer({ min: 1, max: 255 }),
    }),
  ],
  [2, fc.record({ type: fc.constant('cut' as const), to: fc.nat(90) })],
  [1, fc.record({ type: fc.constant('pad' as const), bytes: noise })],
  [1, fc.record({ type: fc.constant('noise' as const), bytes: noise, from: fc.constantFrom(0, 6, 12, 14) })],
);

const plan: fc.Arbitrary<FramePlan> = fc.record({
  from: fc.nat(40),
  family: weighted<'own' | 4 | 6>([6, fc.constant('own')], [1, fc.constantFrom(4, 6)]),
  aim: weighted<Aim>(
    [4, fc.constant('neighbour')],
    [4, fc.constant('routed')],
    [
      6,
      fc.constantFrom<Aim>(
        'gateway',
        'gateway link-local',
        'far gateway',
        'everyone',
        'beyond',
        'self',
        'lie',
        'machine',
      ),
    ],
  ),
  n: fc.nat(40),
  srcMac: honestly<MacChoice>('own', macChoice),
  srcIp: honestly<IpChoice>('own', ipChoice),
  dstMac: macChoice,
  dstIp: ipChoice,
  ttl: honestly(64, fc.constantFrom(0, 1, 2, 255)),
  // Around the MTU of 1400, and far above it.
  size: honestly(
    5,
    fc.oneof(fc.integer({ min: 1330, max: 1375 }), fc.constantFrom(1372, 1373, 1352, 1353, 2000)),
  ),
  body,
  extensions: weighted<readonly Layer[]>(
    [9, fc.constant([])],
    [1, fc.array(extension, { minLength: 1, maxLength: 3 })],
  ),
  fragment: weighted(
    [15, fc.constant(undefined)],
    [1, fc.record({ mf: fc.boolean(), frag: fc.constantFrom(0, 8) })],
  ),
  dress,
});

/** One frame of a world that is not known yet: `sentIn(world, plan)` is it. */
export const arbitraryFrame: fc.Arbitrary<FramePlan> = plan;

/** Everything of a world that frames may speak of. */
interface Cast {
  readonly machines: readonly Machine[];
  readonly subnets: readonly SubnetRecord[];
  readonly providers: readonly { readonly host: string; readonly record: ProviderRecord }[];
  readonly networks: readonly string[];
}

interface Machine {
  readonly host: string;
  readonly record: PortRecord;
}

function castOf({ hosts, physical }: World): Cast {
  const all = hosts.flatMap(({ host, records }) => records.map((record) => ({ host, record })));
  const subnets = all.flatMap(({ record }) => (record.kind === 'subnet' ? [record] : []));
  return {
    machines: all.flatMap(({ host, record }) => (record.kind === 'port' ? [{ host, record }] : [])),
    subnets: [...new Map(subnets.map((s) => [s.vsid, s])).values()],
    providers: all.flatMap(({ host, record }) => (record.kind === 'provider' ? [{ host, record }] : [])),
    networks: physical.map((p) => p.name),
  };
}

export function sentIn(world: World, plan: FramePlan): Sent {
  const cast = castOf(world);
  const machine = pick(cast.machines, plan.from);
  // Mostly machines send; of nine senders one is a host itself, the world outside, or somebody on the fabric.
  const odd = plan.from % 9 === 8 ? plan.n % 3 : undefined;
  const provider = odd === 0 ? pick(cast.providers, plan.n) : undefined;
  const from: Sender =
    odd === 1
      ? { type: 'outside', network: pick(cast.networks, plan.n) }
      : odd === 2
        ? { type: 'fabric', outer: outerOf(cast, plan) }
        : provider
          ? { type: 'port', host: provider.host, port: providerPort(provider.record) }
          : { type: 'port', host: machine.host, port: machine.record.id };
  return {
    from,
    frame: dressed(plan, new Speaker(cast, plan, machine.record, provider?.record).speak(), from),
  };
}

/** Mostly what a host of the routing domain would send; sometimes a stranger, a wrong VSID or encapsulation. */
function outerOf({ providers, subnets }: Cast, { n, ttl, dstMac }: FramePlan): Outer {
  const { pa: destination, encapsulation, logicalNetwork } = pick(providers, n).record;
  const others = providers.map((p) => p.record).filter((p) => p.logicalNetwork === logicalNetwork);
  const stranger = isIpv4(destination) ? ip('192.168.4.99') : ip('2001:db8:4::99');
  return {
    destination,
    source: dstMac === 'stranger' ? stranger : pick(others, n >> 1).pa,
    encapsulation: ttl === 2 ? 'geneve' : encapsulation,
    vsid: (pick(subnets, n >> 2)?.vsid ?? 5001) + (ttl === 1 ? 100 : 0),
  };
}

const FAMILY_OF: { readonly [type in Body['type']]?: 4 | 6 } = { arp: 4, nd: 6 };

/** Mostly a machine asks in its own family. */
function bodyFor({ body, family }: FramePlan, own: 4 | 6): Body {
  const other = (FAMILY_OF[body.type] ?? own) !== own;
  return other && family === 'own' ? { type: 'echo', reply: false, code: 0 } : body;
}

/** Puts the words of a plan into addresses, from where the sender stands. */
class Speaker {
  readonly #cast: Cast;
  readonly #plan: FramePlan;
  readonly #own: PortRecord;
  readonly #mac: Mac;
  readonly #subnet: SubnetRecord | undefined;
  readonly #family: 4 | 6;
  readonly #body: Body;

  constructor(cast: Cast, plan: FramePlan, own: PortRecord, provider: ProviderRecord | undefined) {
    this.#cast = cast;
    this.#plan = plan;
    this.#own = own;
    this.#mac = provider?.mac ?? own.mac;
    const { attachment } = own;
    this.#subnet =
      attachment.type === 'virtual' ? cast.subnets.find((s) => s.vsid === attachment.vsid) : undefined;
    const first = own.addresses[0]?.address ?? this.#subnet?.prefixes[0]?.gateway;
    const ownFamily = first && isIpv6(first) ? 6 : 4;
    this.#body = bodyFor(plan, ownFamily);
    const spoken = plan.family === 'own' ? ownFamily : plan.family;
    this.#family = FAMILY_OF[this.#body.type] ?? spoken;
  }

  speak(): Uint8Array {
    const { ttl, extensions, fragment } = this.#plan;
    const body = this.#body;
    let [dstMac, dstIp] = this.#aimed();
    const srcIp = this.#ip(this.#plan.srcIp);
    const src = this.#macOf(this.#plan.srcMac);
    if (body.type === 'arp') {
      const tpa = body.tpa === 'aim' ? dstIp : this.#ip(body.tpa);
      const arp: Layer = {
        layer: 'arp',
        op: body.op,
        sha: this.#macOf(body.sha),
        spa: v4(this.#ip(body.spa)),
        tpa: v4(tpa),
      };
      return build({ layer: 'eth', src, dst: this.#plan.n % 3 === 0 ? dstMac : BROADCAST_MAC }, arp);
    }
    if (this.#family === 4) {
      const head: Layer = { layer: 'ipv4', src: v4(srcIp), dst: v4(dstIp), ttl, ...fragment };
      return build({ layer: 'eth', src, dst: dstMac }, ...this.#bodyIn(head));
    }
    let hopLimit = ttl;
    if (body.type === 'nd') {
      // Nearly all of them have the hop limit that they must have.
      if (ttl === 64) hopLimit = 255;
      const target = this.#ndTarget(body.target, dstIp);
      if (body.to === 'solicited') dstIp = solicitedNodeOf(target);
      if (body.to === 'all') dstIp = ip('ff02::1');
      if (body.to !== 'aim') dstMac = multicastMacOf(dstIp);
    }
    const head: Layer = { layer: 'ipv6', src: v6(srcIp), dst: v6(dstIp), ttl: hopLimit };
    const inFragment: Layer[] = fragment ? [{ layer: 'fragment', ...fragment, id: 1 }] : [];
    return build(
      { layer: 'eth', src, dst: dstMac },
      ...this.#bodyIn(head, [...extensions, ...inFragment], dstIp),
    );
  }

  #bodyIn(
    head: Layer & { layer: 'ipv4' | 'ipv6' },
    between: readonly Layer[] = [],
    dstIp?: IpAddress,
  ): Layer[] {
    const body = this.#body;
    const data: Layer = { layer: 'data', bytes: new Uint8Array(this.#plan.size).fill(5) };
    switch (body.type) {
      case 'echo': {
        const { code } = body;
        return head.layer === 'ipv4'
          ? [head, ...between, { layer: 'icmp', type: body.reply ? 0 : 8, code, id: 7, seq: 1 }, data]
          : [head, ...between, { layer: 'icmpv6', type: body.reply ? 129 : 128, code, id: 7, seq: 1 }, data];
      }
      case 'udp':
        return [head, ...between, { layer: 'udp', sport: body.sport, dport: body.dport }, data];
      case 'tcp':
        return [head, ...between, { layer: 'tcp' }, data];
      case 'nd': {
        const nd: Icmpv6Layer = {
          layer: 'icmpv6',
          type: body.message,
          code: body.code,
          target: this.#ndTarget(body.target, dstIp!),
          ...(body.sll && { sll: this.#macOf(body.sll) }),
          ...(body.tll && { tll: this.#macOf(body.tll) }),
        };
        return [head, ...between, nd];
      }
      case 'arp':
        return [];
      case 'other': {
        const last = between.at(-1) ?? head;
        const headers = [head, ...between].slice(0, -1);
        return [...headers, { ...last, proto: body.protocol } as Layer, { layer: 'data', bytes: body.bytes }];
      }
    }
  }

  #ndTarget(choice: IpChoice | 'aim', dstIp: IpAddress): Ipv6 {
    return v6(choice === 'aim' ? dstIp : this.#ip(choice));
  }

  /** Where to: a MAC address and an IP address that go together, but for lies. */
  #aimed(): [Mac, IpAddress] {
    const { aim, n } = this.#plan;
    const gatewayMac = this.#subnet?.gatewayMac ?? mac('02:4e:4c:00:00:00');
    const peer = this.#peers()[0] ? pick(this.#peers(), n) : this.#own;
    const group = this.#family === 4 ? ip('224.0.0.251') : ip('ff02::fb');
    switch (aim) {
      case 'neighbour':
        return [peer.mac, this.#addressOf(peer)];
      case 'machine': {
        const machine = pick(this.#cast.machines, n).record;
        return [machine.mac, this.#addressOf(machine)];
      }
      case 'routed':
        return [gatewayMac, this.#addressOf(pick(this.#related(), n))];
      case 'gateway':
        return [gatewayMac, this.#ip('gateway')];
      case 'gateway link-local':
        return [gatewayMac, this.#ip('gateway link-local')];
      case 'far gateway':
        return [gatewayMac, gatewayOf(pick(this.#cast.subnets, n), this.#family) ?? ip('10.0.0.1')];
      case 'everyone':
        return n % 2 === 0 ? [BROADCAST_MAC, this.#ip('all')] : [multicastMacOf(group), group];
      case 'beyond':
        return [gatewayMac, this.#ip('far')];
      case 'self':
        return [n % 2 === 0 ? this.#mac : gatewayMac, this.#ip('own')];
      case 'lie':
        return [this.#macOf(this.#plan.dstMac), this.#ip(this.#plan.dstIp)];
    }
  }

  /** Others on the same subnet or VLAN. */
  #peers(): PortRecord[] {
    const where = JSON.stringify(this.#own.attachment);
    const others = this.#cast.machines.map((m) => m.record).filter((r) => r.id !== this.#own.id);
    return others.filter((r) => JSON.stringify(r.attachment) === where);
  }

  /** Those of the same routing domain, or of any VLAN. */
  #related(): PortRecord[] {
    const rdid = this.#subnet?.rdid;
    const inDomain = ({ attachment: a }: PortRecord) =>
      (a.type === 'virtual' ? this.#cast.subnets.find((s) => s.vsid === a.vsid)?.rdid : undefined) === rdid;
    return this.#cast.machines.map((m) => m.record).filter(inDomain);
  }

  #macOf(choice: MacChoice): Mac {
    const { n } = this.#plan;
    switch (choice) {
      case 'own':
        return this.#mac;
      case 'peer':
        return this.#peers()[0] ? pick(this.#peers(), n).mac : mac('00:1d:d8:b7:1c:77');
      case 'gateway':
        return this.#subnet?.gatewayMac ?? mac('02:4e:4c:00:00:00');
      case 'broadcast':
        return BROADCAST_MAC;
      case 'group':
        return mac('01:00:5e:00:00:fb');
      case 'bridge':
        return mac(n % 2 === 0 ? '01:80:c2:00:00:00' : '01:80:c2:00:00:0e');
      case 'zero':
        return ZERO_MAC;
      case 'stranger':
        return mac('00:1d:d8:b7:1c:77');
      case 'machine':
        return pick(this.#cast.machines, n).record.mac;
    }
  }

  #ip(choice: IpChoice): IpAddress {
    const { n } = this.#plan;
    const is4 = this.#family === 4;
    switch (choice) {
      case 'own':
        return this.#addressOf(this.#own);
      case 'second':
        return this.#own.addresses[1]?.address ?? ip(is4 ? '10.0.0.99' : 'fd00::99');
      case 'link-local':
        return is4 ? ip('169.254.7.7') : linkLocalOf(this.#mac);
      case 'peer':
        return this.#peers()[0] ? this.#addressOf(pick(this.#peers(), n)) : ip(is4 ? '10.0.0.6' : 'fd00::6');
      case 'peer link-local':
        return is4
          ? ip('169.254.7.8')
          : linkLocalOf((this.#peers()[0] ? pick(this.#peers(), n) : this.#own).mac);
      case 'gateway link-local':
        return is4 || !this.#subnet
          ? ip(is4 ? '169.254.7.9' : 'fe80::9')
          : linkLocalOf(this.#subnet.gatewayMac);
      case 'gateway':
        return gatewayOf(this.#subnet, this.#family) ?? ip(is4 ? '10.0.9.1' : 'fd00:0:0:9::1');
      case 'none':
        return ip(is4 ? '0.0.0.0' : '::');
      case 'all':
        return ip(is4 ? '255.255.255.255' : 'ff02::1');
      case 'group':
        return ip(is4 ? '224.0.0.251' : 'ff02::fb');
      case 'far':
        return ip(is4 ? '198.51.100.8' : '2001:db8:ff::8');
      case 'loop':
        return ip(is4 ? '127.0.0.1' : '::1');
      case 'pa':
        return pick(this.#cast.providers, n).record.pa;
      case 'machine':
        return this.#addressOf(pick(this.#cast.machines, n).record);
    }
  }

  /** The machine's address of the family that is spoken. */
  #addressOf(machine: PortRecord): IpAddress {
    const known = machine.addresses.map((a) => a.address).find((a) => isIpv4(a) === (this.#family === 4));
    return known ?? ip(this.#family === 4 ? '10.0.0.99' : 'fd00::99');
  }
}

const v4 = (a: IpAddress): Ipv4 => (isIpv4(a) ? a : (ip('10.0.0.98') as Ipv4));
const v6 = (a: IpAddress): Ipv6 => (isIpv6(a) ? a : (ip('fd00::98') as Ipv6));

function dressed({ dress, n }: FramePlan, plain: Uint8Array, from: Sender): Uint8Array {
  if (from.type !== 'outside') return keepVersion(dressedAs(dress, plain));
  // Frames from outside have a tag more often than not, and never two: that is for provider bridges.
  const tci = dress.type === 'tags' ? dress.tags[0]!.tci : [undefined, 10, 20, 30, 31, 32, 41][n % 7];
  const inside = dress.type === 'tags' ? plain : dressedAs(dress, plain);
  return tci === undefined || inside.length < ETHERNET.SIZE ? inside : pushVlan(inside, tci);
}

function dressedAs(dress: Dress, frame: Uint8Array): Uint8Array {
  switch (dress.type) {
    case 'none':
      return frame;
    case 'tags':
      return dress.tags.reduce((f, { tpid, tci }) => pushVlan(f, tci, tpid), frame);
    case 'snap': {
      const header = Uint8Array.of(0, frame.length - 6, 0xaa, 0xaa, 3, 0, 0, dress.ethernet ? 0 : 0xf8);
      return Uint8Array.of(...frame.subarray(0, 12), ...header, ...frame.subarray(12));
    }
    case 'ethertype': {
      const other = frame.slice();
      write16(other, 12, dress.value);
      return other;
    }
    case 'turn': {
      const turned = frame.slice();
      const at = dress.at % frame.length;
      turned[at] = turned[at]! ^ dress.bits;
      return turned;
    }
    case 'cut':
      return frame.slice(0, dress.to);
    case 'pad':
      return Uint8Array.of(...frame, ...dress.bytes);
    case 'noise':
      return Uint8Array.of(...frame.subarray(0, dress.from), ...dress.bytes);
  }
}

/** Neither Open vSwitch nor anyone here looks at the version of an IP packet: the EtherType has told it. */
function keepVersion(frame: Uint8Array): Uint8Array {
  let at = 12;
  const typeAt = () => (at + 2 < frame.length ? read16(frame, at) : 0);
  while (typeAt() === 0x8100 || typeAt() === 0x88a8) at += 4;
  if (typeAt() < 0x600 && at + 8 + 2 < frame.length) at += 8;
  const version = { 2048: 4, 34525: 6 }[typeAt()];
  if (version === undefined) return frame;
  const kept = frame.slice();
  kept[at + 2] = (version << 4) | (kept[at + 2]! & 15);
  return kept;
}

/** Of that IP version if the subnet has it, else of the other. */
function gatewayOf(subnet: SubnetRecord | undefined, family: 4 | 6): IpAddress | undefined {
  return subnet && (prefixOfFamily(subnet, family) ?? subnet.prefixes[0])?.gateway;
}
