import { describe, expect, it } from 'vitest';
import { Rig } from '../../../test/support/softswitch-rig.ts';
import { NetloomError } from '../../base/error.ts';
import type { PortSpec, PortVlan } from '../../flow/datapath.ts';
import type { Mirror } from '../../flow/mirror.ts';
import { toHex } from '../../packet/bytes.ts';
import { newBatch } from '../batch.ts';

const TRUNK: PortVlan = { mode: 'trunk', trunks: [] };
const FRAME = new Uint8Array([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, ...new Uint8Array(46).fill(7)]);
const vif = (name: string, vlan: PortVlan = TRUNK): PortSpec => ({ type: 'vif', name, id: name, vlan });

/** Ports a, b, c with numbers 1, 2, 3; what comes in by a leaves by b. */
async function rigged(...mirrors: readonly Mirror[]): Promise<Rig> {
  const rig = new Rig();
  for (const name of ['a', 'b', 'c']) await rig.port(vif(name));
  await rig.flows('table=0,in_port=1,actions=output:2', 'table=0,in_port=3,actions=output:2');
  await rig.datapath.setMirrors(mirrors);
  return rig;
}

describe('mirrors', () => {
  it('send a frame once, whatever the reasons, and the same by the cache', async () => {
    const rig = await rigged(
      { name: 'all', selectAll: true, output: { port: 'c' } },
      { name: 'again', selectSrcPorts: ['a'], output: { port: 'c' } },
    );
    for (let i = 0; i < 3; i++) rig.inject('a', FRAME);
    expect(rig.hex('b')).toEqual([FRAME, FRAME, FRAME].map((f) => toHex(f)));
    expect(rig.hex('c')).toEqual([FRAME, FRAME, FRAME].map((f) => toHex(f)));
    expect(rig.datapath.cacheStatistics().hits).toBe(2);
    expect((await rig.datapath.mirrors()).map(({ packets, bytes }) => [packets, bytes])).toEqual([
      [3n, BigInt(3 * FRAME.length)],
      [0n, 0n],
    ]);
  });

  it('reserve the port that they send to, as long as they are there', async () => {
    const rig = await rigged({ name: 'm', selectSrcPorts: ['b'], output: { port: 'c' } });
    rig.inject('c', FRAME);
    rig.inject('c', FRAME);
    expect(rig.taken('b')).toEqual([]);
    await rig.flows('table=0,priority=1,actions=NORMAL', 'table=0,priority=40000,in_port=1,actions=NORMAL');
    rig.inject('a', FRAME);
    expect([rig.taken('b').length, rig.taken('c').length]).toEqual([1, 0]);
    await rig.datapath.setMirrors([]);
    rig.inject('c', FRAME);
    rig.inject('a', FRAME);
    expect([rig.taken('b').length, rig.taken('c').length]).toEqual([2, 1]);
  });

  it('cut the mirrored frame and no other, one by one and in batches', async () => {
    const rig = await rigged({ name: 'm', selectDstPorts: ['b'], output: { port: 'c' }, snaplen: 20 });
    const cut = toHex(FRAME.subarray(0, 20));
    for (let i = 0; i < 2; i++) rig.inject('a', FRAME);
    const batch = newBatch(new Uint8Array(1024));
    for (let i = 0; i < 2; i++) {
      batch.bytes.set(FRAME, 200 * (i + 1));
      batch.at[i] = 200 * (i + 1);
      batch.length[i] = FRAME.length;
    }
    batch.count = 2;
    rig.at('a').receiveBatch(batch);
    expect(rig.hex('c')).toEqual([cut, cut, cut, cut]);
    expect(rig.hex('b')).toEqual(new Array(4).fill(toHex(FRAME)));
  });

  it('cut in batches too what goes nowhere else', async () => {
    const rig = await rigged({ name: 'm', selectSrcPorts: ['b'], output: { port: 'c' }, snaplen: 20 });
    const batch = newBatch(FRAME.slice());
    [batch.at[0], batch.length[0], batch.count, batch.headroom] = [0, FRAME.length, 1, 0];
    rig.inject('b', FRAME);
    for (let i = 0; i < 2; i++) rig.at('b').receiveBatch(batch);
    expect(rig.hex('c')).toEqual(new Array(3).fill(toHex(FRAME.subarray(0, 20))));
  });

  it('see frames that a link that is down swallows', async () => {
    const rig = await rigged({ name: 'm', selectDstPorts: ['b'], output: { port: 'c' } });
    rig.at('b').setLink(false);
    rig.inject('a', FRAME);
    expect([rig.taken('b').length, rig.taken('c').length]).toEqual([0, 1]);
  });

  it('come to life with the ports that they name', async () => {
    const rig = await rigged({ name: 'm', selectSrcPorts: ['a', 'd'], output: { port: 'd' } });
    rig.inject('a', FRAME);
    await rig.port(vif('d', { mode: 'access', tag: 9 }));
    rig.inject('a', FRAME);
    expect(rig.hex('d')).toEqual([toHex(FRAME)]);
    await rig.datapath.removePort('d');
    rig.inject('a', FRAME);
    expect(rig.taken('b').length).toBe(3);
  });

  it.each<[Mirror[], RegExp]>([
    [[{ name: '', output: { port: 'c' } }], /name/],
    [[1, 2].map(() => ({ name: 'm', output: { port: 'c' } })), /taken/],
    [[{ name: 'm', output: { vlan: 0 } }], /VLAN/],
    [[{ name: 'm', output: { vlan: 4096 } }], /VLAN/],
    [[{ name: 'm', output: { port: 'c' }, selectVlans: [-1] }], /VLAN/],
    [[{ name: 'm', output: { port: 'c' }, snaplen: 13 }], /14/],
    [Array.from({ length: 33 }, (_, i) => ({ name: `m${i}`, output: { port: 'c' } })), /32/],
  ])('refuses %j and leaves everything as it was', async (mirrors, message) => {
    const rig = await rigged({ name: 'old', selectAll: true, output: { port: 'c' } });
    const thrown = await rig.datapath.setMirrors(mirrors).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(NetloomError);
    expect(String(thrown)).toMatch(message);
    rig.inject('a', FRAME);
    expect(rig.taken('c').length).toBe(1);
  });

  it('count all 32 of them, the last one too', async () => {
    const all = Array.from({ length: 32 }, (_, i) => ({
      name: `m${i}`,
      selectAll: true,
      output: i < 31 ? { vlan: i + 1 } : { port: 'c' },
    }));
    const rig = await rigged(...all);
    rig.inject('a', FRAME);
    expect((await rig.datapath.mirrors()).map(({ packets }) => packets)).toEqual(all.map(() => 1n));
    expect(rig.taken('c').length).toBe(1);
  });
});
