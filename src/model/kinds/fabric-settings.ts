import { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';

/** The one name: there is one set of settings. */
export const SETTINGS_NAME = 'fabric';

const schema = objectSchema('FabricSettings', {
  name: z
    .literal(SETTINGS_NAME, { error: `must be "${SETTINGS_NAME}": there is one set of settings` })
    .default(SETTINGS_NAME)
    .describe('Always "fabric": there is one set of settings.'),
  autoCreateLogicalNetworks: z
    .boolean()
    .default(true)
    .describe(
      'When a host is added with a NIC on a physical network that no logical network comes to, make a logical network for it, with the VM network of the same name.',
    ),
  remediation: z
    .enum(['manual', 'automatic'])
    .default('manual')
    .describe(
      'What becomes of drift on a host: it is shown until somebody asks for remediation, or it is repaired as soon as it is seen.',
    ),
});

/** What holds for the fabric as a whole. Where nobody wrote it, its defaults hold. */
export type FabricSettings = Frozen<z.output<typeof schema>>;

export const fabricSettings = defineKind<FabricSettings>({
  kind: 'FabricSettings',
  title: 'fabric settings',
  plural: 'fabric-settings',
  short: ['settings'],
  summary: 'What holds for the fabric as a whole. There is one, called fabric; without it the defaults hold.',
  schema,
  key: (settings) => settings.name,
  references: () => [],
});
