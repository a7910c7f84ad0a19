/** Makes a walk (walk.ts) of what the switches, cables and tunnels of a lab tell while frames go through them. */
import { FIELDS, type FieldName } from '../flow/fields.ts';
import { formatFlow } from '../flow/text.ts';
import { formatValue } from '../flow/values.ts';
import type { IpAddress } from '../packet/address.ts';
import { formatFrame } from '../packet/notation.ts';
import { parseFrame } from '../packet/parse.ts';
import { PUNT } from '../pipeline/punt.ts';
import { tableNumber } from '../pipeline/tables.ts';
import type { PortRecord } from '../policy/records.ts';
import type { DropReason, SwitchEvent } from '../softswitch/events.ts';
import { dropWords } from './drop-words.ts';
import { isFor, isToMany } from './echo.ts';
import type { Pair } from './endpoints.ts';
import type { Fabric, FramePlace } from './fabric.ts';
import type { Dropped } from './ping.ts';
import { ruleWords } from './rule-words.ts';
import type { TraceEvent } from './trace.ts';
import type { Walk, WalkPlace, WalkRule, WalkStep } from './walk.ts';

type Draft = { -readonly [K in keyof WalkStep]: WalkStep[K] } & { rules: MutableRule[]; outputs: string[] };
type MutableRule = { -readonly [K in keyof WalkRule]: WalkRule[K] } & { writes: string[] };
type SwitchAt = Extract<TraceEvent, { at: 'switch' }>;

/** A frame in a switch: its step, and the latest rule of each table that it met there, in the order of the tables met. */
interface Visit {
  readonly step: Draft;
  readonly rules: Map<number, MutableRule>;
}

export function walkOf(pair: Pair, events: readonly TraceEvent[], fabric: Fabric): Walk {
  const walker = new Walker(pair, fabric);
  for (const event of events) walker.take(event);
  return walker.finish();
}

class Walker {
  readonly #pair: Pair;
  readonly #fabric: Fabric;
  readonly #steps: Draft[] = [];
  #way: 'there' | 'back' = 'there';
  #arrived = false;
  #answered = false;
  /** What the sender asks for by ARP, as long as it has sent nothing else. */
  #asked: IpAddress | undefined;
  /** The vNIC that got it and was not meant. */
  #instead: PortRecord | undefined;
  #drop: Dropped | undefined;
  /** The latest one of each switch. */
  readonly #visits = new Map<string, Visit>();

  constructor(pair: Pair, fabric: Fabric) {
    this.#pair = pair;
    this.#fabric = fabric;
  }

  take(event: TraceEvent): void {
    if (this.#answered) return;
    if (event.at === 'cable') this.#cable(event.place, event.frame);
    else this.#switch(event);
  }

  finish(): Walk {
    const { from, to, address } = this.#pair;
    const instead = this.#answered ? undefined : this.#answeredInstead();
    const outcome = this.#answered
      ? 'answered'
      : instead
        ? 'answered-by-another'
        : this.#arrived
          ? 'delivered'
          : 'dropped';
    const dropped = this.#answered ? undefined : (instead ?? this.#drop ?? this.#lost());
    return {
      from: from.name,
      to: to?.name ?? address,
      address,
      outcome,
      steps: this.#steps,
      ...(dropped ? { dropped } : {}),
    };
  }

  /** The address means somebody else where the sender is. */
  #answeredInstead(): Dropped | undefined {
    const { from, to, address } = this.#pair;
    if (to && to !== from && from.port.addresses.some((own) => own.address === address)) {
      return {
        at: `${from.name} on ${from.host}`,
        reason: `there ${address} is ${from.name} itself; ${to.name} is on another network, which nothing from ${from.name} reaches`,
        origin: from.port.origin,
      };
    }
    if (!this.#instead || !to) return undefined;
    return {
      at: `the network of ${from.name}`,
      reason: `there ${address} is ${this.#instead.name}; ${to.name} is on another network, which nothing from ${from.name} reaches`,
      rule: `${address} is ${this.#instead.name}`,
      origin: this.#instead.origin,
    };
  }

  /** Nobody said that they dropped it. */
  #lost(): Dropped {
    const last = this.#steps.at(-1);
    if (!last) {
      const { from, address } = this.#pair;
      const isOwn = from.port.addresses.some((own) => own.address === address);
      return {
        at: `${from.name} on ${from.host}`,
        reason: isOwn
          ? `the guest sent nothing: ${address} is its own address`
          : `the guest sent nothing: it has no way to ${address}`,
      };
    }
    if (this.#asked) {
      const { from, address } = this.#pair;
      const why = this.#asked === address ? '' : `, which is the way to ${address}`;
      return {
        at: `the network of ${from.name}`,
        reason: `nobody there answers ARP for ${this.#asked}${why}`,
      };
    }
    return { at: `step ${last.number}`, reason: `nobody answered: ${last.what}` };
  }

