/**
 * Runs a frame through the tables: finds the flow of each table, and hands each of its actions to the module that
 * knows it. What that leads to (frames to send, packet-ins) is collected and carried out by the switch at the end.
 *
 *     Course     the frame, what the engine runs over, and whom to tell       course.ts
 *     Progress   how far it has come, and what it has led to                  progress.ts
 *     Sender     what leaves, and its mirrors                                 sender.ts
 *     …-action   one action each
 */
import type { Action, BundleAction, OutputPort } from '../../flow/flow.ts';
import { LOCAL_PORT } from '../../flow/values.ts';
import { chooseMember, isMemberUp, NO_PORT } from '../actions/bundle.ts';
import { giveHash, goThroughGroup } from '../actions/group-action.ts';
import { finTimeout, learn } from '../actions/learn-action.ts';
import { goThroughMeter } from '../actions/meter-action.ts';
import type { Recording } from '../cache/recording.ts';
import { forgetTracking, showTracking } from '../conntrack/action.ts';
import { track } from '../conntrack/track-action.ts';
import { UseGate } from '../flows/lifetime.ts';
import type { Rule } from '../flows/table.ts';
import { prerequisiteHolds, WORD } from '../frame/key.ts';
import type { Packet } from '../frame/packet.ts';
import { readBits, writeBits } from '../frame/packet-bits.ts';
import { reservedPort } from '../ports/reserved-ports.ts';
import { checkLength } from './check-length.ts';
import { Course } from './course.ts';
import type { Arrival, Effect, EngineParts } from './engine-parts.ts';
import { forwardNormally } from './normal-action.ts';
import type { Frozen } from './progress.ts';
import { rewrite } from './rewrite.ts';
import type { Scope } from './scope.ts';
import { Sender } from './sender.ts';

/** OFPP_TABLE: the frame begins again in the first table. */
const TABLE_PORT = 0xfff9;
/** MAX_RECIRC_DEPTH of dpif-netdev.c. */
const DEEPEST_RECIRCULATION = 6;

/** The flow whose actions are run. */
interface Place {
  readonly table: number;
  readonly cookie: bigint;
}

/** One frame on its way. */
export class Run {
  readonly #course: Course;
  readonly #sender: Sender;

  private constructor(course: Course, before: Sender | undefined) {
    this.#course = course;
    this.#sender = new Sender(course, before);
  }

  static start(
    parts: EngineParts,
    arrival: Arrival,
    frame: Uint8Array,
    recording: Recording | undefined,
  ): Run {
    return new Run(new Course(parts, arrival, frame, recording), undefined);
  }

