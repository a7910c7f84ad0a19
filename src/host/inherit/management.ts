/**
 * "Inherit from the management NIC", with commit-confirm. When the policy gives the addresses that the host is managed by to
 * a host vNIC (or changes that vNIC, or gives them back), or the NIC itself to a switch, the change is on trial: how it was is
 * written down first, then it is carried out, and when the controller cannot be reached within 30 s it is undone.
 *
 *     journal on the disk -> switch, uplink, host vNIC (Agent) -> addresses and routes -> reached? -> keep
 *                                                                                          not? -> undo, remember
 */
import type { Agent, Applied } from '../../agent/agent.ts';
import { isInterfaceName } from '../../agent/ports.ts';
import type { Clock } from '../../base/clock.ts';
import { type Finding, finding, NetloomError, warning } from '../../base/error.ts';
import type { PolicyRecord } from '../../policy/records.ts';
import type { Log } from '../log.ts';
import { concernsManagement, type Heir, heirOf } from './bearer.ts';
import type { HostNetwork } from './host-network.ts';
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
import { beginTrial, judge, TRIAL_MS } from './trial.ts';

/** Milliseconds between two attempts to reach the controller. */
const ATTEMPT_EVERY_MS = 500;

export interface ManagementOptions {
  readonly directory: string;
  readonly agent: Agent;
  readonly network: HostNetwork;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether a new connection to the controller comes about now; has a limit of its own, of seconds. Never rejects. */
  readonly reachable: () => Promise<boolean>;
}

