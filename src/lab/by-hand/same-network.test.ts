/** Records are all that a host needs: on those of a controller alone, the same machines reach the same machines. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../model/input.ts';
import { domainScope, hostScope } from '../../policy/records.ts';
import { Lab } from '../lab.ts';
import { LiveNetwork } from '../live-network.ts';
import { readRecords } from './read.ts';
import { handSource } from './source.ts';
import { writeRecords } from './write.ts';

async function labOf(example: string): Promise<Lab> {
  const file = new URL(`../../../examples/${example}.yaml`, import.meta.url);
  const objects = parseDocuments(readFileSync(file), example).objects.map(({ object }) => object);
  const lab = await Lab.open({ objects });
  await lab.ready();
  return lab;
}

/** What every host holds, as `netloom policy get -o yaml` prints it. */
function writtenOut({ fabric, controller }: Lab): string {
  const { policy } = controller.feed;
  const texts = [...fabric.hosts.keys()].map((host) => {
    const own = [...policy.scope(hostScope(host)).values()];
    const domains = own.flatMap((record) => (record.kind === 'domain' ? [domainScope(record.rdid)] : []));
    const held = [hostScope(host), ...domains].flatMap((scope) =>
      [...policy.scope(scope).values()].map((record) => ({ scope, record })),
    );
    return writeRecords(host, held);
  });
  return texts.join('');
}

/** Who reaches whom, for so many pairs of ends. */
async function reached(network: LiveNetwork): Promise<string[]> {
  const names = network.endpoints().map(({ name }) => name);
  const pairs = names.flatMap((from) => names.flatMap((to) => (from === to ? [] : [[from, to] as const])));
  const step = Math.ceil(pairs.length / 40);
  const verdicts = [];
  for (const [from, to] of pairs.filter((_, i) => i % step === 0)) {
    const { verdict, answeredBy } = await network.ping(from, to);
    verdicts.push(`${from} ${to} ${verdict} ${answeredBy ?? ''}`);
  }
  return verdicts;
}

describe('hosts on the records of a controller, without it', () => {
  it.each(['campus', 'dual-stack', 'private-vlan', 'acl'])(
    'reach what they reached: %s',
    { timeout: 60_000 },
    async (example) => {
      const lab = await labOf(example);
      const alone = new LiveNetwork(handSource(readRecords(writtenOut(lab), example)));
      try {
        await alone.fabric.start();
        await alone.ready();
        expect(alone.endpoints()).toEqual(lab.endpoints());
        const verdicts = await reached(lab);
        expect(await reached(alone)).toEqual(verdicts);
        // Both ways, or the comparison says nothing.
        expect(verdicts.some((each) => each.includes(' answered '))).toBe(true);
        expect(verdicts.some((each) => each.includes(' lost '))).toBe(true);
      } finally {
        await alone.close();
        await lab.close();
      }
    },
  );
});
