/** The table of seed 002, set by hand: hosts, switches and guests on records alone, with real frames. */
import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { LiveNetwork } from '../live-network.ts';
import { formatWalk } from '../walk-text.ts';
import { readRecords } from './read.ts';
import { handSource } from './source.ts';

const EXAMPLE = readFileSync(new URL('../../../examples/blue-red-by-hand.yaml', import.meta.url), 'utf8');
const SRC = resolve(import.meta.dirname, '../..');

let network: LiveNetwork | undefined;
afterEach(async () => {
  await network?.close();
  network = undefined;
});

async function open(text: string): Promise<LiveNetwork> {
  network = new LiveNetwork(handSource(readRecords(text, 'by-hand.yaml')));
  await network.fabric.start();
  await network.ready();
  return network;
}

describe('blue and red by hand (seed 002)', () => {
  it('has the addresses of the table', async () => {
    const lab = await open(EXAMPLE);
    expect(lab.endpoints().map((e) => [e.name, e.host, e.addresses[0], e.network])).toEqual([
      ['Blue1/eth0', 'Host1', '10.0.0.5', 'Blue/5001 (VSID 5001)'],
      ['Blue2/eth0', 'Host2', '10.0.0.7', 'Blue/5001 (VSID 5001)'],
      ['Red1/eth0', 'Host1', '10.0.0.5', 'Red/6001 (VSID 6001)'],
      ['Red2/eth0', 'Host2', '10.0.0.7', 'Red/6001 (VSID 6001)'],
    ]);
  });

  it('Blue reaches Blue and Red reaches Red, by NVGRE between the provider addresses', async () => {
    const lab = await open(EXAMPLE);
    for (const [from, to, vsid] of [
      ['Blue1', 'Blue2', 5001],
      ['Blue2', 'Blue1', 5001],
      ['Red1', 'Red2', 6001],
      ['Red2', 'Red1', 6001],
    ] as const) {
      expect(await lab.ping(from, to, { count: 2 })).toMatchObject({ received: 2, verdict: 'answered' });
      const walk = await lab.walk(from, to);
      expect(walk.outcome).toBe('answered');
      const [source, destination] = from.endsWith('1')
        ? ['192.168.4.11', '192.168.4.22']
        : ['192.168.4.22', '192.168.4.11'];
      expect(walk.steps.find(({ place }) => place === 'tunnel')?.after).toMatch(
        new RegExp(`^ipv4\\(src=${source},dst=${destination},.*/gre\\(vsid=${vsid},`),
      );
      // Each rule leads to the line of the file that it came from.
      expect(formatWalk(walk)).toContain('[by-hand.yaml:');
    }
  });

  it('Blue never reaches Red, whatever the address, and would if Red2 were on the VSID of Blue', async () => {
    const lab = await open(EXAMPLE);
    for (const blue of ['Blue1', 'Blue2']) {
      for (const red of ['Red1', 'Red2']) {
        expect(await lab.ping(blue, red)).toMatchObject({ received: 0, verdict: 'lost' });
        expect(await lab.ping(red, blue)).toMatchObject({ received: 0, verdict: 'lost' });
      }
    }
    await lab.close();
    // The same with other addresses for Red, so that nobody answers in its place; and then on one VSID.
    const apart = EXAMPLE.replaceAll(/(Red2[^}]*?|VSID 6001 +|6001, ca: )10\.0\.0\.7/gs, '$110.0.0.9');
    const alone = await open(apart);
    expect(await alone.ping('Blue1', 'Red2')).toMatchObject({ address: '10.0.0.9', received: 0 });
    await alone.close();
    const joined = apart
      .replace(/(name: Red2.*?vsid: )6001/s, '$15001')
      .replace(/( {2}- \{ kind: lookup, vsid: 5001, ca: )10.0.0.7.*$/m, (line, head: string) =>
        [line, `${head}10.0.0.9, mac: 00:15:5d:00:01:07, pa: 192.168.4.22 }`].join('\n'),
      );
    const one = await open(joined);
    expect(await one.ping('Blue1', 'Red2')).toMatchObject({ address: '10.0.0.9', received: 1 });
  });

  it('is lost without the lookup record: that is what leads it to the other host', async () => {
    const lab = await open(EXAMPLE.replace(/^.*vsid: 5001, ca: 10\.0\.0\.7.*$/m, ''));
    expect(await lab.ping('Blue1', 'Blue2')).toMatchObject({ received: 0 });
    expect(await lab.ping('Red1', 'Red2')).toMatchObject({ received: 1 });
  });

  it('knows nothing of a controller, a store, or the kinds of objects', () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = readFileSync(file, 'utf8');
      // What a type names is not loaded.
      for (const [, , target] of text.matchAll(/^(import|export) (?!type )[^;]*?from '(\.[^']+)'/gms))
        visit(resolve(dirname(file), target!));
    };
    for (const part of ['read', 'source']) visit(resolve(import.meta.dirname, `${part}.ts`));
    visit(resolve(SRC, 'lab/live-network.ts'));
    const files = [...seen].map((file) => relative(SRC, file));
    expect(files).toEqual(expect.arrayContaining(['lab/fabric.ts', 'agent/agent.ts', 'stream/feed.ts']));
    expect(
      files.filter((file) => /^(controller|store|allocate|compile|access|api|cli)\//.test(file)),
    ).toEqual([]);
    expect(files.filter((file) => file.startsWith('model/')).sort()).toEqual([
      'model/decode.ts',
      'model/shape.ts',
      'model/suggest.ts',
      'model/yaml.ts',
    ]);
  });
});
