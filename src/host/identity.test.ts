import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import type { Finding } from '../base/error.ts';
import { type AgentRig, openAgentRig } from '../controller/agents/fixture.ts';
import type { Credentials } from '../identity/credentials.ts';
import { join as joinController } from './enrolment.ts';
import { Identity } from './identity.ts';
import { probeController } from './probe.ts';
import { readCredentials, writeCredentials } from './state/credentials-file.ts';

const DAY_MS = 86_400_000;

let rig: AgentRig;
let directory: string;
let credentials: Credentials;
let clock: FakeClock;
let identity: Identity;
let troubles: (Finding | undefined)[];
let isAway: boolean;
beforeEach(async () => {
  rig = await openAgentRig(['h1']);
  directory = mkdtempSync(join(tmpdir(), 'netloom-identity-'));
  credentials = await joinController(await rig.token('h1'));
  writeCredentials(directory, credentials);
  clock = new FakeClock(Date.now());
  troubles = [];
  isAway = false;
  identity = new Identity({
    directory,
    credentials,
    bootNonce: 'boot',
    clock,
    onTrouble: (trouble) => troubles.push(trouble),
  });
  identity.start();
});
afterEach(async () => {
  identity.stop();
  if (!isAway) await goAway();
  rmSync(directory, { recursive: true, force: true });
});

async function goAway(): Promise<void> {
  isAway = true;
  await rig.close();
}

describe('the identity of a host', () => {
  it('is kept in a file of its own, with the key', () => {
    expect(readCredentials(directory)).toEqual(credentials);
    expect(statSync(join(directory, 'credentials')).mode & 0o777).toBe(0o600);
  });

  it('is renewed at two thirds of its life, and on the disk then', async () => {
    clock.advance(19 * DAY_MS);
    expect(readCredentials(directory)).toEqual(credentials);
    rig.setClock(20.5 * DAY_MS);
    clock.advance(1.5 * DAY_MS);
    await expect.poll(() => readCredentials(directory)?.certificate).not.toBe(credentials.certificate);
    expect(readCredentials(directory)?.key).not.toBe(credentials.key);
    expect(troubles).toEqual([undefined]);
    const until = identity.link().certificateUntil() ?? 0;
    expect(Math.round((until - clock.wall()) / DAY_MS)).toBe(30);
  });

  it('is kept, and tried again, while the controller is away', async () => {
    await goAway();
    clock.advance(20.5 * DAY_MS);
    await expect.poll(() => troubles.map((trouble) => trouble?.code)).toEqual(['controller-unreachable']);
    expect(readCredentials(directory)).toEqual(credentials);
    clock.advance(10 * 60_000);
    await expect.poll(() => troubles.length).toBe(2);
  });

  it('reaches its controller and nobody else', async () => {
    expect(await probeController(credentials)).toMatchObject({ trouble: undefined });
    const { time = 0 } = await probeController(credentials);
    expect(Math.abs(time - Date.now())).toBeLessThan(5_000);
    expect(await identity.link().reachable()).toBe(true);
    const other = await openAgentRig(['h1']);
    try {
      const foreign = { ...credentials, controllerUrl: other.url };
      expect((await probeController(foreign)).trouble).toBeDefined();
    } finally {
      await other.close();
    }
    await goAway();
    expect(await identity.link().reachable()).toBe(false);
  });
});
