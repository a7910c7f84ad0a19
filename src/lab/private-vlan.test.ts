/** examples/private-vlan.yaml with real guests: who reaches whom, on one host and over the wire, and in which VLANs. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocuments } from '../model/input.ts';
import { readCapture } from '../packet/capture.ts';
import { parseFrame } from '../packet/parse.ts';
import { Lab } from './lab.ts';

const EXAMPLE = new URL('../../examples/private-vlan.yaml', import.meta.url);
const MACHINES = ['kiosk1', 'kiosk2', 'kiosk3', 'till1', 'till2', 'server'] as const;
const KIND = /^[a-z]+/u;

const kindOf = (machine: string) => KIND.exec(machine)?.[0];
const reaches = (a: string, b: string) =>
  a === 'server' || b === 'server' || (kindOf(a) === 'till' && kindOf(b) === 'till');

describe('private VLANs', () => {
  let lab: Lab;
  beforeAll(async () => {
    const { objects, findings } = parseDocuments(readFileSync(EXAMPLE), 'private-vlan');
    expect(findings).toEqual([]);
    lab = await Lab.open({ objects: objects.map(({ object }) => object), capture: true });
    await lab.ready();
  });
  afterAll(() => lab.close());

  const pairs = MACHINES.flatMap((from) => MACHINES.filter((to) => to !== from).map((to) => [from, to]));
  const open = pairs.filter(([from = '', to = '']) => reaches(from, to));
  const closed = pairs.filter(([from = '', to = '']) => !reaches(from, to));

  // The kiosks and the tills are on both hosts, so every pair is there on one host and over the wire.
  it.each(open)('%s reaches %s', async (from, to) => {
    expect(await lab.ping(from, to)).toMatchObject({ received: 1, verdict: 'answered' });
  });

  it.each(closed)('%s never reaches %s', async (from, to) => {
    expect(await lab.ping(from, to)).toMatchObject({ received: 0, verdict: 'lost' });
  });

  it('have frames on the wire in the VLAN of their sender, as other switches expect them', () => {
    const { packets, interfaces } = readCapture(lab.pcap());
    const seen = new Map<string, Set<number>>();
    const records = [...lab.fabric.hosts.values()].flatMap(({ agent }) => [...agent.records().values()]);
    const names = new Map<string, string>();
    for (const r of records) if (r.kind === 'port') names.set(r.mac, r.name.replace('/eth0', ''));
    for (const { frame, interface: id } of packets) {
      if (!interfaces[id]?.name.endsWith('/nic1')) continue;
      const { eth, vlans } = parseFrame(frame);
      const sender = names.get(eth?.srcMac ?? '') ?? '';
      seen.set(sender, (seen.get(sender) ?? new Set()).add(vlans[0]?.vid ?? 0));
    }
    expect(Object.fromEntries([...seen].map(([name, vlans]) => [name, [...vlans]]))).toEqual({
      kiosk1: [101],
      kiosk2: [101],
      kiosk3: [101],
      till1: [102],
      till2: [102],
      server: [100],
    });
  });
});
