/** NICs among the interfaces of the machine: from what `ip -json -details link` prints (ip-link(8)). */
import * as z from 'zod';
import { isInterfaceName } from '../../agent/ports.ts';
import { parseMac } from '../../packet/address.ts';

export interface Link {
  readonly name: string;
  /** Tells it from one of the same name in another network namespace. */
  readonly index: number;
  /** The address that it came with, where its driver knows it; else the one that it has. */
  readonly mac?: string;
  /** Bytes of IP packet. */
  readonly mtu: number;
  /** Whether there is a signal. */
  readonly link: boolean;
  /** `veth` for an end of a pair that leads out of the network namespace; a real NIC has none. */
  readonly kind?: 'veth';
}

const interfaceSchema = z.object({
  ifname: z.string(),
  ifindex: z.int(),
  link_type: z.string(),
  mtu: z.int(),
  flags: z.array(z.string()),
  address: z.string().optional(),
  permaddr: z.string().optional(),
  link_netnsid: z.int().optional(),
  linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
});

/**
 * What a cable can be in: Ethernet interfaces that the kernel has not made itself, and ends of pairs whose other end is in
 * another network namespace, which is the only NIC that a container has. `except`: names of those that machines are
 * plugged in by. Entries that cannot be read are left out.
 */
export function nicLinks(json: unknown, except: ReadonlySet<string>): readonly Link[] {
  if (!Array.isArray(json)) return [];
  return json.flatMap((entry: unknown): Link[] => {
    const { data } = interfaceSchema.safeParse(entry);
    if (data?.link_type !== 'ether') return [];
    const kind = data.linkinfo?.info_kind;
    const isNic = kind === undefined || (kind === 'veth' && data.link_netnsid !== undefined);
    if (!isNic || isInterfaceName(data.ifname) || except.has(data.ifname)) return [];
    const mac = parseMac(data.permaddr ?? '') ?? parseMac(data.address ?? '');
    return [
      {
        name: data.ifname,
        index: data.ifindex,
        mtu: data.mtu,
        link: data.flags.includes('LOWER_UP'),
        ...(mac ? { mac } : {}),
        ...(kind === 'veth' ? { kind } : {}),
      },
    ];
  });
}
