import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { Accounts } from '../access/accounts.ts';
import { FakeClock } from '../base/clock.ts';
import { Controller } from '../controller/controller.ts';
import type { Store } from '../store/contract.ts';
import { createMemoryStore } from '../store/memory.ts';
import { createApi } from './api.ts';
import { TOKEN } from './fixture.ts';

it('shows nothing, and answers no change, before it is durable', async () => {
  const memory = createMemoryStore();
  const disk = Promise.withResolvers<void>();
  // A disk that takes its time.
  const store: Store = {
    ...memory,
    write: async (tx) => ({ ...(await memory.write(tx)), durable: disk.promise }),
  };
  const clock = new FakeClock();
  const controller = await Controller.open({ store, clock, uuid: randomUUID });
  const accounts = new Accounts({ controller, clock, token: TOKEN });
  const app = await createApi({ controller, accounts, clock, version: '0.0.0' });
  const answered: string[] = [];
  const ask = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const { statusCode } = await app.inject({
      method,
      url,
      headers: { host: 'localhost', authorization: `Bearer ${TOKEN}` },
      ...(payload ? { payload } : {}),
    });
    answered.push(`${method} ${statusCode}`);
  };
  const group = { kind: 'HostGroup', name: 'a' };
  await ask('GET', '/api/v1/host-groups/a');
  const asked = [ask('POST', '/api/v1/host-groups', group)];
  while (controller.isSettled) await new Promise((resolve) => setImmediate(resolve));
  asked.push(ask('POST', '/api/v1/host-groups', group), ask('GET', '/api/v1/host-groups/a'));
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toEqual(['GET 404']);
  disk.resolve();
  await Promise.all(asked);
  expect(answered.sort()).toEqual(['GET 200', 'GET 404', 'POST 201', 'POST 409']);
  await app.close();
  await controller.close();
});
