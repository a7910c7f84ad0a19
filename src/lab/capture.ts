/**
 * Keeps the frames of a lab for a pcapng file: an interface for each cable, physical and virtual, and to each frame a
 * comment that says which rules touched it, one a line.
 *
 *     frame out of a switch    the rules that it met before it left
 *     frame into a switch      those that it met from there on, behind those before
 *
 * The same frame is the same array on a cable and in a switch. A tunnel makes another frame of it: those are known by
 * the packet that they end with.
 */
import type { Clock } from '../base/clock.ts';
import { entryOf } from '../base/map.ts';
import { PcapngWriter } from '../packet/pcapng.ts';
import type { SwitchEvent } from '../softswitch/events.ts';
import type { Fabric, FramePlace } from './fabric.ts';
import { ruleWords } from './rule-words.ts';

interface Entry {
  readonly interface: string;
  readonly timeNs: bigint;
  /** A copy: a switch may write on the frame afterwards. */
  readonly frame: Uint8Array;
  readonly remarks: string[];
}

/** What a frame that is on its way has met in one switch. */
interface Passage {
  readonly remarks: string[];
  /** The frame as it came in by a cable. */
  readonly entry: Entry | undefined;
}

/** A packet of a tunnel is looked for among so many of those that were last. */
const REMEMBERED = 64;

export class Capture {
  readonly #clock: Clock;
  readonly #entries: Entry[] = [];
  /** By the array that the frame is on its way in. */
  readonly #byFrame = new WeakMap<Uint8Array, Entry>();
  readonly #left = new WeakMap<Uint8Array, readonly string[]>();
  readonly #passages = new Map<string, Passage>();
  /** IP packets of tunnels that are about to be sent, the oldest first. */
  readonly #tunnelled: { readonly outer: Uint8Array; readonly remarks: readonly string[] }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be told of each frame on a cable. */
  onFrame(place: FramePlace, frame: Uint8Array): void {
    // What passes an internal port is on the wire as well, or on another virtual cable.
    if (place.type === 'stack') return;
    const entry: Entry = {
      interface: place.type === 'vnic' ? place.port.name : `${place.host}/${place.nic}`,
      timeNs: nanoseconds(this.#clock.wall()),
      frame: Uint8Array.from(frame),
      remarks: [...(this.#left.get(frame) ?? [])],
    };
    this.#entries.push(entry);
    this.#byFrame.set(frame, entry);
  }

  /** To be told of what happens in the switches. */
  onSwitch(fabric: Fabric, host: string | undefined, name: string, event: SwitchEvent): void {
    // Physical switches have no rules of ours.
    if (host === undefined) return;
    const passage = entryOf(this.#passages, `${host}/${name}`, () => ({ remarks: [], entry: undefined }));
    const { remarks } = passage;
    switch (event.type) {
      case 'frame-in':
        this.#enter(host, name, event);
        break;
      case 'decapsulate':
        this.#passages.set(`${host}/${name}`, { remarks, entry: this.#lastEndingWith(event.outer) });
        break;
      case 'match': {
        const { table, words, origin } = ruleWords(fabric, host, name, event);
        remarks.push(`${table}: ${words}${origin ? ` [${origin}]` : ''}`);
        break;
      }
      case 'packet-in':
        remarks.push(`to the agent of ${host}`);
        break;
      case 'output':
        this.#left.set(event.frame, remarks.length > 0 ? [...remarks] : [`from the agent of ${host}`]);
        break;
      case 'team-frame': {
        const remark = [`switch ${name} of ${host}`, 'between a team and its partner'];
        if (event.direction === 'in') this.#byFrame.get(event.frame)?.remarks.push(...remark);
        else this.#left.set(event.frame, remark);
        break;
      }
      case 'encapsulate':
        this.#tunnelled.push({ outer: event.outer, remarks: [...remarks] });
        if (this.#tunnelled.length > REMEMBERED) this.#tunnelled.shift();
        break;
      case 'drop':
        remarks.push(`dropped: ${event.reason}`);
        break;
      case 'done':
        passage.entry?.remarks.push(...remarks);
        this.#passages.delete(`${host}/${name}`);
        break;
    }
  }

  /** The file so far. */
  finish(): Uint8Array {
    const writer = new PcapngWriter();
    const interfaces = new Map<string, number>();
    for (const { frame, timeNs, interface: name, remarks } of this.#entries) {
      const id = entryOf(interfaces, name, () => writer.interface(name));
      writer.packet(id, timeNs, frame, remarks.length > 0 ? remarks.join('\n') : undefined);
    }
    return writer.finish();
  }

  #enter(host: string, name: string, { frame }: Extract<SwitchEvent, { type: 'frame-in' }>): void {
    const key = `${host}/${name}`;
    const sent = this.#tunnelled.find(({ outer }) => endsWith(frame, outer));
    if (sent) this.#tunnelled.splice(this.#tunnelled.indexOf(sent), 1);
    const remarks = [...(sent?.remarks ?? []), `switch ${name} of ${host}`];
    // What came out of a tunnel is noted with the frame that it came in.
    const entry = this.#passages.get(key)?.entry ?? this.#byFrame.get(frame);
    this.#passages.set(key, { remarks, entry });
  }

  #lastEndingWith(packet: Uint8Array): Entry | undefined {
    return this.#entries.slice(-REMEMBERED).findLast(({ frame }) => endsWith(frame, packet));
  }
}

/** Whether a frame is the packet behind an Ethernet header, and at most a tag. */
function endsWith(frame: Uint8Array, packet: Uint8Array): boolean {
  const header = frame.length - packet.length;
  return (header === 14 || header === 18) && packet.every((octet, i) => octet === frame[header + i]);
}

/** Whole milliseconds apart from the rest: together they would not fit a double. */
function nanoseconds(milliseconds: number): bigint {
  const whole = Math.floor(milliseconds);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((milliseconds - whole) * 1e6));
}
