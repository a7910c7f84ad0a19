/** examples/qos.yaml with frames by the thousand, in simulated time: shares by weight, minimums, maximums, and copies. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { parseDocuments } from '../model/input.ts';
import type { ModelObject } from '../model/kinds.ts';
import { BROADCAST_MAC, ipv4, type Mac } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { RawLab } from './raw-lab.ts';

const BITS = 10_000;
/** Of the simulated time, so that what buckets held at the beginning is gone. */
const WARM_UP_MS = 200;
const MEASURED_MS = 400;

function objects(name: string, edit: (text: string) => string = (text) => text): ModelObject[] {
  const file = new URL(`../../examples/${name}.yaml`, import.meta.url);
  const parsed = parseDocuments(edit(readFileSync(file, 'utf8')), name);
  expect(parsed.findings).toEqual([]);
  return parsed.objects.map(({ object }) => object);
}

const ADDRESS: Readonly<Record<string, string>> = {
  gold: '10.1.0.11',
  bronze: '10.1.0.12',
  capped: '10.1.0.13',
  sink: '10.1.0.21',
  backup: '10.2.0.11',
  greedy: '10.2.0.12',
  store: '10.2.0.21',
  probe: '10.1.0.99',
  blue1: '10.0.0.5',
  red1: '10.0.0.5',
  blue2: '10.0.0.7',
  red2: '10.0.0.7',
};

let clock: FakeClock;
let raw: RawLab;

async function open(name: string, edit?: (text: string) => string): Promise<void> {
  clock = new FakeClock();
  raw = await RawLab.open(objects(name, edit), name === 'qos' ? 'Shared wire' : 'Fabric', clock);
}

function frameOf(from: string, to: string): Uint8Array {
  const [src = '', dst = '10.1.0.250'] = [ADDRESS[from], ADDRESS[to]];
  return frame(
    { layer: 'eth', src: raw.macOf(from), dst: to === 'nobody' ? BROADCAST_MAC : raw.macOf(to) },
    { layer: 'ipv4', src: ipv4(src), dst: ipv4(dst) },
    { layer: 'data', bytes: new Uint8Array(BITS / 8 - 34) },
  );
}

/** One machine sends to another, so many Mbit/s. */
type Stream = readonly [from: string, to: string, mbps: number];

/** Mbit/s that arrive of each sender. */
function arriving(...streams: readonly Stream[]): Record<string, number> {
  const senders = streams.map(([from, to, mbps]) => {
    return { from, to, bytes: frameOf(from, to), perMs: (mbps * 1000) / BITS };
  });
  const arrived = new Map(streams.map(([from]) => [from, 0]));
  for (let ms = 1; ms <= WARM_UP_MS + MEASURED_MS; ms++) {
    clock.advance(1);
    for (const { from, to, bytes, perMs } of senders) {
      const sends = Math.floor(ms * perMs) - Math.floor((ms - 1) * perMs);
      for (let n = 0; n < sends; n++) {
        const got = raw.sendFrame(from, bytes).filter(({ who }) => who === to).length;
        if (ms > WARM_UP_MS) arrived.set(from, arrived.get(from)! + got);
      }
    }
  }
  return Object.fromEntries([...arrived].map(([from, n]) => [from, (n * BITS) / MEASURED_MS / 1000]));
}

describe('bandwidth', () => {
  beforeEach(async () => {
    await open('qos');
    // So that the switches know where everybody is.
    for (const machine of raw.machines) raw.sendFrame(machine, frameOf(machine, 'nobody'));
  });
  afterEach(() => raw.close());

  it('is shared by weight among those who want it', () => {
    const { gold = 0, bronze = 0 } = arriving(['gold', 'sink', 100], ['bronze', 'sink', 100]);
    expect(gold + bronze).toBeGreaterThan(95);
    expect(gold + bronze).toBeLessThan(105);
    expect(gold / bronze).toBeGreaterThan(4);
    expect(gold / bronze).toBeLessThan(6);
  });

  it('is all of it for who is alone, whatever his weight', () => {
    expect(arriving(['bronze', 'sink', 120]).bronze).toBeGreaterThan(95);
  });

  it('leaves to the others what somebody does not use', () => {
    const { gold, bronze } = arriving(['gold', 'sink', 20], ['bronze', 'sink', 120]);
    expect(gold).toBeGreaterThan(19);
    expect(bronze).toBeGreaterThan(75);
  });

  it('is never above a maximum, to another host or on the same one', () => {
    for (const to of ['sink', 'bronze']) {
      const { capped } = arriving(['capped', to, 50]);
      expect(capped).toBeGreaterThan(9);
      expect(capped).toBeLessThan(12);
    }
  });

  it('has no limit inside a host without a maximum', () => {
    expect(arriving(['gold', 'bronze', 200]).gold).toBe(200);
  });

  it('keeps a promised minimum under load, and gives the rest to the others', () => {
    const { backup, greedy } = arriving(['backup', 'store', 60], ['greedy', 'store', 200]);
    expect(backup).toBeGreaterThan(59);
    expect(greedy).toBeGreaterThan(35);
    expect(greedy).toBeLessThan(45);
  });

  it('gives all to the others while a promise is not used', () => {
    expect(arriving(['greedy', 'store', 200]).greedy).toBeGreaterThan(95);
  });
});

