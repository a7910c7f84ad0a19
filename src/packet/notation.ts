/**
 * A frame as one line of text, both ways: for tests, for the walk, for logs.
 *
 *     eth(src=00:1d:d8:b7:1c:01,dst=00:1d:d8:b7:1c:02)/ipv4(src=10.0.0.5,dst=10.0.0.7,ttl=64)/icmp(echo-request,id=1,seq=1)
 *
 *     frame    = layer *( "/" layer )
 *     layer    = name [ "(" [ argument *( "," argument ) ] ")" ]
 *     argument = field "=" value | flag | value of the field that needs no name
 *     value    = number (decimal or 0x…) | word | address | hexadecimal digits | XX*n (n times the same byte) | "text"
 *
 * Layers and fields are those of layer.ts; what is left out is derived or has its default. `formatFrame` writes what
 * cannot be derived, so that parseNotation(formatFrame(b)) is b, for every b. Spaces may stand between the parts.
 *
 * Options of a header stand as `name=value` too, `o77=0a0b` where they have no name (option.ts).
 *
 * To add a field: in layer.ts, then here in FIELDS (the types insist), in headers.ts and in dissect.ts.
 */
import { finding, NetloomError } from '../base/error.ts';
import { parseIpv4, parseIpv6, parseMac } from './address.ts';
import { ARP_OPERATION } from './arp.ts';
import { BFD_STATE } from './bfd.ts';
import { frame, orderProblem } from './build.ts';
import { fromHex, OCTET, toHex } from './bytes.ts';
import { DHCP_MESSAGE, isDhcpText } from './dhcp.ts';
import { DHCP_NOTATION } from './dhcp-notation.ts';
import { DHCP6_MESSAGE } from './dhcp6.ts';
import { DHCP6_NOTATION } from './dhcp6-options.ts';
import { layersOf } from './dissect.ts';
import { DNS_NAMES, DNS_RCODE } from './dns.ts';
import { parseQuestion, parseRecord } from './dns-record.ts';
import { GENEVE_NOTATION } from './geneve.ts';
import { IGMP_RECORD_NOTATION, MLD_RECORD_NOTATION, parseAddresses } from './group-record.ts';
import { ICMP_TYPE } from './icmp.ts';
import { ICMPV6_TYPE } from './icmpv6.ts';
import { IGMP_TYPE } from './igmp.ts';
import type { Layer, LayerName } from './layer.ts';
import { LLDP_NOTATION } from './lldp.ts';
import { MLD_TYPE } from './mld.ts';
import { ND_NOTATION } from './nd-options.ts';
import type { Option, OptionNotation } from './option.ts';
import { TCP_FLAG } from './tcp.ts';

/** How the value of a field is written. A `bare` one stands without its name. */
type Form =
  | { readonly form: 'number'; readonly bits: number; readonly hex: boolean }
  /** A number with names; a value that has one stands bare. */
  | { readonly form: 'word'; readonly bits: number; readonly words: Readonly<Record<string, number>> }
  | { readonly form: 'mac' | 'ipv4' | 'ipv6' | 'flag' | 'tcp-flags' }
  /** Addresses joined by +. */
  | { readonly form: 'addresses'; readonly family: 4 | 6 }
  /** Each option stands under a name of its own. */
  | { readonly form: 'options'; readonly notation: OptionNotation }
  | { readonly form: 'bytes'; readonly bare: boolean }
  /** In quotation marks. */
  | { readonly form: 'text'; readonly longest: number }
  /** In quotation marks; each of several under the same name. */
  | { readonly form: 'texts'; readonly what: string; readonly isOne: (text: string) => boolean };

type FieldValue = number | string | boolean | Uint8Array | readonly (Option | string)[];
type FieldsOf<N extends LayerName> = Exclude<keyof Extract<Layer, { readonly layer: N }>, 'layer'>;

const decimal = (bits: number): Form => ({ form: 'number', bits, hex: false });
const hex = (bits: number): Form => ({ form: 'number', bits, hex: true });
const MAC: Form = { form: 'mac' };
const IPV4: Form = { form: 'ipv4' };
const IPV6: Form = { form: 'ipv6' };
const FLAG: Form = { form: 'flag' };
const BYTES: Form = { form: 'bytes', bare: false };
const BARE_BYTES: Form = { form: 'bytes', bare: true };
const QUESTION: Form = {
  form: 'texts',
  what: 'a question such as "web.lab.example A"',
  isOne: (text) => parseQuestion(text) !== undefined,
};
const RECORD: Form = {
  form: 'texts',
  what: 'a record such as "web.lab.example 60 A 10.0.0.5"',
  isOne: (text) => parseRecord(text) !== undefined,
};
const options = (notation: OptionNotation): Form => ({ form: 'options', notation });

