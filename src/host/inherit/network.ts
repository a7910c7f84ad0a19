/** Addresses and routes of the host's own stack, as iproute2 tells them (`ip -json`), and what changes them. */
import { z } from 'zod';
import type { IpCall } from '../../base/iproute2.ts';

/** A global address on an interface. */
const addressSchema = z.strictObject({
  /** Not in canonical form: the kernel's. */
  address: z.string(),
  prefixLength: z.int().min(0).max(128),
});
/** Attributes of a route with a number, under the names of ip-route(8). */
const metricsSchema = z.partialRecord(
  z.enum(['mtu', 'advmss', 'initcwnd', 'initrwnd', 'hoplimit']),
  z.number(),
);
/** A route of the main table that somebody has set; those that the kernel makes for addresses come by themselves. */
const routeSchema = z.strictObject({
  /** `default`, or a prefix */
  to: z.string(),
  family: z.union([z.literal(4), z.literal(6)]),
  via: z.string().exactOptional(),
  metric: z.int().exactOptional(),
  /** Preferred source address. */
  source: z.string().exactOptional(),
  /** Who has set it: `dhcp`; absent: somebody by hand. */
  protocol: z.string().exactOptional(),
  /** The router is on the link although no address says so. */
  onlink: z.literal(true).exactOptional(),
  metrics: metricsSchema.readonly().exactOptional(),
});
/** What an interface has that can be moved to another one. */
export const settingsSchema = z.strictObject({
  device: z.string(),
  addresses: z.array(addressSchema.readonly()).readonly(),
  routes: z.array(routeSchema.readonly()).readonly(),
  /** A route leads by several routers, of which this interface has one: it is not among `routes`, and nobody can move it. */
  isMultipath: z.literal(true).exactOptional(),
});

export type HostRoute = Readonly<z.infer<typeof routeSchema>>;

export interface InterfaceSettings {
  readonly device: string;
  readonly addresses: readonly Readonly<z.infer<typeof addressSchema>>[];
  readonly routes: readonly HostRoute[];
  readonly isMultipath?: true;
}

/** As `ip -json address show` says it; unknown members are passed over. */
const shownAddresses = z.array(
  z.object({
    ifname: z.string().optional(),
    addr_info: z
      .array(z.object({ local: z.string(), prefixlen: z.number(), scope: z.string().optional() }).partial())
      .optional(),
  }),
);

/** As `ip -json -4|-6 route show table main` says it. */
const shownRoutes = z.array(
  z.object({
    dst: z.string().optional(),
    dev: z.string().optional(),
    gateway: z.string().optional(),
    via: z.object({ host: z.string() }).optional(),
    protocol: z.string().optional(),
    metric: z.number().optional(),
    prefsrc: z.string().optional(),
    flags: z.array(z.string()).optional(),
    metrics: z.array(z.record(z.string(), z.unknown())).optional(),
    nexthops: z.array(z.object({ dev: z.string().optional() })).optional(),
  }),
);

/** What iproute2 printed, as values. Throws (zod's error) when it is not what iproute2 prints. */
export function readSettings(
  addresses: unknown,
  routes4: unknown,
  routes6: unknown,
): ReadonlyMap<string, InterfaceSettings> {
  const settings = new Map<string, Mutable>();
  for (const { ifname, addr_info = [] } of shownAddresses.parse(addresses)) {
    if (ifname === undefined) continue;
    const global = addr_info.flatMap(({ local, prefixlen, scope }) =>
      local !== undefined && prefixlen !== undefined && scope === 'global'
        ? [{ address: local, prefixLength: prefixlen }]
        : [],
    );
    settings.set(ifname, { device: ifname, addresses: global, routes: [] });
  }
  const take = (family: 4 | 6, shown: unknown) => {
    for (const route of shownRoutes.parse(shown)) {
      const { dst, dev, gateway, via, protocol, metric, prefsrc, flags, metrics, nexthops = [] } = route;
      for (const hop of nexthops) {
        const device = settings.get(hop.dev ?? '');
        if (device) device.isMultipath = true;
      }
      const next = gateway ?? via?.host;
      if (dst === undefined || dev === undefined || protocol === 'kernel') continue;
      const numbers = numbersOf(metrics?.[0]);
      settings.get(dev)?.routes.push({
        to: dst,
        family,
        ...(next === undefined ? {} : { via: next }),
        ...(metric === undefined ? {} : { metric }),
        ...(prefsrc === undefined ? {} : { source: prefsrc }),
        ...(protocol === undefined ? {} : { protocol }),
        ...(flags?.includes('onlink') ? { onlink: true } : {}),
        ...(numbers === undefined ? {} : { metrics: numbers }),
      });
    }
  };
  take(4, routes4);
  take(6, routes6);
  return settings;
}

type HostAddress = InterfaceSettings['addresses'][number];

interface Mutable extends InterfaceSettings {
  readonly routes: HostRoute[];
  isMultipath?: true;
}

/** Those that are numbers, and that can be set. */
function numbersOf(shown: Readonly<Record<string, unknown>> | undefined): HostRoute['metrics'] {
  const names = Object.entries(shown ?? {}).filter(([name]) => name in metricsSchema.keyType.enum);
  const read = metricsSchema.safeParse(Object.fromEntries(names)).data;
  return read && Object.keys(read).length > 0 ? read : undefined;
}

/**
 * What moves the settings from one interface to another: addresses first, so that the routes find their way. `withAddresses`
 * false: the other interface is given its addresses by somebody else.
 */
export function movingCalls(
  settings: InterfaceSettings,
  from: string,
  to: string,
  withAddresses: boolean,
): IpCall[] {
  const { addresses, routes } = settings;
  return [
    ...addresses.map((each) => ['address', 'del', textOf(each), 'dev', from]),
    // Whose addresses are elsewhere does not answer for them: the stack hears the NIC besides the switch.
    ['link', 'set', 'dev', from, 'arp', 'off'],
    ['link', 'set', 'dev', to, 'arp', 'on'],
    ['link', 'set', 'dev', to, 'up'],
    ...(withAddresses
      ? addresses.map((each) => ['address', 'replace', textOf(each), 'dev', to, ...nodad(each)])
      : []),
    // A route without a router goes first: routers are found by it.
    ...[...routes]
      .sort((a, b) => Number(a.via !== undefined) - Number(b.via !== undefined))
      .flatMap((route) => [
        [`-${route.family}`, 'route', 'del', ...routeText(route), 'dev', from],
        [`-${route.family}`, 'route', 'replace', ...routeText(route), 'dev', to],
      ]),
  ];
}

/** Whether the call only takes away what may be gone already, or silences what may be. */
export function mayFail(call: IpCall): boolean {
  return call.includes('del') || call.includes('off');
}

function textOf({ address, prefixLength }: HostAddress): string {
  return `${address}/${prefixLength}`;
}

/** It was sure that nobody else has the address, so it need not be found out again (RFC 4862, 5.4). */
function nodad({ address }: HostAddress): string[] {
  return address.includes(':') ? ['nodad'] : [];
}

function routeText({ to, via, metric, source, protocol, onlink, metrics = {} }: HostRoute): string[] {
  return [
    to,
    ...(via === undefined ? [] : ['via', via]),
    ...(onlink ? ['onlink'] : []),
    ...(protocol === undefined ? [] : ['proto', protocol]),
    ...(metric === undefined ? [] : ['metric', `${metric}`]),
    ...(source === undefined ? [] : ['src', source]),
    ...Object.entries(metrics).flatMap(([name, value]) => [name, `${value}`]),
  ];
}
