/**
 * The cookie of a flow says that it is ours, which feature made it, and for which thing:
 *
 *     63..48  0x4e4c, "NL": ours; an agent never touches a flow without it
 *     47..40  feature, 1..255, in the order of FEATURES
 *     39..0   hash of the thing (record key): the same for all flows of one vNIC, subnet …
 *
 * `ovs-ofctl dump-flows BRIDGE cookie=0x4e4c000000000000/0xffff000000000000` lists all that Netloom put there.
 */
export const OURS = 0x4e4cn << 48n;
export const OURS_MASK = 0xffffn << 48n;

export const FEATURES = [
  'base',
  'uplink',
  'port',
  'provider',
  'subnet',
  'route',
  'lookup',
  'flood',
  'private-vlan',
  'hybrid',
  'migration',
  'acl',
  'known-vlan',
] as const;
export type Feature = (typeof FEATURES)[number];

export function cookieOf(feature: Feature, thing: string): bigint {
  return OURS | (BigInt(FEATURES.indexOf(feature) + 1) << 40n) | hash40(thing);
}

export function isOurs(cookie: bigint): boolean {
  return (cookie & OURS_MASK) === OURS;
}

export function featureOf(cookie: bigint): Feature | undefined {
  return isOurs(cookie) ? FEATURES[Number((cookie >> 40n) & 0xffn) - 1] : undefined;
}

/** FNV-1a over 32 bits and, from another start, 8 more. Equal hashes do no harm: cookies find flows, they decide nothing. */
function hash40(text: string): bigint {
  let low = 0x811c9dc5;
  let high = 0x9dc5811c;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x01000193);
  }
  return (BigInt((high >>> 24) & 0xff) << 32n) | BigInt(low >>> 0);
}
