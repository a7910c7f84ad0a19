/** The softswitch's side of a scenario. */
import { setImmediate } from 'node:timers/promises';
import { FakeClock } from '../../src/base/clock.ts';
import type { PacketIn } from '../../src/flow/datapath.ts';
import { formatFlow } from '../../src/flow/text.ts';
import { toHex } from '../../src/packet/bytes.ts';
import { type FrameBatch, HEADROOM, newBatch } from '../../src/softswitch/batch.ts';
import { CONNECTION_LIMITS } from '../../src/softswitch/conntrack/connection-table.ts';
import type { Observer } from '../../src/softswitch/events.ts';
import { type Attachment, SoftSwitch } from '../../src/softswitch/switch.ts';
import { alive, type Outcome, PORT_NUMBERS, portName, type Scenario } from './scenario.ts';

/** The ways that frames take through the softswitch; all of them come to the same. */
export type Way =
  /** Through the tables, each frame by itself. */
  | 'tables'
  /** The flow cache in front of them. */
  | 'cache'
  /** Many frames at once. */
  | 'batch';

export const WAYS: readonly Way[] = ['tables', 'cache', 'batch'];

/** What the softswitch throws is an outcome too, and one that differs. */
export async function runSoft(scenario: Scenario, way: Way, observer?: Observer): Promise<Outcome> {
  try {
    return await run(scenario, way, observer);
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const none = { flows: new Map(), groups: new Map(), meters: new Map(), macs: [], connections: [] };
    return { ...none, delivered: [], packetIns: [`threw ${text}`] };
  }
}

async function run(scenario: Scenario, way: Way, observer: Observer | undefined): Promise<Outcome> {
  const clock = new FakeClock();
  const soft = new SoftSwitch({
    now: () => clock.now(),
    // Fragments are tracked as they are, not put together before.
    connections: { ...CONNECTION_LIMITS, fragments: 0 },
    ...(way === 'tables' ? { cache: false } : {}),
  });
  const out: string[][] = PORT_NUMBERS.map(() => []);
  const packetIns: string[] = [];
  const cables: Attachment[] = [];
  for (const port of PORT_NUMBERS) {
    const name = portName(port);
    await soft.setPort({ type: 'vif', name, id: name, vlan: scenario.vlans[port - 1]! });
    const deliver = (frame: Uint8Array) => out[port - 1]!.push(toHex(frame));
    const deliverBatch = (batch: FrameBatch) => {
      for (let i = 0; i < batch.count; i++) {
        deliver(batch.bytes.subarray(batch.at[i]!, batch.at[i]! + batch.length[i]!));
      }
    };
    cables.push(soft.attach(name, undefined, deliver, way === 'batch' ? deliverBatch : undefined));
  }
  for (const meter of scenario.meters) await soft.setMeter(meter);
  for (const group of scenario.groups) await soft.setGroup(group);
  await soft.applyFlows({ add: scenario.flows, remove: [] });
  soft.onPacketIn((packet) => packetIns.push(packetInText(packet)));
  soft.observe(observer);

  const delivered: string[][][] = [];
  for (const step of scenario.steps) {
    if (step.type === 'wait') {
      clock.advance(step.milliseconds);
    } else if (way === 'batch') {
      for (const batch of batches(step.frames)) cables[step.port - 1]!.receiveBatch(batch);
    } else {
      for (const frame of step.frames) cables[step.port - 1]!.receive(frame);
    }
    delivered.push(out.map((frames) => frames.splice(0)));
    // Open vSwitch works at the same time, and wants to be asked.
    await setImmediate();
  }
  const flows = await soft.dumpFlows();
  return {
    delivered,
    packetIns,
    flows: new Map(flows.map((s) => [formatFlow(s.flow), `n_packets=${s.packets}, n_bytes=${s.bytes}`])),
    groups: new Map(
      soft.groupStats().map(({ group, buckets, ...all }) => [`${group.id}`, counts(all, buckets)]),
    ),
    meters: new Map(soft.meterStats().map(({ meter, bands, ...all }) => [`${meter.id}`, counts(all, bands)])),
    macs: soft
      .learnedMacs()
      .map(({ mac, vlan, port, age }) => `${port} ${vlan} ${mac} ${Math.floor(age / 1000)}`)
      .sort(),
    connections: alive(soft.dumpConnections({ timeouts: true })),
  };
}

interface Count {
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** Of a whole and its parts. */
function counts(all: Count, parts: readonly Count[]): string {
  return [all, ...parts].map(({ packets, bytes }) => `${packets}/${bytes}`).join(' ');
}

function packetInText({ inPort, table, cookie, userdata, frame }: PacketIn): string {
  return `in_port=${inPort} table=${table} cookie=0x${cookie.toString(16)} userdata=${userdata} ${toHex(frame)}`;
}

/** Some hundred frames each, in memory that may be written to. */
function batches(frames: readonly Uint8Array[]): FrameBatch[] {
  const list: FrameBatch[] = [];
  for (let first = 0; first < frames.length; first += 100) {
    const part = frames.slice(first, first + 100);
    const bytes = new Uint8Array(part.reduce((sum, frame) => sum + HEADROOM + frame.length, 0));
    const batch = newBatch(bytes);
    let at = 0;
    for (const [i, frame] of part.entries()) {
      at += HEADROOM;
      bytes.set(frame, at);
      batch.at[i] = at;
      batch.length[i] = frame.length;
      at += frame.length;
    }
    batch.count = part.length;
    list.push(batch);
  }
  return list;
}
