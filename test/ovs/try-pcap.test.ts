// What Wireshark reads in the capture of a lab: NVGRE as RFC 7637 has it, with the tenants' frames whole inside.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { ipv4 } from '../../src/packet/address.ts';
import { fromHex } from '../../src/packet/bytes.ts';
import { tsharkFileBytes, tsharkFileFields } from '../support/tshark.ts';
import { itWithTools } from './open-vswitch.ts';

const WIRES = ['host1/nic1', 'host2/nic1'];
const VSID = { blue: 5001, red: 6001 } as const;
const TENANTS = ['blue', 'red'] as const;
/** Outer Ethernet, IPv4 and GRE with a key. */
const OUTER = 14 + 20 + 8;
const UDP_FLOWS = 24;

/** A line a header: outer Ethernet, outer IPv4, GRE, inner Ethernet, inner IPv4, TCP. */
const GOLDEN = readFileSync(new URL('../fixtures/nvgre-golden.hex', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

interface Captured {
  readonly interface: string;
  readonly bytes: string;
  readonly fields: Readonly<Record<string, string>>;
}

const FIELDS = [
  ...[
    'frame.interface_name',
    'frame.protocols',
    'frame.comment',
    'ip.proto',
    'ip.src',
    'ip.dst',
    'udp.srcport',
    'udp.dstport',
  ],
  ...[
    'gre.flags_and_version',
    'gre.proto',
    'gre.key',
    'icmp.ident',
    'ip.checksum.status',
    'udp.checksum.status',
  ],
  ...[
    'icmp.checksum.status',
    'tcp.checksum.status',
    '_ws.malformed',
    '_ws.expert.severity',
    '_ws.expert.message',
  ],
];

let folder: string | undefined;
let capture: Promise<Captured[]> | undefined;
afterAll(() => folder && rmSync(folder, { recursive: true }));

/** Pings and datagrams of both tenants, and the golden frame's TCP segment; read back by tshark. */
function captured(): Promise<Captured[]> {
  capture ??= record();
  return capture;
}

async function record(): Promise<Captured[]> {
  const example = new URL('../../examples/blue-red.yaml', import.meta.url);
  const segment = fromHex(GOLDEN[5] ?? '');
  if (!segment) throw new Error('the golden frame is not hexadecimal');
  const { objects } = parseDocuments(readFileSync(example), 'blue-red');
  const lab = await Lab.open({ objects: objects.map(({ object }) => object), capture: true });
  try {
    await lab.ready();
    for (const tenant of TENANTS) {
      for (let i = 0; i < 3; i++) {
        expect(await lab.ping(`${tenant}1`, `${tenant}2`, { count: 2 })).toMatchObject({
          verdict: 'answered',
        });
      }
      const { nic } = [...lab.fabric.machines.values()].find((m) => m.port.name === `${tenant}1/eth0`)!;
      for (let i = 0; i < UDP_FLOWS * 2; i++) {
        const sourcePort = 40_000 + (i % UDP_FLOWS);
        const payload = new TextEncoder().encode(`${tenant}, datagram ${i}`);
        const problem = nic.udpSend({
          destination: ipv4('10.0.0.7'),
          destinationPort: 7,
          sourcePort,
          payload,
        });
        expect(problem).toBeUndefined();
      }
      expect(nic.sendIp(ipv4('10.0.0.7'), 6, segment)).toBeUndefined();
    }
    folder = mkdtempSync(join(tmpdir(), 'netloom-try-'));
    const file = join(folder, 'try.pcapng');
    writeFileSync(file, lab.pcap());
    const bytes = tsharkFileBytes(file);
    const rows = tsharkFileFields(file, ...FIELDS);
    expect(rows).toHaveLength(bytes.length);
    return rows.map((row, i) => {
      const fields = Object.fromEntries(FIELDS.map((name, at) => [name, row[at] ?? '']));
      return { interface: fields['frame.interface_name'] ?? '', bytes: bytes[i]!, fields };
    });
  } finally {
    await lab.close();
  }
}

/** Tunnelled frames on the cable between hosts; the others there are ARP of the provider addresses. */
async function onTheWire(): Promise<Captured[]> {
  return (await captured()).filter((c) => WIRES.includes(c.interface) && c.fields['gre.key'] !== '');
}

function keyOf({ fields }: Captured): { vsid: number; flow: number } {
  const key = Number(fields['gre.key']);
  return { vsid: key >>> 8, flow: key & 0xff };
}

describe('the capture of a lab, read by tshark', () => {
  itWithTools(['tshark'], 'nothing is malformed, and every checksum holds', async () => {
    const frames = await captured();
    expect(frames.length).toBeGreaterThan(300);
    for (const { fields, bytes } of frames) {
      expect(fields['_ws.malformed'], bytes).toBe('');
      const isGrave = /6291456|8388608/.test(fields['_ws.expert.severity'] ?? '');
      // To tshark all interfaces are one network, and both tenants have these addresses.
      if (isGrave)
        expect(fields['_ws.expert.message'], bytes).toMatch(
          /(^|,)Duplicate IP address configured \([\d.]+\)$/,
        );
      for (const name of ['ip', 'udp', 'icmp', 'tcp'])
        expect(fields[`${name}.checksum.status`], bytes).toMatch(/^(1(,1)*)?$/);
    }
    // The positive control: the checksums were looked at.
    expect(frames.some((c) => c.fields['ip.checksum.status'] === '1,1')).toBe(true);
    expect(frames.some((c) => c.fields['udp.checksum.status'] === '1')).toBe(true);
  });

  itWithTools(
    ['tshark'],
    'tenants cross the wire in NVGRE only: IP protocol 47, a key, protocol 0x6558',
    async () => {
      const wire = await onTheWire();
      expect(wire.length).toBeGreaterThan(200);
      for (const { fields, bytes } of wire) {
        expect(fields['frame.protocols'], bytes).toMatch(/^eth:ethertype:ip:gre:eth:ethertype:/);
        expect(fields['ip.proto'], bytes).toMatch(/^47,/);
        // K alone, version 0.
        expect(Number(fields['gre.flags_and_version']), bytes).toBe(0x2000);
        expect(Number(fields['gre.proto']), bytes).toBe(0x6558);
        expect(Object.values(VSID)).toContain(keyOf({ interface: '', fields, bytes }).vsid);
      }
      const others = (await captured()).filter(
        (c) => WIRES.includes(c.interface) && c.fields['gre.key'] === '',
      );
      for (const { fields } of others) expect(fields['frame.protocols']).toBe('eth:ethertype:arp');
    },
  );

  itWithTools(
    ['tshark'],
    'the frame inside is the one on the virtual cables, under the VSID of its tenant',
    async () => {
      const frames = await captured();
      for (const tenant of TENANTS) {
        const on = (name: string) => new Set(frames.filter((c) => c.interface === name).map((c) => c.bytes));
        const [first, second] = [on(`${tenant}1/eth0`), on(`${tenant}2/eth0`)];
        const inner = (await onTheWire())
          .filter((c) => keyOf(c).vsid === VSID[tenant])
          .map(({ bytes }) => bytes.slice(OUTER * 2));
        expect(new Set(inner).size).toBeGreaterThan(UDP_FLOWS * 2);
        for (const bytes of inner) expect([first.has(bytes), second.has(bytes)], bytes).toEqual([true, true]);
      }
    },
  );

  itWithTools(['tshark'], 'every frame says which rules touched it, and on which cable it was', async () => {
    const frames = await captured();
    for (const { fields, bytes, interface: name } of frames) {
      expect(name, bytes).toMatch(/^(host[12]\/nic1|(blue|red)[12]\/eth0)$/);
      expect(fields['frame.comment'], bytes).toMatch(/(switch \S.* of host[12]|from the agent of host[12])/);
    }
    // In the tunnel as well: the rules of the tenant that let it go, those of the tunnel packet, those that let it in.
    const tunnelled = (await onTheWire()).filter((c) => keyOf(c).vsid === VSID.blue);
    expect(tunnelled.length).toBeGreaterThan(0);
    for (const { fields, bytes } of tunnelled) {
      expect(fields['frame.comment'], bytes).toMatch(
        /spoof-guard: (blue[12]).* may .*\[VirtualMachine\/\1\].*classify: from the provider address/s,
      );
      expect(fields['frame.comment'], bytes).not.toMatch(/red/i);
    }
  });

  itWithTools(['tshark'], 'the FlowID is one within a flow, and another for another', async () => {
    const flows = new Map<string, Set<number>>();
    for (const c of await onTheWire()) {
      const { fields } = c;
      const { vsid, flow } = keyOf(c);
      // The inner addresses stand behind the outer ones.
      const ends = [fields['ip.src'], fields['ip.dst']].map((a) => a?.split(',')[1]);
      const protocol = fields['ip.proto']?.split(',')[1];
      const name = `${vsid} ${ends} protocol ${protocol} ${fields['udp.srcport']}>${fields['udp.dstport']}`;
      flows.set(name, (flows.get(name) ?? new Set()).add(flow));
    }
    for (const [name, ids] of flows) expect(ids.size, name).toBe(1);
    for (const vsid of Object.values(VSID)) {
      const udp = [...flows].filter(([name]) => name.startsWith(`${vsid} `) && name.includes('protocol 17 '));
      expect(udp).toHaveLength(UDP_FLOWS);
      expect(new Set(udp.flatMap(([, ids]) => [...ids])).size).toBeGreaterThan(UDP_FLOWS / 2);
    }
  });

  itWithTools(['tshark'], 'the headers are those of the golden frame, byte for byte', async () => {
    const golden = GOLDEN.join('');
    const [frame, ...more] = (await onTheWire()).filter(
      (c) => c.interface === WIRES[0] && keyOf(c).vsid === VSID.blue && c.bytes.length === golden.length,
    );
    expect(more).toEqual([]);
    const different = [...golden].flatMap((digit, i) => (digit === frame?.bytes[i] ? [] : [i >> 1]));
    // MAC addresses, outer and inner: the pool of the lab gave others. The inner identification counts what the guest
    // has sent, and its header has the checksum that goes with it. All else is the same, the FlowID included.
    const allowed = [
      ...range(0, 12),
      ...range(OUTER, 12),
      ...range(OUTER + 14 + 4, 2),
      ...range(OUTER + 14 + 10, 2),
    ];
    expect(different.filter((at) => !allowed.includes(at))).toEqual([]);
  });
});

function range(from: number, length: number): number[] {
  return Array.from({ length }, (_, i) => from + i);
}