  #step(place: WalkPlace, host: string | undefined, what: string, before?: Uint8Array): Draft {
    const step: Draft = {
      number: this.#steps.length + 1,
      way: this.#way,
      place,
      ...(host === undefined ? {} : { host }),
      what,
      ...(before ? { before: formatFrame(before) } : {}),
      rules: [],
      outputs: [],
    };
    this.#steps.push(step);
    return step;
  }

  #cable(place: FramePlace, frame: Uint8Array): void {
    if (place.type === 'wire') return;
    const record = place.type === 'vnic' ? place.port : this.#portRecord(place.host, place.id);
    const host = place.type === 'stack' ? place.host : this.#hostOf(place.port.id);
    if (record) {
      if (place.direction === 'from') this.#sends(record, host, frame);
      else this.#receives(record, host, frame);
    } else if (place.direction === 'from') {
      this.#step('host-stack', host, 'the host sends the tunnel packet by its provider interface', frame);
    }
  }

  #sends(record: PortRecord, host: string | undefined, frame: Uint8Array): void {
    const slash = record.name.indexOf('/');
    const who = record.name.slice(0, slash);
    const nic = record.name.slice(slash + 1);
    const place = record.owner === 'host' ? 'host-stack' : 'guest';
    const { arp } = parseFrame(frame);
    if (this.#way === 'there') this.#asked = arp?.targetIp;
    const what = arp ? `asks by ARP for ${arp.targetIp}` : 'makes an IP packet, and its stack sends it';
    this.#step(place, host, `${who} ${what} by the vNIC ${nic}`, frame);
    this.#step(
      'cable',
      host,
      `the virtual cable takes it from ${record.name} to a port of the virtual switch ${record.switch}`,
    );
  }

  #receives(record: PortRecord, host: string | undefined, frame: Uint8Array): void {
    const { from, to, address } = this.#pair;
    const place = record.owner === 'host' ? 'host-stack' : 'guest';
    if (!isFor(record, frame)) {
      this.#step(place, host, `${record.name} gets a copy, which is not for it`, frame);
    } else if (record.id === from.port.id) {
      this.#step(place, host, `${record.name} receives the answer`, frame);
      this.#answered = this.#instead === undefined;
    } else if (to && record.id !== to.port.id) {
      this.#step(
        place,
        host,
        `${record.name} receives it: here it is ${record.name} that has the address ${address}`,
        frame,
      );
      this.#instead = record;
      this.#way = 'back';
    } else {
      this.#step(place, host, `${record.name} receives it`, frame);
      this.#arrived = true;
      this.#way = 'back';
    }
  }

  #hostOf(id: string): string | undefined {
    for (const [host, { agent }] of this.#fabric.hosts) if (agent.records().has(`port/${id}`)) return host;
    return undefined;
  }

  #portRecord(host: string, id: string): PortRecord | undefined {
    const record = this.#fabric.hosts.get(host)?.agent.records().get(`port/${id}`);
    return record?.kind === 'port' ? record : undefined;
  }

  #switch(at: SwitchAt): void {
    const key = `${at.host ?? ''}/${at.name}`;
    const { event } = at;
    const visit = this.#visits.get(key);
    switch (event.type) {
      case 'frame-in':
        this.#visits.set(key, { step: this.#enter(at, event), rules: new Map() });
        break;
      case 'match':
        if (visit && at.host !== undefined) this.#match(at, event, visit);
        break;
      case 'action':
        if (visit) this.#action(event, visit);
        break;
      case 'output':
        this.#output(at, event, visit?.step);
        break;
      case 'encapsulate': {
        const what = `${at.host} encapsulates the frame for the host ${event.destination}`;
        this.#step('tunnel', at.host, what, event.inner).after = formatPacket(event.outer);
        break;
      }
      case 'decapsulate': {
        const step = this.#step('tunnel', at.host, `${at.host} takes the frame out of the tunnel`);
        step.before = formatPacket(event.outer);
        step.after = formatFrame(event.inner);
        break;
      }
      case 'drop':
        this.#dropped(at, event, visit);
        break;
      case 'packet-in':
        if (event.userdata === PUNT.aclLog) this.#reported(at, visit);
        else visit?.step.outputs.push('the agent of the host, which answers');
        break;
      case 'connection':
        visit?.rules.get(event.table)?.writes.push(`ct_state=${event.words}`);
        break;
      case 'team-frame':
      case 'bucket':
      case 'learn-flow':
      case 'learn':
      case 'done':
        break;
    }
  }

  #enter(at: SwitchAt, event: Extract<SwitchEvent, { type: 'frame-in' }>): Draft {
    if (at.host === undefined) {
      return this.#step(
        'physical-network',
        undefined,
        `the physical network ${at.name} gets it from ${event.name}`,
        event.frame,
      );
    }
    if (event.nic !== undefined) {
      this.#step('nic', at.host, `the NIC ${event.nic} of ${at.host} receives it`, event.frame);
      return this.#step(
        'switch',
        at.host,
        `the virtual switch ${at.name} gets it from its uplink`,
        event.frame,
      );
    }
    return this.#step(
      'switch',
      at.host,
      `the virtual switch ${at.name} gets it from ${this.#portName(at, event.port)}`,
      event.frame,
    );
  }

  #match(at: SwitchAt, event: Extract<SwitchEvent, { type: 'match' }>, visit: Visit): void {
    const rule: MutableRule = {
      ...ruleWords(this.#fabric, at.host, at.name, event),
      ...(event.flow ? { flow: formatFlow(event.flow) } : {}),
      writes: [],
    };
    visit.step.rules.push(rule);
    // A table that it comes by again moves to the end, so that the last one is the last that it met.
    visit.rules.delete(event.table);
    visit.rules.set(event.table, rule);
  }

  #action(event: Extract<SwitchEvent, { type: 'action' }>, visit: Visit): void {
    if (event.action.type === 'resubmit' || event.action.type === 'clone') return;
    const rule = visit.rules.get(event.table);
    for (const { field, after } of event.changes) rule?.writes.push(`${field}=${valueText(field, after)}`);
    const text = formatFrame(event.after);
    if (text !== (visit.step.after ?? visit.step.before)) visit.step.after = text;
  }

  #output(at: SwitchAt, event: Extract<SwitchEvent, { type: 'output' }>, step: Draft | undefined): void {
    const name = at.host === undefined ? event.name : this.#portName(at, event.port);
    const by = event.nic === undefined ? name : `the NIC ${event.nic}`;
    if (step && !step.outputs.includes(by)) step.outputs.push(by);
    if (at.host === undefined || event.nic === undefined) return;
    this.#step('nic', at.host, `the NIC ${event.nic} of ${at.host} puts it on the wire`, event.frame);
  }

  #dropped(at: SwitchAt, event: Extract<SwitchEvent, { type: 'drop' }>, visit: Visit | undefined): void {
    // The first drop on the way of the frame itself; copies that others get and drop are no loss.
    if (this.#drop || !visit) return;
    const place =
      at.host === undefined
        ? `the physical network ${at.name}`
        : `the virtual switch ${at.name} on ${at.host}`;
    if (event.reason === 'no-match' || event.reason === 'flow-drops') {
      this.#drop = droppedBy([...visit.rules.values()].at(-1), place, event.reason);
      return;
    }
    // Of a frame to everybody, some copies come to nothing: they went round, or nobody is there.
    if (isToMany(event.frame) || visit.step.outputs.length > 0) return;
    this.#drop = { at: place, reason: dropWords(event.reason) };
  }

  /** A rule of a port ACL with `log`; one that denies does nothing else, so no drop is told. */
  #reported(at: SwitchAt, visit: Visit | undefined): void {
    visit?.step.outputs.push('the log of port ACLs');
    const rule = visit?.rules.get(tableNumber('acl-rules'));
    if (this.#drop || !rule?.flow?.endsWith(`resubmit(,${tableNumber('acl-log')})`)) return;
    this.#drop = droppedBy(rule, `the virtual switch ${at.name} on ${at.host}`, 'flow-drops');
  }

  #portName(at: SwitchAt, number: number): string {
    const host = at.host === undefined ? undefined : this.#fabric.hosts.get(at.host);
    const port = host?.agent.portAt(at.name, number);
    if (port === undefined) return `port ${number}`;
    const what = port.slice(port.indexOf('/') + 1);
    const record = host?.agent.records().get(`port/${what}`);
    if (port.startsWith('vnic/')) return record?.kind === 'port' ? record.name : what;
    if (port.startsWith('provider/')) return `the provider interface of ${what}`;
    if (port.startsWith('tunnel/')) return `the tunnel of ${what}`;
    return `the uplink of ${what}`;
  }
}

/** What a rule, or the miss of a table, has done to a frame. */
function droppedBy(rule: MutableRule | undefined, place: string, reason: DropReason): Dropped {
  if (!rule) return { at: place, reason: dropWords(reason) };
  return {
    at: `table ${rule.table} of ${place}`,
    reason: rule.words.replace(/^no rule matches: /, ''),
    ...(rule.flow ? { rule: rule.words } : {}),
    ...(rule.origin ? { origin: rule.origin } : {}),
  };
}

function valueText(field: FieldName, value: bigint): string {
  return FIELDS[field] ? formatValue(field, value) : String(value);
}

/** An IP packet without its Ethernet header: as a frame with an empty one, and that taken off again. */
function formatPacket(packet: Uint8Array): string {
  const frame = new Uint8Array(14 + packet.length);
  frame.set(packet, 14);
  const version = packet[0]! >> 4;
  frame[12] = version === 6 ? 0x86 : 0x08;
  frame[13] = version === 6 ? 0xdd : 0x00;
  const text = formatFrame(frame);
  return text.slice(text.indexOf(')/') + 2);
}
