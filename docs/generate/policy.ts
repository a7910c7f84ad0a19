/** Policy records as `netloom policy get` shows them, and who reaches whom on records alone. */
import { readFileSync } from 'node:fs';
import pc from 'picocolors';
import { somePairs } from '../../src/cli/pairs.ts';
import { pingTable } from '../../src/cli/ping-text.ts';
import { policyText } from '../../src/cli/policy-text.ts';
import { readRecords } from '../../src/lab/by-hand/read.ts';
import { handSource } from '../../src/lab/by-hand/source.ts';
import { LiveNetwork } from '../../src/lab/live-network.ts';
import { hostScope, recordKey } from '../../src/policy/records.ts';
import { inExample, repeatable } from './labs.ts';
import { fenced, ROOT } from './markdown.ts';

const PLAIN = pc.createColors(false);

/** What `netloom policy get HOST KIND…` prints in the network of an example. */
export function policy(example: string, host: string, ...kinds: string[]): Promise<string> {
  return inExample(example, async ({ controller, fabric }) => {
    const all = [...(fabric.hosts.get(host)?.agent.records().values() ?? [])];
    const records = all
      .filter(({ kind }) => kinds.length === 0 || kinds.includes(kind))
      .map((record) => ({ scope: hostScope(host), key: recordKey(record), record }));
    const { revision } = controller;
    const text = policyText({ host, revision, connected: true, inForce: true, records }, false, PLAIN);
    return fenced(`$ netloom policy get ${[host, ...kinds].join(' ')}\n${text.trimEnd()}`);
  });
}

/** What `netloom try --policy FILE` prints, without times. */
export async function tryPolicy(file: string): Promise<string> {
  const { random, clock } = repeatable();
  const network = new LiveNetwork(handSource(readRecords(readFileSync(ROOT + file), file)), {
    random,
    clock,
  });
  try {
    await network.fabric.start();
    await network.ready();
    const pings = [];
    for (const [from, to] of somePairs(network)) {
      const { rtt: _depends, ...ping } = await network.ping(from, to);
      pings.push(ping);
    }
    const text = pingTable(pings, PLAIN).replaceAll(/ \(at .*$/gm, '');
    return fenced(`$ netloom try --policy ${file}\n${text.trimEnd()}`);
  } finally {
    await network.close();
  }
}
