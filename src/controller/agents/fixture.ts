/** A controller with a listener for agents on loopback, for tests: real TLS, a store in memory, and a wall clock that can be set. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../base/clock.ts';
import { type Authority, openAuthority } from '../../identity/authority.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { Controller } from '../controller.ts';
import { HostIdentities } from './identities.ts';
import { type AgentTrouble, listenForAgents } from './listener.ts';

const HOST = {
  kind: 'Host',
  group: 'all',
  nics: [],
  providerAddresses: [],
  managementAddresses: [],
  managementDns: [],
} as const;

export interface AgentRig {
  readonly controller: Controller;
  readonly identities: HostIdentities;
  readonly authority: Authority;
  /** `https://127.0.0.1:…` */
  readonly url: string;
  readonly troubles: AgentTrouble[];
  /** The controller's wall clock goes this far after that of the machine, in milliseconds. */
  setClock(ahead: number): void;
  /** A token for a host, good for an hour. */
  token(host: string): Promise<string>;
  close(): Promise<void>;
}

export async function openAgentRig(hosts: readonly string[], ahead = 0): Promise<AgentRig> {
  const directory = mkdtempSync(join(tmpdir(), 'netloom-agents-'));
  const clock: Clock = {
    now: () => systemClock.now(),
    wall: () => systemClock.wall() + ahead,
    after: (delay, run) => systemClock.after(delay, run),
  };
  const controller = await Controller.open({ store: createMemoryStore(), clock, uuid: randomUUID });
  await controller.apply(
    [{ object: { kind: 'HostGroup', name: 'all' } }, ...hosts.map((name) => ({ object: { ...HOST, name } }))],
    { author: 'test' },
  );
  const authority = await openAuthority(directory, systemClock.wall());
  let url = '';
  const identities = new HostIdentities({ controller, clock, authority, url: () => url });
  const troubles: AgentTrouble[] = [];
  const listener = await listenForAgents({
    controller,
    identities,
    authority,
    clock,
    at: { host: '127.0.0.1', port: 0 },
    onTrouble: (trouble) => troubles.push(trouble),
  });
  url = listener.url;
  return {
    controller,
    identities,
    authority,
    url,
    troubles,
    setClock: (value) => {
      ahead = value;
    },
    token: async (host) => (await identities.tokens.make(host, { author: 'test' })).token,
    close: async () => {
      await listener.close();
      controller.feed.close();
      await controller.close();
      rmSync(directory, { recursive: true });
    },
  };
}