/** What became of a policy. */
export interface Taken {
  /** The policy is in force, or as much of it as the findings say. Otherwise the one before is. */
  readonly taken: boolean;
  /** It is not tried again: it cut the host off. */
  readonly refused?: true;
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
    return confirmed && isInterfaceName(confirmed.device)
      ? { state: 'host vNIC', device: confirmed.device, ...why }
      : { state: 'nic', ...why };
  }

  /** A trial was interrupted by the end of an agent before this one. */
  get isInterrupted(): boolean {
    return this.#journal.trial !== undefined;
  }

  /** Undoes the trial that was interrupted; `before` is the policy that had been confirmed. Never rejects. */
  async recover(before: readonly PolicyRecord[]): Promise<void> {
    const why = 'The agent ended before the controller was reached again';
    await this.#undo(before, why, 'interrupted');
    this.#options.log.info(`${why}; the management of the host is as it was before.`);
  }

  /**
   * Puts a policy in force by `apply`. `wanted` is all of it. `isConfirmed`: it was in force before this agent began, so it is not
   * on trial: there would be nothing to go back to. Never rejects.
   */
  async take(
    wanted: readonly PolicyRecord[],
    apply: () => Promise<Applied>,
    isConfirmed: boolean,
  ): Promise<Taken> {
    try {
      return await this.#take(wanted, apply, isConfirmed);
    } catch (thrown) {
      return { taken: false, ...toFindings(thrown) };
    }
  }

  async #take(
    wanted: readonly PolicyRecord[],
    apply: () => Promise<Applied>,
    isConfirmed: boolean,
  ): Promise<Taken> {
    const journal = this.#journal;
    const { confirmed, trial } = journal;
    if (!confirmed && !trial && !wanted.some(concernsManagement)) {
      const { findings } = await apply();
      return { taken: true, findings };
    }
    const settings = new Map(await this.#options.network.settings());
    // What a host vNIC has taken over the NIC has no more.
    const inherited = trial || isInterfaceName(confirmed?.device ?? '') ? journal.original : undefined;
    if (inherited) settings.set(inherited.device, inherited);
    const heir = heirOf(wanted, settings, (trial ?? confirmed)?.device);
    const signature = heir?.signature ?? '';
    if (!trial && signature === (confirmed?.signature ?? '')) {
      const { findings } = await apply();
      // Whoever says so again after this has thought again. At a start nobody has said anything.
      if (!isConfirmed && journal.failed) {
        const { failed: _, ...rest } = journal;
        this.#write(rest);
      }
      // After a reboot the NIC may have got back what is the host vNIC's.
      const moved = heir && inherited ? await this.#move(inherited, heir.nic, heir.device) : [];
      return { taken: true, findings: [...findings, ...moved] };
    }
    const original = inherited ?? (heir && settings.get(heir.nic)) ?? journal.original;
    if (!original) throw new Error('there is nothing that a host vNIC could inherit');
    const attempt = { original, from: trial?.device ?? bearerOf(journal, original), heir };
    if (isConfirmed) return this.#settle(attempt, apply);
    if (isRefused(journal, signature))
      return { taken: false, refused: true, findings: [lost(journal.failed?.why ?? '', heir)] };
    return this.#try(attempt, apply);
  }

  /** Carries out what needs no trial. */
  async #settle({ original, from, heir }: Attempt, apply: () => Promise<Applied>): Promise<Taken> {
    const { confirmed: _, ...without } = this.#journal;
    if (heir) {
      const { device, signature } = heir;
      this.#write({ ...without, original, confirmed: { device, signature } });
    }
    const { findings } = await apply();
    const moved = await this.#move(original, from, heir?.device ?? original.device);
    if (!heir && moved.length === 0) {
      const { original: _nic, ...rest } = without;
      this.#write(rest);
    }
    return { taken: true, findings: [...findings, ...moved] };
  }

  async #try({ original, from, heir }: Attempt, apply: () => Promise<Applied>): Promise<Taken> {
    const { agent, log } = this.#options;
    const to = heir?.device ?? original.device;
    if (from !== to && original.isMultipath) return { taken: false, findings: [notMovable(original.device)] };
    const before = [...agent.records().values()];
    if (before.length === 0 && this.#journal.confirmed) return { taken: false, findings: [notYet(heir)] };
    this.#write({ ...this.#journal, original, trial: { device: to, signature: heir?.signature ?? '' } });
    log.info(`${changeOf(from, to, heir)}; undone in ${TRIAL_MS / 1000} s unless the controller is reached.`);
    const { ok, findings } = await apply();
    const moved = ok ? await this.#move(original, from, to) : [];
    const [trouble] = ok ? moved : findings;
    if (trouble) {
      const why = `It could not be carried out (${trouble.message})`;
      await this.#undo(before, why, 'not carried out');
      log.info(`${why}; everything is as it was before.`);
      return { taken: false, findings: [...findings, ...moved] };
    }
    if (await this.#isReached()) {
      this.#write(kept(this.#journal));
      log.info(`The controller is reached by ${to}: the change stays.`);
      return { taken: true, findings };
    }
    const why = `With the addresses on ${to} the controller could not be reached for 30 s`;
    await this.#undo(before, why, 'cut off');
    log.info(`${why}; everything is as it was before.`);
    return { taken: false, refused: true, findings: [lost(why, heir)] };
  }

  async #isReached(): Promise<boolean> {
    const { clock, reachable } = this.#options;
    const trial = beginTrial(clock.now());
    for (;;) {
      const verdict = judge(trial, (await reachable()) ? 'reached' : 'tick', clock.now());
      if (verdict !== 'wait') return verdict === 'keep';
      await new Promise<void>((resolve) => clock.after(ATTEMPT_EVERY_MS, resolve));
    }
  }

  async #undo(
    before: readonly PolicyRecord[],
    why: string,
    end: 'cut off' | 'interrupted' | 'not carried out',
  ): Promise<void> {
    const { agent, log } = this.#options;
    const { original, trial } = this.#journal;
    const troubles = [...(await agent.replace(before)).findings];
    // An agent that has only begun does not know what the one before it made.
    if (end === 'interrupted') troubles.push(...(await agent.repair().catch(toFindings)).findings);
    if (original && trial)
      troubles.push(...(await this.#move(original, trial.device, bearerOf(this.#journal, original))));
    for (const each of troubles) log.finding(each);
    this.#journal = undone(this.#journal, why, end === 'cut off');
    try {
      writeJournal(this.#options.directory, this.#journal);
    } catch (thrown) {
      log.finding(NetloomError.from(thrown).findings[0]);
    }
  }

  /**
   * A host vNIC is given its addresses by the agent; a NIC has only what it is given here. The result: what stood in the way.
   * Nothing is taken from one interface as long as there is not the other.
   */
  async #move(original: InterfaceSettings, from: string, to: string): Promise<readonly Finding[]> {
    if (from === to) return [];
    const { network } = this.#options;
    try {
      if (!(await network.settings()).has(to)) return [notThere(to)];
      await network.carryOut(movingCalls(original, from, to, to === original.device));
      return [];
    } catch (thrown) {
      return NetloomError.from(thrown).findings;
    }
  }

  #write(journal: Journal): void {
    writeJournal(this.#options.directory, journal);
    this.#journal = journal;
  }
}

/** A change of what bears the settings of a NIC. */
interface Attempt {
  /** How the NIC was as the machine was set up. */
  readonly original: InterfaceSettings;
  /** What has its addresses now. */
  readonly from: string;
  /** What is to have them; undefined: the NIC, which is of no switch any more. */
  readonly heir: Heir | undefined;
}

/** What has the addresses when nothing is on trial. */
function bearerOf({ confirmed }: Journal, original: InterfaceSettings): string {
  return confirmed && isInterfaceName(confirmed.device) ? confirmed.device : original.device;
}

function toFindings(thrown: unknown): { findings: readonly Finding[] } {
  return { findings: NetloomError.from(thrown).findings };
}

function changeOf(from: string, to: string, heir: Heir | undefined): string {
  if (from !== to) return `The addresses that the host is managed by go from ${from} to ${to}`;
  if (!heir) return `The NIC ${to}, which the host is managed by, leaves its virtual switch`;
  return heir.device === heir.nic
    ? `The NIC ${to}, which has addresses of the host, is taken by the virtual switch ${heir.name}`
    : `The host vNIC ${to}, which the host is managed by, changes`;
}

function lost(why: string, heir: Heir | undefined): Finding {
  const subject = !heir
    ? 'the management NIC'
    : heir.device === heir.nic
      ? `the virtual switch ${heir.name}, which takes the NIC ${heir.nic} without a host vNIC that inherits its addresses`
      : `the host vNIC ${heir.name}`;
  return finding(
    'management-lost',
    '',
    `${why}, so the change was undone; the host keeps the policy that it had before.`,
    `Look at the VLAN, the uplink and the addresses of ${subject}. It is tried again when they are changed.`,
  );
}

function notMovable(nic: string): Finding {
  return finding(
    'management-not-movable',
    '',
    `The NIC ${nic}, which the host is managed by, has part in a route by several routers (multipath), which cannot be moved to a host vNIC.`,
    'Set the route with one router ("ip route show"). The agent tries again by itself.',
  );
}

function notYet(heir: Heir | undefined): Finding {
  return finding(
    'host-tool-failed',
    '',
    `What was in force before is not so again yet, so a change of what the host is managed by${heir ? ` (${heir.name})` : ''} would have nothing to go back to.`,
    'The agent tries again by itself; "netloom agent doctor" says what is wrong.',
  );
}

function notThere(device: string): Finding {
  return finding(
    'host-tool-failed',
    '',
    `The interface ${device} is not there, so nothing was moved to it.`,
    'The agent tries again by itself; "netloom agent doctor" says what is wrong with Open vSwitch.',
  );
}
