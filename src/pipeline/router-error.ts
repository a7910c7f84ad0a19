/**
 * What the distributed router cannot pass on, and its sender is to hear of (packet/router-error.ts): packets that have
 * used up their time to live, and frames that do not fit the tunnel. The agent makes the ICMP error; each vNIC has a
 * meter of its own, so that one guest's flood neither drowns the agent nor silences the others.
 */
import { controller, meter, output, setField } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import { portOf } from './facts.ts';
import { overlayOf, portNumber } from './overlay.ts';
import { errorMeterId, PUNT } from './punt.ts';
import { bits, DOMAIN, EXPIRED, TOO_BIG } from './registers.ts';
import { type FeatureRule, next, rule } from './rule.ts';

/** Behind what the router takes for itself and what it never forwards, before its routes (RFC 1812, 5.2.1.2). */
const EXPIRED_PRIORITY = 290;

/** Which packets come to the table `router-error`. */
export const undeliverable: FeatureRule = {
  name: 'undeliverable',
  units: (_key, fact) => (fact.kind === 'switch' ? [fact.name] : []),
  *derive(unit) {
    const at = { switch: unit, feature: 'base', thing: 'base', origin: '' } as const;
    for (const eth_type of [0x0800, 0x86dd]) {
      for (const ip_ttl of [0, 1]) {
        yield rule(
          at,
          'route',
          EXPIRED_PRIORITY,
          matchOf({ eth_type, ip_ttl }),
          [setField('reg0', bits(EXPIRED, EXPIRED)), next('router-error')],
          'its time to live is used up: the sender is told',
        );
      }
    }
    yield rule(
      at,
      'fabric',
      200,
      matchOf({ reg0: bits(TOO_BIG, TOO_BIG) }),
      [next('router-error')],
      'it does not fit the tunnel: the sender is told',
    );
  },
};

/** What fits goes into the tunnel of its domain. */
export const fabric: FeatureRule = {
  name: 'fabric',
  units: (key, fact) => (fact.kind === 'domain' ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    const overlay = record?.kind === 'domain' ? overlayOf(read, record.rdid) : undefined;
    if (overlay?.tunnel === undefined) return;
    const { domain, provider, tunnel } = overlay;
    const at = { switch: provider.switch, feature: 'provider', thing: unit, origin: domain.origin } as const;
    yield rule(
      at,
      'fabric',
      100,
      matchOf({ [DOMAIN]: domain.number }),
      [output(tunnel)],
      `${domain.name} goes over ${domain.logicalNetwork}`,
    );
  },
};

/** Who is told: vNICs on virtual subnets. */
export const toldSender: FeatureRule = {
  name: 'told-sender',
  units: (key, fact) => (fact.kind === 'port' && fact.attachment.type === 'virtual' ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'port' || record.attachment.type !== 'virtual') return;
    const number = portNumber(read, portOf.vnic(record.id));
    if (number === undefined) return;
    const at = { switch: record.switch, feature: 'port', thing: unit, origin: record.origin } as const;
    yield rule(
      at,
      'router-error',
      100,
      matchOf({ in_port: number }),
      [meter(errorMeterId(number)), controller(PUNT.routerError)],
      `${record.name} hears from its router what became of the packet`,
    );
  },
};
