/** Controller and API without any hosts, on the data of a directory, until SIGTERM. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Accounts } from '../../src/access/accounts.ts';
import { createApi } from '../../src/api/api.ts';
import { systemClock } from '../../src/base/clock.ts';
import { Controller } from '../../src/controller/controller.ts';
import { openSqliteStore } from '../../src/store/sqlite/open.ts';

const store = await openSqliteStore({ directory: process.argv[2]! });
const controller = await Controller.open({ store, clock: systemClock, uuid: randomUUID });
const token = randomBytes(32).toString('base64url');
const accounts = new Accounts({ controller, clock: systemClock, token });
const api = await createApi({ controller, accounts, clock: systemClock, version: 'bench' });
await api.listen({ host: '127.0.0.1', port: 0 });
process.once('SIGTERM', async () => {
  await api.close();
  await controller.close();
  process.exit(0);
});
process.send?.({ url: `http://127.0.0.1:${(api.server.address() as AddressInfo).port}`, token });
// Nobody is left to measure.
process.once('disconnect', () => process.exit(1));
