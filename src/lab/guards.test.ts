/**
 * Each right of a virtual port profile on an access port and inside the tag of a trunk: the frame that it is about is
 * dropped without the right, and with it arrives. Both ports lie on examples/vlan-modes.yaml.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocuments } from '../model/input.ts';
import { BROADCAST_MAC, ipv4, ipv6, linkLocalOf, type Mac, mac } from '../packet/address.ts';
import type { Layer } from '../packet/layer.ts';
import { RawLab } from './raw-lab.ts';

/** Machines by what their profile says; the security of the first is the safe side. */
const PROFILES: Readonly<Record<string, string>> = {
  safe: '{}',
  spoofer: '{ macSpoofing: true }',
  server: '{ dhcpGuard: false }',
  gateway: '{ routerGuard: false, guestSpecifiedAddresses: true }',
  nomad: '{ guestSpecifiedAddresses: true }',
  teamed: '{ guestTeaming: true }',
};

function objects() {
  const example = readFileSync(new URL('../../examples/vlan-modes.yaml', import.meta.url), 'utf8');
  const names = Object.keys(PROFILES);
  const offers = names.map((name) => `  - { classification: ${name}, profile: ${name} }\n`).join('');
  const offer = '  - { classification: Voice, profile: Voice }\n';
  const added = names.flatMap((name, i) => [
    `{ kind: VirtualPortProfile, name: ${name}, security: ${PROFILES[name]} }`,
    `{ kind: PortClassification, name: ${name} }`,
    `{ kind: VirtualMachine, name: ${name}, host: host1, vnics: [{ vmNetwork: Staff, classification: ${name}, addresses: [10.10.0.5${i}] }] }`,
    `{ kind: VirtualMachine, name: ${name}-trunk, host: host1, vnics: [{ vmNetwork: Lab, classification: ${name}, addresses: [10.40.0.5${i}, 10.10.0.6${i}], trunk: { tagged: [10] } }] }`,
  ]);
  for (const [name, classification, last] of [
    ['team', 'teamed', 71],
    ['pair', 'safe', 73],
  ] as const) {
    const vnics = [0, 1].map(
      (n) => `{ vmNetwork: Staff, classification: ${classification}, addresses: [10.10.0.${last + n}] }`,
    );
    added.push(`{ kind: VirtualMachine, name: ${name}, host: host1, vnics: [${vnics.join(', ')}] }`);
  }
  const text = [example.replace(offer, offer + offers), ...added].join('\n---\n');
  const parsed = parseDocuments(text, 'guards');
  expect(parsed.findings).toEqual([]);
  return parsed.objects.map(({ object }) => object);
}

describe('the rights of a port profile', () => {
  let raw: RawLab;
  beforeAll(async () => {
    raw = await RawLab.open(objects(), 'House wire');
  });
  afterAll(() => raw.close());

  const STRANGER = mac('02:00:00:00:00:99');
  const data: Layer = { layer: 'data', bytes: new Uint8Array(8) };
  const ip = (src: string): Layer => ({ layer: 'ipv4', src: ipv4(src), dst: ipv4('10.10.0.12') });
  const six = (own: Mac): Layer => ({ layer: 'ipv6', src: linkLocalOf(own), dst: ipv6('ff02::1') });

  it.each<
    [right: string, who: string, source: (own: Mac) => Mac, layers: (own: Mac, address: string) => Layer[]]
  >([
    ['its own address', 'safe', (own) => own, (_, address) => [ip(address), data]],
    ['macSpoofing', 'spoofer', () => STRANGER, (_, address) => [ip(address), data]],
    [
      'dhcpGuard: false',
      'server',
      (own) => own,
      (_, address) => [ip(address), { layer: 'udp', sport: 67, dport: 68 }, data],
    ],
    [
      'routerGuard: false',
      'gateway',
      (own) => own,
      (own) => [six(own), { layer: 'icmpv6', type: 134 }, { layer: 'data', bytes: new Uint8Array(12) }],
    ],
    ['guestSpecifiedAddresses', 'nomad', (own) => own, () => [ip('10.10.0.99'), data]],
  ])('%s', (_, who, source, layers) => {
    // The same frame of a machine with the right and of one without, by an access port and in VLAN 10 of a trunk.
    const arrives = (machine: string, tags: Layer[], address: string) => {
      const own = raw.macOf(machine);
      const eth: Layer = { layer: 'eth', src: source(own), dst: BROADCAST_MAC };
      return raw.send(machine, eth, ...tags, ...layers(own, address)).includes('staff2');
    };
    const place = Object.keys(PROFILES).indexOf(who);
    const tag: Layer = { layer: 'vlan', vid: 10 };
    expect(arrives(who, [], `10.10.0.5${place}`)).toBe(true);
    expect(arrives(`${who}-trunk`, [tag], `10.10.0.6${place}`)).toBe(true);
    expect(arrives('safe', [], '10.10.0.50')).toBe(who === 'safe');
    expect(arrives('safe-trunk', [tag], '10.10.0.60')).toBe(who === 'safe');
  });

  it('guestTeaming', () => {
    // The frame of the first vNIC comes out of the second one, as when a team within the guest fails over.
    const arrives = (machine: string, as: Mac, address: string) =>
      raw
        .send(`${machine}/eth1`, { layer: 'eth', src: as, dst: BROADCAST_MAC }, ip(address), data)
        .includes('staff2');
    const [mate, loner] = [raw.macOf('team'), raw.macOf('pair')];
    expect(arrives('team', mate, '10.10.0.71')).toBe(true);
    expect(arrives('team', raw.macOf('team/eth1'), '10.10.0.72')).toBe(true);
    // Wholly as the other, or not at all.
    expect(arrives('team', mate, '10.10.0.72')).toBe(false);
    expect(arrives('team', STRANGER, '10.10.0.71')).toBe(false);
    // Without the right.
    expect(arrives('pair', loner, '10.10.0.73')).toBe(false);
    expect(arrives('pair', raw.macOf('pair/eth1'), '10.10.0.74')).toBe(true);
  });
});
