import { describe, expect, it } from 'vitest';
import { judgeFeatures } from './features.ts';

const ALL = new Map(
  [
    ...['recirc', 'ct state', 'ct zone', 'masked set action', 'clone action', 'conntrack clear'],
    'check pkt length action',
  ].map((name) => [name, 'Yes']),
);
const without = (name: string) => judgeFeatures(new Map([...ALL, [name, 'No']]));

describe('the datapath, as the doctor sees it', () => {
  it('is fine, slow, useless, or not known', () => {
    expect(judgeFeatures(ALL).verdict).toBe('ok');
    expect(without('check pkt length action')).toMatchObject({
      verdict: 'warning',
      words: 'The datapath leaves to ovs-vswitchd, which is slow: check pkt length action.',
    });
    expect(without('ct state')).toMatchObject({
      verdict: 'failed',
      words: 'The datapath cannot do: ct state.',
    });
    expect([judgeFeatures(undefined).verdict, judgeFeatures(new Map()).verdict]).toEqual([
      'unknown',
      'unknown',
    ]);
  });
});
