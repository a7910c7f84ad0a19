/** What a vNIC costs in memory: in the controller, and in the agent of a host that it is not on. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from '../src/agent/agent.ts';
import { systemClock } from '../src/base/clock.ts';
import { Controller } from '../src/controller/controller.ts';
import { PhysicalFabric } from '../src/lab/physical.ts';
import { SoftHost } from '../src/lab/soft-host.ts';
import { Pipeline } from '../src/pipeline/pipeline.ts';
import { hostScope, type PolicyRecord, recordKey } from '../src/policy/records.ts';
import { openSqliteStore } from '../src/store/sqlite/open.ts';
import type { Benchmark } from './lib/figure.ts';
import { fabricText, HOSTS, hostName, machinesText, objectsOf } from './lib/topology.ts';

const VNICS = 10_000;
const ROUNDS = 3;

export const benchmark: Benchmark = {
  name: 'memory',
  what: `Bytes of heap for each of ${VNICS} vNICs.`,
  method: [
    'Heap after a full garbage collection, less what it was before, divided by the number of vNICs.',
    `The controller, on SQLite, holds ${VNICS} VMs with one vNIC each on ${HOSTS} hosts, without agents: objects, allocations, four derivations, policy and history.`,
    `The host has one VM of its own and knows those of the other nine hosts: two flows each. Once the second compiler alone, and once the whole agent with its softswitch.`,
  ],
  async run() {
    const samples = { controller: [] as number[], pipeline: [] as number[], agent: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      const { bytes, records } = await ofController();
      samples.controller.push(bytes);
      samples.pipeline.push(ofPipeline(records));
      samples.agent.push(await ofAgent(records));
    }
    return [
      {
        name: 'controller, per vNIC',
        unit: 'bytes',
        samples: samples.controller,
        goals: [{ of: 'median', atMost: 2_500 }],
      },
      {
        name: 'pipeline, per remote vNIC',
        unit: 'bytes',
        samples: samples.pipeline,
      },
      {
        name: 'agent and softswitch, per remote vNIC',
        unit: 'bytes',
        samples: samples.agent,
        goals: [{ of: 'median', atMost: 100 }],
      },
    ];
  },
};

/** As text, so that each host has records of its own, as it has behind the policy stream. */
interface HostRecords {
  readonly own: string;
  readonly remote: string;
  /** How many vNICs of other hosts. */
  readonly count: number;
}

async function ofController(): Promise<{ bytes: number; records: HostRecords }> {
  const directory = mkdtempSync(join(tmpdir(), 'netloom-bench-'));
  const store = await openSqliteStore({ directory });
  const controller = await Controller.open({ store, clock: systemClock, uuid: randomUUID });
  const apply = async (text: string) => {
    await controller.apply(
      objectsOf(text).map((object) => ({ object })),
      { author: 'bench' },
    );
  };
  await apply(fabricText(VNICS));
  const before = heap();
  await apply(machinesText(VNICS));
  const bytes = (heap() - before) / VNICS;
  const records = recordsOfFirstHost(controller);
  await controller.close();
  rmSync(directory, { recursive: true });
  return { bytes, records };
}

/** The first host with one of its VMs, in all routing domains, so that it knows all the VMs of the others. */
function recordsOfFirstHost(controller: Controller): HostRecords {
  const own: PolicyRecord[] = [];
  const remote: PolicyRecord[] = [];
  const provider = controller.network.record(hostScope(hostName(0)), 'provider/Provider')?.record;
  let hasPort = false;
  for (const { scope, record } of controller.network.records()) {
    if (record.kind === 'lookup') {
      if (provider?.kind === 'provider' && record.pa !== provider.pa) remote.push(record);
    } else if (scope.startsWith('domain/')) own.push(record);
    else if (scope === hostScope(hostName(0))) {
      if (record.kind === 'port' && hasPort) continue;
      hasPort ||= record.kind === 'port';
      own.push(record);
    }
  }
  return { own: JSON.stringify(own), remote: JSON.stringify(remote), count: remote.length };
}

function ofPipeline({ own, remote, count }: HostRecords): number {
  const pipeline = new Pipeline();
  const take = (text: string) => {
    pipeline.apply(recordsIn(text).map((record) => [recordKey(record), record]));
  };
  take(own);
  pipeline.apply([['binding/tunnel/Provider', { kind: 'binding', port: 'tunnel/Provider', number: 1 }]]);
  const before = heap();
  take(remote);
  const bytes = (heap() - before) / count;
  if (pipeline.facts().size < count) throw new Error('the pipeline has lost something');
  return bytes;
}

async function ofAgent({ own, remote, count }: HostRecords): Promise<number> {
  const host = hostName(0);
  const soft = new SoftHost({
    host,
    clock: systemClock,
    random: Math.random,
    physical: new PhysicalFabric(systemClock),
    networkOf: () => 'Fabric',
    nics: () => [],
  });
  const agent = new Agent(host, soft);
  const take = async (text: string) => {
    const { ok, findings } = await agent.apply(
      recordsIn(text).map((record) => ({ key: recordKey(record), record })),
    );
    if (!ok) throw new Error(JSON.stringify(findings[0]));
  };
  await take(own);
  const before = heap();
  await take(remote);
  const bytes = (heap() - before) / count;
  if (agent.flows().length < 2 * count) throw new Error('flows are missing');
  await soft.close();
  return bytes;
}

function recordsIn(text: string): PolicyRecord[] {
  return JSON.parse(text) as PolicyRecord[];
}

/** Bytes in use, without garbage. Twice: what the first one finalizes, the second one frees. */
function heap(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
