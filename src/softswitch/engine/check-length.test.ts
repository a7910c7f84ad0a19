import { describe, expect, it } from 'vitest';
import { Rig } from '../../../test/support/softswitch-rig.ts';
import { parseMeter } from '../../flow/parse-group.ts';
import { ipv4, mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';

const udp = (size: number) =>
  frame(
    { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') },
    { layer: 'ipv4', src: ipv4('10.0.0.1'), dst: ipv4('10.0.0.2') },
    { layer: 'udp' },
    { layer: 'data', bytes: new Uint8Array(size) },
  );

async function rigged(...flows: readonly string[]): Promise<Rig> {
  const rig = new Rig();
  for (const name of ['a', 'b', 'c']) {
    await rig.port({ type: 'vif', name, id: name, vlan: { mode: 'trunk', trunks: [] } });
  }
  await rig.flows(...flows);
  return rig;
}

describe('check_pkt_larger', () => {
  const FLOWS = [
    'table=0,actions=check_pkt_larger(142)->NXM_NX_REG0[0],resubmit(,1)',
    'table=1,reg0=1,actions=output:3',
    'table=1,reg0=0,actions=output:2',
  ];

  it('tells long frames from short ones, with recipes for both in between', async () => {
    const rig = await rigged(...FLOWS);
    for (const size of [100, 101, 100, 300, 60, 101]) rig.inject('a', udp(size));
    expect([rig.taken('b').length, rig.taken('c').length]).toEqual([3, 3]);
    expect(rig.datapath.cacheStatistics().hits).toBeGreaterThan(0);
  });

  it('counts on both ways', async () => {
    const rig = await rigged(...FLOWS);
    rig.inject('a', udp(100));
    rig.inject('a', udp(200));
    expect((await rig.datapath.dumpFlows()).map(({ packets }) => packets)).toEqual([2n, 2n, 2n]);
  });

  it('does not count padding', async () => {
    const rig = await rigged(
      'table=0,actions=check_pkt_larger(42)->NXM_NX_REG0[0],resubmit(,1)',
      ...FLOWS.slice(1),
    );
    const padded = new Uint8Array(60);
    padded.set(udp(0));
    rig.inject('a', padded);
    expect([rig.taken('b').length, rig.taken('c').length]).toEqual([1, 0]);
  });

  it('is not noticed where nobody is to get the frame', async () => {
    const rig = (await rigged(...FLOWS)).watch();
    rig.inject('a', udp(100));
    const matches = rig.events.filter((event) => event.type === 'match');
    expect(matches.length).toBe(2);
    expect(rig.events.filter((event) => event.type === 'output').length).toBe(1);
  });
});

describe('a meter', () => {
  it('drops what follows, which is counted all the same, in the cache and out of it', async () => {
    const rig = await rigged('table=0,actions=resubmit(,1),output:3', 'table=1,priority=1,actions=output:2');
    await rig.datapath.setMeter(parseMeter('meter=1,pktps,stats,bands=type=drop,rate=2'));
    await rig.flows('table=1,priority=2,actions=meter:1,output:2,resubmit(,2)', 'table=2,actions=drop');
    for (let i = 0; i < 5; i++) rig.inject('a', udp(10));
    expect([rig.taken('b').length, rig.taken('c').length]).toEqual([2, 2]);
    expect((await rig.datapath.dumpFlows()).map(({ packets }) => packets)).toEqual([5n, 5n, 0n, 5n]);
    expect(rig.datapath.meterStats()).toMatchObject([{ packets: 5n, bands: [{ packets: 3n }] }]);
    rig.clock.advance(500);
    for (let i = 0; i < 3; i++) rig.inject('a', udp(10));
    expect(rig.taken('c').length).toBe(1);
    expect(rig.datapath.cacheStatistics().hits).toBeGreaterThan(0);
  });

  it('that is removed takes its flows with it', async () => {
    const rig = await rigged('table=0,priority=1,actions=output:2');
    await rig.datapath.setMeter(parseMeter('meter=1,pktps,stats,bands=type=drop,rate=1'));
    await rig.flows('table=0,priority=2,actions=meter:1,output:3');
    for (let i = 0; i < 3; i++) rig.inject('a', udp(10));
    await rig.datapath.removeMeter(1);
    rig.inject('a', udp(10));
    expect([rig.taken('b').length, rig.taken('c').length]).toEqual([1, 1]);
    expect(rig.datapath.meterStats()).toEqual([]);
  });
});

describe('a flow that learns', () => {
  it('does not end the recipe that learns the same again', async () => {
    const rig = await rigged(
      'table=0,actions=learn(table=1,hard_timeout=2,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),output:2',
      'table=1,actions=drop',
    );
    for (let i = 0; i < 10; i++) {
      rig.inject('a', udp(10));
      rig.clock.advance(1500);
    }
    expect(rig.datapath.cacheStatistics().hits).toBeGreaterThan(7);
    expect((await rig.datapath.dumpFlows()).length).toBe(3);
    rig.clock.advance(600);
    expect((await rig.datapath.dumpFlows()).length).toBe(2);
    rig.inject('a', udp(10));
    expect((await rig.datapath.dumpFlows()).length).toBe(3);
  });
});
