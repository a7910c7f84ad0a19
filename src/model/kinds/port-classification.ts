import type { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { name } from '../fields.ts';

const schema = objectSchema('PortClassification', { name });

/** The name by which users pick a virtual port profile: gold, management. */
export type PortClassification = Frozen<z.output<typeof schema>> & {
  /** It ships with Netloom (built-in.ts); never in a file. */
  readonly builtIn?: true;
};

export const portClassification = defineKind<PortClassification>({
  kind: 'PortClassification',
  title: 'port classification',
  plural: 'port-classifications',
  short: ['classification', 'classifications', 'pc'],
  summary:
    'The name by which users pick a virtual port profile; each logical switch says which one it stands for.',
  schema,
  key: (classification) => classification.name,
  references: () => [],
});
