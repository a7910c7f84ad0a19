/**
 * Addresses of a host interface, and the ways through its gateway, as calls of iproute2: wanted minus what is there.
 *
 * A gateway must never take the host's own default route away, so it is in three places, and in none that the host's own
 * traffic meets first:
 *
 *     rule 20000: from ADDRESS lookup T     what is sent from the address goes by its gateway, and comes back the same way.
 *     table T: PREFIX dev, default via      T is of this port alone: 0x4e4c0000 + its number
 *     table 253 (default): two halves of    the kernel asks this table last, where nothing else knows a way. The userspace
 *     everything via the gateway            tunnels of Open vSwitch know no rules; they take the longest prefix of the
 *                                           standard tables, and a half is longer than a default route (lib/ovs-router.c)
 */
import { isIP } from 'node:net';
import * as z from 'zod';
import type { IpCall } from '../../../base/iproute2.ts';
import type { InterfaceAddress } from '../../../flow/datapath.ts';
import { type IpAddress, isIpv4, parseIp, prefixOf } from '../../../packet/address.ts';

/** An interface as the host has it. */
export interface DeviceState {
  readonly isUp: boolean;
  /** Without those that the kernel gives by itself (link-local). */
  readonly addresses: readonly InterfaceAddress[];
  /** `ADDRESS` of every rule that leads to the port's table. */
  readonly rules: readonly IpAddress[];
}

export function tableOf(number: number): number {
  return 0x4e4c0000 + number;
}

/** Nothing where everything is as wanted. `actual` is undefined where there is no such device: then nothing can be done. */
export function addressCalls(
  device: string,
  number: number,
  wanted: readonly InterfaceAddress[],
  actual: DeviceState | undefined,
): readonly IpCall[] {
  if (!actual) return [];
  const calls: IpCall[] = [];
  const isSame = (a: InterfaceAddress) => (b: InterfaceAddress) =>
    a.address === b.address && a.prefixLength === b.prefixLength;
  for (const address of actual.addresses)
    if (!wanted.some(isSame(address))) calls.push(['address', 'del', textOf(address), 'dev', device]);
  for (const address of wanted) {
    if (actual.addresses.some(isSame(address))) continue;
    // Nobody else has it, so an IPv6 address need not wait until that is sure (decision 0009).
    const now = isIpv4(address.address) ? [] : ['nodad'];
    calls.push(['address', 'add', textOf(address), 'dev', device, ...now]);
  }
  if (!actual.isUp) calls.push(['link', 'set', 'dev', device, 'up']);
  const table = String(tableOf(number));
  const routed = wanted.filter(({ gateway }) => gateway !== undefined);
  for (const source of actual.rules)
    if (!routed.some(({ address }) => address === source)) calls.push(ruleCall('del', source, table));
  for (const each of routed) {
    const present = actual.addresses.find(isSame(each));
    if (!actual.rules.includes(each.address)) calls.push(ruleCall('add', each.address, table));
    if (present?.gateway !== each.gateway) calls.push(...routeCalls(device, each, table));
  }
  for (const { address, gateway } of actual.addresses) {
    if (gateway === undefined || routed.some((other) => isIpv4(other.address) === isIpv4(address))) continue;
    for (const half of halves(address))
      calls.push([version(address), 'route', 'del', half, 'via', gateway, 'dev', device, 'table', '253']);
    calls.push([version(address), 'route', 'flush', 'table', table]);
  }
  return calls;
}

function routeCalls(
  device: string,
  { address, prefixLength, gateway }: InterfaceAddress,
  table: string,
): readonly IpCall[] {
  const [v, via] = [version(address), ['via', gateway ?? '', 'dev', device]];
  return [
    [v, 'route', 'replace', prefixOf(address, prefixLength), 'dev', device, 'table', table],
    [v, 'route', 'replace', 'default', ...via, 'table', table],
    ...halves(address).map((half) => [v, 'route', 'replace', half, ...via, 'table', '253']),
  ];
}

