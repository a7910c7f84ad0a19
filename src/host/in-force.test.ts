import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Agent } from '../agent/agent.ts';
import { recordsOf } from '../agent/changes.ts';
import { interfaceName } from '../agent/ports.ts';
import { Reporter } from '../agent/reporter.ts';
import { hostScope, type PolicyRecord, recordKey } from '../policy/records.ts';
import { type PolicyDelta, PolicySet } from '../policy/set.ts';
import { InForce } from './in-force.ts';
import { instantClock, ManagedMachine, machine, uplinked } from './inherit/fixture.ts';
import { Management } from './inherit/management.ts';
import { Log } from './log.ts';
import { PolicyKeeper } from './state/policy-keeper.ts';

const VNIC = interfaceName('v', 'e1');
const scope = hostScope('h1');
const policyOf = (records: readonly PolicyRecord[]) =>
  PolicySet.of(records.map((record) => ({ scope, record })));
const deltaOf = (...records: readonly PolicyRecord[]): PolicyDelta => ({
  changes: records.map((record) => ({ scope, key: recordKey(record), record })),
});
/** The host vNIC of `uplinked` in a VLAN. */
const vnic = (vlan: number) => uplinked(vlan)[1];

let directory: string;
let host: ManagedMachine;
let agent: Agent;
let reachable: () => boolean;
let outcomes: boolean[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netloom-in-force-'));
  host = new ManagedMachine();
  agent = new Agent('h1', host);
  reachable = () => true;
  outcomes = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const keeperOf = () =>
  new PolicyKeeper({ directory, host: 'h1', clock: instantClock(), onTrouble: () => {} });

function begin(held?: { readonly epoch: string; readonly revision: number }): InForce {
  const clock = instantClock();
  const log = new Log({ format: 'text', isJournal: true, wall: () => 0, write: () => {} });
  const { network } = host;
  const management = new Management({
    directory,
    agent,
    network,
    clock,
    log,
    reachable: async () => reachable(),
  });
  return new InForce({
    agent,
    management,
    keeper: keeperOf(),
    reporter: new Reporter({ agent, engine: host, version: '1', send: () => {} }),
    log,
    ...(held ? { held } : {}),
    onOutcome: (ok) => outcomes.push(ok),
  });
}

/** Revision and VLAN of the management as the disk has them. */
function onDisk(): readonly [number, unknown] {
  const held = keeperOf().read();
  if (!held || !('policy' in held)) throw new Error('a policy');
  const port = recordsOf(held.policy).find(({ kind }) => kind === 'port');
  return [held.revision, port?.kind === 'port' ? port.attachment : undefined];
}

const vlan = (number: number) => ({ type: 'vlan', vlan: number });

describe('a policy that did not get in', () => {
  it('is tried again until it does', async () => {
    const inForce = begin();
    host.network.away = 2;
    await inForce.onSnapshot(policyOf(uplinked()), 5, 'e1');
    expect(inForce.revision).toBe(0);
    expect((await inForce.again()).map(({ code }) => code)).toEqual(['host-tool-failed']);
    expect(await inForce.again()).toEqual([]);
    expect(inForce.revision).toBe(5);
    expect(outcomes).toEqual([false, false, true]);
    expect(host.network.bearers()).toEqual([VNIC]);
    expect(onDisk()).toEqual([5, vlan(0)]);
  });

  it('is tried again as it was, and what came meanwhile has a trial of its own', async () => {
    const inForce = begin();
    const policy = policyOf(uplinked());
    host.network.away = 1;
    await inForce.onSnapshot(policy, 5, 'e1');
    // The stream goes on while the earlier one is on trial.
    const delta = deltaOf(vnic(7));
    let later: Promise<unknown> | undefined;
    reachable = () => {
      if (later) return false;
      policy.apply(delta);
      later = inForce.onDelta(delta, 5, 6, policy);
      return true;
    };
    await inForce.again();
    await later;
    expect(inForce.findings.map(({ code }) => code)).toEqual(['management-lost']);
    expect(inForce.revision).toBe(5);
    expect(onDisk()).toEqual([5, vlan(0)]);
    expect(agent.records().get('port/e1')).toMatchObject({ attachment: vlan(0) });
  });

  it('has a newer number where one came while it was tried again', async () => {
    const inForce = begin();
    host.network.away = 1;
    await inForce.onSnapshot(policyOf(uplinked()), 5, 'e1');
    reachable = () => {
      inForce.onBookmark(9);
      return true;
    };
    await inForce.again();
    expect(inForce.revision).toBe(9);
    expect(onDisk()[0]).toBe(9);
  });

  it('is not tried again where it cut the host off, but what is in force is made as it should be', async () => {
    const inForce = begin();
    const policy = policyOf(uplinked());
    await inForce.onSnapshot(policy, 5, 'e1');
    let attempts = 0;
    reachable = () => {
      attempts += 1;
      return false;
    };
    const delta = deltaOf(vnic(7));
    policy.apply(delta);
    await inForce.onDelta(delta, 5, 6, policy);
    attempts = 0;
    await host.switches.get('main')?.removePort(VNIC);
    host.log.length = 0;
    expect((await inForce.again()).map(({ code }) => code)).toEqual(['management-lost']);
    expect(attempts).toBe(0);
    expect(host.log).toContain('port internal');
    // Nothing is left to be tried.
    expect(outcomes.at(-1)).toBe(true);
    expect(onDisk()).toEqual([5, vlan(0)]);

    // A change that is right gets in with all that did not.
    reachable = () => true;
    const right = deltaOf(...machine());
    policy.apply(right);
    policy.apply(deltaOf(vnic(0)));
    expect(await inForce.onDelta(right, 6, 7, policy)).toEqual([]);
    expect(agent.records().size).toBe(4);
    expect(onDisk()[0]).toBe(7);
  });
});

describe('the policy on the disk', () => {
  it('is in force without a trial, while no controller is there', async () => {
    reachable = () => false;
    const inForce = begin({ epoch: 'e1', revision: 5 });
    expect(await inForce.onSnapshot(policyOf([...uplinked(), ...machine()]), 5, 'e1')).toEqual([]);
    expect([...host.switches.keys()].sort()).toEqual(['inside', 'main']);
    expect(host.network.bearers()).toEqual([VNIC]);
    // What comes from the controller is another matter.
    const next = await inForce.onSnapshot(policyOf(uplinked(7)), 6, 'e1');
    expect(next.map(({ code }) => code)).toEqual(['management-lost']);
    expect([...host.switches.keys()].sort()).toEqual(['inside', 'main']);
  });
});

describe('a policy that is in force by halves', () => {
  it('is made whole by its own records, and not by what the stream has by now', async () => {
    const inForce = begin();
    const policy = policyOf(uplinked());
    await inForce.onSnapshot(policy, 5, 'e1');
    // It has come, and waits for its turn.
    policy.apply(deltaOf(vnic(7)));
    reachable = () => false;
    expect(await inForce.again()).toEqual([]);
    expect(agent.records().get('port/e1')).toMatchObject({ attachment: vlan(0) });
    expect(onDisk()).toEqual([5, vlan(0)]);
  });
});
