/**
 * "Inherit from the management NIC", with commit-confirm. When the policy gives the addresses that the host is managed by to
 * a host vNIC (or changes that vNIC, or gives them back), the change is on trial: how it was is written down first, then it is
 * carried out, and when the controller cannot be reached within 30 s it is undone.
 *
 *     journal on the disk -> switch, uplink, host vNIC (Agent) -> addresses and routes -> reached? -> keep
 *                                                                                          not? -> undo, remember
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent, Applied } from '../../agent/agent.ts';
import type { Clock } from '../../base/clock.ts';
import { type Finding, finding, NetloomError, warning } from '../../base/error.ts';
import type { PolicyRecord } from '../../policy/records.ts';
import type { Log } from '../log.ts';
import { type Heir, heirOf } from './bearer.ts';
import {
  EMPTY_JOURNAL,
  isRefused,
  type Journal,
  kept,
  readJournal,
  undone,
  writeJournal,
} from './journal.ts';
import { type InterfaceSettings, movingCalls } from './network.ts';
import { carryOut, hostSettings } from './run-ip.ts';
import { beginTrial, judge, TRIAL_MS } from './trial.ts';

/** Milliseconds between two attempts to reach the controller. */
const ATTEMPT_EVERY_MS = 500;

export interface ManagementOptions {
  readonly directory: string;
  readonly agent: Agent;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether a new connection to the controller comes about now; has a limit of its own, of seconds. Never rejects. */
  readonly reachable: () => Promise<boolean>;
}

/** What became of a policy. */
export interface Taken {
  /** The policy is in force, or as much of it as the findings say. Otherwise the one before is. */
  readonly taken: boolean;
  readonly findings: readonly Finding[];
}

/** What `netloom agent status` shows of it. */
export interface ManagementStatus {
  readonly state: 'nic' | 'host vNIC' | 'on trial';
  /** The interface that bears the addresses, where it is a host vNIC. */
  readonly device?: string;
  /** Why the last attempt was undone. */
  readonly failed?: string;
}

export class Management {
  readonly #options: ManagementOptions;
  #journal: Journal = EMPTY_JOURNAL;

  constructor(options: ManagementOptions) {
    this.#options = options;
    const journal = readJournal(options.directory);
    if (journal) this.#journal = journal;
    else
      options.log.finding(
        warning(
          'agent-state',
          'management',
          'What the agent knew of the management NIC cannot be read.',
          'The addresses stay where they are. See that the host is as it should be.',
        ),
      );
  }

  get status(): ManagementStatus {
    const { confirmed, trial, failed } = this.#journal;
    const why = failed ? { failed: failed.why } : {};
    if (trial) return { state: 'on trial', device: trial.device, ...why };
    return confirmed ? { state: 'host vNIC', device: confirmed.device, ...why } : { state: 'nic', ...why };
  }

  /** A trial was interrupted by the end of an agent before this one. */
  get isInterrupted(): boolean {
    return this.#journal.trial !== undefined;
  }

  /** Undoes the trial that was interrupted; `before` is the policy that had been confirmed. Never rejects. */
  async recover(before: readonly PolicyRecord[]): Promise<void> {
    const why = 'The agent ended before the controller was reached again';
    await this.#undo(before, why, false);
    this.#options.log.info(`${why}; the management of the host is as it was before.`);
  }

  /** Puts a policy in force by `apply`. `wanted` is all of it. Never rejects. */
  async take(wanted: readonly PolicyRecord[], apply: () => Promise<Applied>): Promise<Taken> {
    try {
      return await this.#take(wanted, apply);
    } catch (thrown) {
      return { taken: false, findings: NetloomError.from(thrown).findings };
    }
  }

