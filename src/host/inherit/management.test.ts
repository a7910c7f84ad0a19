import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Agent } from '../../agent/agent.ts';
import { interfaceName } from '../../agent/ports.ts';
import type { PolicyRecord } from '../../policy/records.ts';
import { Log } from '../log.ts';
import { instantClock, ManagedMachine, machine, nic, uplinked } from './fixture.ts';
import { type Journal, readJournal, writeJournal } from './journal.ts';
import { Management } from './management.ts';

const VNIC = interfaceName('v', 'e1');
const [SWITCH] = uplinked();

let directory: string;
let host: ManagedMachine;
let agent: Agent;
let isReached: boolean;
let attempts: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netloom-management-'));
  host = new ManagedMachine();
  agent = new Agent('h1', host);
  isReached = true;
  attempts = 0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function begin(journal?: Journal): Management {
  if (journal) writeJournal(directory, journal);
  return new Management({
    directory,
    agent,
    network: host.network,
    clock: instantClock(),
    log: new Log({ format: 'text', isJournal: true, wall: () => 0, write: () => {} }),
    reachable: async () => {
      attempts += 1;
      return isReached;
    },
  });
}

const take = (management: Management, records: readonly PolicyRecord[], isConfirmed = false) =>
  management.take(records, () => agent.replace(records), isConfirmed);
const codes = ({ findings }: { readonly findings: readonly { readonly code: string }[] }) =>
  findings.map(({ code }) => code);

