import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExplainedFlow } from '../flow/flow.ts';
import { formatFlow } from '../flow/text.ts';
import { ip, mac } from '../packet/address.ts';
import type { LookupRecord } from '../policy/records.ts';
import { aclFacts } from './acl-fixture.ts';
import { featureOf, isOurs } from './cookies.ts';
import { dualStackFacts } from './dual-stack-fixture.ts';
import { factKey, type PipelineFact, portOf } from './facts.ts';
import { host1Facts, movingFacts, privateVlanFacts } from './fixture.ts';
import { Pipeline } from './pipeline.ts';
import { TABLES, tableNumber } from './tables.ts';
import { vlanFacts } from './vlan-fixture.ts';

function pipelineOf(facts: Iterable<readonly [string, PipelineFact]>): Pipeline {
  const pipeline = new Pipeline();
  pipeline.apply(facts);
  return pipeline;
}

const texts = (pipeline: Pipeline) =>
  [...pipeline.outputs()].map((f) => `${f.switch} ${formatFlow(f)} # ${f.words}`).sort();

const blue3: LookupRecord = {
  kind: 'lookup',
  rdid: '0a000000-0000-4000-8000-00000000b10e',
  vsid: 5001,
  ca: ip('10.0.0.9'),
  mac: mac('00:1d:d8:b7:1c:13'),
  pa: ip('192.168.4.22'),
  port: 'blue3-eth0',
  origin: 'VirtualMachine/blue3',
};

/** Of everything that a host can have. */
const allFacts = () => [
  ...host1Facts(),
  ...privateVlanFacts(),
  ...movingFacts(),
  ...vlanFacts(),
  ...aclFacts(),
  ...dualStackFacts(),
];

describe('pipeline', () => {
  it('comes to the same whatever the path of changes', () => {
    const facts = allFacts();
    const edits = fc.array(fc.tuple(fc.nat(facts.length - 1), fc.boolean()), { maxLength: 60 });
    fc.assert(
      fc.property(edits, fc.nat(7), (path, batch) => {
        const incremental = new Pipeline();
        const present = new Map<string, PipelineFact>();
        for (let i = 0; i < path.length; i += batch + 1) {
          const changes = path
            .slice(i, i + batch + 1)
            .map(([index, there]): [string, PipelineFact | undefined] => {
              const [key, fact] = facts[index]!;
              if (there) present.set(key, fact);
              else present.delete(key);
              return [key, there ? fact : undefined];
            });
          incremental.apply(changes);
        }
        expect(texts(incremental)).toEqual(texts(pipelineOf(present)));
      }),
      { numRuns: 50 },
    );
  });

  it('costs two flows for one more machine on a host that is already known', () => {
    const pipeline = pipelineOf(host1Facts());
    const changes = pipeline.apply([[factKey(blue3), blue3]]);
    expect(changes.map((c) => [c.before, TABLES[c.after!.table]!.name])).toEqual([
      [undefined, 'neighbour'],
      [undefined, 'forward'],
    ]);
  });

  it('costs three for the first IPv6 address of a machine, and one for each further address', () => {
    const [six2] = dualStackFacts().flatMap(([, fact]) =>
      fact.kind === 'lookup' && fact.ca === 'fd00:6::7' ? [fact] : [],
    );
    const pipeline = pipelineOf([
      ...host1Facts(),
      ...dualStackFacts().filter(([, fact]) => fact.kind !== 'lookup' || fact.mac !== six2!.mac),
    ]);
    const added = (record: LookupRecord) =>
      pipeline.apply([[factKey(record), record]]).map((c) => TABLES[c.after!.table]!.name);
    // The first machine of the subnet on the other host changes the copies of broadcasts as well.
    expect(
      added(six2!)
        .filter((table) => table !== 'flood')
        .sort(),
    ).toEqual(['forward', 'neighbour', 'neighbour']);
    expect(added({ ...six2!, ca: ip('10.0.6.7') })).toEqual(['neighbour']);
  });

  it('takes a machine that moved to a new host with it: its place, the peer, and the copies of broadcasts', () => {
    const pipeline = pipelineOf([...host1Facts(), [factKey(blue3), blue3]]);
    const moved = { ...blue3, pa: ip('192.168.4.33') };
    const tables = pipeline
      .apply([[factKey(moved), moved]])
      .map((c) => TABLES[(c.after ?? c.before)!.table]!.name);
    expect(tables.sort()).toEqual(['classify', 'flood', 'forward']);
  });

  it('changes nothing of one tenant for a change of another', () => {
    const pipeline = pipelineOf(host1Facts());
    const red = host1Facts().filter(([, fact]) => JSON.stringify(fact).match(/red|Red|6001/));
    expect(red.length).toBeGreaterThan(4);
    const touched = pipeline.apply(red.map(([key]) => [key, undefined]));
    expect(touched.filter((c) => /[bB]lue|0x1389\b/.test(formatFlow((c.before ?? c.after)!)))).toEqual([]);
  });

  it('lets nothing in by a port that has no binding, and by none without the subnet', () => {
    const facts = host1Facts();
    const entry = (without: string) =>
      texts(pipelineOf(facts.filter(([key]) => key !== without))).filter(
        (t) => t.includes('table=0,') && t.includes('blue1'),
      );
    expect(entry('')).toHaveLength(1);
    expect(entry(`binding/${portOf.vnic('blue1-eth0')}`)).toEqual([]);
    expect(entry('subnet/5001')).toEqual([]);
  });

  it('has no two rules of one priority that overlap and say different things', () => {
    const flows = [...pipelineOf(allFacts()).outputs()];
    const overlap = (a: ExplainedFlow, b: ExplainedFlow) =>
      Object.entries(a.match).every(([field, x]) => {
        const y = b.match[field as keyof typeof b.match];
        return !y || ((x.value ^ y.value) & x.mask & y.mask) === 0n;
      });
    const wrong = flows.flatMap((a, i) =>
      flows
        .slice(i + 1)
        .filter((b) => a.table === b.table && a.priority === b.priority && overlap(a, b))
        .map((b) => [formatFlow(a), formatFlow(b)]),
    );
    expect(wrong).toEqual([]);
  });

  it('marks every flow as ours, with its feature, and uses only tables of the pipeline', () => {
    const flows = [...pipelineOf(allFacts()).outputs()];
    expect(flows.filter((f) => !isOurs(f.cookie) || !featureOf(f.cookie) || !TABLES[f.table])).toEqual([]);
    expect(new Set(flows.map((f) => f.table)).size).toBe(TABLES.length);
  });

  it('says no origin that does not exist, and words for every rule', () => {
    for (const flow of pipelineOf(allFacts()).outputs()) {
      expect(flow.words).not.toBe('');
      if (flow.table === tableNumber('forward') && flow.priority === 100)
        expect(flow.origin).toMatch(/^VirtualMachine\//);
    }
  });
});
