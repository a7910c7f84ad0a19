import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../model/input.ts';
import { readCapture } from '../packet/capture.ts';
import { parseFrame } from '../packet/parse.ts';
import { Lab } from './lab.ts';

const EXAMPLE = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url));

async function captured(use: (lab: Lab) => Promise<unknown>) {
  const { objects } = parseDocuments(EXAMPLE, 'blue-red');
  const lab = await Lab.open({ objects: objects.map(({ object }) => object), capture: true });
  try {
    await lab.ready();
    await use(lab);
    const { packets, interfaces } = readCapture(lab.pcap());
    return packets.map(({ comments, frame, interface: id }) => ({
      on: interfaces[id]?.name ?? '',
      comment: comments.join('\n'),
      layers: parseFrame(frame),
    }));
  } finally {
    await lab.close();
  }
}

describe('the capture of a lab', () => {
  it('says of every frame which rules touched it', async () => {
    const frames = await captured((lab) => lab.ping('blue1', 'blue2'));
    expect(frames.filter(({ comment }) => comment === '')).toEqual([]);
    const echo = frames.filter(({ layers }) => layers.icmp);
    expect(echo.length).toBeGreaterThan(0);
    for (const { comment } of echo) expect(comment).toContain('[VirtualMachine/blue');
    // The frame in the tunnel has the rules of the host that sent it, and of the one that took it out.
    const arrived = frames.find(({ on, layers }) => on === 'host2/nic1' && layers.gre);
    expect(arrived?.comment).toMatch(/of host1\n.*spoof-guard.*of host2\n.*forward: blue2 is on this host/s);
  });

  it('says why a frame went no further', async () => {
    // Nobody has this address: the question ends in the switch.
    const frames = await captured((lab) => lab.ping('blue1', '10.0.0.99'));
    const asked = frames.filter(
      ({ on, layers }) => on === 'blue1/eth0' && layers.arp?.targetIp === '10.0.0.99',
    );
    expect(asked.length).toBeGreaterThan(0);
    for (const { comment } of asked) expect(comment).toContain('dropped: ');
  });

  it('goes on after a walk, which watches the switches too', async () => {
    const frames = await captured(async (lab) => {
      await lab.walk('blue1', 'blue2');
      await lab.ping('red1', 'red2');
    });
    const red = frames.filter(({ on, layers }) => on === 'red2/eth0' && layers.icmp);
    expect(red.length).toBeGreaterThan(0);
    for (const { comment } of red) expect(comment).toContain('[VirtualMachine/red');
  });
});