/** The keys of a table of constants as words: ECHO_REQUEST is `echo-request`. */
function word(bits: number, constants: Readonly<Record<string, number>>): Form {
  const words = Object.entries(constants).map(([name, value]) => [
    name.toLowerCase().replaceAll('_', '-'),
    value,
  ]);
  return { form: 'word', bits, words: Object.fromEntries(words) };
}

const ADDRESS_RESOLUTION = { op: word(16, ARP_OPERATION), sha: MAC, spa: IPV4, tha: MAC, tpa: IPV4 };
const EXTENSION = { body: BARE_BYTES, proto: decimal(8) };

/** Every field of every layer, in the order in which they are written. */
const FIELDS: { readonly [N in LayerName]: Readonly<Record<FieldsOf<N>, Form>> } = {
  eth: { src: MAC, dst: MAC, type: hex(16) },
  vlan: { vid: decimal(12), pcp: decimal(3), dei: FLAG, type: hex(16) },
  llc: { dsap: hex(8), ssap: hex(8), control: hex(16) },
  snap: { organization: hex(24), proto: hex(16) },
  lldp: { options: options(LLDP_NOTATION) },
  lacp: {
    version: decimal(8),
    actor: MAC,
    actorpriority: decimal(16),
    actorkey: decimal(16),
    actorportpriority: decimal(16),
    actorport: decimal(16),
    actorstate: hex(8),
    partner: MAC,
    partnerpriority: decimal(16),
    partnerkey: decimal(16),
    partnerportpriority: decimal(16),
    partnerport: decimal(16),
    partnerstate: hex(8),
    maxdelay: decimal(16),
  },
  arp: ADDRESS_RESOLUTION,
  rarp: ADDRESS_RESOLUTION,
  ipv4: {
    src: IPV4,
    dst: IPV4,
    ttl: decimal(8),
    tos: hex(8),
    id: decimal(16),
    df: FLAG,
    mf: FLAG,
    reserved: FLAG,
    frag: decimal(16),
    proto: decimal(8),
    len: decimal(16),
    checksum: hex(16),
    options: BYTES,
  },
  ipv6: {
    src: IPV6,
    dst: IPV6,
    ttl: decimal(8),
    tos: hex(8),
    flow: hex(20),
    proto: decimal(8),
    len: decimal(16),
  },
  hopopts: EXTENSION,
  routing: EXTENSION,
  dstopts: EXTENSION,
  ah: EXTENSION,
  fragment: { frag: decimal(16), mf: FLAG, id: hex(32), proto: decimal(8) },
  icmp: {
    type: word(8, ICMP_TYPE),
    code: decimal(8),
    id: decimal(16),
    seq: decimal(16),
    mtu: decimal(16),
    gateway: IPV4,
    pointer: decimal(8),
    rest: hex(32),
    checksum: hex(16),
  },
  icmpv6: {
    type: word(8, ICMPV6_TYPE),
    code: decimal(8),
    id: decimal(16),
    seq: decimal(16),
    mtu: decimal(32),
    pointer: decimal(32),
    target: IPV6,
    destination: IPV6,
    router: FLAG,
    solicited: FLAG,
    override: FLAG,
    hoplimit: decimal(8),
    managed: FLAG,
    other: FLAG,
    preference: decimal(2),
    lifetime: decimal(16),
    reachable: decimal(32),
    retrans: decimal(32),
    rest: hex(32),
    sll: MAC,
    tll: MAC,
    options: options(ND_NOTATION),
    checksum: hex(16),
  },
  igmp: {
    type: word(8, IGMP_TYPE),
    maxresp: decimal(8),
    group: IPV4,
    suppress: FLAG,
    qrv: decimal(3),
    qqic: decimal(8),
    sources: { form: 'addresses', family: 4 },
    records: options(IGMP_RECORD_NOTATION),
    checksum: hex(16),
  },
  mld: {
    type: word(8, MLD_TYPE),
    code: decimal(8),
    maxresp: decimal(16),
    group: IPV6,
    suppress: FLAG,
    qrv: decimal(3),
    qqic: decimal(8),
    sources: { form: 'addresses', family: 6 },
    records: options(MLD_RECORD_NOTATION),
    checksum: hex(16),
  },
  udp: { sport: decimal(16), dport: decimal(16), len: decimal(16), checksum: hex(16) },
  tcp: {
    sport: decimal(16),
    dport: decimal(16),
    flags: { form: 'tcp-flags' },
    seq: decimal(32),
    ack: decimal(32),
    window: decimal(16),
    urgent: decimal(16),
    reserved: decimal(4),
    checksum: hex(16),
    options: BYTES,
  },
  dhcp: {
    type: word(8, DHCP_MESSAGE),
    op: decimal(8),
    hops: decimal(8),
    xid: hex(32),
    secs: decimal(16),
    broadcast: FLAG,
    ciaddr: IPV4,
    yiaddr: IPV4,
    siaddr: IPV4,
    giaddr: IPV4,
    chaddr: MAC,
    sname: { form: 'text', longest: 64 },
    file: { form: 'text', longest: 128 },
    options: options(DHCP_NOTATION),
  },
  dhcp6: { type: word(8, DHCP6_MESSAGE), xid: hex(24), options: options(DHCP6_NOTATION) },
  dns: {
    id: hex(16),
    response: FLAG,
    opcode: decimal(4),
    aa: FLAG,
    tc: FLAG,
    rd: FLAG,
    ra: FLAG,
    z: FLAG,
    ad: FLAG,
    cd: FLAG,
    rcode: word(4, DNS_RCODE),
    names: word(2, DNS_NAMES),
    question: QUESTION,
    answer: RECORD,
    authority: RECORD,
    additional: RECORD,
    ancount: decimal(16),
    nscount: decimal(16),
    arcount: decimal(16),
  },
  bfd: {
    state: word(2, BFD_STATE),
    diag: decimal(5),
    flags: hex(6),
    multiplier: decimal(8),
    mine: hex(32),
    yours: hex(32),
    tx: decimal(32),
    rx: decimal(32),
    echo: decimal(32),
    auth: BYTES,
  },
  gre: {
    vsid: decimal(24),
    flow: decimal(8),
    key: hex(32),
    seq: decimal(32),
    c: FLAG,
    checksum: hex(16),
    proto: hex(16),
  },
  vxlan: { vni: decimal(24) },
  geneve: {
    vni: decimal(24),
    control: FLAG,
    critical: FLAG,
    proto: hex(16),
    options: options(GENEVE_NOTATION),
  },
  data: { bytes: BARE_BYTES },
  pad: { bytes: BARE_BYTES },
};

