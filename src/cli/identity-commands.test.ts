/** The commands about who hosts are, as programs use them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blueRed, openApi, TOKEN } from '../api/fixture.ts';
import { openAgentRig } from '../controller/agents/fixture.ts';
import { testTerminal } from './fixture.ts';
import { main } from './main.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'netloom-identity-'));
});
afterEach(() => rmSync(home, { recursive: true }));

/** What a command that succeeds says in JSON. */
async function json(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const terminal = testTerminal(env);
  expect([await main([...args, '-o', 'json'], terminal), terminal.written.err]).toEqual([
    0,
    expect.anything(),
  ]);
  return JSON.parse(terminal.written.out);
}

describe('netloom authority', () => {
  it('says what there is after each step', async () => {
    const roles = async (step: string) =>
      ((await json(['authority', step, '--data', home])) as { role: string }[]).map(({ role }) => role);
    expect(await roles('new')).toEqual(['current']);
    expect(await roles('prepare')).toEqual(['current', 'next']);
    expect(await roles('promote')).toEqual(['current', 'previous']);
    expect(await roles('retire')).toEqual(['current']);
    const terminal = testTerminal();
    expect(await main(['authority', 'retire', '--data', home], terminal)).toBe(0);
    expect(terminal.written.out).toBe('There is no previous authority.\n');
  });
});

describe('netloom agent join', () => {
  it('says which host the machine is', async () => {
    const rig = await openAgentRig(['h1']);
    const state = join(home, 'state');
    expect(await json(['agent', 'join', await rig.token('h1'), '--state', state])).toEqual({
      host: 'h1',
      controllerUrl: rig.url,
      certificate: { expires: expect.stringMatching(/Z$/) },
    });
    const terminal = testTerminal();
    expect(await main(['agent', 'join', await rig.token('h1'), '--state', state, '--force'], terminal)).toBe(
      0,
    );
    expect(terminal.written.out).toMatch(/^This machine is host h1 of the controller at https:/);
    await rig.close();
  });
});

describe('netloom host', () => {
  it('says what it has revoked', async () => {
    const api = await openApi(blueRed());
    const env = {
      NETLOOM_TOKEN: TOKEN,
      NETLOOM_SERVER: await api.app.listen({ host: '127.0.0.1', port: 0 }),
    };
    const { id } = (await json(['host', 'token', 'host1'], env)) as { id: string };
    expect(await json(['host', 'revoke-token', id], env)).toEqual({ id, revoked: true });
    expect(await json(['host', 'revoke', 'host1'], env)).toEqual({ host: 'host1', revoked: 0 });
    const terminal = testTerminal(env);
    expect(await main(['host', 'certificates', 'typo'], terminal)).toBe(1);
    expect(terminal.written.err).toContain('There is no host "typo".');
    await api.close();
  });
});
