/**
 * Options: the lists of `code, length, value` that many headers end with (DHCP, Neighbor Discovery, LLDP …). The
 * bytes of an option are an Option; what the bytes of a known one mean is an OptionType: its value, both ways, and
 * its text in the notation, both ways.
 *
 *     Option { code, data }  <--encode, decode-->  value  <--format, parse-->  text
 */
import { fromHex, sameBytes, toHex } from './bytes.ts';

/** One entry of a list. What of the entry counts as data the header says that has the list. */
export interface Option {
  readonly code: number;
  readonly data: Uint8Array;
}

/** What some bytes may mean, whatever option they are in. */
export interface ValueType<T> {
  /** In words, for messages: "an IPv4 address". */
  readonly what: string;
  /** Undefined when the bytes do not have this form, with every length within them checked. */
  decode(data: Uint8Array): T | undefined;
  /** Throws RangeError when the value has no bytes. */
  encode(value: T): Uint8Array;
  format(value: T): string;
  /** Undefined when the text does not have this form. */
  parse(text: string): T | undefined;
  /** The text always stands in quotation marks. */
  readonly isText?: boolean;
}

/** A known option. */
export interface OptionType<T> extends ValueType<T> {
  readonly code: number;
  /** In the notation. */
  readonly name: string;
}

export function optionType<T>(code: number, name: string, value: ValueType<T>): OptionType<T> {
  return { ...value, code, name };
}

/** An option with this value. Throws RangeError when the value has no bytes. */
export function optionOf<T>(type: OptionType<T>, value: T): Option {
  return { code: type.code, data: type.encode(value) };
}

/** The value of the first option of this type; undefined when there is none, or it does not have its form. */
export function optionValue<T>(options: readonly Option[], type: OptionType<T>): T | undefined {
  const found = options.find((o) => o.code === type.code);
  return found && type.decode(found.data);
}

/** How the options of a header stand in text. */
export interface OptionNotation {
  /** The names, in the order of the table. */
  readonly names: readonly string[];
  /** `name=value`, or `o77=0a0b` for one that has no name or whose data do not have the form of its name. */
  format(option: Option): string;
  /**
   * Undefined when there is no such name; a text that says what is expected when the value does not have its form.
   */
  parse(name: string, value: string): Option | string | undefined;
}

/** What the list of a header can hold. */
export interface OptionLimits {
  readonly lowest: number;
  readonly highest: number;
  /** Bytes of data. */
  readonly longest: number;
  /** Data are a multiple of this, plus `spare`; 1 without. */
  readonly unit?: number;
  readonly spare?: number;
}

/** Why a list cannot hold the option; undefined when it can. */
export function optionProblem({ code, data }: Option, limits: OptionLimits): string | undefined {
  const { lowest, highest, longest, unit = 1, spare = 0 } = limits;
  const isWhole = data.length >= spare && (data.length - spare) % unit === 0;
  if (code >= lowest && code <= highest && data.length <= longest && isWhole) return undefined;
  const size =
    unit === 1
      ? `${longest} bytes at most`
      : `${unit}n${spare ? ` + ${spare}` : ''} bytes, ${longest} at most`;
  return `option ${code} with ${data.length} bytes; codes are ${lowest}..${highest}, ${size}`;
}

export function optionNotation(types: readonly OptionType<unknown>[], limits: OptionLimits): OptionNotation {
  const byCode = new Map(types.map((type) => [type.code, type]));
  const byName = new Map(types.map((type) => [type.name, type]));
  return {
    names: types.map((type) => type.name),
    format({ code, data }) {
      const type = byCode.get(code);
      const value = type && textOf(type, data);
      return type && value !== undefined ? `${type.name}=${value}` : `o${code}=${toHex(data)}`;
    },
    parse(name, text) {
      const numbered = /^o(0|[1-9]\d{0,7})$/.exec(name);
      if (numbered) return parseNumbered(Number(numbered[1]), text, limits);
      const type = byName.get(name);
      return type && parseNamed(type, text, limits);
    },
  };
}

function parseNumbered(code: number, text: string, limits: OptionLimits): Option | string {
  if (code < limits.lowest || code > limits.highest)
    return `an option code of ${limits.lowest}..${limits.highest}`;
  const data = fromHex(text);
  const { longest, unit = 1, spare = 0 } = limits;
  const size = unit === 1 ? '' : ` (${unit}n${spare ? ` + ${spare}` : ''} of them)`;
  return data && !optionProblem({ code, data }, limits)
    ? { code, data }
    : `at most ${longest} bytes as pairs of hexadecimal digits${size}`;
}

function parseNamed(type: OptionType<unknown>, text: string, limits: OptionLimits): Option | string {
  const value = type.parse(text);
  const data = value === undefined ? undefined : encoded(type, value);
  return data && !optionProblem({ code: type.code, data }, limits) ? { code: type.code, data } : type.what;
}

function encoded(type: OptionType<unknown>, value: unknown): Uint8Array | undefined {
  try {
    return type.encode(value);
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
}

/** What the notation can have in quotation marks, and without. */
const QUOTABLE = /^[ !#-[\]-~]*$/;
const BARE = /^[^\s(),=/"]+$/;

/** Undefined when the data do not have the form, or would not be read back the same. */
function textOf(type: OptionType<unknown>, data: Uint8Array): string | undefined {
  const value = type.decode(data);
  if (value === undefined) return undefined;
  const text = type.format(value);
  if (!QUOTABLE.test(text)) return undefined;
  const again = type.parse(text);
  const bytes = again === undefined ? undefined : encoded(type, again);
  if (!bytes || !sameBytes(bytes, data)) return undefined;
  return BARE.test(text) && !type.isText ? text : `"${text}"`;
}