// ------------------------------------------------------------------------------------------------ writing

/** Never throws; any bytes have a text. */
export function formatFrame(bytes: Uint8Array): string {
  return formatLayers(layersOf(bytes));
}

export function formatLayers(layers: readonly Layer[]): string {
  return layers.map(formatLayer).join('/');
}

function formatLayer(layer: Layer): string {
  const forms: Readonly<Record<string, Form>> = FIELDS[layer.layer];
  const values: Readonly<Record<string, FieldValue | undefined>> = { ...layer };
  const parts = Object.entries(forms).flatMap(([name, form]) => {
    const value = values[name];
    return value === undefined ? [] : formatField(name, form, value);
  });
  return `${layer.layer}(${parts.join(',')})`;
}

function formatField(name: string, form: Form, value: FieldValue): string[] {
  if (value instanceof Uint8Array) {
    const isBare = form.form === 'bytes' && form.bare;
    return isBare && value.length === 0 ? [] : [`${isBare ? '' : `${name}=`}${formatBytes(value)}`];
  }
  if (typeof value === 'object') {
    if (form.form === 'options')
      return value.map((o) => (typeof o === 'string' ? o : form.notation.format(o)));
    if (form.form === 'texts') return value.map((text) => `${name}="${text}"`);
    return [`${name}=${value.join('+')}`];
  }
  if (typeof value === 'boolean') return value ? [name] : [];
  if (typeof value === 'string') return [`${name}=${form.form === 'text' ? `"${value}"` : value}`];
  if (form.form === 'word') {
    const known = Object.entries(form.words).find(([, number]) => number === value);
    return [known ? known[0] : `${name}=${value}`];
  }
  if (form.form === 'tcp-flags') return [`${name}=${formatTcpFlags(value)}`];
  const isHex = form.form === 'number' && form.hex;
  return [`${name}=${isHex ? `0x${value.toString(16).padStart(Math.ceil(form.bits / 4), '0')}` : value}`];
}

/** FIN, SYN, RST, PSH, ACK, URG, ECE, CWR by their first letters. */
const TCP_LETTERS = Object.entries(TCP_FLAG).map(([name, bit]) => ({ letter: name.charAt(0), bit }));

function formatTcpFlags(flags: number): string {
  return TCP_LETTERS.map(({ letter, bit }) => (flags & bit ? letter : '')).join('');
}

/** From this many on, equal bytes are counted rather than written. */
const RUN = 16;

