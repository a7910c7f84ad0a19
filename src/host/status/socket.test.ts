import { mkdtempSync, rmSync } from 'node:fs';
import { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { askStatus, serveStatus } from './socket.ts';
import type { AgentStatus } from './status.ts';

const STATUS: AgentStatus = {
  host: 'host1',
  version: '1.0',
  pid: 1,
  since: '',
  controller: { url: '', state: 'connected' },
  policy: { epoch: '', revision: 1, inForce: 1, records: 0, findings: [] },
  switches: [],
  ports: [],
  dropped: [],
  drift: [],
  troubles: [],
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netloom-status-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

it('answers also after questions that could not be accepted', async () => {
  const listen = vi.spyOn(Server.prototype, 'listen');
  const stop = await serveStatus(directory, async () => STATUS);
  const server: unknown = listen.mock.contexts[0];
  if (!(server instanceof Server)) throw new Error('a server');
  for (let time = 0; time < 3; time++) server.emit('error', new Error('accept EMFILE'));
  expect(await askStatus(directory)).toEqual(STATUS);
  stop();
  await expect(askStatus(directory)).rejects.toMatchObject({ code: 'agent-not-running' });
});
