import { expect, it } from 'vitest';
import { parseSocketAddress } from './socket-address.ts';

it.each([
  ['192.0.2.10:4739', '192.0.2.10:4739'],
  ['[2001:DB8:0::10]:1', '[2001:db8::10]:1'],
  ['[::ffff:10.0.0.1]:65535', '[::ffff:10.0.0.1]:65535'],
])('%s is a socket address', (text, canonical) => {
  expect(parseSocketAddress(text)).toBe(canonical);
  expect(parseSocketAddress(canonical)).toBe(canonical);
});

it.each([
  '192.0.2.10',
  '192.0.2.10:',
  '192.0.2.10:0',
  '192.0.2.10:65536',
  '192.0.2.10:04739',
  '192.0.2.256:1',
  '[192.0.2.10]:1',
  '2001:db8::10:1',
  '[2001:db8::10]',
  'collector.example:4739',
  '',
])('%s is none', (text) => {
  expect(parseSocketAddress(text)).toBeUndefined();
});
