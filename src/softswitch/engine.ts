/**
 * Runs a frame through the tables. What it leads to (frames to send, packet-ins) is collected and carried out by the
 * switch at the end, because a frame that resubmits without end must send nothing at all, as in Open vSwitch.
 */
import type { PacketIn } from '../flow/datapath.ts';
import { FIELD_NAMES, FIELDS, type FieldName } from '../flow/fields.ts';
import type { Action, OutputPort } from '../flow/flow.ts';
import { LOCAL_PORT } from '../flow/values.ts';
import type { IpAddress } from '../packet/address.ts';
import { macFromNumber } from '../packet/address.ts';
import type { Recording } from './cache/recording.ts';
import type { DropReason, Observer } from './events.ts';
import { hashSymmetric } from './hash.ts';
import { changedFields, isFragment, maskWords, prerequisiteHolds, WORD } from './key.ts';
import type { MacTable } from './mac-learning.ts';
import { type BridgePort, decideNormal } from './normal.ts';
import type { Packet } from './packet.ts';
import type { FlowTable, Rule } from './table.ts';

/** Limits of Open vSwitch (ofproto-dpif-xlate.c): MAX_DEPTH, MAX_RESUBMITS. */
const DEEPEST_RESUBMIT = 64;
const MOST_RESUBMITS = 4096;

export type Effect =
  | {
      readonly type: 'send';
      readonly port: number;
      readonly nic: string | undefined;
      readonly frame: Uint8Array;
    }
  | {
      readonly type: 'tunnel';
      readonly port: number;
      readonly outer: Uint8Array;
      readonly destination: IpAddress;
      readonly headerLength: number;
      readonly inner: Uint8Array;
    }
  | { readonly type: 'packet-in'; readonly packet: PacketIn };

/** The ports of the switch as the engine needs them. */
export interface EnginePorts {
  name(port: number): string;
  /** All of them, ascending. */
  numbers(): readonly number[];
  bridgePorts(): Iterable<BridgePort>;
  /** What it takes to send the packet by a port as it is now. */
  send(packet: Packet, port: number): Effect | { readonly drop: DropReason };
}

/** Where a frame came in. */
export interface Arrival {
  readonly port: number;
  readonly bridge: BridgePort | undefined;
}

export class Run {
  readonly #tables: ReadonlyMap<number, FlowTable>;
  readonly #ports: EnginePorts;
  readonly #macs: MacTable;
  readonly #now: number;
  readonly #observer: Observer | undefined;
  readonly #recording: Recording | undefined;
  readonly #arrival: Arrival;
  /** As it came in: what the counters of flows count. */
  readonly #length: number;
  #effects: Effect[] = [];
  #depth = 0;
  #resubmits = 0;
  #failed = false;

  constructor(
    tables: ReadonlyMap<number, FlowTable>,
    ports: EnginePorts,
    macs: MacTable,
    now: number,
    arrival: Arrival,
    length: number,
    observer: Observer | undefined,
    recording: Recording | undefined,
  ) {
    this.#tables = tables;
    this.#ports = ports;
    this.#macs = macs;
    this.#now = now;
    this.#arrival = arrival;
    this.#length = length;
    this.#observer = observer;
    this.#recording = recording;
  }

  /** From table 0. */
  pipeline(packet: Packet): readonly Effect[] {
    this.#lookup(packet, 0);
    return this.#effects;
  }

  /** The actions of a packet-out. */
  actions(packet: Packet, actions: readonly Action[], cookie: bigint): readonly Effect[] {
    this.#run(packet, actions, 0, cookie);
    return this.#effects;
  }

  #lookup(packet: Packet, table: number): void {
    this.#recording?.table(table);
    const rule = this.#find(packet, table);
    this.#observer?.({ type: 'match', table, flow: rule?.flow });
    if (!rule) {
      this.#drop(packet, 'no-match');
      return;
    }
    this.#recording?.rule(rule);
    rule.packets += 1n;
    rule.bytes += BigInt(this.#length);
    if (rule.flow.actions.length === 0) this.#drop(packet, 'flow-drops');
    this.#run(packet, rule.flow.actions, table, rule.flow.cookie);
  }