/** Calls that take away what does not go with the device. */
export function ruleRemovals(number: number, rules: readonly IpAddress[]): readonly IpCall[] {
  return rules.map((source) => ruleCall('del', source, String(tableOf(number))));
}

function ruleCall(what: 'add' | 'del', source: IpAddress, table: string): IpCall {
  return [version(source), 'rule', what, 'from', source, 'lookup', table, 'priority', '20000'];
}

function halves(address: IpAddress): readonly string[] {
  return isIpv4(address) ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1'];
}

function version(address: IpAddress): string {
  return isIpv4(address) ? '-4' : '-6';
}

function textOf({ address, prefixLength }: InterfaceAddress): string {
  return `${address}/${prefixLength}`;
}

// ------------------------------------------------------------------------------------------------- reading

/** What `ip -json` prints, of each version of IP. */
export interface IpOutput {
  /** `ip -json address show` */
  readonly addresses: unknown;
  /** `ip -json -4|-6 route show table all` */
  readonly routes: readonly unknown[];
  /** `ip -json -4|-6 rule show` */
  readonly rules: readonly unknown[];
}

/** By device. An address has the gateway that all of its ways go by, where the same one is in all of them. */
export function readDevices(
  output: IpOutput,
  ports: ReadonlyMap<string, number>,
): ReadonlyMap<string, DeviceState> {
  const links = z.array(linkSchema).parse(output.addresses);
  const routes = output.routes.flatMap((list) => z.array(routeSchema).parse(list));
  const rules = output.rules.flatMap((list) => z.array(ruleSchema).parse(list));
  const devices = new Map<string, DeviceState>();
  for (const { ifname, flags, addr_info } of links) {
    const number = ports.get(ifname);
    if (number === undefined) continue;
    const table = String(tableOf(number));
    const sources = rules.flatMap((rule) =>
      String(rule.table) === table ? (parseIp(rule.src ?? '') ?? []) : [],
    );
    const addresses = addr_info.flatMap(({ local, prefixlen, scope }): InterfaceAddress[] => {
      const address = parseIp(local ?? '');
      if (!address || (scope === 'link' && !isIpv4(address))) return [];
      const gateway = sources.includes(address) ? gatewayOf(ifname, address, table, routes) : undefined;
      return [{ address, prefixLength: prefixlen, ...(gateway === undefined ? {} : { gateway }) }];
    });
    devices.set(ifname, { isUp: flags.includes('UP'), addresses, rules: sources });
  }
  return devices;
}

function gatewayOf(
  device: string,
  address: IpAddress,
  table: string,
  routes: readonly z.infer<typeof routeSchema>[],
): IpAddress | undefined {
  const mine = routes.filter(
    ({ dev, gateway }) => dev === device && isIP(gateway ?? '') === (isIpv4(address) ? 4 : 6),
  );
  const [way] = mine.filter((route) => String(route.table) === table && route.dst === 'default');
  const gateway = way?.gateway;
  const isWhole = halves(address).every((half) =>
    mine.some((route) => isDefaultTable(route.table) && route.dst === half && route.gateway === gateway),
  );
  return gateway !== undefined && isWhole ? parseIp(gateway) : undefined;
}

function isDefaultTable(table: string | number | undefined): boolean {
  return table === 'default' || String(table) === '253';
}

const linkSchema = z.object({
  ifname: z.string().default(''),
  flags: z.array(z.string()).default([]),
  addr_info: z
    .array(
      z.object({
        local: z.string().optional(),
        prefixlen: z.number().default(0),
        scope: z.string().default(''),
      }),
    )
    .default([]),
});
const name = z.union([z.string(), z.number()]).optional();
const routeSchema = z.object({
  dst: z.string().default(''),
  gateway: z.string().optional(),
  dev: z.string().optional(),
  table: name,
});
const ruleSchema = z.object({ src: z.string().optional(), table: name });
