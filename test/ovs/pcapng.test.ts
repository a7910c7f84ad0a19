// What Wireshark's own tools say about the capture files that we write, and about the frames in them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame } from '../../src/packet/build.ts';
import { fromHex } from '../../src/packet/bytes.ts';
import { parseNotation } from '../../src/packet/notation.ts';
import { PcapngWriter } from '../../src/packet/pcapng.ts';
import { anyLayers } from '../support/frames.ts';

const NVGRE = [
  'eth(src=34:b6:aa:55:aa:55,dst=f8:bc:12:44:34:b6)/ipv4(src=192.168.4.11,dst=192.168.4.22,df)/gre(vsid=5001,flow=12)',
  'eth(src=00:1d:d8:b7:1c:01,dst=00:1d:d8:b7:1c:02)/ipv4(src=10.0.0.5,dst=10.0.0.7)/icmp(echo-request,id=1,seq=7)/data("blue")',
].join('/');
const START = 1_767_225_600_123_456_789n;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netloom-pcapng-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function save(frames: readonly Uint8Array[], describe?: (writer: PcapngWriter) => void): string {
  const writer = new PcapngWriter();
  const id = writer.interface('uplink');
  frames.forEach((bytes, i) => {
    writer.packet(id, START + BigInt(i), bytes);
  });
  describe?.(writer);
  const file = join(folder, `${frames.length}-${frames[0]?.length}.pcapng`);
  writeFileSync(file, writer.finish());
  return file;
}

/** The values of these fields, a list a frame. All checksums are checked: by default tshark believes them. */
function fields(file: string, ...names: string[]): string[][] {
  const checks = ['ip.check_checksum', 'tcp.check_checksum', 'udp.check_checksum'].flatMap((o) => [
    '-o',
    `${o}:TRUE`,
  ]);
  const wanted = names.flatMap((name) => ['-e', name]);
  const out = execFileSync(
    'tshark',
    ['-r', file, '-n', ...checks, '-T', 'fields', '-E', 'separator=|', ...wanted],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  return out
    .trimEnd()
    .split('\n')
    .map((line) => line.split('|'));
}

describe('pcapng', () => {
  it('is read by tshark: interfaces, times to the nanosecond, comments, frames', () => {
    const bytes = parseNotation(NVGRE);
    const file = save([bytes], (writer) => {
      const vnic = writer.interface('blue1 → 网');
      writer.packet(vnic, START + 1n, bytes.subarray(42), 'sent by blue1; 测试');
      writer.packet(vnic, START + 2n, new Uint8Array(15));
    });
    expect(fields(file, 'frame.interface_name', 'frame.time_epoch', 'frame.len', 'frame.comment')).toEqual([
      ['uplink', expect.stringContaining('.123456789'), `${bytes.length}`, ''],
      ['blue1 → 网', expect.stringContaining('.123456790'), `${bytes.length - 42}`, 'sent by blue1; 测试'],
      ['blue1 → 网', expect.stringContaining('.123456791'), '15', ''],
    ]);
    const info = execFileSync('capinfos', [file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(info).toMatch(/Number of packets:\s*3\n/);
    expect(info).toMatch(/Number of interfaces in file:\s*2\n/);
    expect(info).toMatch(/Time precision\s*[=:]\s*nanoseconds/);
  });

  it('shows our NVGRE as GRE version 0 with a key and the inner frame whole', () => {
    const golden = fromHex(
      readFileSync(new URL('../fixtures/nvgre-golden.hex', import.meta.url), 'utf8').replace(
        /^#.*$|\s/gm,
        '',
      ),
    )!;
    const broken = parseNotation(NVGRE.replace('icmp(', 'icmp(checksum=0x1234,'));
    const file = save([parseNotation(NVGRE), golden, broken]);
    const seen = fields(
      file,
      'gre.flags.version',
      'gre.flags.key',
      'gre.flags.checksum',
      'gre.proto',
      'gre.key',
      'eth.src',
      'ip.dst',
    );
    expect(seen[0]).toEqual(
      [
        '0',
        'True',
        'False',
        '0x6558',
        '0x0013890c',
        '34:b6:aa:55:aa:55,00:1d:d8:b7:1c:01',
        '192.168.4.22,10.0.0.7',
      ].map(anyTruth),
    );
    expect(seen[1]?.slice(0, 5)).toEqual(['0', 'True', 'False', '0x6558', '0x0013893c'].map(anyTruth));
    const health = fields(
      file,
      '_ws.malformed',
      'ip.checksum.status',
      'icmp.checksum.status',
      'icmp.seq',
      'frame.protocols',
    );
    expect(health[0]).toEqual(['', '1,1', '1', '7', 'eth:ethertype:ip:gre:eth:ethertype:ip:icmp:data']);
    expect(health[1]?.slice(0, 2)).toEqual(['', '1,1']);
    // Positive control: a bad checksum is one to tshark too (0 bad, 1 good).
    expect(health[2]?.[2]).toBe('0');
  });

  it('shows no bad checksum or length in anything that we build', () => {
    const frames = fc.sample(
      anyLayers.map((l) => frame(...l)),
      { numRuns: 300, seed: 7 },
    );
    const statuses = ['ip', 'icmp', 'icmpv6', 'udp', 'tcp', 'gre'].map((p) => `${p}.checksum.status`);
    const seen = fields(save(frames), ...statuses);
    for (const [i, values] of seen.entries()) {
      const bad = values.filter((status) => status.split(',').includes('0'));
      expect([i, bad]).toEqual([i, []]);
    }
    // Each of these checksums was looked at, and found good (1), in some frame.
    const good = statuses.filter((_, i) => seen.some((values) => values[i]?.split(',').includes('1')));
    expect(good).toEqual(statuses);
  });

  it('refuses an interface that was not declared', () => {
    const writer = new PcapngWriter();
    expect(() => writer.packet(0, 0n, new Uint8Array(60))).toThrow(
      'there is no interface 0; 0 were declared',
    );
  });
});

/** tshark 4.0 writes booleans as 1 and 0, later ones as True and False. */
function anyTruth(value: string): unknown {
  if (value === 'True') return expect.stringMatching(/^(1|True)$/);
  return value === 'False' ? expect.stringMatching(/^(0|False)$/) : value;
}
