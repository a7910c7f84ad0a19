/** The real ovs-ofctl takes every flow in our language, and we read what it prints. Needs no root. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Flow } from '../../src/flow/flow.ts';
import { parseFlow } from '../../src/flow/parse.ts';
import { formatFlow } from '../../src/flow/text.ts';
import { arbitraryFlow, WHOLE_LANGUAGE } from '../support/flow-arbitraries.ts';
import { seed } from '../support/seed.ts';
import { itWithTools } from './open-vswitch.ts';

/** What `ovs-ofctl parse-flows` makes of each line: the flow after a trip through OpenFlow 1.5's bytes. */
function throughOfctl(flows: readonly Flow[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'netloom-flows-'));
  try {
    const file = join(directory, 'flows');
    writeFileSync(file, `${flows.map(formatFlow).join('\n')}\n`);
    const printed = execFileSync('ovs-ofctl', ['-O', 'OpenFlow15', 'parse-flows', file], {
      encoding: 'utf8',
      timeout: 30_000,
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return printed.split('\n').filter((line) => line.startsWith('OFPT_FLOW_MOD'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** `OFPT_FLOW_MOD (OF1.5) (xid=0x1): ADD table:5 priority=1,ip cookie:0x2 idle:5 hard:6 actions=…` */
function readMod(line: string): Flow {
  return parseFlow(
    line
      .replace(/^.*?: ADD /, '')
      .replace(/\btable:/, 'table=')
      .replace(/\bcookie:/, 'cookie=')
      .replace(/\bidle:/, 'idle_timeout=')
      .replace(/\bhard:/, 'hard_timeout='),
  );
}

itWithTools(['ovs-ofctl'], 'ovs-ofctl takes every flow of our language and gives it back', () => {
  // One call for all: fast-check's sample, with its seed in the message.
  const flows = fc.sample(arbitraryFlow(WHOLE_LANGUAGE), { numRuns: 4000, seed });
  const lines = throughOfctl(flows);
  expect(lines.length, `seed ${seed}`).toBe(flows.length);
  for (const [i, flow] of flows.entries()) {
    expect(formatFlow(readMod(lines[i] as string)), `seed ${seed}`).toBe(formatFlow(flow));
  }
});
