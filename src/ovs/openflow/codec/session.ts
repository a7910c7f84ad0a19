/** Messages about the connection itself: hello, errors, features, configuration, roles, what comes unasked. */
import { EXPERIMENTER_ERROR, errorName } from './error-names.ts';
import type {
  AsyncKind,
  AsyncMessages,
  AsyncReasons,
  ErrorMessage,
  FeaturesReply,
  Fragments,
  Role,
  SwitchConfig,
} from './message.ts';
import { properties, put32 } from './properties.ts';
import { named, type Reader } from './reader.ts';
import type { Writer } from './writer.ts';

// --------------------------------------------------------------------------------------------------------- hello

/** OFPHET_VERSIONBITMAP. */
const VERSION_BITMAP = 1;
/** A bitmap has bits for no more. */
const LAST_VERSION = 31;

/** Versions as bits, bit n for version n (7.5.1); those above 31 have no bit and are left out. */
export function writeHello(writer: Writer, versions: readonly number[]): void {
  const start = writer.length;
  writer.u16(VERSION_BITMAP);
  writer.u16(8);
  writer.u32(versions.filter((v) => v <= LAST_VERSION).reduce((bits, v) => bits | (1 << v), 0) >>> 0);
  writer.pad8(start);
}

/** `version`: of the header, the highest that the sender speaks. One that lists none speaks all below that, too. */
export function readHello(body: Reader, version: number): readonly number[] {
  for (const { type, value } of properties(body)) {
    if (type !== VERSION_BITMAP || value.left < 4) continue;
    const bits = value.u32();
    return Array.from({ length: LAST_VERSION + 1 }, (_, v) => v).filter((v) => ((bits >>> v) & 1) === 1);
  }
  return Array.from({ length: Math.min(version, LAST_VERSION) }, (_, i) => i + 1);
}

// -------------------------------------------------------------------------------------------------------- errors

export function writeError(writer: Writer, { errorType, code, experimenter, data }: ErrorMessage): void {
  writer.u16(errorType);
  writer.u16(code);
  if (experimenter !== undefined) writer.u32(experimenter);
  writer.raw(data);
}

export function readError(body: Reader): ErrorMessage {
  const errorType = body.u16();
  const code = body.u16();
  const experimenter = errorType === EXPERIMENTER_ERROR ? body.u32() : undefined;
  return {
    type: 'error',
    errorType,
    code,
    ...(experimenter === undefined ? {} : { experimenter }),
    name: errorName(errorType, code, experimenter),
    data: body.copy(body.left),
  };
}

// -------------------------------------------------------------------------------------- features, configuration

export function writeFeatures(writer: Writer, features: FeaturesReply): void {
  writer.u64(features.datapathId);
  writer.u32(features.buffers);
  writer.u8(features.tables);
  writer.u8(features.auxiliaryId);
  writer.zeros(2);
  writer.u32(features.capabilities);
  writer.zeros(4);
}

export function readFeatures(body: Reader): FeaturesReply {
  const datapathId = body.u64();
  const buffers = body.u32();
  const tables = body.u8();
  const auxiliaryId = body.u8();
  body.skip(2);
  const capabilities = body.u32();
  return { type: 'features-reply', datapathId, buffers, tables, auxiliaryId, capabilities };
}

/** OFPC_FRAG_…. */
const FRAGMENTS: readonly Fragments[] = ['normal', 'drop', 'reassemble', 'nx-match'];

export function writeConfig(writer: Writer, { fragments, missSendLength }: SwitchConfig): void {
  writer.u16(FRAGMENTS.indexOf(fragments));
  writer.u16(missSendLength);
}

export function readConfig(body: Reader): SwitchConfig {
  // Other bits are of older versions.
  const fragments = named('way with fragments', FRAGMENTS, body.u16() & 3);
  return { fragments, missSendLength: body.u16() };
}

// --------------------------------------------------------------------------------------------------------- roles

/** OFPCR_ROLE_…. */
const ROLES: readonly Role[] = ['no-change', 'equal', 'primary', 'secondary'];

export function writeRole(writer: Writer, role: Role, generation: bigint): void {
  writer.u32(ROLES.indexOf(role));
  writer.zeros(4);
  writer.u64(generation);
}

export function readRole(body: Reader): { readonly role: Role; readonly generation: bigint } {
  const role = named('role', ROLES, body.u32());
  body.skip(4);
  return { role, generation: body.u64() };
}

// ------------------------------------------------------------------------------------------------- asynchronous

/** OFPACPT_…: in pairs, an even number for secondary controllers and the odd one above it for all others. */
const KINDS: readonly AsyncKind[] = [
  'packet-in',
  'port-status',
  'flow-removed',
  'role-status',
  'table-status',
  'request-forward',
];

export function writeAsync(writer: Writer, wanted: AsyncMessages): void {
  for (const [i, kind] of KINDS.entries()) {
    const { primary, secondary } = wanted[kind] ?? {};
    if (secondary !== undefined) put32(writer, 2 * i, secondary);
    if (primary !== undefined) put32(writer, 2 * i + 1, primary);
  }
}

export function readAsync(body: Reader): AsyncMessages {
  const wanted: Partial<Record<AsyncKind, AsyncReasons>> = {};
  for (const { type, value } of properties(body)) {
    const kind = KINDS[type >> 1];
    if (kind === undefined) continue;
    wanted[kind] = { ...wanted[kind], [(type & 1) === 0 ? 'secondary' : 'primary']: value.u32() };
  }
  return wanted;
}
