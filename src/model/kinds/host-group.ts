import type { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { name, reference } from '../fields.ts';

const schema = objectSchema('HostGroup', {
  name,
  parent: reference('Host group that this one is part of.').exactOptional(),
});

/** Hosts that stand together: a building, a room. Groups nest. */
export type HostGroup = Frozen<z.output<typeof schema>>;

export const hostGroup = defineKind<HostGroup>({
  kind: 'HostGroup',
  title: 'host group',
  plural: 'host-groups',
  short: ['group', 'groups', 'hg'],
  summary: 'Hosts that stand together, a building or a room. Groups nest.',
  schema,
  key: (group) => group.name,
  references: (group) =>
    group.parent === undefined ? [] : [{ path: 'parent', kind: 'HostGroup', key: group.parent }],
});
