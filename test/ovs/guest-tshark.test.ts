// Everything that a guest's stack can send, in the eyes of tshark.
import { expect, it } from 'vitest';
import { Hub, macOf, pingNow } from '../../src/guest/testing.ts';
import { ip } from '../../src/packet/address.ts';
import { tsharkComplaints, tsharkFields } from '../support/tshark.ts';

it('a guest sends well-formed frames, checksums included, and its fragments make whole packets', () => {
  const hub = new Hub();
  const [a, b] = [hub.nic(1), hub.nic(2)];
  const [b4, b6] = [ip('10.0.0.7'), ip('2001:db8::7')];
  a.configure({ address: ip('10.0.0.5'), prefixLength: 24 }, { probe: true });
  a.configure({ address: ip('2001:db8::5'), prefixLength: 64 }, { probe: true });
  hub.clock.advance(10_000);
  b.configure({ address: b4, prefixLength: 24 });
  b.configure({ address: b6, prefixLength: 64 });
  for (const size of [0, 56, 4000]) {
    expect(pingNow(hub, a, b4, { size }).received).toBe(1);
    expect(pingNow(hub, a, b6, { size }).received).toBe(1);
  }
  for (const destination of [b4, b6]) {
    a.udpSend({ destination, destinationPort: 9, sourcePort: 50_001, payload: new Uint8Array(11) });
    a.sendIp(destination, 253, new Uint8Array(10));
  }
  expect(tsharkComplaints(hub.frames)).toEqual([]);
  const rows = tsharkFields(
    hub.frames,
    'eth.src',
    'icmp.type',
    'icmpv6.type',
    'ip.reassembled.length',
    'ipv6.reassembled.length',
  );
  const types = (column: number) =>
    [...new Set(rows.map((row) => row[column]?.split(',')[0]))].filter(Boolean).sort();
  expect(types(0)).toEqual([macOf(1), macOf(2)]);
  expect(types(1)).toEqual(['0', '3', '8']);
  expect(types(2)).toEqual(['1', '128', '129', '135', '136', '4']);
  expect([types(3), types(4)]).toEqual([['4008'], ['4008']]);
});
