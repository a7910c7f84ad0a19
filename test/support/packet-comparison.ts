/** Packets read by us and by tshark, field by field (packet-fields.ts). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ETHERTYPE } from '../../src/packet/ethernet.ts';
import { innerFrame, type Layers, parseFrame } from '../../src/packet/parse.ts';
import { PcapngWriter } from '../../src/packet/pcapng.ts';
import { FIELDS, type Value } from './packet-fields.ts';

interface Level {
  readonly layers: Layers;
  /** The Ethernet header is one that we put before an IP packet. */
  readonly isBare: boolean;
}

/** The packet, the frames inside it, and IP packets that GRE carries or ICMP quotes, as tshark shows them. */
function levels(layers: Layers, isBare = false): Level[] {
  const { gre, icmp, icmpv6, ipv4: ip4 } = layers;
  const inner = innerFrame(layers);
  const carriesIp = gre?.protocolType === ETHERTYPE.IPV4 || icmp?.isError || icmpv6?.isError;
  const below = carriesIp
    ? levels(
        parseFrame(bare(layers.bytes.subarray(layers.payloadOffset, layers.payloadEnd), ip4 !== undefined)),
        true,
      )
    : inner
      ? levels(inner)
      : [];
  return [{ layers, isBare }, ...below];
}

function bare(packet: Uint8Array, isIpv4: boolean): Uint8Array {
  const bytes = new Uint8Array(14 + packet.length);
  bytes.set(isIpv4 ? [0x08, 0x00] : [0x86, 0xdd], 12);
  bytes.set(packet, 14);
  return bytes;
}

/** The same text for the same value, however it is written. */
function plain(value: Value): string {
  const text = String(value);
  if (/^(True|true)$/.test(text)) return '1';
  if (/^(False|false)$/.test(text)) return '0';
  return /^0x[0-9a-f]+$/.test(text) ? String(Number(text)) : text;
}

function ours(bytes: Uint8Array, field: string): string[] {
  const read = FIELDS[field];
  return levels(parseFrame(bytes))
    .filter(({ isBare }) => !(isBare && field.startsWith('eth.')))
    .flatMap(({ layers }) => read?.(layers))
    .filter((value) => value !== undefined)
    .map(plain);
}

/** What tshark reads: for each packet the values of each field. Fragments are not put together. */
function theirs(packets: readonly Uint8Array[]): string[][][] {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-packets-'));
  try {
    const writer = new PcapngWriter();
    const id = writer.interface('wire');
    for (const bytes of packets) writer.packet(id, 0n, bytes);
    const file = join(folder, 'packets.pcapng');
    writeFileSync(file, writer.finish());
    const settings = ['ip.defragment:FALSE', 'ipv6.defragment:FALSE', 'tcp.desegment_tcp_streams:FALSE'];
    const out = execFileSync(
      'tshark',
      [
        ...['-r', file, '-n', '-T', 'fields', '-E', 'separator=|', '-E', 'aggregator=;'],
        ...settings.flatMap((setting) => ['-o', setting]),
        ...Object.keys(FIELDS).flatMap((field) => ['-e', field]),
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 50_000, maxBuffer: 1 << 26 },
    );
    return out
      .replace(/\n$/, '')
      .split('\n')
      .map((line) =>
        line
          .split('|')
          .map((values) => (values === '' ? [] : values.split(';').map((value) => plain(value)))),
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface NamedPacket {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Where we and tshark differ: "name: field: we …, tshark …"; and the fields that tshark met in any of the packets. */
export function compareWithTshark(packets: readonly NamedPacket[]): {
  readonly differences: readonly string[];
  readonly met: ReadonlySet<string>;
} {
  const rows = theirs(packets.map(({ bytes }) => bytes));
  const differences: string[] = [];
  const met = new Set<string>();
  packets.forEach(({ name, bytes }, i) => {
    Object.keys(FIELDS).forEach((field, k) => {
      const [we, they] = [ours(bytes, field), rows[i]?.[k] ?? []];
      if (they.length > 0) met.add(field);
      if (we.join(';') !== they.join(';')) differences.push(`${name}: ${field}: we ${we}, tshark ${they}`);
    });
  });
  return { differences, met };
}
