/** An API over a real controller, for tests. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { Accounts } from '../access/accounts.ts';
import { FakeClock } from '../base/clock.ts';
import { HostIdentities } from '../controller/agents/identities.ts';
import { Controller } from '../controller/controller.ts';
import { makeAuthority, readCertificate } from '../identity/certificates.ts';
import { parseDocuments } from '../model/input.ts';
import type { ModelObject } from '../model/kinds.ts';
import type { Store } from '../store/contract.ts';
import { createMemoryStore } from '../store/memory.ts';
import { type ApiOptions, createApi } from './api.ts';
import type { Probe } from './probe.ts';

export const TOKEN = 'a-token-of-more-than-32-characters-for-tests';

export interface TestApi {
  readonly app: FastifyInstance;
  readonly controller: Controller;
  readonly accounts: Accounts;
  readonly store: Store;
  readonly identities: HostIdentities;
  readonly clock: FakeClock;
  /** Asks with the token. A body is sent as JSON. */
  ask(
    method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    body?: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; headers: Readonly<Record<string, unknown>>; json: unknown; text: string }>;
  inject(options: InjectOptions): Promise<LightMyRequestResponse>;
  close(): Promise<void>;
}

export function blueRed(): ModelObject[] {
  const file = new URL('../../examples/blue-red.yaml', import.meta.url);
  return parseDocuments(readFileSync(file), 'blue-red.yaml').objects.map(({ object }) => object);
}

/** A probe that says what it was asked; what is behind the real one is tested in lab/. */
export const ECHO: Probe = {
  endpoints: () => [],
  ping: async (from, to, options) => ({
    from,
    to,
    address: to,
    sent: options?.count ?? 1,
    received: 0,
    verdict: 'lost',
  }),
  walk: async (from, to) => ({ from, to, outcome: 'dropped', steps: [] }),
  configure: async (name, address) => ({ name, host: '', mac: '', addresses: [address], network: '' }),
  flows: () => [],
};

async function identitiesOf(controller: Controller, clock: FakeClock): Promise<HostIdentities> {
  const signer = await makeAuthority(clock.wall());
  const { fingerprint } = readCertificate(signer.certificate);
  const authority = { signer, fingerprint, trusted: [signer.certificate] };
  return new HostIdentities({ controller, clock, authority, url: () => 'https://127.0.0.1:7301' });
}

export async function openApi(
  objects: readonly ModelObject[] = [],
  more: Partial<ApiOptions> = {},
): Promise<TestApi> {
  const clock = new FakeClock();
  const store = createMemoryStore();
  const controller = await Controller.open({ store, clock, uuid: randomUUID });
  if (objects.length > 0) {
    await controller.apply(
      objects.map((object) => ({ object })),
      { author: 'test', message: 'begin' },
    );
  }
  const accounts = new Accounts({ controller, clock, token: TOKEN });
  const identities = await identitiesOf(controller, clock);
  const app = await createApi({
    controller,
    accounts,
    clock,
    version: '0.0.0',
    probe: ECHO,
    identities,
    ...more,
  });
  return {
    app,
    accounts,
    controller,
    store,
    identities,
    clock,
    async ask(method, url, body, headers = {}) {
      const response = await app.inject({
        method,
        url,
        headers: { authorization: `Bearer ${TOKEN}`, ...headers },
        ...(body === undefined ? {} : { payload: body }),
      });
      const isJson = String(response.headers['content-type']).includes('json');
      return {
        status: response.statusCode,
        headers: response.headers,
        json: isJson && response.body ? (JSON.parse(response.body) as unknown) : undefined,
        text: response.body,
      };
    },
    inject: (options) => app.inject(options),
    async close() {
      await app.close();
      await controller.close();
    },
  };
}
