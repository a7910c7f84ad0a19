/** A program with groups, meters and flows that learn, run by the softswitch and by a real Open vSwitch. */
import { FakeClock } from '../../src/base/clock.ts';
import type { FlowStats } from '../../src/flow/datapath.ts';
import { parseFlow } from '../../src/flow/parse.ts';
import { parseGroup, parseMeter } from '../../src/flow/parse-group.ts';
import { formatFlow } from '../../src/flow/text.ts';
import { formatGroup, formatMeter } from '../../src/flow/text-group.ts';
import { toHex } from '../../src/packet/bytes.ts';
import { type Attachment, SoftSwitch } from '../../src/softswitch/switch.ts';
import type { DummySwitch } from '../parity/dummy-port.ts';

export const PORTS = ['p1', 'p2', 'p3', 'p4'] as const;
export type PortName = (typeof PORTS)[number];

/** In the language of ovs-ofctl. */
export interface Scene {
  readonly groups?: readonly string[];
  readonly meters?: readonly string[];
  readonly flows: readonly string[];
  readonly steps: readonly Step[];
}

export type Step =
  | { readonly type: 'frame'; readonly port: PortName; readonly bytes: Uint8Array }
  | { readonly type: 'wait'; readonly milliseconds: number }
  | { readonly type: 'link'; readonly port: PortName; readonly up: boolean };

/** What came of it, as text. */
export interface Outcome {
  /** For each step, `port bytes`. */
  readonly frames: readonly (readonly string[])[];
  /** Flows that are there in the end with their counters; sorted, as the others are. */
  readonly flows: readonly string[];
  readonly groups: readonly string[];
  readonly meters: readonly string[];
}

// ------------------------------------------------------------------------------------------------ softswitch

export async function runSoft(scene: Scene, cached: boolean): Promise<Outcome> {
  const clock = new FakeClock();
  const soft = new SoftSwitch({ now: () => clock.now(), ...(cached ? {} : { cache: false }) });
  let out: string[] = [];
  const cables = new Map<PortName, Attachment>();
  for (const name of PORTS) {
    await soft.setPort({ type: 'vif', name, id: name, vlan: { mode: 'trunk', trunks: [] } });
    cables.set(
      name,
      soft.attach(name, undefined, (bytes) => out.push(`${name} ${toHex(bytes)}`)),
    );
  }
  for (const meter of scene.meters ?? []) await soft.setMeter(parseMeter(meter));
  for (const group of scene.groups ?? []) await soft.setGroup(parseGroup(group));
  await soft.applyFlows({ add: scene.flows.map(parseFlow), remove: [] });
  const frames: string[][] = [];
  for (const step of scene.steps) {
    out = [];
    if (step.type === 'wait') clock.advance(step.milliseconds);
    else if (step.type === 'link') cables.get(step.port)?.setLink(step.up);
    else cables.get(step.port)?.receive(step.bytes);
    frames.push(out.sort());
  }
  return {
    frames,
    flows: (await soft.dumpFlows()).map(flowLine).sort(),
    groups: soft.groupStats().map((stats) => counted(`group ${stats.group.id}`, stats, stats.buckets)),
    meters: soft.meterStats().map((stats) => counted(`meter ${stats.meter.id}`, stats, stats.bands)),
  };
}

interface Count {
  readonly packets: bigint;
  readonly bytes: bigint;
}

function counted(what: string, { packets, bytes }: Count, parts: readonly Count[]): string {
  return [`${what}: ${packets} ${bytes}`, ...parts.map((part) => `${part.packets} ${part.bytes}`)].join(', ');
}

function flowLine({ flow, packets, bytes }: FlowStats): string {
  return `${packets} ${bytes} ${formatFlow(flow)} ${flow.idleTimeout ?? 0} ${flow.hardTimeout ?? 0}`;
}

// ----------------------------------------------------------------------------------------------- Open vSwitch