  /** In a fragment ports match as 0, in the first one too, so that all fragments meet the same flow. */
  #find({ key, trail }: Packet, table: number): Rule | undefined {
    if (!isFragment(key)) return this.#tables.get(table)?.lookup(key, trail);
    const ports = key[WORD.PORTS]!;
    key[WORD.PORTS] = 0;
    const rule = this.#tables.get(table)?.lookup(key);
    key[WORD.PORTS] = ports;
    return rule;
  }

  #run(packet: Packet, actions: readonly Action[], table: number, cookie: bigint): void {
    for (const action of actions) {
      if (this.#failed) return;
      if (!this.#act(packet, action, table, cookie)) return;
    }
  }

  /** False ends the list of actions that this one stands in. */
  #act(packet: Packet, action: Action, table: number, cookie: bigint): boolean {
    switch (action.type) {
      case 'output':
        this.#tell(packet, action, table);
        this.#output(packet, action.port, table, cookie);
        return true;
      case 'controller':
        this.#tell(packet, action, table);
        this.#packetIn(packet, action.userdata, action.maxLength, table, cookie);
        return true;
      case 'resubmit':
        this.#tell(packet, action, table);
        this.#resubmit(packet, action.table, table);
        return true;
      case 'clone':
        this.#tell(packet, action, table);
        this.#run(packet.clone(), action.actions, table, cookie);
        return true;
      case 'drop':
        this.#tell(packet, action, table);
        this.#drop(packet, 'flow-drops');
        return true;
      case 'dec_ttl': {
        const isIp = prerequisiteHolds('ip', packet.key);
        packet.trail?.lookAt('ip_ttl');
        const isAlive = packet.get('ip_ttl') > 1n;
        this.#change(packet, action, table, () => {
          if (isIp && isAlive) packet.decrementTtl();
        });
        if (!isIp || isAlive) return true;
        this.#drop(packet, 'ttl-expired');
        return false;
      }
      default:
        this.#change(packet, action, table, () => rewrite(packet, action));
        return true;
    }
  }

  /** Reports an action that leaves the frame as it is. */
  #tell(packet: Packet, action: Action, table: number): void {
    if (!this.#observer) return;
    const frame = packet.share();
    this.#observer({ type: 'action', table, action, before: frame, after: frame, changes: [] });
  }

  #change(packet: Packet, action: Action, table: number, change: () => void): void {
    if (!this.#observer) {
      change();
      return;
    }
    const before = packet.share();
    const key = packet.key.slice();
    change();
    const changes = changedFields(key, packet.key);
    this.#observer({ type: 'action', table, action, before, after: packet.share(), changes });
  }

  #drop(packet: Packet, reason: DropReason): void {
    this.#observer?.({ type: 'drop', reason, port: this.#arrival.port, frame: packet.share() });
  }

  #resubmit(packet: Packet, table: number, from: number): void {
    if (this.#depth >= DEEPEST_RESUBMIT || this.#resubmits >= MOST_RESUBMITS) {
      this.#failed = true;
      this.#recording?.refuse();
      this.#effects = [];
      this.#drop(packet, 'resubmit-limit');
      return;
    }
    // Forwards is no deeper: a pipeline of 254 tables in a row is fine.
    const deepens = table <= from ? 1 : 0;
    this.#resubmits += 1;
    this.#depth += deepens;
    this.#lookup(packet, table);
    this.#depth -= deepens;
  }

  #output(packet: Packet, port: OutputPort, table: number, cookie: bigint): void {
    const inPort = packet.key[WORD.IN_PORT]!;
    switch (port) {
      case 'in_port':
        this.#send(packet, inPort);
        break;
      case 'normal':
        this.#normal(packet, inPort);
        break;
      case 'flood':
      case 'all':
        for (const number of this.#ports.numbers()) if (number !== inPort) this.#send(packet, number);
        break;
      case 'controller':
        this.#packetIn(packet, '', 0xffff, table, cookie);
        break;
      default: {
        const number = port === 'local' ? LOCAL_PORT : port;
        if (number === inPort) this.#drop(packet, 'output-to-in-port');
        else this.#send(packet, number);
      }
    }
  }

  #send(packet: Packet, port: number): void {
    const effect = this.#ports.send(packet, port);
    this.#record(packet, effect);
    if ('drop' in effect) {
      this.#drop(packet, effect.drop);
      return;
    }
    this.#effects.push(effect);
    if (!this.#observer) return;
    const name = this.#ports.name(port);
    if (effect.type === 'send')
      this.#observer({ type: 'output', port, name, nic: effect.nic, frame: effect.frame });
    if (effect.type === 'tunnel') {
      const { inner, outer, destination } = effect;
      this.#observer({ type: 'output', port, name, nic: undefined, frame: inner });
      this.#observer({ type: 'encapsulate', port, inner, outer, destination });
    }
  }

  #record(packet: Packet, effect: Effect | { readonly drop: DropReason }): void {
    const { trail } = packet;
    if (!this.#recording || !trail) return;
    if ('drop' in effect) {
      // Whether a frame is too long, only its length says.
      if (effect.drop === 'too-long-for-tunnel') this.#recording.refuse();
    } else if (effect.type === 'send') {
      this.#recording.delivery(effect.port, effect.nic, trail);
    } else if (effect.type === 'tunnel') {
      this.#recording.tunnel(effect.port, trail, packet.length, effect);
    }
  }

  #normal(packet: Packet, inPort: number): void {
    const { port, bridge } = this.#arrival;
    const ports = [...this.#ports.bridgePorts()];
    const from = inPort === port ? bridge : ports.find((p) => p.number === inPort);
    // Frames of the controller come from no port of ours, and are taken; those of a port that is gone are not.
    if (!from && inPort < FIRST_UNREAL_PORT) {
      this.#drop(packet, 'no-such-port');
      return;
    }
    const decision = decideNormal(packet, from, ports, this.#macs, this.#now, this.#recording);
    if (decision.type === 'drop') {
      this.#drop(packet, decision.reason);
      return;
    }
    if (decision.learned && from) {
      const mac = macFromNumber(Number(packet.get('eth_src')));
      this.#observer?.({ type: 'learn', mac, vlan: decision.vlan, port: from.number });
    }
    for (const output of decision.outputs) {
      const copy = packet.clone();
      copy.retag(output.tags);
      this.#send(copy, output.port);
    }
  }

  #packetIn(packet: Packet, userdata: string, maxLength: number, table: number, cookie: bigint): void {
    this.#recording?.refuse();
    const frame = packet.share().subarray(0, maxLength);
    this.#effects.push({
      type: 'packet-in',
      packet: {
        inPort: packet.key[WORD.IN_PORT]!,
        table,
        cookie,
        userdata,
        frame,
        metadata: metadataOf(packet),
      },
    });
    this.#observer?.({ type: 'packet-in', table, userdata, frame });
  }
}

