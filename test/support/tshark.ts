/** What tshark reads in frames: an opinion that is not ours. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PcapngWriter } from '../../src/packet/pcapng.ts';

/** By default tshark believes every checksum. */
const CHECK_ALL = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);

/** The values of these fields in each frame; several values of one field stand with a comma between them. */
export function tsharkFields(frames: readonly Uint8Array[], ...names: string[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-tshark-'));
  try {
    const writer = new PcapngWriter();
    const id = writer.interface('wire');
    frames.forEach((bytes, i) => {
      writer.packet(id, 1_767_225_600_000_000_000n + BigInt(i), bytes);
    });
    const file = join(folder, 'frames.pcapng');
    writeFileSync(file, writer.finish());
    return tsharkFileFields(file, ...names);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same for a capture file. */
export function tsharkFileFields(file: string, ...names: string[]): string[][] {
  return tshark(file, '-T', 'fields', '-E', 'separator=|', ...names.flatMap((name) => ['-e', name]))
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('|'));
}

/** The bytes of each frame of a capture file, in hexadecimal. */
export function tsharkFileBytes(file: string): string[] {
  const frames: { _source: { layers: { frame_raw: [string, ...unknown[]] } } }[] = JSON.parse(
    tshark(file, '-T', 'jsonraw', '-j', 'frame'),
  );
  return frames.map((frame) => frame._source.layers.frame_raw[0]);
}

function tshark(file: string, ...args: string[]): string {
  return execFileSync('tshark', ['-r', file, '-n', ...CHECK_ALL, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 50_000,
    maxBuffer: 1 << 26,
  });
}

/** What tshark complains about, by frame: malformed layers, bad checksums, and warnings and errors of its experts. */
export function tsharkComplaints(frames: readonly Uint8Array[]): string[] {
  const rows = tsharkFields(
    frames,
    'frame.number',
    'frame.protocols',
    '_ws.malformed',
    '_ws.expert.severity',
    '_ws.expert.message',
  );
  // Notes (0x200000) and chats (0x400000 is a note, 0x600000 a warning, 0x800000 an error): only the last two count.
  const grave = /0x00(60|80)0000|6291456|8388608/;
  return rows
    .filter(([, , malformed, severity]) => malformed || grave.test(severity ?? ''))
    .map((row) => row.join(' '));
}
