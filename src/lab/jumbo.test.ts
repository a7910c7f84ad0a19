/** A fabric that carries more than Ethernet's 1500 bytes gives guests of virtualized networks their 1500. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../model/input.ts';
import { isKind } from '../model/kinds.ts';
import { endpointsOf, resolvePair } from './endpoints.ts';
import { Lab } from './lab.ts';

const text = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');

/** The frames on the cables of a ping with packets of this size, and whether it was answered. */
async function ping(fabricMtu: number, packet: number) {
  const objects = parseDocuments(text, 'blue-red').objects.map(({ object }) =>
    isKind(object, 'PhysicalNetwork') ? { ...object, mtu: fabricMtu } : object,
  );
  const sizes: number[] = [];
  const lab = await Lab.open({ objects });
  await lab.ready();
  try {
    lab.fabric.observe((host, _name, event) => {
      if (host === undefined && event.type === 'frame-in') sizes.push(event.frame.length);
    });
    const { from, address } = resolvePair(endpointsOf(lab.fabric), 'blue1', 'blue2');
    await lab.ping('blue1', 'blue2');
    sizes.length = 0;
    const { promise, resolve } = Promise.withResolvers<number>();
    // 20 bytes of IPv4 and 8 of ICMP.
    from.nic.ping(address, { count: 1, id: 7, timeout: 1000, size: packet - 28 }, ({ received }) =>
      resolve(received),
    );
    await lab.ping('red1', 'red2');
    await lab.ping('red1', 'red2');
    return { mtu: from.nic.mtu, received: await promise, largest: Math.max(...sizes) };
  } finally {
    await lab.close();
  }
}

describe('guests of a virtualized network', () => {
  it('have what is left of 1500 on an ordinary fabric, and larger packets go in fragments', async () => {
    const { mtu, received, largest } = await ping(1500, 1500);
    expect([mtu, received]).toEqual([1458, 1]);
    expect(largest).toBeLessThanOrEqual(14 + 1500);
  });

  it('have 1500 on one that carries 1542, and fill it in one packet', async () => {
    // Ethernet, and the 1542 bytes that 1500 become by NVGRE over IPv4.
    expect(await ping(1542, 1500)).toEqual({ mtu: 1500, received: 1, largest: 14 + 1542 });
  });
});
