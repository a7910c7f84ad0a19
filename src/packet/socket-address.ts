/** An IP address and a port in one text: `192.0.2.10:4739`, `[2001:db8::10]:4739` (RFC 3986, 3.2.2). */
import { isIpv6, parseIp } from './address.ts';

const FORM = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})$/i;

/** In canonical form; undefined when it is none. */
export function parseSocketAddress(text: string): string | undefined {
  const [, inBrackets, bare, port = ''] = FORM.exec(text) ?? [];
  const address = parseIp(inBrackets ?? bare ?? '');
  if (!address || Number(port) > 0xffff || isIpv6(address) !== (inBrackets !== undefined)) return undefined;
  return isIpv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
