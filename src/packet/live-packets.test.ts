// Packets of real programs and stacks, as test/ovs/live-captures.test.ts recorded them and compared them with tshark.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { toHex } from './bytes.ts';
import { readCapture } from './capture.ts';
import { layersOf } from './dissect.ts';
import { formatFrame, parseNotation } from './notation.ts';

const fixture = (ending: string) =>
  readFileSync(new URL(`../../test/fixtures/live-packets.${ending}`, import.meta.url));
const { packets, interfaces, problem } = readCapture(fixture('pcapng'));
const lines = fixture('txt').toString().trimEnd().split('\n');

describe('packets of real stacks', () => {
  it('have the notation that was checked against tshark', () => {
    expect(problem).toBeUndefined();
    expect(packets.map((p) => `${interfaces[p.interface]?.name}: ${formatFrame(p.frame)}`)).toEqual(lines);
  });

  it('are what their notation says, byte for byte', () => {
    for (const { frame } of packets) expect(toHex(parseNotation(formatFrame(frame)))).toBe(toHex(frame));
  });

  it('are left as they are by who reads them, also in a Buffer, whose slices are no copies', () => {
    for (const { frame } of packets) {
      const buffer = Buffer.from(frame);
      expect(formatFrame(buffer)).toBe(formatFrame(frame));
      expect(toHex(buffer)).toBe(toHex(frame));
    }
  });

  it('are of every kind that the product meets', () => {
    const met = new Set(packets.flatMap(({ frame }) => layersOf(frame).map(({ layer }) => layer)));
    const kinds = [
      'eth',
      'vlan',
      'llc',
      'lldp',
      'lacp',
      'arp',
      'ipv4',
      'ipv6',
      'hopopts',
      'fragment',
      'icmp',
    ];
    const more = [
      'icmpv6',
      'igmp',
      'mld',
      'udp',
      'tcp',
      'dhcp',
      'dhcp6',
      'dns',
      'bfd',
      'gre',
      'vxlan',
      'geneve',
    ];
    expect([...kinds, ...more].filter((kind) => ![...met].some((layer) => layer === kind))).toEqual([]);
  });
});