function formatBytes(bytes: Uint8Array): string {
  const [first] = bytes;
  const isRun = bytes.length >= RUN && bytes.every((octet) => octet === first);
  return isRun ? `${OCTET[first!]}*${bytes.length}` : toHex(bytes);
}

// ------------------------------------------------------------------------------------------------ reading

/** The bytes of the frame. Throws NetloomError `frame-syntax` with the position of what is wrong. */
export function parseNotation(text: string): Uint8Array {
  return frame(...parseLayers(text));
}

/** The layers as they are written, nothing derived; they can be built. Throws like `parseNotation`. */
export function parseLayers(text: string): Layer[] {
  const layers: Layer[] = [];
  const starts: number[] = [];
  const scanner = new Scanner(text);
  do {
    starts.push(scanner.position);
    layers.push(parseLayer(scanner));
  } while (scanner.take('/'));
  if (!scanner.isAtEnd) scanner.fail('here another layer begins with /, or the text ends');

  const disorder = orderProblem(layers);
  if (disorder) scanner.failAt(starts[disorder.index] ?? 0, disorder.message);
  try {
    frame(...layers);
  } catch (thrown) {
    // A length that a header cannot express; which layer, the message says.
    if (thrown instanceof RangeError) scanner.failAt(0, thrown.message);
    throw thrown;
  }
  return layers;
}

function parseLayer(scanner: Scanner): Layer {
  const start = scanner.position;
  const name = scanner.word();
  if (!isLayerName(name)) {
    return scanner.failAt(
      start,
      `there is no layer ${quoted(name)}; there are ${Object.keys(FIELDS).join(', ')}`,
    );
  }
  const values: Record<string, FieldValue> = {};
  if (name === 'data' || name === 'pad') values.bytes = new Uint8Array(0);
  if (scanner.take('(') && !scanner.take(')')) {
    do parseArgument(scanner, name, values);
    while (scanner.take(','));
    if (!scanner.take(')')) scanner.fail(`here ${name} goes on with , or ends with )`);
  }
  // FIELDS has the fields of this layer and no others, each in the form of its type.
  return { layer: name, ...values } as Layer;
}

function parseArgument(scanner: Scanner, layer: LayerName, values: Record<string, FieldValue>): void {
  const start = scanner.position;
  const forms: Readonly<Record<string, Form>> = FIELDS[layer];
  const first = scanner.value();
  if (!first.isQuoted && scanner.take('=')) {
    const at = scanner.position;
    const name = first.text;
    const { text } = scanner.value();
    const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
    const list = optionsOf(layer);
    if (form?.form === 'texts') {
      if (!form.isOne(text)) scanner.failAt(at, `${name} is ${form.what}, not ${quoted(text)}`);
      const before = values[name];
      values[name] = [...(Array.isArray(before) ? before : []), text];
    } else if (form && form.form !== 'options') {
      if (name in values && form.form !== 'bytes') scanner.failAt(start, `${layer} has ${name} twice`);
      values[name] = parseValue(scanner, at, name, form, text);
    } else if (list) {
      const before = values[list.field];
      const option = parseOption(scanner, start, at, layer, list.notation, name, text);
      values[list.field] = [...(Array.isArray(before) ? before : []), option];
    } else {
      scanner.failAt(start, `${layer} has no field ${quoted(name)}; ${fieldsOf(layer)}`);
    }
    return;
  }
  if (!first.isQuoted && forms[first.text]?.form === 'flag') {
    values[first.text] = true;
    return;
  }
  const words = Object.entries(forms).filter(([, f]) => f.form === 'word' || (f.form === 'bytes' && f.bare));
  const bare = words.find(([, f]) => f.form === 'word' && Object.hasOwn(f.words, first.text)) ?? words[0];
  if (!bare) scanner.failAt(start, `${layer} has no flag ${quoted(first.text)}; ${fieldsOf(layer)}`);
  const [name, form] = bare;
  if (form.form === 'bytes' && first.isQuoted) values[name] = new TextEncoder().encode(first.text);
  else values[name] = parseValue(scanner, start, name, form, first.text);
}

/** The field of the layer that takes in what has no field: its options. */
function optionsOf(
  layer: LayerName,
): { readonly field: string; readonly notation: OptionNotation } | undefined {
  for (const [field, form] of Object.entries<Form>(FIELDS[layer])) {
    if (form.form === 'options') return { field, notation: form.notation };
  }
  return undefined;
}

