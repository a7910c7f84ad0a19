import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import type { PacketIn } from '../../flow/datapath.ts';
import type { Flow } from '../../flow/flow.ts';
import { formatFlow } from '../../flow/text.ts';
import { fromHex } from '../../packet/bytes.ts';
import { LldpListener } from './listener.ts';
import { Neighbours } from './neighbours.ts';

const HEADER = '0180c200000e00112233445588cc';
const CHASSIS = '0207040011223344ff';
const ETHERNET1_7 = '040c0545746865726e6574312f37';
const LEAF1 = '0a056c65616631';

function frame(...tlvs: readonly string[]): Uint8Array {
  return fromHex([HEADER, ...tlvs, '0000'].join('')) ?? new Uint8Array();
}
const leaf1 = frame(CHASSIS, ETHERNET1_7, '06020078', LEAF1);

describe('neighbours', () => {
  it('are what they say they are, for as long as they say', () => {
    const neighbours = new Neighbours();
    neighbours.hear('nic1', leaf1, 1000);
    const said = { chassis: '00:11:22:33:44:ff', port: 'Ethernet1/7', system: 'leaf1' };
    expect([...neighbours.at(1000)]).toEqual([['nic1', said]]);
    expect([...neighbours.at(120_999)]).toEqual([['nic1', said]]);
    expect([...neighbours.at(121_000)]).toEqual([]);
  });

  it('go when they say so, and are others when they say so', () => {
    const neighbours = new Neighbours();
    neighbours.hear('nic1', leaf1, 0);
    neighbours.hear('nic1', frame('020605010a000001', '0403077031', '06020078'), 1);
    expect([...neighbours.at(2)]).toEqual([['nic1', { chassis: '10.0.0.1', port: 'p1' }]]);
    neighbours.hear('nic1', frame(CHASSIS, ETHERNET1_7, '06020000'), 3);
    expect([...neighbours.at(4)]).toEqual([]);
  });

  it('cannot write on a terminal what nobody sees', () => {
    const neighbours = new Neighbours();
    // A port called "ESC[2J", a system called "a" and a letter that turns the direction of writing around.
    neighbours.hear('nic1', frame(CHASSIS, '0405071b5b324a', '06020078', '0a0461e280ae'), 0);
    expect(neighbours.at(1).get('nic1')).toEqual({ chassis: '00:11:22:33:44:ff', port: '1b5b324a' });
  });

  it('are not disturbed by anything else (property)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const neighbours = new Neighbours();
        neighbours.hear('nic1', bytes, 0);
        neighbours.hear('nic1', Uint8Array.from([...leaf1.subarray(0, 14), ...bytes]), 0);
        expect(neighbours.at(1).size).toBeLessThan(2);
      }),
    );
  });
});

describe('LldpListener', () => {
  it('has a flow for each NIC, and hears what comes by it', async () => {
    let flows: readonly Flow[] = [];
    let changes = 0;
    let say: (packet: PacketIn) => void = () => {};
    const clock = new FakeClock();
    const listener = new LldpListener(
      {
        async setOwnFlows(wanted) {
          changes++;
          flows = wanted;
        },
        onOwnPacketIn(handler) {
          say = handler;
        },
      },
      clock,
    );
    const packet = (inPort: number): PacketIn => ({
      inPort,
      table: 0,
      cookie: flows[0]?.cookie ?? 0n,
      userdata: '',
      frame: leaf1,
      metadata: {},
    });
    await listener.listenTo(
      new Map([
        [5, 'nic1'],
        [6, 'nic2'],
      ]),
    );
    await listener.listenTo(
      new Map([
        [5, 'nic1'],
        [6, 'nic2'],
      ]),
    );
    expect(changes).toBe(1);
    expect(flows.map(formatFlow)).toEqual([
      'table=0,priority=65535,cookie=0x4c4c445000000000,in_port=5,dl_type=0x88cc,actions=CONTROLLER:65535',
      'table=0,priority=65535,cookie=0x4c4c445000000000,in_port=6,dl_type=0x88cc,actions=CONTROLLER:65535',
    ]);
    say(packet(5));
    // Somebody else, or a port that is no NIC (any more).
    say({ ...packet(6), cookie: 1n });
    say(packet(7));
    expect([...listener.neighbours().keys()]).toEqual(['nic1']);
    await listener.listenTo(new Map([[6, 'nic2']]));
    expect(listener.neighbours().size).toBe(0);
  });
});
