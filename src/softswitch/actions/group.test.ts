import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rig } from '../../../test/support/softswitch-rig.ts';
import type { Bucket } from '../../flow/datapath.ts';
import { FIELD_NAMES } from '../../flow/fields.ts';
import { parseActions } from '../../flow/parse-actions.ts';
import { parseGroup } from '../../flow/parse-group.ts';
import { formatActions } from '../../flow/text-actions.ts';
import { ipv4, mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { actionSet, GroupTable } from './group.ts';
import { bestBucket, bucketOfSlot, FIELD_ORDER, selectionOf, slotsOf } from './group-select.ts';

const bucket = (id: number, weight: number): Bucket => ({ id, weight, actions: [] });
const buckets = (...weights: readonly number[]) => weights.map((weight, id) => bucket(id, weight));
const UDP = frame(
  { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('02:00:00:00:00:02') },
  { layer: 'ipv4', src: ipv4('10.0.0.1'), dst: ipv4('10.0.0.2') },
  { layer: 'udp', sport: 1000, dport: 2000 },
);

describe('slots', () => {
  it('are dealt out by weight, to within one slot', () => {
    const weights = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(weights, (list) => {
        const slots = slotsOf(buckets(...list), 65_536);
        const total = list.reduce((sum, weight) => sum + weight, 0);
        if (total === 0) {
          expect(slots).toBeUndefined();
          return;
        }
        expect(Math.log2(slots!.length) % 1).toBe(0);
        for (const [id, weight] of list.entries()) {
          const share = slots!.filter((b) => b.id === id).length;
          const exact = (slots!.length * weight) / total;
          expect(Math.abs(share - exact), `${weight} of ${total}`).toBeLessThan(list.length);
          if (weight === 0) expect(share).toBe(0);
          else expect(share).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('are 16 at least, and as many as the lightest bucket needs', () => {
    expect(slotsOf(buckets(1), 256)?.length).toBe(16);
    expect(slotsOf(buckets(1, 99), 256)?.length).toBe(128);
    expect(slotsOf(buckets(1, 999), 256)).toBeUndefined();
    expect(slotsOf(buckets(1, 999), 65_536)?.length).toBe(1024);
  });

  it('that are not alive give way to the next ones', () => {
    const slots = slotsOf(buckets(1, 1, 1), 256)!;
    for (let hash = 0; hash < 40; hash++) {
      const chosen = bucketOfSlot(slots, hash, (b) => b.id === 2);
      expect(chosen?.id).toBe(2);
    }
    expect(bucketOfSlot(slots, 7, () => false)).toBeUndefined();
  });
});

describe('the best bucket', () => {
  it('stays the same for most when another one dies', () => {
    const all = buckets(1, 1, 1, 1);
    let moved = 0;
    for (let basis = 0; basis < 400; basis++) {
      const before = bestBucket(all, basis, () => true)!;
      const after = bestBucket(all, basis, (b) => b.id !== 3)!;
      if (before.id !== 3) expect(after).toBe(before);
      else moved++;
    }
    expect(moved).toBeGreaterThan(40);
    expect(moved).toBeLessThan(200);
  });

  it('knows the order of all fields', () => {
    expect([...FIELD_ORDER].sort()).toEqual([...FIELD_NAMES].sort());
  });

  it('is asked for where a group names no fields, and where weights are too far apart', () => {
    const select = (more: string) => selectionOf(parseGroup(`group_id=1,type=select,${more}`)).type;
    expect(select('bucket=actions=output:1')).toBe('dp_hash');
    expect(select('selection_method=hash,bucket=actions=output:1')).toBe('default');
    expect(select('selection_method=hash,fields(ip_src),bucket=actions=output:1')).toBe('hash');
    expect(select('bucket=weight:1,actions=output:1,bucket=weight:300,actions=output:2')).toBe('default');
  });
});

describe('the actions of a bucket', () => {
  it.each([
    ['output:1,output:2', 'output:2'],
    ['output:2,set_field:7->reg0', 'set_field:0x7->reg0,output:2'],
    ['resubmit(,3),output:2', 'output:2'],
    ['group:4,output:2,resubmit(,3)', 'group:4'],
    ['set_field:7->reg0,push_vlan:0x8100,output:1', 'push_vlan:0x8100,set_field:0x7->reg0,output:1'],
    ['set_field:7->reg0', 'drop'],
    ['controller(userdata=01),output:1', 'output:1'],
    ['controller', 'CONTROLLER:65535'],
  ])('%s runs as %s', (text, expected) => {
    expect(formatActions(actionSet(parseActions(text)))).toBe(expected);
  });
});

describe('GroupTable', () => {
  it('gives up on buckets that watch each other in a circle', () => {
    const groups = new GroupTable();
    groups.set(parseGroup('group_id=1,type=ff,bucket=watch_group:2,actions=output:1'));
    groups.set(parseGroup('group_id=2,type=ff,bucket=watch_group:1,actions=output:1'));
    const seen: number[] = [];
    const liveness = { isPortLive: () => true, onGroup: (id: number) => seen.push(id) };
    const entry = groups.get(1)!;
    const packet = {} as Parameters<typeof groups.choose>[1];
    expect(groups.choose(entry, packet, liveness, () => 0)).toEqual([]);
    expect(seen).toContain(2);
  });
});

describe('groups of a switch', () => {
  const vif = (name: string) =>
    ({ type: 'vif', name, id: name, vlan: { mode: 'trunk', trunks: [] } }) as const;

  async function rigged(): Promise<Rig> {
    const rig = new Rig().watch();
    for (const name of ['a', 'b', 'c']) await rig.port(vif(name));
    return rig;
  }

  it('count, and go with the flows that use them', async () => {
    const rig = await rigged();
    await rig.datapath.setGroup(
      parseGroup('group_id=1,type=all,bucket=actions=output:2,bucket=actions=output:3'),
    );
    await rig.flows('table=0,priority=2,actions=clone(group:1)', 'table=0,priority=1,actions=output:2');
    rig.inject('a', UDP);
    rig.inject('a', UDP);
    const count = { packets: 2n, bytes: BigInt(2 * UDP.length) };
    expect(rig.datapath.groupStats()).toMatchObject([{ ...count, buckets: [count, count] }]);
    await rig.datapath.removeGroup(1);
    expect((await rig.datapath.dumpFlows()).map(({ flow }) => flow.priority)).toEqual([1]);
    expect(rig.datapath.groupStats()).toEqual([]);
  });

  it('take effect at once when they change, with frames in the cache', async () => {
    const rig = await rigged();
    rig.datapath.observe(undefined);
    await rig.datapath.setGroup(parseGroup('group_id=1,type=indirect,bucket=actions=output:2'));
    await rig.flows('table=0,actions=group:1');
    for (let i = 0; i < 3; i++) rig.inject('a', UDP);
    expect(rig.datapath.cacheStatistics().hits).toBe(2);
    await rig.datapath.setGroup(parseGroup('group_id=1,type=indirect,bucket=actions=output:3'));
    rig.inject('a', UDP);
    expect([rig.hex('b').length, rig.hex('c').length]).toEqual([3, 1]);
    expect(rig.datapath.groupStats()[0]?.packets).toBe(1n);
  });

  it('fail over when a link goes down', async () => {
    const rig = await rigged();
    await rig.datapath.setGroup(
      parseGroup(
        'group_id=1,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions=output:3',
      ),
    );
    await rig.flows('table=0,actions=group:1');
    rig.inject('a', UDP);
    rig.at('b').setLink(false);
    rig.inject('a', UDP);
    rig.at('c').setLink(false);
    rig.inject('a', UDP);
    expect([rig.hex('b').length, rig.hex('c').length]).toEqual([1, 1]);
    expect(rig.drops()).toContain('no-live-bucket');
  });

  it('have to be there for a flow or a packet-out to name them', async () => {
    const rig = await rigged();
    await expect(rig.flows('table=0,actions=clone(group:9)')).rejects.toThrow('There is no group 9.');
    await expect(rig.datapath.packetOut(1, UDP, parseActions('group:9'))).rejects.toThrow('no group 9');
    await expect(rig.flows('table=0,actions=meter:9,output:2')).rejects.toThrow('There is no meter 9.');
    expect(await rig.datapath.dumpFlows()).toEqual([]);
  });
});