function parseOption(
  scanner: Scanner,
  start: number,
  at: number,
  layer: LayerName,
  notation: OptionNotation,
  name: string,
  text: string,
): Option {
  const option = notation.parse(name, text);
  if (option === undefined) {
    const known = [fieldsOf(layer), ...notation.names, 'oN for option N'].join(', ');
    scanner.failAt(start, `${layer} has no field ${quoted(name)}; ${known}`);
  }
  return typeof option === 'string'
    ? scanner.failAt(at, `${name} is ${option}, not ${quoted(text)}`)
    : option;
}

function parseValue(scanner: Scanner, at: number, name: string, form: Form, text: string): FieldValue {
  const wrong = (expected: string) => scanner.failAt(at, `${name} is ${expected}, not ${quoted(text)}`);
  switch (form.form) {
    case 'number':
      return parseNumber(text, form.bits) ?? wrong(`a number of 0..${2 ** form.bits - 1}`);
    case 'word': {
      const known = Object.hasOwn(form.words, text) ? form.words[text] : parseNumber(text, form.bits);
      return known ?? wrong(`a number or one of ${Object.keys(form.words).join(', ')}`);
    }
    case 'mac':
      return parseMac(text) ?? wrong('a MAC address');
    case 'ipv4':
      return parseIpv4(text) ?? wrong('an IPv4 address');
    case 'ipv6':
      return parseIpv6(text) ?? wrong('an IPv6 address');
    case 'bytes':
      return parseBytes(text) ?? wrong('pairs of hexadecimal digits, or a pair and a count such as 00*46');
    case 'tcp-flags':
      return parseTcpFlags(text) ?? wrong(`letters of ${TCP_LETTERS.map((l) => l.letter).join('')}`);
    case 'flag':
      return wrong('a flag, which stands without a value');
    case 'addresses':
      return parseAddresses(text, form.family) ?? wrong(`IPv${form.family} addresses joined by +`);
    case 'text':
      return isDhcpText(text, form.longest) ? text : wrong(`at most ${form.longest} printable characters`);
    case 'texts':
      return wrong(form.what);
    case 'options':
      return wrong('a list of options');
  }
}

function parseNumber(text: string, bits: number): number | undefined {
  if (!/^(?:\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text)) return undefined;
  const value = Number(text);
  return value < 2 ** bits ? value : undefined;
}

/** The longest run that `XX*n` may ask for: more than any frame has. */
const LONGEST_RUN = 65535;

function parseBytes(text: string): Uint8Array | undefined {
  const run = /^([0-9a-f]{2})\*(\d{1,5})$/i.exec(text);
  if (!run) return fromHex(text);
  const [, octet = '', count] = run;
  return Number(count) <= LONGEST_RUN
    ? new Uint8Array(Number(count)).fill(Number.parseInt(octet, 16))
    : undefined;
}

function parseTcpFlags(text: string): number | undefined {
  let flags = 0;
  for (const letter of text) {
    const known = TCP_LETTERS.find((l) => l.letter === letter);
    if (!known) return undefined;
    flags |= known.bit;
  }
  return flags;
}

function isLayerName(name: string): name is LayerName {
  return Object.hasOwn(FIELDS, name);
}

function fieldsOf(layer: LayerName): string {
  const names = Object.entries<Form>(FIELDS[layer]).flatMap(([name, f]) =>
    f.form === 'options' ? [] : name,
  );
  return `it has ${names.join(', ')}`;
}

/** Quoted for a message, and cut: a message must not grow with its input. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** Where the reader is in the text. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skipSpace();
  }

  /** Index of the next character that is not a space. */
  get position(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** Takes the character if it is next. */
  take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    this.#skipSpace();
    return true;
  }

  /** The name of a layer; may be empty. */
  word(): string {
    return this.#match(/[a-z0-9]*/y);
  }

  /** A value, a flag or the name of a field; may be empty. */
  value(): { readonly text: string; readonly isQuoted: boolean } {
    if (this.#text[this.#at] !== '"') return { text: this.#match(/[^\s(),=/"]*/y), isQuoted: false };
    const start = this.#at;
    const quotedText = this.#match(/"[^"]*"/y);
    return quotedText
      ? { text: quotedText.slice(1, -1), isQuoted: true }
      : this.failAt(start, 'the quotation does not end');
  }

  fail(message: string): never {
    this.failAt(this.#at, message);
  }

  failAt(at: number, message: string): never {
    throw new NetloomError([
      finding(
        'frame-syntax',
        '',
        `The frame is wrong at character ${at + 1}: ${message}.`,
        'Write layers as name(field=value,…) with / between them: eth(dst=00:1d:d8:b7:1c:01)/arp(request,tpa=10.0.0.7).',
      ),
    ]);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    this.#skipSpace();
    return found;
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }
}
