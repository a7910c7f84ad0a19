import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { formatFlow } from '../../src/flow/text.ts';
import { pipelineFlows } from '../support/pipeline-flows.ts';

it('every flow of the pipeline is accepted by ovs-ofctl parse-flows', () => {
  const lines = new Set(pipelineFlows().map(formatFlow));
  expect(lines.size).toBeGreaterThan(80);
  const directory = mkdtempSync(join(tmpdir(), 'netloom-flows-'));
  try {
    const file = join(directory, 'flows.txt');
    const accepts = (text: string) => {
      writeFileSync(file, text);
      return execFileSync('ovs-ofctl', ['-O', 'OpenFlow15', 'parse-flows', file], {
        encoding: 'utf8',
        stdio: 'pipe',
        timeout: 20_000,
      });
    };
    // The positive control: ovs-ofctl does refuse what is wrong.
    expect(() =>
      accepts('table=0,icmp6,icmp_type=135,actions=set_field:00:00:00:00:00:01->nd_tll\n'),
    ).toThrow();
    const printed = accepts([...lines].join('\n'));
    expect(
      printed.split('\n').filter((line) => /^\s*(ADD|add)/.test(line) || line.includes('actions=')).length,
    ).toBeGreaterThanOrEqual(lines.size);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
