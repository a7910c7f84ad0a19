/** The NICs that the policy gives to switches, as the machine has them. */
import * as z from 'zod';
import { linkDetails, nicFacts } from '../nics/nics.ts';
import type { NicFact } from './paths.ts';

const linkSchema = z.array(z.object({ ifname: z.string(), master: z.string().optional() }));

export interface NicLook {
  readonly nics: readonly NicFact[];
  /** NIC -> what has it as its member: a Linux bridge or bond. */
  readonly masters: ReadonlyMap<string, string>;
}

/** `wanted`: NIC -> bytes of IP packet that have to fit. */
export async function lookAtNics(
  wanted: ReadonlyMap<string, number>,
  isUserspace: boolean,
): Promise<NicLook> {
  const [facts, links] = await Promise.all([nicFacts().catch(() => []), linkDetails().catch(() => [])]);
  const masters = (linkSchema.safeParse(links).data ?? []).flatMap(({ ifname, master }) =>
    master !== undefined && wanted.has(ifname) ? [[ifname, master] as const] : [],
  );
  const nics = [...wanted].map(([name, needed]): NicFact => {
    const fact = facts.find((each) => each.name === name);
    return {
      name,
      mtu: fact && (fact.mtu ?? needed),
      link: fact?.link ?? false,
      leavesChecksums: fact?.driver === 'veth' && fact.offloads?.includes('checksum') === true,
      isUserspace,
      needed,
    };
  });
  return { nics, masters: new Map(masters) };
}