  async #take(wanted: readonly PolicyRecord[], apply: () => Promise<Applied>): Promise<Taken> {
    const { agent, directory, log } = this.#options;
    const journal = this.#journal;
    if (journal.confirmed === undefined && !wanted.some(mayInherit)) {
      const { findings } = await apply();
      return { taken: true, findings };
    }
    const settings = new Map(await hostSettings());
    if (journal.original) settings.set(journal.original.device, journal.original);
    const heir = heirOf(wanted, settings);
    const signature = heir?.signature ?? '';
    if (signature === (journal.confirmed?.signature ?? '')) {
      const { findings } = await apply();
      // After a reboot the NIC may have got back what is the host vNIC's.
      if (heir && journal.original) await move(journal.original, heir.nic, heir.device);
      return { taken: true, findings };
    }
    if (isRefused(journal, signature))
      return { taken: false, findings: [lost(journal.failed?.why ?? '', heir)] };
    const original = journal.original ?? (heir && settings.get(heir.nic));
    if (!original) throw new Error('there is nothing that a host vNIC could inherit');
    const from = journal.confirmed?.device ?? original.device;
    const to = heir?.device ?? original.device;
    const before = [...agent.records().values()];
    this.#journal = { ...journal, original, trial: { device: to, signature } };
    writeJournal(directory, this.#journal);
    const what =
      from === to
        ? `The host vNIC ${to}, which the host is managed by, changes`
        : `The addresses that the host is managed by go from ${from} to ${to}`;
    log.info(`${what}; undone in ${TRIAL_MS / 1000} s unless the controller is reached.`);
    const { findings } = await apply();
    try {
      await move(original, from, to);
    } catch (thrown) {
      // The trial shows whether it matters.
      log.finding(NetloomError.from(thrown).findings[0]);
    }
    if (await this.#isReached()) {
      this.#journal = kept(this.#journal);
      writeJournal(directory, this.#journal);
      log.info(`The controller is reached by ${to}: the change stays.`);
      return { taken: true, findings };
    }
    const why = `With the addresses on ${to} the controller could not be reached for 30 s`;
    await this.#undo(before, why, true);
    log.info(`${why}; everything is as it was before.`);
    return { taken: false, findings: [lost(why, heir)] };
  }

  async #isReached(): Promise<boolean> {
    const { clock, reachable } = this.#options;
    const trial = beginTrial(clock.now());
    for (;;) {
      const verdict = judge(trial, (await reachable()) ? 'reached' : 'tick', clock.now());
      if (verdict !== 'wait') return verdict === 'keep';
      await sleep(ATTEMPT_EVERY_MS);
    }
  }

  async #undo(before: readonly PolicyRecord[], why: string, final: boolean): Promise<void> {
    const { agent, directory, log } = this.#options;
    const { original, trial, confirmed } = this.#journal;
    const troubles = [...(await agent.replace(before)).findings];
    // An agent that has only begun does not know what the one before it made.
    if (!final) troubles.push(...(await agent.repair().catch(toFindings)).findings);
    if (original && trial) {
      const back = confirmed?.device ?? original.device;
      await move(original, trial.device, back).catch((thrown) =>
        troubles.push(...NetloomError.from(thrown).findings),
      );
    }
    for (const each of troubles) log.finding(each);
    this.#journal = undone(this.#journal, why, final);
    try {
      writeJournal(directory, this.#journal);
    } catch (thrown) {
      log.finding(NetloomError.from(thrown).findings[0]);
    }
  }
}

function mayInherit(record: PolicyRecord): boolean {
  return record.kind === 'port' && record.owner === 'host' && record.addresses.length > 0;
}

/** A host vNIC is given its addresses by the agent; a NIC has only what it is given here. */
async function move(original: InterfaceSettings, from: string, to: string): Promise<void> {
  if (from !== to) await carryOut(movingCalls(original, from, to, to === original.device));
}

function toFindings(thrown: unknown): { findings: readonly Finding[] } {
  return { findings: NetloomError.from(thrown).findings };
}

function lost(why: string, heir: Heir | undefined): Finding {
  const subject = heir ? `the host vNIC ${heir.name}` : 'the management NIC';
  return finding(
    'management-lost',
    '',
    `${why}, so the change was undone; the host keeps the policy that it had before.`,
    `Look at the VLAN, the uplink and the addresses of ${subject}. It is tried again when they are changed.`,
  );
}
