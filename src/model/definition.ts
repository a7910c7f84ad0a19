import { z } from 'zod';
import { description, kindField, labels, meta } from './fields.ts';

/**
 * What a kind is made of. One file per kind in `kinds/`; the table of all of them is `kinds.ts`.
 */

/** Every kind, in an order in which nothing comes before what it refers to. */
export const KIND_NAMES = [
  'FabricSettings',
  'HostGroup',
  'PhysicalNetwork',
  'LogicalNetwork',
  'Tenant',
  'User',
  'NetworkSite',
  'Host',
  'MacPool',
  'PortAcl',
  'VmNetwork',
  'VmSubnet',
  'IpPool',
  'UplinkPortProfile',
  'VirtualPortProfile',
  'PortClassification',
  'LogicalSwitch',
  'HostSwitch',
  'VirtualMachine',
] as const;

export type KindName = (typeof KIND_NAMES)[number];

/** Identity of an object: its kind and its key, `NetworkSite/Management/Building A`. */
export type ObjectKey = `${KindName}/${string}`;

/** One field that names another object. */
export interface Reference {
  /** The field, from the object's root: `nics[0].physicalNetwork`. */
  readonly path: string;
  readonly kind: KindName;
  /** Key of the object that is meant, within its kind. */
  readonly key: string;
}

/** The identity that a reference points to. */
export function target(reference: Reference): ObjectKey {
  return `${reference.kind}/${reference.key}`;
}

export interface KindDefinition<T> {
  readonly kind: KindName;
  /** As written in a sentence: `VM network`. */
  readonly title: string;
  /** The word in addresses and on the command line: `vm-networks`. */
  readonly plural: string;
  /** Other words that the command line takes. */
  readonly short: readonly string[];
  /** What it is, in one sentence. */
  readonly summary: string;
  /** The object as it is kept: strict, defaults filled in, texts in canonical form. */
  readonly schema: z.ZodType<T>;
  /** The object as it goes over the wire: `schema` with `meta` and `status`. */
  readonly document: z.ZodType<T & Envelope>;
  /** Identity within the kind. Unique; may contain slashes where the object is part of another one. */
  key(object: T): string;
  /** Every field that names another object. */
  references(object: T): Reference[];
}

/** What the controller adds on the way out; on the way in only `meta.revision` means something. */
export interface Envelope {
  readonly meta?: Meta;
  readonly status?: unknown;
}

/** id: given by the controller, for life. revision: of the commit that last changed the object. */
export interface Meta {
  readonly id?: string;
  readonly revision?: number;
}

/** A value as the core sees it: frozen all the way down. */
export type Frozen<T> = T extends string | number | boolean | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Frozen<Item>[]
    : { readonly [Field in keyof T]: Frozen<T[Field]> };

/** A kind's schema from its own fields: adds `kind`, `description` and `labels`, and refuses every other field. */
export function objectSchema<const Kind extends KindName, Fields extends z.ZodRawShape>(
  kind: Kind,
  fields: Fields,
) {
  return z.strictObject({ kind: kindField(kind), ...fields, description, labels });
}

interface KindSource<T> extends Omit<KindDefinition<T>, 'schema' | 'document'> {
  readonly schema: z.ZodObject & z.ZodType<T>;
}

/** Completes a kind's definition with the form that it has on the wire. */
export function defineKind<T>(source: KindSource<T>): KindDefinition<T> {
  const document = source.schema.safeExtend({
    meta: meta.exactOptional(),
    status: z
      .unknown()
      .optional()
      .describe('What the controller knows about the object. Added on the way out, ignored on the way in.'),
  });
  return { ...source, document: document as z.ZodType<T & Envelope> };
}
