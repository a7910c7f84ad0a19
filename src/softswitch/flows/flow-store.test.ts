import { describe, expect, it } from 'vitest';
import type { Action, Flow, Learn } from '../../flow/flow.ts';
import { parseFlow } from '../../flow/parse.ts';
import { formatFlow } from '../../flow/text.ts';
import { newKey } from '../frame/key.ts';
import { FlowStore } from './flow-store.ts';

/** A store, its clock, and the tables that it said are about to change. */
function newStore() {
  const clock = { now: 0 };
  const changes: number[][] = [];
  const everything = { has: () => true };
  const store = new FlowStore({
    groups: everything,
    meters: { has: (id) => id === 1 },
    now: () => clock.now,
    onChange: (tables) => changes.push([...tables]),
  });
  const add = (...texts: readonly string[]) => store.apply({ add: texts.map(parseFlow), remove: [] });
  const texts = () => store.dump().map(({ flow, packets }) => `${packets} ${formatFlow(flow)}`);
  /** The flow that a frame without any header finds. */
  const find = (table: number) => store.tables.get(table)?.lookup(newKey());
  return { clock, changes, store, add, texts, find };
}

const lesson = (more: Partial<Learn> = {}): Learn => {
  const action = parseFlow('table=0,actions=learn(table=1,NXM_OF_IN_PORT[])').actions[0] as Action & {
    type: 'learn';
  };
  return { ...action.learn, ...more };
};
const flow = (text: string): Flow => parseFlow(text);

describe('flows that end', () => {
  it('are gone in the dump, in the tables, and for a new flow that asks for room', () => {
    const { clock, store, add, texts, find } = newStore();
    add('table=0,idle_timeout=2,actions=output:1', 'table=1,hard_timeout=3,actions=output:2');
    clock.now = 2000;
    expect(texts().length).toBe(2);
    find(0)!.life!.used = 1500;
    clock.now = 3000;
    expect(texts().length).toBe(2);
    clock.now = 3001;
    expect(texts()).toEqual(['0 table=0,priority=32768,idle_timeout=2,actions=output:1']);
    expect(find(1)).toBeUndefined();
    clock.now = 4000;
    store.expire(clock.now);
    expect(find(0)).toBeUndefined();
  });

  it('begin anew when they are added again', () => {
    const { clock, add, texts } = newStore();
    add('table=0,hard_timeout=2,actions=output:1');
    clock.now = 1500;
    add('table=0,hard_timeout=2,actions=output:1');
    clock.now = 3400;
    expect(texts().length).toBe(1);
    clock.now = 3501;
    expect(texts()).toEqual([]);
  });

  it('show the timeouts that a FIN left them', () => {
    const { clock, store, add, texts, find } = newStore();
    add('table=0,tcp,actions=fin_timeout(idle_timeout=1),output:1', 'table=0,priority=1,actions=drop');
    const rule = store.tables.get(0)!.lookup(find(0)!.flow.priority === 1 ? tcpKey() : newKey())!;
    store.shorten(rule, 1, 9);
    expect(texts()[0]).toContain('idle_timeout=1,hard_timeout=9,tcp');
    clock.now = 1001;
    expect(texts().length).toBe(1);
  });
});

function tcpKey() {
  const key = newKey();
  key[34] = 0x0800_0000;
  key[45] = 6;
  return key;
}

describe('learning', () => {
  it('is in the tables once it is published, and tells which', () => {
    const { store, changes, texts, find } = newStore();
    const rule = store.learn(flow('table=1,actions=output:3'), lesson(), 0);
    expect([texts().length, find(1), changes]).toEqual([1, undefined, []]);
    store.publish();
    expect([find(1), changes]).toEqual([rule, [[1]]]);
    store.publish();
    expect(changes.length).toBe(1);
  });

  it('of the same again begins the hard timeout anew, and changes nothing else', () => {
    const { clock, store, changes, texts } = newStore();
    const learnt = flow('table=1,hard_timeout=2,idle_timeout=9,actions=output:3');
    const rule = store.learn(learnt, lesson(), 0);
    store.publish();
    clock.now = 1500;
    expect(store.learn(learnt, lesson(), 1500)).toBe(rule);
    store.publish();
    expect(changes.length).toBe(1);
    clock.now = 3500;
    expect(texts().length).toBe(1);
    clock.now = 3501;
    expect(texts()).toEqual([]);
  });

  it('of something else changes the actions and keeps counters and timeouts', () => {
    const { clock, store, texts, find } = newStore();
    store.learn(flow('table=1,idle_timeout=5,actions=output:3'), lesson(), 0);
    store.publish();
    find(1)!.packets = 7n;
    store.learn(flow('table=1,cookie=0x9,hard_timeout=1,actions=output:4'), lesson(), 1000);
    // A frame that is on its way yet counts for the old one.
    find(1)!.packets += 1n;
    store.publish();
    clock.now = 2500;
    expect(texts()).toEqual(['8 table=1,priority=32768,cookie=0x9,idle_timeout=5,actions=output:4']);
  });

  it('stops at the limit, until something goes', () => {
    const { clock, store } = newStore();
    const learn = (port: number) =>
      store.learn(
        flow(`table=1,in_port=${port},hard_timeout=${port},cookie=0x5,actions=output:1`),
        lesson({ limit: 2 }),
        clock.now,
      );
    expect([learn(1), learn(2), learn(3)].map((rule) => rule !== undefined)).toEqual([true, true, false]);
    store.publish();
    expect(learn(2)).toBeDefined();
    clock.now = 1001;
    store.expire(clock.now);
    expect(learn(3)).toBeDefined();
  });

  it('goes with the last flow that taught it', () => {
    const { store, add, texts } = newStore();
    const teacher = (priority: number) =>
      `table=0,priority=${priority},actions=learn(table=1,delete_learned,cookie=0x7,NXM_OF_IN_PORT[])`;
    add(teacher(1), teacher(2), 'table=1,cookie=0x8,in_port=5,actions=drop');
    store.learn(flow('table=1,cookie=0x7,in_port=1,actions=drop'), lesson(), 0);
    store.publish();
    store.apply({ add: [], remove: [flow(teacher(1))] });
    expect(texts().length).toBe(3);
    // One that takes its place with the same lesson leaves things as they are.
    add(teacher(2).replace('actions=', 'actions=set_field:1->reg0,'));
    expect(texts().length).toBe(3);
    store.apply({ add: [], remove: [flow(teacher(2))] });
    expect(texts()).toEqual(['0 table=1,priority=32768,cookie=0x8,in_port=5,actions=drop']);
  });
});

describe('apply', () => {
  it('refuses a flow that names what is not there, and then changes nothing', () => {
    const { add, texts, changes } = newStore();
    expect(() => add('table=0,actions=output:1', 'table=1,actions=meter:2,output:1')).toThrow('no meter 2');
    expect([texts(), changes]).toEqual([[], []]);
    add('table=1,actions=meter:1,output:1');
    expect(texts().length).toBe(1);
  });
});
