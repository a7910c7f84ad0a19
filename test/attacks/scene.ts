/**
 * Where the attacks take place: two tenants with the same addresses on two hosts. blue1 attacks; blue2 on the other host
 * and blue3 on its own are its neighbours, and red1, red2, red3 have their addresses in the other tenant.
 *
 *     blue1  red1  blue3  red3          blue2  red2
 *        |    |      |     |               |    |
 *     [         host1         ]--fabric--[ host2 ]
 */
import { readFileSync } from 'node:fs';
import {
  type IpAddress,
  type Ipv4,
  type Ipv6,
  ipv4,
  ipv6,
  linkLocalOf,
  type Mac,
} from '../../src/packet/address.ts';
import type { PolicyRecord } from '../../src/policy/records.ts';
import type { Fabric } from './foreign-packets.ts';

export type Encapsulation = 'nvgre' | 'vxlan' | 'geneve';

/** The operator's objects, in YAML. `six`: provider addresses of IPv6. */
export function sceneText(encapsulation: Encapsulation, six = false): string {
  const example = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');
  const machines = ['blue', 'red'].flatMap((tenant) =>
    ([1, 2, 3] as const).map((n) => {
      const network = tenant === 'blue' ? 'Blue' : 'Red';
      const { v4, v6 } = addressesOf(n);
      const vnic = `{ vmNetwork: ${network}, addresses: [${v4}, "${v6}"] }`;
      return `{ kind: VirtualMachine, name: ${tenant}${n}, host: host${n === 2 ? 2 : 1}, vnics: [${vnic}] }`;
    }),
  );
  const upToMachines = example.slice(0, example.indexOf('---\nkind: VirtualMachine'));
  const text = upToMachines
    .replace('encapsulation: nvgre', `encapsulation: ${encapsulation}`)
    .replaceAll(/prefix: 10\.0\.0\.0\/24.*/g, 'prefix: 10.0.0.0/24\nipv6Prefix: "fd00:0:0:1::/64"');
  const fabric = six
    ? text
        .replaceAll(/192\.168\.4\.(11|22)/g, '"2001:db8:4::$1"')
        .replace('192.168.4.0/24', '"2001:db8:4::/64"')
    : text;
  return [fabric, ...machines].join('\n---\n');
}

function addressesOf(n: 1 | 2 | 3): { v4: Ipv4; v6: Ipv6 } {
  const last = 3 + 2 * n;
  return { v4: ipv4(`10.0.0.${last}`), v6: ipv6(`fd00:0:0:1::${last}`) };
}

/** What a machine, or the router, has. */
export interface Station {
  readonly mac: Mac;
  readonly v4: Ipv4;
  readonly v6: Ipv6;
  readonly linkLocal: Ipv6;
}

/** Who is who in the attacks of a guest. */
export interface Scene {
  readonly me: Station;
  /** The victim. */
  readonly you: Station;
  /** A neighbour of both. */
  readonly third: Station;
  readonly router: Station;
  /** Provider addresses: of the attacker's host, and of the victim's. */
  readonly here: IpAddress;
  readonly there: IpAddress;
}

export const VSID = { blue: 5001, red: 6001 } as const;

function sceneOf(macOf: (machine: string) => Mac, router: Mac, providers: readonly [string, string]): Scene {
  const station = (n: 1 | 2 | 3): Station => {
    const mac = macOf(`blue${n}`);
    return { mac, ...addressesOf(n), linkLocal: linkLocalOf(mac) };
  };
  const [here, there] = providers as readonly [IpAddress, IpAddress];
  return {
    me: station(1),
    you: station(2),
    third: station(3),
    router: { mac: router, v4: ipv4('10.0.0.1'), v6: ipv6('fd00:0:0:1::1'), linkLocal: linkLocalOf(router) },
    here,
    there,
  };
}

/** The scene as the records of a host have it; `here` is its provider address. */
export function sceneAt(
  host: 'host1' | 'host2',
  macOf: (machine: string) => Mac,
  records: readonly PolicyRecord[],
): Scene & { readonly providerMac: Mac } {
  const subnet = records.find((record) => record.kind === 'subnet');
  const provider = records.find((record) => record.kind === 'provider');
  if (subnet?.kind !== 'subnet' || provider?.kind !== 'provider')
    throw new Error(`${host} has a virtual subnet`);
  const [own, other] = host === 'host1' ? ['11', '22'] : ['22', '11'];
  const { pa, mac } = provider;
  const there = pa.replace(new RegExp(`${own}$`), other);
  return { ...sceneOf(macOf, subnet.gatewayMac, [pa, there]), providerMac: mac };
}

/** For who sends to host2 from outside; by the records of each host. */
export function fabricOf(
  encapsulation: Encapsulation,
  macOf: (machine: string) => Mac,
  recordsOf: (host: 'host1' | 'host2') => readonly PolicyRecord[],
): Fabric {
  const [here, there] = (['host1', 'host2'] as const).map((host) => sceneAt(host, macOf, recordsOf(host)));
  if (!here || !there) throw new Error('two hosts');
  return { ...here, encapsulation, hereMac: here.providerMac, thereMac: there.providerMac };
}
