/** Groups and meters of one bridge: set, removed, read, and remembered for a switch that has forgotten them. */
import { throwIfErrors } from '../../base/error.ts';
import { groupFindings, meterFindings } from '../../flow/check-group.ts';
import type { Group, Meter } from '../../flow/datapath.ts';
import { formatGroup, formatMeter } from '../../flow/text-group.ts';
import type { Exchange } from './connection.ts';
import { dumpedMeters } from './dump.ts';
import { policedBy } from './policing.ts';
import { refusalIn, throwIfRefused } from './refusal.ts';

export class GroupsAndMeters {
  readonly #exchange: Exchange;
  /** In the order in which they were set: groups name earlier ones. */
  readonly #groups = new Map<number, Group>();
  readonly #meters = new Map<number, Meter>();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Those that were set. */
  get groups(): readonly Group[] {
    return [...this.#groups.values()];
  }

  /** Those that were set, without those of policing. */
  get meters(): readonly Meter[] {
    return [...this.#meters.values()];
  }

  async setGroup(group: Group): Promise<void> {
    throwIfErrors(groupFindings(group));
    const replies = await this.#exchange([{ type: 'group-mod', command: 'add-or-modify', group }]);
    throwIfRefused(replies, () => `The group "${formatGroup(group)}"`);
    this.#groups.set(group.id, group);
  }

  async removeGroup(id: number): Promise<void> {
    this.#groups.delete(id);
    const replies = await this.#exchange([{ type: 'group-mod', command: 'delete', id }]);
    throwIfRefused(replies, () => `That group ${id} goes`);
  }

  async setMeter(meter: Meter): Promise<void> {
    throwIfErrors(meterFindings(meter));
    await this.putMeter(meter);
    this.#meters.set(meter.id, meter);
  }

  async removeMeter(id: number): Promise<void> {
    this.#meters.delete(id);
    await this.deleteMeter(id);
  }

  /** Those that the switch has, without those of policing. */
  async readMeters(): Promise<ReadonlyMap<number, Meter>> {
    const all = await dumpedMeters(this.#exchange);
    return new Map([...all].filter(([id]) => policedBy(id) === undefined));
  }

  /**
   * A meter that is not remembered here. There is no "add or modify" of meters: one of the two is refused, whichever comes
   * first.
   */
  async putMeter(meter: Meter): Promise<void> {
    const replies = await this.#exchange([{ type: 'meter-mod', command: 'add', meter }]);
    if (refusalIn(replies)?.error.name !== 'OFPMMFC_METER_EXISTS') {
      throwIfRefused(replies, () => nameOf(meter));
      return;
    }
    const modified = await this.#exchange([{ type: 'meter-mod', command: 'modify', meter }]);
    throwIfRefused(modified, () => nameOf(meter));
  }

  /** One that is not remembered here. */
  async deleteMeter(id: number): Promise<void> {
    const replies = await this.#exchange([{ type: 'meter-mod', command: 'delete', id }]);
    throwIfRefused(replies, () => `That meter ${id} goes`);
  }
}

function nameOf(meter: Meter): string {
  return `The meter "${formatMeter(meter)}"`;
}