it('a promise goes from one machine to another in one change, though there is no room for both', async () => {
  await open('qos', (text) => text.replace('minimumMbps: 60', 'minimumMbps: 80'));
  try {
    const { controller, fabric } = raw.lab;
    const backup = controller.network.get('VirtualMachine/backup')?.object;
    if (backup?.kind !== 'VirtualMachine') throw new Error('no backup');
    const another = {
      ...backup,
      name: 'archive',
      vnics: backup.vnics.map((vnic) => ({ ...vnic, addresses: [ipv4('10.2.0.13')] })),
    };
    await expect(controller.apply([{ object: another }], { author: 'test' })).rejects.toThrow(/160 Mbit/);
    await controller.apply([{ object: another }, { delete: 'VirtualMachine/backup' }], { author: 'test' });
    await fabric.settled();
    raw.takeOver();
    expect(raw.machines).toContain('archive');
  } finally {
    await raw.close();
  }
});

describe('bandwidth of virtualized networks', () => {
  const classes = `classifications:
  - { classification: High bandwidth, profile: High bandwidth }
  - { classification: Low bandwidth, profile: Low bandwidth }
`;
  const asked = (speed: number) => (text: string) =>
    text
      .replaceAll(/^ {2}- \{ name: nic1, /gm, `  - { name: nic1, speedMbps: ${speed}, `)
      .replace('uplinkProfiles: [Fabric uplink]\n', `uplinkProfiles: [Fabric uplink]\n${classes}`)
      .replaceAll('{ vmNetwork: Blue, ', '{ vmNetwork: Blue, classification: High bandwidth, ')
      .replaceAll('{ vmNetwork: Red, ', '{ vmNetwork: Red, classification: Low bandwidth, ');
  afterEach(() => raw.close());

  it('is shared by weight as well, though all of it leaves by one tunnel', async () => {
    await open('blue-red', asked(100));
    const { blue1 = 0, red1 = 0 } = arriving(['blue1', 'blue2', 100], ['red1', 'red2', 100]);
    expect(blue1 + red1).toBeGreaterThan(90);
    expect(blue1 + red1).toBeLessThan(105);
    expect(blue1 / red1).toBeGreaterThan(4);
    expect(blue1 / red1).toBeLessThan(6);
  });

  it('is enough for both where the NIC is fast', async () => {
    await open('blue-red', asked(1000));
    expect(arriving(['blue1', 'blue2', 100], ['red1', 'red2', 100])).toEqual({ blue1: 100, red1: 100 });
  });
});

describe('a mirror', () => {
  beforeEach(() => open('qos'));
  afterEach(() => raw.close());

  const ping = (from: string, src: string, to: Mac) =>
    raw.send(
      from,
      { layer: 'eth', src: raw.macOf(from), dst: to },
      { layer: 'ipv4', src: ipv4(src), dst: ipv4('10.1.0.1') },
    );

  it('copies what its machine sends and gets, and nothing else', () => {
    const [gold, bronze] = [raw.macOf('gold'), raw.macOf('bronze')];
    ping('gold', '10.1.0.11', BROADCAST_MAC);
    ping('bronze', '10.1.0.12', BROADCAST_MAC);
    ping('sink', '10.1.0.21', BROADCAST_MAC);
    expect(ping('gold', '10.1.0.11', bronze)).toEqual(['bronze', 'probe']);
    expect(ping('bronze', '10.1.0.12', gold)).toEqual(['gold', 'probe']);
    // What others say to each other is no business of the probe.
    expect(ping('bronze', '10.1.0.12', raw.macOf('sink'))).toEqual(['sink']);
    expect(ping('capped', '10.1.0.13', bronze)).toEqual(['bronze']);
  });

  it('copies what the guards drop too, so that one sees it', () => {
    expect(ping('gold', '10.1.0.77', raw.macOf('bronze'))).toEqual(['probe']);
  });

  it('lets nothing in from the machine that gets the copies', () => {
    expect(ping('probe', '10.1.0.99', BROADCAST_MAC)).toEqual([]);
  });

  it('ends with the word of the operator, and its destination is a machine like any other again', async () => {
    const { controller, fabric } = raw.lab;
    const gold = controller.network.get('VirtualMachine/gold')?.object;
    if (gold?.kind !== 'VirtualMachine') throw new Error('no gold');
    const vnics = gold.vnics.map(({ mirror: _, ...vnic }) => vnic);
    await controller.apply([{ object: { ...gold, vnics } }], { author: 'test' });
    await fabric.settled();
    raw.takeOver();
    const heard = ping('probe', '10.1.0.99', BROADCAST_MAC);
    expect(heard).toEqual(['bronze', 'capped', 'gold', 'outside', 'sink']);
  });
});
