/**
 * A controller on a real database with a host agent for each of its hosts, all in this process: the agents are connected
 * by the policy stream and program softswitches. There are no guests, so nothing else happens than what is measured.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from '../../src/agent/agent.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { Change } from '../../src/controller/change.ts';
import { Controller } from '../../src/controller/controller.ts';
import { PhysicalFabric } from '../../src/lab/physical.ts';
import { SoftHost } from '../../src/lab/soft-host.ts';
import { type ModelObject, objectName } from '../../src/model/kinds.ts';
import { recordKey } from '../../src/policy/records.ts';
import type { Store } from '../../src/store/contract.ts';
import { openSqliteStore } from '../../src/store/sqlite/open.ts';
import { PolicyClient, type PolicyHandler } from '../../src/stream/client.ts';
import { memoryTransport } from '../../src/stream/memory.ts';
import { policyRoutes } from '../../src/stream/server.ts';

export interface Fleet {
  /** Applies, and waits until every host that it concerns has put it in force. */
  change(changes: readonly Change[]): Promise<Timing>;
  close(): Promise<void>;
}

export interface Timing {
  /** From the call until all the hosts have answered. */
  readonly total: number;
  /** Of that: validation, allocation, compilation. */
  readonly compile: number;
  /** Of that: the database. */
  readonly commit: number;
  /** Of that: from the commit until the flows are in force everywhere. */
  readonly agents: number;
  /** How many hosts got something. */
  readonly hosts: number;
}

interface FleetOptions {
  /**
   * `softswitch` (default): every host has its agent, which programs a softswitch. `none`: a host takes its policy,
   * keeps it and confirms it, so that what is measured is the controller and the stream.
   */
  readonly engine?: 'softswitch' | 'none';
}

/** Objects may be any that make a network; the hosts are those among them. */
export async function openFleet(
  objects: readonly ModelObject[],
  { engine = 'softswitch' }: FleetOptions = {},
): Promise<Fleet> {
  const directory = mkdtempSync(join(tmpdir(), 'netloom-bench-'));
  const { store, committed } = timed(await openSqliteStore({ directory }));
  const controller = await Controller.open({ store, clock: systemClock, uuid: randomUUID });
  await controller.apply(
    objects.map((object) => ({ object })),
    { author: 'bench' },
  );
  const transport = memoryTransport(policyRoutes(controller.feed, { clock: systemClock }));
  const physical = new PhysicalFabric(systemClock);
  const hosts = controller.network
    .list('Host')
    .map(({ object }) =>
      connect(objectName(object), engine === 'none' ? confirming() : programming(objectName(object))),
    );
  const whenReady = () => {
    const { feed } = controller;
    return feed.whenApplied(
      feed.revision,
      hosts.map(({ host }) => host),
    );
  };
  await whenReady();

  function programming(host: string): Below {
    const soft = new SoftHost({
      host,
      clock: systemClock,
      random: Math.random,
      physical,
      networkOf: () => 'Fabric',
      nics: () => [],
    });
    const agent = new Agent(host, soft);
    return {
      handler: {
        onSnapshot: async (policy) => {
          const records = policy.scopes().flatMap((scope) => [...policy.scope(scope).values()]);
          return (await agent.replace(records)).findings;
        },
        onDelta: async ({ changes }) => {
          const present = new Set(changes.flatMap(({ record }) => (record ? recordKey(record) : [])));
          const wanted = changes
            .filter(({ key, record }) => record || !present.has(key))
            .map(({ key, record }) => ({ key, ...(record ? { record } : {}) }));
          return (await agent.apply(wanted)).findings;
        },
      },
      close: () => soft.close(),
    };
  }

  function connect(host: string, { handler, close }: Below) {
    const client = new PolicyClient({
      host,
      bootNonce: host,
      transport,
      clock: systemClock,
      random: Math.random,
      handler,
      onTrouble: (trouble) => {
        if (trouble) throw new Error(trouble.message);
      },
    });
    client.start();
    return { host, client, close };
  }

  return {
    async change(changes) {
      const start = performance.now();
      const { revision } = await controller.apply(changes, { author: 'bench' });
      const applied = performance.now();
      const statuses = await controller.feed.whenApplied(revision!);
      const end = performance.now();
      const failed = statuses.find(({ outcome }) => !outcome?.ok);
      if (failed) throw new Error(`${failed.host}: ${JSON.stringify(failed.outcome?.findings[0])}`);
      const commit = committed();
      return {
        total: end - start,
        compile: applied - start - commit,
        commit,
        agents: end - applied,
        hosts: statuses.length,
      };
    },
    async close() {
      for (const host of hosts) {
        await host.client.stop();
        await host.close();
      }
      await controller.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** What takes the policy on a host. */
interface Below {
  readonly handler: PolicyHandler;
  close(): Promise<void>;
}

/** The client keeps the policy as it is; there is nothing below that could refuse it. */
function confirming(): Below {
  return {
    handler: { onSnapshot: async () => [], onDelta: async () => [] },
    close: async () => {},
  };
}

/** The same store, with a look at the time that commits take. */
function timed(store: Store): { store: Store; committed: () => number } {
  let last = 0;
  return {
    committed: () => last,
    store: {
      ...store,
      async write(transaction) {
        const start = performance.now();
        const { commit, durable } = await store.write(transaction);
        const timed = durable.finally(() => {
          last = performance.now() - start;
        });
        return { commit, durable: timed };
      },
    },
  };
}
