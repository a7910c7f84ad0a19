// Packets that Scapy made, read by us and by tshark: field by field the same.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';
import { fromHex, toHex } from '../../src/packet/bytes.ts';
import { formatFrame, parseNotation } from '../../src/packet/notation.ts';
import { compareWithTshark } from '../support/packet-comparison.ts';
import { FIELDS } from '../support/packet-fields.ts';
import { itWithTools } from './open-vswitch.ts';

/** The Debian package python3-scapy is for this one, whatever else is in the path. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = join(import.meta.dirname, 'scapy-packets.py');

itWithTools([PYTHON, 'tshark'], 'we read in packets of Scapy what tshark reads, field by field', () => {
  const packets = execFileSync(PYTHON, [SCRIPT], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 50_000,
  })
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [name = '', hex = ''] = line.split('|');
      return { name, bytes: fromHex(hex)! };
    });
  expect(packets.length).toBeGreaterThanOrEqual(60);
  expect(new Set(packets.map(({ bytes }) => toHex(bytes))).size).toBe(packets.length);

  const { differences, met } = compareWithTshark(packets);
  expect(differences).toEqual([]);
  // No field of the table is there for nothing.
  expect(Object.keys(FIELDS).filter((field) => !met.has(field))).toEqual([]);

  for (const { bytes } of packets) expect(toHex(parseNotation(formatFrame(bytes)))).toBe(toHex(bytes));
});
