import { z } from 'zod';
import { defineKind, type Frozen, objectSchema, type Reference } from '../definition.ts';
import { list, name, reference, socketAddress } from '../fields.ts';

const offered = z.strictObject({
  classification: reference('Port classification.'),
  profile: reference('Virtual port profile that it stands for on this switch.'),
});

const flowExport = z.strictObject({
  type: z
    .enum(['ipfix', 'sflow'])
    .describe(
      'ipfix: what was seen, by connections. sflow: the beginnings of packets, and counters of ports.',
    ),
  collectors: list(socketAddress, 8)
    .min(1)
    .describe('Where it is sent by UDP, from the host itself: 192.0.2.10:4739, [2001:db8::10]:6343.'),
  sampling: z
    .int()
    .min(1)
    .max(0xffffffff)
    .default(400)
    .describe('One of so many packets is looked at; 1: each, which costs much.'),
});

const schema = objectSchema('LogicalSwitch', {
  name,
  uplinkMode: z
    .enum(['team', 'no-team', 'embedded-team'])
    .default('team')
    .describe(
      'team: more than one NIC makes a team. no-team: exactly one NIC. embedded-team: a team within the switch (SET), which goes together with SR-IOV.',
    ),
  bandwidthMode: z
    .enum(['weight', 'absolute', 'default', 'none'])
    .default('weight')
    .describe('How minimum bandwidth is counted on this switch.'),
  sriov: z.boolean().default(false).describe('Let vNICs use SR-IOV. Not together with a team.'),
  uplinkProfiles: list(reference('Uplink port profile.'))
    .default([])
    .describe('Uplink port profiles that hosts can choose from, one per site or building.'),
  classifications: list(offered)
    .default([])
    .describe('Port classifications on offer, each with the virtual port profile that it stands for here.'),
  flowExport: flowExport
    .describe('Whom the switch tells about its traffic, on every host that has it. Left out: nobody.')
    .exactOptional(),
});

/** The template of a virtual switch; applied to a host it becomes one (HostSwitch). */
export type LogicalSwitch = Frozen<z.output<typeof schema>>;

export const logicalSwitch = defineKind<LogicalSwitch>({
  kind: 'LogicalSwitch',
  title: 'logical switch',
  plural: 'logical-switches',
  short: ['lswitch', 'lswitches', 'ls'],
  summary:
    'The template of a virtual switch: uplink profiles, classifications, modes. Independent of hardware.',
  schema,
  key: (s) => s.name,
  references: (s) => [
    ...s.uplinkProfiles.map(
      (key, i): Reference => ({ path: `uplinkProfiles[${i}]`, kind: 'UplinkPortProfile', key }),
    ),
    ...s.classifications.flatMap((c, i): Reference[] => [
      { path: `classifications[${i}].classification`, kind: 'PortClassification', key: c.classification },
      { path: `classifications[${i}].profile`, kind: 'VirtualPortProfile', key: c.profile },
    ]),
  ],
});
