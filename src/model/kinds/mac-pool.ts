import type { z } from 'zod';
import { mac } from '../../packet/address.ts';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { list, macAddress, name, QUARANTINE_DEFAULT, quarantineSeconds, reference } from '../fields.ts';

const schema = objectSchema('MacPool', {
  name,
  from: macAddress.describe('First MAC address that is given out.'),
  to: macAddress.describe('Last MAC address; its first three octets are those of the first.'),
  hostGroups: list(reference('Host group.'))
    .default([])
    .describe(
      'Host groups whose VMs take their MAC addresses from here. None: every host that no other pool is for.',
    ),
  quarantineSeconds: quarantineSeconds.describe(
    'How long an address whose vNIC is gone is given to no other, in seconds, 0 to 2592000 (30 days).',
  ),
});

/** A range that MAC addresses of vNICs are allocated from. */
export type MacPool = Frozen<z.output<typeof schema>>;

/** Is always there: for hosts that no pool of the administrator's is for. 3,998,720 addresses. */
export const DEFAULT_MAC_POOL: MacPool = {
  kind: 'MacPool',
  name: 'Default MAC pool',
  from: mac('00:1d:d8:b7:1c:00'),
  to: mac('00:1d:d8:f4:1f:ff'),
  hostGroups: [],
  quarantineSeconds: QUARANTINE_DEFAULT,
};

export const macPool = defineKind<MacPool>({
  kind: 'MacPool',
  title: 'MAC pool',
  plural: 'mac-pools',
  short: ['mp'],
  summary: 'A range that MAC addresses of vNICs are allocated from.',
  schema,
  key: (pool) => pool.name,
  references: (pool) =>
    pool.hostGroups.map((key, i) => ({ path: `hostGroups[${i}]`, kind: 'HostGroup', key })),
});
