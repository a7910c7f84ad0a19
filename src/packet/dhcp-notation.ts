/**
 * How DHCP options stand in the text notation: `lease=3600`, `dns=10.0.0.1+10.0.0.2`, and `o77=0a0b` for an option
 * that has no name here or whose data do not have the form of its name.
 */
import { type Ipv4, ipv4FromNumber, parseIpv4 } from './address.ts';
import { fromHex, read16, read32, toHex } from './bytes.ts';
import {
  addressOption,
  byteOption,
  DHCP_OPTION,
  type DhcpOption,
  longOption,
  shortOption,
  textOption,
} from './dhcp.ts';

type OptionForm = 'address' | 'addresses' | 'byte' | 'uint16' | 'uint32' | 'text' | 'codes';

/** To add a name: one line here. */
const OPTIONS: Readonly<Record<string, { readonly code: number; readonly form: OptionForm }>> = {
  mask: { code: DHCP_OPTION.SUBNET_MASK, form: 'address' },
  gateway: { code: DHCP_OPTION.ROUTER, form: 'addresses' },
  dns: { code: DHCP_OPTION.DNS, form: 'addresses' },
  hostname: { code: DHCP_OPTION.HOST_NAME, form: 'text' },
  domain: { code: DHCP_OPTION.DOMAIN_NAME, form: 'text' },
  mtu: { code: DHCP_OPTION.MTU, form: 'uint16' },
  requested: { code: DHCP_OPTION.REQUESTED_ADDRESS, form: 'address' },
  lease: { code: DHCP_OPTION.LEASE_TIME, form: 'uint32' },
  message: { code: DHCP_OPTION.MESSAGE_TYPE, form: 'byte' },
  server: { code: DHCP_OPTION.SERVER_ID, form: 'address' },
  params: { code: DHCP_OPTION.PARAMETER_LIST, form: 'codes' },
  text: { code: DHCP_OPTION.MESSAGE, form: 'text' },
  renewal: { code: DHCP_OPTION.RENEWAL_TIME, form: 'uint32' },
  rebinding: { code: DHCP_OPTION.REBINDING_TIME, form: 'uint32' },
};

const NAMES = new Map(Object.entries(OPTIONS).map(([name, { code, form }]) => [code, { name, form }]));

/** The names that `parseDhcpOption` knows. */
export const DHCP_OPTION_NAMES: readonly string[] = Object.keys(OPTIONS);

/** `name=value`. */
export function formatDhcpOption(option: DhcpOption): string {
  const named = NAMES.get(option.code);
  const value = named && formatValue(named.form, option.data);
  return named && value !== undefined ? `${named.name}=${value}` : `o${option.code}=${toHex(option.data)}`;
}

/** Undefined when there is no such name; a text that says what is expected when the value does not have its form. */
export function parseDhcpOption(name: string, value: string): DhcpOption | string | undefined {
  const numbered = /^o([1-9]\d{0,2})$/.exec(name);
  if (numbered) {
    const code = Number(numbered[1]);
    const data = fromHex(value);
    if (code >= DHCP_OPTION.END) return 'an option code of 1..254';
    return data && data.length <= 255 ? { code, data } : 'at most 255 bytes as pairs of hexadecimal digits';
  }
  const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
  return option && parseValue(option.code, option.form, value);
}

/** Undefined when the data do not have the form, or would not be read back the same. */
function formatValue(form: OptionForm, data: Uint8Array): string | undefined {
  switch (form) {
    case 'address':
      return data.length === 4 ? formatAddresses(data) : undefined;
    case 'addresses':
      return data.length > 0 && data.length % 4 === 0 ? formatAddresses(data) : undefined;
    case 'byte':
      return data.length === 1 ? `${data[0]}` : undefined;
    case 'uint16':
      return data.length === 2 ? `${read16(data, 0)}` : undefined;
    case 'uint32':
      return data.length === 4 ? `${read32(data, 0)}` : undefined;
    case 'codes':
      return data.length > 0 ? data.join('+') : undefined;
    case 'text': {
      const text = String.fromCharCode(...data);
      return /^[ !#-[\]-~]+$/.test(text) ? `"${text}"` : undefined;
    }
  }
}

function formatAddresses(data: Uint8Array): string {
  return Array.from({ length: data.length / 4 }, (_, i) => ipv4FromNumber(read32(data, 4 * i))).join('+');
}

function parseValue(code: number, form: OptionForm, value: string): DhcpOption | string {
  switch (form) {
    case 'address': {
      const address = parseIpv4(value);
      return address ? addressOption(code, [address]) : 'an IPv4 address';
    }
    case 'addresses': {
      const addresses = value.split('+').map(parseIpv4);
      const isWhole = (list: typeof addresses): list is Ipv4[] => list.every((a) => a !== undefined);
      return isWhole(addresses) && addresses.length <= 63
        ? addressOption(code, addresses)
        : 'IPv4 addresses joined by +';
    }
    case 'byte':
      return isNumber(value, 0xff) ? byteOption(code, Number(value)) : 'a number of 0..255';
    case 'uint16':
      return isNumber(value, 0xffff) ? shortOption(code, Number(value)) : 'a number of 0..65535';
    case 'uint32':
      return isNumber(value, 0xffffffff) ? longOption(code, Number(value)) : 'a number of 0..4294967295';
    case 'codes': {
      const codes = value.split('+');
      const isWhole = codes.length <= 255 && codes.every((c) => isNumber(c, 0xff));
      return isWhole ? { code, data: Uint8Array.from(codes, Number) } : 'option codes joined by +';
    }
    case 'text': {
      const option = textOption(code, value);
      return option.data.length <= 255 ? option : 'at most 255 bytes of text';
    }
  }
}

function isNumber(text: string, max: number): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) <= max;
}