describe('the management of a host', () => {
  it('goes to the host vNIC and back, and no further than the controller is reached', async () => {
    const management = begin();
    expect(await take(management, uplinked())).toEqual({ taken: true, findings: [] });
    expect(host.network.bearers()).toEqual([VNIC]);
    expect(management.status).toEqual({ state: 'host vNIC', device: VNIC });

    isReached = false;
    const wrong = await take(management, uplinked(7));
    expect(wrong).toMatchObject({ taken: false, refused: true });
    expect(codes(wrong)).toEqual(['management-lost']);
    expect(agent.records().get('port/e1')).toMatchObject({ attachment: { vlan: 0 } });
    attempts = 0;
    expect(await take(management, uplinked(7))).toMatchObject({ taken: false, refused: true });
    expect(attempts).toBe(0);

    isReached = true;
    expect(await take(management, [])).toEqual({ taken: true, findings: [] });
    expect(host.network.bearers()).toEqual(['eth0']);
    expect(management.status).toEqual({ state: 'nic' });
  });

  it('is on trial where a switch takes the NIC and nobody inherits', async () => {
    isReached = false;
    const management = begin();
    const lost = await take(management, [SWITCH]);
    expect(lost).toMatchObject({ taken: false, refused: true });
    expect(lost.findings[0]?.remedy).toContain('the virtual switch main, which takes the NIC eth0');
    expect(host.switches.size).toBe(0);
    expect(management.status).toMatchObject({ state: 'nic', failed: expect.any(String) });

    // Somebody has seen to it that the host is reached by another NIC; and then there is an heir.
    isReached = true;
    const other: PolicyRecord = { ...SWITCH, origin: 'HostSwitch/h1/other' };
    expect(await take(management, [other])).toEqual({ taken: true, findings: [] });
    expect(management.status).toEqual({ state: 'nic' });
    expect(host.network.bearers()).toEqual(['eth0']);
    expect(await take(management, uplinked())).toEqual({ taken: true, findings: [] });
    expect(host.network.bearers()).toEqual([VNIC]);
    expect(await take(management, [other])).toEqual({ taken: true, findings: [] });
    expect(host.network.bearers()).toEqual(['eth0']);
  });

  it('is on no trial where the policy was in force before the agent began', async () => {
    isReached = false;
    const management = begin();
    expect(await take(management, [...uplinked(), ...machine()], true)).toEqual({
      taken: true,
      findings: [],
    });
    expect(attempts).toBe(0);
    expect([...host.switches.keys()].sort()).toEqual(['inside', 'main']);
    expect(host.network.bearers()).toEqual([VNIC]);
    expect(readJournal(directory)).toMatchObject({ original: nic, confirmed: { device: VNIC } });

    // And so where it has no heir although the journal has one.
    expect(await take(management, machine(), true)).toEqual({ taken: true, findings: [] });
    expect(host.network.bearers()).toEqual(['eth0']);
    expect(readJournal(directory)).toEqual({ version: 1 });
  });

  it('keeps what it has while Open vSwitch is slow after a boot, and moves once it is not', async () => {
    const signature =
      begin() && (await take(begin(), uplinked())) && readJournal(directory)?.confirmed?.signature;
    const journal = readJournal(directory);
    host = new ManagedMachine();
    agent = new Agent('h1', host);
    host.slow = 1;
    isReached = false;
    const management = begin(journal);
    const slow = await take(management, uplinked(), true);
    expect(slow.taken).toBe(true);
    expect(codes(slow)).toEqual(['host-tool-failed', 'host-tool-failed']);
    expect(host.network.bearers()).toEqual(['eth0']);
    expect(await take(management, uplinked(), true)).toEqual({ taken: true, findings: [] });
    expect(host.network.bearers()).toEqual([VNIC]);
    expect(readJournal(directory)?.confirmed?.signature).toBe(signature);
  });

  it('stays as it was where the change cannot be carried out, however well the controller is reached', async () => {
    const management = begin();
    host.slow = 1;
    const slow = await take(management, uplinked());
    expect(slow).toMatchObject({ taken: false });
    expect(slow.refused).toBeUndefined();
    expect(agent.records().size).toBe(0);
    expect(host.network.bearers()).toEqual(['eth0']);
    expect(readJournal(directory)?.confirmed).toBeUndefined();
    expect(await take(management, uplinked())).toEqual({ taken: true, findings: [] });
  });

  it('waits where there would be nothing to go back to', async () => {
    const first = begin();
    await take(first, uplinked());
    // A new life, in which nothing is in force yet.
    agent = new Agent('h1', host);
    const change = await take(begin(), uplinked(7));
    expect(change).toMatchObject({ taken: false });
    expect(change).not.toHaveProperty('refused');
    expect(host.switches.size).toBe(1);
    expect(host.network.bearers()).toEqual([VNIC]);
  });

  it('may be tried once more after somebody has taken it back', async () => {
    const management = begin();
    await take(management, uplinked());
    isReached = false;
    expect(await take(management, [])).toMatchObject({ taken: false, refused: true });
    isReached = true;
    expect(await take(management, [])).toMatchObject({ taken: false, refused: true });
    await take(management, uplinked());
    expect(await take(management, [])).toEqual({ taken: true, findings: [] });
  });

  it('waits where the NIC has part in a route that cannot be moved', async () => {
    host.network.interfaces.set('eth0', { ...nic, isMultipath: true });
    const management = begin();
    const refused = await take(management, uplinked());
    expect(refused.taken).toBe(false);
    expect(codes(refused)).toEqual(['management-not-movable']);
    expect(host.log).toEqual([]);
    // A switch that takes the NIC moves nothing.
    expect(await take(management, [SWITCH])).toEqual({ taken: true, findings: [] });
  });

  it('is undone where the agent before was interrupted', async () => {
    await take(begin(), machine());
    await take(begin(), [...uplinked(), ...machine()]);
    const { original, confirmed: trial } = readJournal(directory) ?? {};
    if (!original || !trial) throw new Error('an heir');
    agent = new Agent('h1', host);
    const management = begin({ version: 1, original, trial });
    expect(management.isInterrupted).toBe(true);
    await management.recover(machine());
    expect(host.network.bearers()).toEqual(['eth0']);
    expect([...host.switches.keys()]).toEqual(['inside']);
  });

  it('goes on from an interrupted trial that nobody could undo', async () => {
    await take(begin(), uplinked());
    const { original, confirmed: trial } = readJournal(directory) ?? {};
    if (!original || !trial) throw new Error('an heir');
    const interrupted: Journal = { version: 1, original, trial };
    expect(await take(begin(interrupted), uplinked())).toEqual({ taken: true, findings: [] });
    expect(attempts).toBe(2);
    expect(host.network.bearers()).toEqual([VNIC]);
    expect(readJournal(directory)).toEqual({ version: 1, original, confirmed: trial });
    expect(await take(begin(interrupted), machine())).toEqual({ taken: true, findings: [] });
    expect(host.network.bearers()).toEqual(['eth0']);
    expect(readJournal(directory)).toEqual({ version: 1 });
  });
});
