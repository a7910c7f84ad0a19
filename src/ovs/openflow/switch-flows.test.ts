/** The flow half against a switch that is odd, or flooded; against the real one in test/ovs/switch-flows.test.ts. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { output } from '../../flow/actions.ts';
import { matchOf } from '../../flow/match.ts';
import type { Message } from './codec/message.ts';
import { type Answer, fakeSwitch } from './fixture.ts';
import { SwitchFlows } from './switch-flows.ts';

const FRAME = new Uint8Array(60);
const PACKET_IN: Message = {
  type: 'packet-in',
  form: 'nxt-packet-in2',
  table: 8,
  reason: 'action',
  cookie: 7n,
  fullLength: FRAME.length,
  frame: FRAME,
  userdata: '01',
  metadata: matchOf({ in_port: 4096, reg5: 3 }),
};

async function rig(answer: Answer = () => undefined) {
  const { path, peers } = await fakeSwitch((peer, received) => {
    const { message, xid } = received;
    if (message.type === 'request' && (message.about === 'meters' || message.about === 'groups')) {
      const nothing =
        message.about === 'meters' ? { about: 'meters', meters: [] } : { about: 'groups', groups: [] };
      peer.say({ type: 'reply', more: false, ...nothing } as Message, xid);
    }
    return answer(peer, received);
  });
  const troubles: (string | undefined)[] = [];
  const flows = new SwitchFlows({
    path,
    clock: systemClock,
    random: () => 0,
    onTrouble: (trouble) => troubles.push(trouble?.message),
  });
  onTestFinished(() => flows.close());
  await flows.setMeter({ id: 1, unit: 'pktps', bands: [{ type: 'drop', rate: 1 }] });
  return { flows, peer: peers[0]!, troubles };
}

describe('the flow half of a bridge', () => {
  it('hears no questions while a thousand answers wait to be taken, and counts those', async () => {
    let isDeaf = false;
    const { flows, peer } = await rig(() => !isDeaf);
    const answers: Promise<void>[] = [];
    let heard = 0;
    flows.onPacketIn(({ inPort }) => {
      heard += 1;
      answers.push(flows.packetOut(inPort, FRAME, [output('in_port')]));
    });
    isDeaf = true;
    for (let i = 0; i < 1500; i++) peer.say(PACKET_IN);
    await vi.waitFor(() => expect(heard + flows.unheard).toBe(1500));
    expect([heard, flows.unheard]).toEqual([1000, 500]);
    // It takes them.
    isDeaf = false;
    for (const { message, xid } of peer.heard)
      if (message.type === 'barrier-request') peer.say({ type: 'barrier-reply' }, xid);
    await Promise.all(answers);
    peer.say(PACKET_IN);
    await vi.waitFor(() => expect(heard).toBe(1001));
  });

  it('goes on when a handler throws, and says so', async () => {
    const { flows, peer, troubles } = await rig();
    const seen: unknown[] = [];
    flows.onPacketIn((packet) => {
      seen.push(packet);
      throw new Error('a defect');
    });
    peer.say(PACKET_IN);
    peer.say(PACKET_IN);
    await vi.waitFor(() => expect(seen.length).toBe(2));
    expect(seen[0]).toMatchObject({
      inPort: 4096,
      table: 8,
      cookie: 7n,
      userdata: '01',
      metadata: { in_port: 4096n, reg5: 3n },
    });
    expect(troubles).toEqual([undefined, 'a defect', 'a defect']);
  });

  it('takes nothing for gone when the switch has not said all', async () => {
    const { flows } = await rig((peer, { message, xid }) => {
      if (message.type === 'request' && message.about === 'flows')
        peer.say({ type: 'reply', about: 'flows', more: true, flows: [] }, xid);
      return undefined;
    });
    await expect(flows.dumpFlows()).rejects.toThrow(/switch-protocol.*not said all/);
  });
});
