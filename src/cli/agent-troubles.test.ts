import { describe, expect, it } from 'vitest';
import { Refusals } from '../access/refusals.ts';
import { FakeClock } from '../base/clock.ts';
import { finding } from '../base/error.ts';
import { troubleTeller } from './agent-troubles.ts';

function open() {
  const clock = new FakeClock();
  const refusals = new Refusals(clock);
  const lines: string[] = [];
  const tell = troubleTeller(refusals, { err: (line) => lines.push(line) }, clock);
  return { clock, refusals, lines, tell };
}
const refused = (said: string) => finding('certificate-refused', said, `No, ${said}.`, '');

describe('agents that are turned away', () => {
  it('are told once in ten minutes, and counted each time', () => {
    const { clock, refusals, lines, tell } = open();
    const trouble = { host: 'h1', certified: 'h1', finding: refused('h1'), from: '10.0.0.1' };
    tell(trouble);
    tell(trouble);
    tell({ ...trouble, host: 'h2' });
    expect(lines).toHaveLength(2);
    clock.advance(10 * 60_000);
    tell(trouble);
    expect(lines).toHaveLength(3);
    expect(refusals.list().map(({ request, count }) => [request, count])).toEqual([
      ['the agent of h1', 3],
      ['the agent of h2, with the certificate of h1', 1],
    ]);
  });

  it('are one each address where they are nobody, whatever they say', () => {
    const { refusals, lines, tell } = open();
    for (let i = 0; i < 2_000; i++)
      tell({ host: '', finding: refused(`name ${i}`), from: `2001:db8::${i.toString(16)}` });
    tell({ host: '', finding: refused('x'), from: '10.0.0.2' });
    expect(lines).toHaveLength(2);
    expect(refusals.list().map(({ count }) => count)).toEqual([1, 2_000]);
  });
});