/** With the slow path alone counters are exact at every moment, and what is learnt holds at once. */
export async function runReal(real: DummySwitch, scene: Scene): Promise<Outcome> {
  for (const port of PORTS) await real.command('netdev-dummy/set-admin-state', port, 'up');
  await real.program({
    flows: scene.flows.map((text) => formatFlow(parseFlow(text))),
    groups: (scene.groups ?? []).map((text) => formatGroup(parseGroup(text))),
    meters: (scene.meters ?? []).map((text) => formatMeter(parseMeter(text))),
  });
  await real.forget();
  for (const port of PORTS) real.taken(port);
  const frames: string[][] = [];
  const down = new Set<PortName>();
  for (const step of scene.steps) {
    if (step.type === 'wait') await waited(real, step.milliseconds);
    else if (step.type === 'link') {
      await real.command('netdev-dummy/set-admin-state', step.port, step.up ? 'up' : 'down');
      await noticed(real, step.port, step.up);
    } else await real.receive(step.port, [step.bytes]);
    if (step.type === 'link' && !step.up) down.add(step.port);
    if (step.type === 'link' && step.up) down.delete(step.port);
    // A dummy port sends even where its link is down.
    const out = PORTS.flatMap((port) => {
      const taken = real.taken(port).map((bytes) => `${port} ${toHex(bytes)}`);
      return down.has(port) ? [] : taken;
    });
    frames.push(out.sort());
  }
  await real.command('revalidator/purge');
  return {
    frames,
    flows: linesWith(await real.ofctl('dump-flows'), 'n_packets')
      .map(realFlowLine)
      .sort(),
    groups: linesWith(await real.ofctl('dump-group-stats'), 'group_id=')
      .map(realGroupLine)
      .sort(byNumber),
    meters: realMeters(await real.ofctl('meter-stats')),
  };
}

/** Open vSwitch looks for flows that have ended after it has gone through its datapath flows. */
async function waited(real: DummySwitch, milliseconds: number): Promise<void> {
  await real.warp(milliseconds);
  await real.command('revalidator/wait');
  for (let i = 0; i < 2; i++) await real.command('version');
}

/** The bridge learns of a link some time later. */
async function noticed(real: DummySwitch, port: PortName, up: boolean): Promise<void> {
  const state = new RegExp(`\\(${port}\\):[^(]*?state: *${up ? 'LIVE' : 'LINK_DOWN'}`);
  for (let i = 0; !state.test(await real.ofctl('dump-ports-desc')); i++) {
    if (i > 200) throw new Error(`Open vSwitch does not notice the link of ${port}`);
  }
  for (let i = 0; i < 3; i++) await real.command('version');
}

function linesWith(text: string, word: string): string[] {
  return text.split('\n').filter((line) => line.includes(word));
}

function realFlowLine(line: string): string {
  const number = (key: string) => Number(new RegExp(`\\b${key}=(\\d+)`).exec(line)?.[1] ?? 0);
  const text = line
    .trim()
    .replace(/\b(duration|n_packets|n_bytes|idle_age|hard_age)=[^, ]*(, *| )/g, '')
    .replace(/\b(reset_counts|send_flow_rem)\b,? */g, '');
  // Timeouts of a flow stand before its match; those of its actions, behind.
  const head = line.split('actions=')[0]!;
  const timeout = (key: string) => Number(new RegExp(`\\b${key}=(\\d+)`).exec(head)?.[1] ?? 0);
  const flow = parseFlow(text);
  const idle = timeout('idle_timeout');
  const hard = timeout('hard_timeout');
  return `${number('n_packets')} ${number('n_bytes')} ${formatFlow(flow)} ${idle} ${hard}`;
}

function realGroupLine(line: string): string {
  const id = /group_id=(\d+)/.exec(line)?.[1];
  const counters = [...line.matchAll(/packet_count=(\d+),byte_count=(\d+)/g)].map((m) => `${m[1]} ${m[2]}`);
  return `group ${id}: ${counters.join(', ')}`;
}

/** `meter:1 flow_count:1 packet_in_count:2 byte_in_count:120 duration:0s bands:` and a line for each band. */
function realMeters(text: string): string[] {
  return text
    .split(/(?=^meter:)/m)
    .filter((part) => part.startsWith('meter:'))
    .map((part) => {
      const [, id, packets, bytes] = /^meter:(\d+).*packet_in_count:(\d+) byte_in_count:(\d+)/.exec(part)!;
      const bands = [...part.matchAll(/^\d+: packet_count:(\d+) byte_count:(\d+)/gm)].map(
        (m) => `${m[1]} ${m[2]}`,
      );
      return [`meter ${id}: ${packets} ${bytes}`, ...bands].join(', ');
    })
    .sort(byNumber);
}

/** By the first number in the line. */
function byNumber(a: string, b: string): number {
  const first = (line: string) => Number(/\d+/.exec(line)?.[0]);
  return first(a) - first(b);
}