  /** From table 0. */
  pipeline(packet: Packet): readonly Effect[] {
    const { flows } = this.#course.parts;
    flows.expire(this.#course.now);
    const rule = this.#match(packet, 0);
    if (this.#sender.arrive(packet)) this.#follow(packet, rule, 0);
    return this.#finish();
  }

  /** The actions of a packet-out. */
  actions(packet: Packet, actions: readonly Action[], cookie: bigint): readonly Effect[] {
    const { flows } = this.#course.parts;
    flows.expire(this.#course.now);
    if (this.#sender.arrive(packet)) this.#run(packet, actions, { table: 0, cookie });
    return this.#finish();
  }

  /** What the frame has led to, with that of frozen ones, which begin anew now. */
  #finish(): readonly Effect[] {
    const { parts, progress } = this.#course;
    this.#course.thaw();
    parts.flows.publish();
    return progress.effects.flatMap((effect) => (effect.type === 'frozen' ? this.#resume(effect) : effect));
  }

  #resume(frozen: Frozen): readonly Effect[] {
    const { recording } = this.#course;
    recording?.begins();
    const { packet, scope } = frozen;
    const run = this.#anew(packet, scope);
    if (!run) return [];
    giveHash(run.#course, frozen);
    packet.countedLength = undefined;
    for (const { actions, table, cookie, rule } of frozen.rests) {
      run.#course.rule = rule;
      run.#run(packet, actions, { table, cookie });
    }
    return run.#finish();
  }

  /** A run with limits of its own (dpif-netdev.c); undefined after too many of them. */
  #anew(packet: Packet, scope: Scope): Run | undefined {
    const { parts, arrival, frame, recording, recirculations } = this.#course;
    if (recirculations >= DEEPEST_RECIRCULATION) {
      this.#course.drop(packet, 'recirculation-limit');
      return undefined;
    }
    const begins = { length: packet.length, scope, recirculations: recirculations + 1 };
    return new Run(new Course(parts, arrival, frame, recording, begins), this.#sender);
  }

  #lookup(packet: Packet, table: number): void {
    this.#follow(packet, this.#match(packet, table), table);
  }

  /** The rule of a table for a packet, which counts it. */
  #match(packet: Packet, table: number): Rule | undefined {
    const { parts, recording, observer, now } = this.#course;
    recording?.table(table);
    const rule = parts.flows.tables.get(table)?.lookup(packet.key, packet.trail);
    observer?.({ type: 'match', table, flow: rule?.flow });
    if (!rule) return undefined;
    this.#course.count(packet, rule);
    if (rule.life) {
      rule.life.used = now;
      recording?.gate(new UseGate(rule.life));
    }
    return rule;
  }

  #follow(packet: Packet, rule: Rule | undefined, table: number): void {
    const course = this.#course;
    if (!rule) {
      course.drop(packet, 'no-match');
      return;
    }
    const { actions, cookie } = rule.flow;
    if (actions.length === 0) course.drop(packet, 'flow-drops');
    const outer = course.rule;
    course.rule = rule;
    this.#run(packet, actions, { table, cookie });
    course.rule = outer;
  }

  #run(packet: Packet, actions: readonly Action[], at: Place): void {
    const { progress } = this.#course;
    for (const [i, action] of actions.entries()) {
      if (progress.isOver) return;
      const goesOn = this.#act(packet, action, at, () => actions.slice(i + 1));
      if (progress.frozen) {
        // The group that asked for the hash asks again.
        const { rests } = progress.frozen;
        const left = actions.slice(rests.length === 0 ? i : i + 1);
        rests.push({ actions: left, ...at, rule: this.#course.rule });
        return;
      }
      if (!goesOn) return;
    }
  }

  /** `rest`: what follows in the list that the action stands in. False ends that list. */
  #act(packet: Packet, action: Action, at: Place, rest: () => readonly Action[]): boolean {
    const course = this.#course;
    const { table, cookie } = at;
    const run = (copy: Packet, list: readonly Action[]) => this.#run(copy, list, at);
    switch (action.type) {
      case 'ct':
        track(course, packet, action, table, {
          recirculate: (copy, next) => this.#recirculate(copy, next),
          goOn: (copy) => run(copy, rest()),
        });
        return true;
      case 'check_pkt_larger':
        checkLength(course, packet, action, rest(), table, run);
        return false;
      case 'ct_clear':
        course.change(packet, action, table, () => forgetTracking(packet));
        return true;
      case 'dec_ttl':
        return this.#decrementTtl(packet, action, table);
      case 'bundle':
        this.#bundle(packet, action, at);
        return true;
      case 'set':
      case 'move':
      case 'push_vlan':
      case 'strip_vlan':
      case 'multipath':
        course.change(packet, action, table, () => rewrite(packet, action));
        return true;
    }
    course.tell(packet, action, table);
    switch (action.type) {
      case 'output':
        this.#output(packet, action.port, at);
        return true;
      case 'output_field': {
        const number = readBits(packet, action.from);
        if (number <= 0xffffn) this.#outputTo(packet, Number(number), at);
        return true;
      }
      case 'controller':
        this.#sender.packetIn(packet, action.userdata, table, cookie);
        return true;
      case 'resubmit':
      case 'goto_table':
        this.#resubmit(packet, action.table, table);
        return true;
      case 'clone':
        this.#clone(packet, action.actions, at);
        return true;
      case 'group':
        return goThroughGroup(course, packet, action.group, run);
      case 'meter':
        goThroughMeter(course, packet, action.meter);
        return true;
      case 'learn':
        learn(course, packet, action.learn);
        return true;
      case 'fin_timeout':
        finTimeout(course, packet, action.idleTimeout, action.hardTimeout);
        return true;
      case 'drop':
        course.drop(packet, 'flow-drops');
        return true;
    }
  }

  #decrementTtl(packet: Packet, action: Action, table: number): boolean {
    const isIp = prerequisiteHolds('ip', packet.key);
    packet.trail?.lookAt('ip_ttl');
    const isAlive = packet.get('ip_ttl') > 1n;
    this.#course.change(packet, action, table, () => {
      if (isIp && isAlive) packet.decrementTtl();
    });
    if (!isIp || isAlive) return true;
    this.#course.drop(packet, 'ttl-expired');
    return false;
  }

  /** A clone is a datapath list of its own only where something in it cannot be undone (reversible_actions). */
  #clone(packet: Packet, actions: readonly Action[], at: Place): void {
    const { progress } = this.#course;
    const outer = progress.scope;
    if (actions.some(({ type }) => type === 'ct')) progress.enter(packet.length);
    const froze = this.#course.within(() => this.#run(packet.clone(), actions, at));
    // Open vSwitch 3.1 does not come back to what follows a clone that began anew (ctx->exit stays set).
    if (froze) progress.ended = true;
    progress.scope = outer;
  }

  /** A copy begins anew in another table. */
  #recirculate(packet: Packet, table: number): void {
    const { parts, frame, recording, progress } = this.#course;
    recording?.recirculates();
    parts.flows.publish();
    const copy = packet.recirculate();
    const run = this.#anew(copy, progress.scope);
    if (!run) return;
    // Flows count what goes on.
    if (copy.length !== frame.length) recording?.refuse();
    showTracking(copy.key, copy.tracking);
    run.#lookup(copy, table);
    progress.effects.push(...run.#finish());
  }

  #resubmit(packet: Packet, table: number, from: number): void {
    if (this.#course.isTooDeep(packet)) return;
    const { progress } = this.#course;
    // Forwards is no deeper: a pipeline of 254 tables in a row is fine.
    const deepens = table <= from ? 1 : 0;
    progress.resubmits += 1;
    progress.depth += deepens;
    this.#lookup(packet, table);
    progress.depth -= deepens;
  }

  #bundle(packet: Packet, action: BundleAction, at: Place): void {
    const { parts } = this.#course;
    const port = chooseMember(action, packet, (member) => isMemberUp(member, parts.ports));
    const { to } = action;
    if (to) {
      this.#course.change(packet, action, at.table, () => writeBits(packet, to, BigInt(port)));
    } else {
      this.#course.tell(packet, action, at.table);
      this.#outputTo(packet, port, at);
    }
  }

  /** To a port whose number was read or chosen. */
  #outputTo(packet: Packet, number: number, at: Place): void {
    if (number === NO_PORT) return;
    if (number === TABLE_PORT) {
      this.#resubmit(packet, 0, at.table);
      return;
    }
    const port = reservedPort(number);
    if (port === undefined) this.#course.drop(packet, 'no-such-port');
    else this.#output(packet, port, at);
  }

  #output(packet: Packet, port: OutputPort, { table, cookie }: Place): void {
    const inPort = packet.key[WORD.IN_PORT]!;
    switch (port) {
      case 'in_port':
        this.#sender.send(packet, inPort);
        break;
      case 'normal':
        forwardNormally(this.#course, packet, inPort, (copy, number) => this.#sender.send(copy, number));
        break;
      case 'flood':
      case 'all':
        for (const number of this.#course.parts.ports.numbers()) {
          if (number !== inPort) this.#sender.send(packet, number);
        }
        break;
      case 'controller':
        this.#sender.packetIn(packet, '', table, cookie);
        break;
      default: {
        const number = port === 'local' ? LOCAL_PORT : port;
        if (number === inPort) this.#course.drop(packet, 'output-to-in-port');
        else this.#sender.send(packet, number);
      }
    }
  }
}