/** OFPP_CONTROLLER, OFPP_LOCAL, OFPP_NONE and the like. */
const FIRST_UNREAL_PORT = 0xfffd;

const METADATA: readonly FieldName[] = FIELD_NAMES.filter((name) => /^(tun_|metadata|reg)/.test(name));

function metadataOf(packet: Packet): Record<string, bigint> {
  const values: Record<string, bigint> = {};
  for (const name of METADATA) {
    const value = packet.get(name);
    if (value !== 0n) values[name] = value;
  }
  return values;
}

type Rewrite = Extract<Action, { type: 'set' | 'move' | 'push_vlan' | 'strip_vlan' | 'multipath' }>;

function rewrite(packet: Packet, action: Rewrite): void {
  switch (action.type) {
    case 'set':
      packet.set(action.field, action.value, action.mask);
      break;
    case 'move': {
      const { from, to } = action;
      if (!prerequisiteHolds(FIELDS[from.field].needs, packet.key)) break;
      const ones = (1n << BigInt(from.to - from.from + 1)) - 1n;
      for (const [word, mask] of maskWords(from.field, ones << BigInt(from.from)))
        packet.trail?.look(word, mask);
      const bits = (packet.get(from.field) >> BigInt(from.from)) & ones;
      packet.set(to.field, bits << BigInt(to.from), ones << BigInt(to.from));
      break;
    }
    case 'push_vlan':
      packet.pushTag({ type: action.ethertype, tci: 0x1000 });
      break;
    case 'strip_vlan':
      packet.popTag();
      break;
    case 'multipath': {
      const { to, links, basis } = action;
      const ones = (1n << BigInt(to.to - to.from + 1)) - 1n;
      packet.trail?.hash(to.field, ones << BigInt(to.from), basis, links);
      const link = BigInt(hashSymmetric(packet.key, basis) % links);
      packet.set(to.field, link << BigInt(to.from), ones << BigInt(to.from));
      break;
    }
  }
}
