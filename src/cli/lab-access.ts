/** What a lab asks of its controller, by the API. */
import { setTimeout as sleep } from 'node:timers/promises';
import { objectPath } from '../api/paths.ts';
import type { HostPolicyView } from '../api/policy.ts';
import type { Finding } from '../base/error.ts';
import type { MigrationStatus } from '../controller/migration/parts.ts';
import type { ControllerAccess } from '../lab/real/controller-access.ts';
import { type HostPorts, machinesOf } from '../lab/real/machines.ts';
import { controllerData } from '../lab/real/parts.ts';
import type { LabPlan } from '../lab/real/plan.ts';
import { realEndpoints } from '../lab/real/real-endpoints.ts';
import type { Walk } from '../lab/walk.ts';
import { parseDocuments } from '../model/input.ts';
import { isKind } from '../model/kinds.ts';
import type { PolicyRecord } from '../policy/records.ts';
import { Client } from './client.ts';
import { throwInput } from './input.ts';
import { listObjects } from './objects.ts';
import { findServer } from './place.ts';

export function labAccess(plan: LabPlan): ControllerAccess {
  // Found anew each time: the controller may have been started again. What the user has in the environment is about others.
  const client = () => new Client(findServer({ data: controllerData(plan) }, NO_ENVIRONMENT));
  const policyOf = (host: string, ...kinds: readonly PolicyRecord['kind'][]) =>
    client().get<HostPolicyView>(
      `/api/v1/hosts/${encodeURIComponent(host)}/policy?${new URLSearchParams(kinds.map((kind): [string, string] => ['kind', kind]))}`,
    );
  return {
    async apply(objects) {
      const change = { objects, message: 'the lab, as it is described' };
      return (await client().post<{ readonly findings: readonly Finding[] }>('/api/v1/apply', change))
        .findings;
    },
    async machines() {
      const prepared = await preparedMachines(client());
      const { objects, findings } = parseDocuments(
        JSON.stringify(await listObjects(client(), 'VirtualMachine')),
        'the controller',
      );
      throwInput(findings);
      const hosts = await Promise.all(
        plan.hosts.map(async ({ name }): Promise<HostPorts> => {
          const { records } = await policyOf(name, 'port');
          return {
            host: name,
            ports: records.flatMap(({ record }) => (record.kind === 'port' ? record : [])),
          };
        }),
      );
      return machinesOf(
        objects.map(({ object }) => object).filter((object) => isKind(object, 'VirtualMachine')),
        hosts,
        prepared,
      );
    },
    isMoving: async (machine) => (await migrations(client())).some(({ vm }) => vm === machine),
    async abortMove(machine, reason) {
      await client().post(`${objectPath(`VirtualMachine/${machine}`)}/migration/abort`, {
        reason: reason.slice(0, 500),
      });
    },
    async endpoints() {
      const all = plan.hosts.map(async ({ name }) => {
        const records = (await policyOf(name, 'port', 'subnet')).records.map(({ record }) => record);
        const domains = records.flatMap((r) => (r.kind === 'subnet' ? [[r.vsid, r.rdid] as const] : []));
        const ports = records.flatMap((record) => (record.kind === 'port' ? record : []));
        return realEndpoints(name, ports, new Map(domains));
      });
      return (await Promise.all(all)).flat().sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    walk: (from, to) => client().post<Walk>('/api/v1/walk', { from, to }),
    async joinToken(host) {
      const path = `/api/v1/hosts/${encodeURIComponent(host)}/join-tokens`;
      return (await client().post<{ readonly token: string }>(path, {})).token;
    },
    inForce: async (host) => (await policyOf(host, 'switch')).inForce,
    async *changes() {
      for await (const { event } of client().events('/api/v1/watch'))
        if (event === 'ready' || event === 'commit') yield;
    },
  };
}

/** Milliseconds; as long as the controller itself waits for its hosts, and a bit. */
const PREPARED_LIMIT_MS = 35_000;
const LOOK_EVERY_MS = 100;

/** Keys of the VMs that are to be moved now: all hosts know of both places. Waits for those whose hosts are about to. */
async function preparedMachines(client: Client): Promise<ReadonlySet<string>> {
  for (const deadline = performance.now() + PREPARED_LIMIT_MS; ; await sleep(LOOK_EVERY_MS)) {
    const begun = (await migrations(client)).filter(({ phase }) => phase === 'prepared');
    const ready = begun.filter(({ waitingFor }) => waitingFor.length === 0);
    if (ready.length === begun.length || performance.now() > deadline)
      return new Set(ready.map(({ vm }) => vm));
  }
}

async function migrations(client: Client): Promise<readonly MigrationStatus[]> {
  return (await client.get<{ readonly items: readonly MigrationStatus[] }>('/api/v1/migrations')).items;
}

/** Sessions of people are elsewhere; a lab goes by the token of its data. */
const NO_ENVIRONMENT = { XDG_STATE_HOME: '/nonexistent' };
