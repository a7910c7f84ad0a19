import { describe, expect, it } from 'vitest';
import type { ExplainedFlow } from '../flow/flow.ts';
import { parseFlow } from '../flow/parse.ts';
import { dropsOf } from './drops.ts';

describe('what rules have dropped', () => {
  const ours = (text: string, words: string): ExplainedFlow => ({
    ...parseFlow(text),
    switch: 'Fabric',
    words,
    origin: 'VirtualMachine/blue1',
  });
  const wanted = [
    ours('priority=10,in_port=1,actions=drop', 'a lie'),
    ours('priority=10,in_port=2,actions=drop', 'a lie'),
    ours('priority=20,in_port=1,actions=drop', 'another'),
    ours('priority=30,in_port=1,actions=output:2', 'lets pass'),
  ];
  const explain = (flow: object) => wanted.find((each) => each === flow);
  const counted = (packets: readonly bigint[]) =>
    [...wanted, parseFlow('priority=7,in_port=9,actions=drop')].map((flow, i) => ({
      flow,
      packets: packets[i] ?? 0n,
      bytes: 0n,
    }));

  it('is counted by what the rule says, and only of rules of ours that drop', () => {
    expect(dropsOf('Fabric', counted([2n, 3n, 1n, 50n, 60n]), explain)).toEqual([
      { switch: 'Fabric', object: 'VirtualMachine/blue1', words: 'a lie', packets: 5 },
      { switch: 'Fabric', object: 'VirtualMachine/blue1', words: 'another', packets: 1 },
    ]);
  });

  it('is nothing where nothing was dropped', () => {
    expect(dropsOf('Fabric', counted([]), explain)).toEqual([]);
  });
});
