/**
 * The bytes of our codec and those of Open vSwitch are the same language: what we write, ovs-ofctl prints as our text;
 * what ovs-ofctl writes of our text, we read; and what a switch takes, it gives back.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { Group, Meter } from '../../src/flow/datapath.ts';
import type { Flow } from '../../src/flow/flow.ts';
import { parseFlow } from '../../src/flow/parse.ts';
import { parseGroup, parseMeter } from '../../src/flow/parse-group.ts';
import { flowKey } from '../../src/flow/same.ts';
import { formatFlow } from '../../src/flow/text.ts';
import { formatGroup, formatMeter } from '../../src/flow/text-group.ts';
import { decode } from '../../src/ovs/openflow/codec/decode.ts';
import { Encoder } from '../../src/ovs/openflow/codec/encode.ts';
import type { Message, Received } from '../../src/ovs/openflow/codec/message.ts';
import { generate } from '../parity/generate.ts';
import { Random } from '../parity/random.ts';
import { EXTRA_ACTIONS } from '../support/action-arbitraries.ts';
import { arbitraryFlow, type FlowLimits, WHOLE_LANGUAGE } from '../support/flow-arbitraries.ts';
import { arbitraryGroup, arbitraryMeter } from '../support/group-arbitraries.ts';
import { readable } from '../support/openflow-arbitraries.ts';
import { pipelineFlows } from '../support/pipeline-flows.ts';
import { seed } from '../support/seed.ts';
import { itWithOpenVswitch, itWithTools } from './open-vswitch.ts';
import { type Controller, heardFrom, withBridge } from './openflow-peer.ts';

const run = promisify(execFile);

/** ovs-ofctl does not read check_pkt_larger in a bucket: it puts the parenthesis behind the arrow. */
const BUCKETS = {
  ...WHOLE_LANGUAGE,
  extra: EXTRA_ACTIONS.filter((kind) => kind !== 'check_pkt_larger'),
};

/** Open vSwitch keeps table 254 for itself. */
const OPEN_TABLES = { ...WHOLE_LANGUAGE, tables: 254 };

function sample<T>(arbitrary: fc.Arbitrary<T>, count: number): readonly T[] {
  return fc.sample(arbitrary, { numRuns: count, seed });
}

const flows = (count: number, language = WHOLE_LANGUAGE) => sample(arbitraryFlow(language), count);
const groups = (count: number, language: FlowLimits = BUCKETS) =>
  sample(
    fc.tuple(...Array.from({ length: count }, (_, i) => arbitraryGroup(i * 7, language))),
    1,
  )[0] as Group[];
const meters = (count: number) =>
  sample(fc.tuple(...Array.from({ length: count }, (_, i) => arbitraryMeter(i + 1))), 1)[0] as Meter[];

async function inDirectory<T>(
  use: (file: (name: string, content?: string | Uint8Array) => string) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'netloom-codec-'));
  try {
    return await use((name, content) => {
      const path = join(directory, name);
      if (content !== undefined) writeFileSync(path, content);
      return path;
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function ofctl(...args: readonly string[]): Promise<string> {
  const options = { timeout: 60_000, maxBuffer: 1 << 28 };
  return (await run('ovs-ofctl', ['-O', 'OpenFlow15', ...args], options)).stdout;
}

/** What ovs-ofctl makes of bytes of ours, one message a line. */
async function printed(messages: readonly Message[]): Promise<readonly string[]> {
  const encoder = new Encoder();
  for (const [i, message] of messages.entries()) encoder.add(i + 1, message);
  const text = await inDirectory((file) => ofctl('ofp-parse', file('messages', encoder.bytes())));
  return text.split(/^(?=OFP|NX)/m).map((each) => each.trimEnd());
}

/** What ovs-ofctl says to a switch, as messages. */
function said(text: string, ...command: readonly string[]): Promise<readonly Message[]> {
  return inDirectory(async (file) => {
    const path = file('switch');
    const [verb = '', ...rest] = command;
    const heard = await heardFrom(path, () => ofctl(verb, `unix:${path}`, ...rest, file('text', text)));
    return heard.map(({ message }) => message);
  });
}

/** `OFPT_FLOW_MOD (OF1.5) (xid=0x1): ADD table:5 priority=1,ip cookie:0x2 idle:5 hard:6 actions=…` */
function readMod(line: string): Flow {
  return parseFlow(
    line
      .replace(/^.*?: ADD /, '')
      .replace(/\btable:/, 'table=')
      .replace(/\bcookie:/, 'cookie=')
      .replace(/\bidle:/, 'idle_timeout=')
      .replace(/\bhard:/, 'hard_timeout='),
  );
}

const addFlow = (flow: Flow): Message => ({ type: 'flow-mod', command: 'add', flow });

/** Open vSwitch sorts the fields of a hash its own way. */
function groupText({ selection, ...group }: Group): string {
  return formatGroup(
    selection ? { ...group, selection: { ...selection, fields: [...selection.fields].sort() } } : group,
  );
}

describe('bytes', () => {
  itWithTools(['ovs-ofctl'], 'of ours, ovs-ofctl prints as the flows that they were', async () => {
    const wanted = flows(4000);
    const lines = await printed(wanted.map(addFlow));
    expect(lines.length, `seed ${seed}`).toBe(wanted.length);
    for (const [i, flow] of wanted.entries()) {
      expect(formatFlow(readMod(lines[i]!)), `seed ${seed}`).toBe(formatFlow(readable(flow)));
    }
  });

  itWithTools(['ovs-ofctl'], 'of ovs-ofctl, we read as the flows that they were', async () => {
    const wanted = flows(1000);
    const messages = await said(`${wanted.map(formatFlow).join('\n')}\n`, 'add-flows');
    const read = messages.map((message) => {
      if (message.type !== 'flow-mod') throw new Error(JSON.stringify(message));
      return formatFlow(message.flow);
    });
    expect(read, `seed ${seed}`).toEqual(wanted.map((flow) => formatFlow(readable(flow))));
  });

  itWithTools(['ovs-ofctl'], 'of groups are the same both ways', async () => {
    const wanted = groups(300).map((group) => readable(group));
    const lines = await printed(wanted.map((group) => ({ type: 'group-mod', command: 'add', group })));
    const back = lines.map((line) => groupText(parseGroup(line.replace(/^.*?:\s+ADD /s, ''))));
    expect(back, `seed ${seed}`).toEqual(wanted.map(groupText));

    const messages = await said(`${wanted.map(formatGroup).join('\n')}\n`, 'add-groups');
    const read = messages.map((message) => {
      if (message.type !== 'group-mod' || message.command === 'delete')
        throw new Error(JSON.stringify(message));
      return groupText(message.group);
    });
    expect(read, `seed ${seed}`).toEqual(wanted.map(groupText));
  });

  itWithTools(['ovs-ofctl'], 'of meters are the same both ways', async () => {
    const wanted = meters(30);
    const lines = await printed(wanted.map((meter) => ({ type: 'meter-mod', command: 'add', meter })));
    const back = lines.map((line) => formatMeter(parseMeter(line.replace(/^.*?:\s+ADD /s, ''))));
    expect(back, `seed ${seed}`).toEqual(wanted.map(formatMeter));

    for (const meter of wanted.slice(0, 5)) {
      const [message] = await inDirectory((file) => {
        const path = file('switch');
        return heardFrom(path, () => ofctl('add-meter', `unix:${path}`, formatMeter(meter)));
      });
      expect(message?.message, `seed ${seed}`).toEqual({ type: 'meter-mod', command: 'add', meter });
    }
  });

  itWithTools(['ovs-ofctl'], 'of what the pipeline of a host makes are the same both ways', async () => {
    const wanted = pipelineFlows();
    expect(wanted.length).toBeGreaterThan(80);
    const lines = await printed(wanted.map(addFlow));
    expect(lines.map((line) => formatFlow(readMod(line)))).toEqual(wanted.map((flow) => formatFlow(flow)));
    const messages = await said(`${wanted.map((flow) => formatFlow(flow)).join('\n')}\n`, 'add-flows');
    const read = messages.map((message) => message.type === 'flow-mod' && formatFlow(message.flow));
    expect(read).toEqual(wanted.map((flow) => formatFlow(flow)));
  });
});

describe('a switch', () => {
  itWithOpenVswitch('gives back the flows, groups and meters that it takes from us', () =>
    withBridge(async (controller) => {
      const wantedGroups = groups(100, WHOLE_LANGUAGE).map((group) => readable(group));
      const wantedMeters = meters(20);
      // Flows may name these, and those of the generator.
      const named = [0, 1, 7, 0xffffff00].map(
        (id): Group => ({ id, type: 'all', buckets: [{ id: 0, weight: 0, actions: [] }] }),
      );
      const ids = new Set(named.map(({ id }) => id));
      const all = [...named, ...wantedGroups.filter(({ id }) => !ids.has(id))];
      const meter = (id: number): Meter => ({ id, unit: 'kbps', bands: [{ type: 'drop', rate: 1000 }] });
      // A switch of userspace has this many; the flows are without the others.
      const wantedFlows = flows(600, OPEN_TABLES)
        .map((flow) => readable(flow))
        .filter((flow) => !JSON.stringify(flow, wide).includes('"meter":4294901760'));
      const unique = [...new Map(wantedFlows.map((flow) => [flowKey(flow), flow])).values()];
      const said = await controller.exchange([
        ...[...wantedMeters, meter(100)].map(
          (m): Message => ({ type: 'meter-mod', command: 'add', meter: m }),
        ),
        ...all.map((group): Message => ({ type: 'group-mod', command: 'add-or-modify', group })),
        ...unique.map(addFlow),
      ]);
      expect(refusals(said), `seed ${seed}`).toEqual([]);

      const got = await stateOf(controller);
      expect(got.flows, `seed ${seed}`).toEqual(sorted(unique.map(formatFlow)));
      expect(got.groups, `seed ${seed}`).toEqual(sorted(all.map(groupText)));
      expect(got.meters, `seed ${seed}`).toEqual(sorted([...wantedMeters, meter(100)].map(counting)));
    }),
  );

  itWithOpenVswitch('takes random programs, one in the place of the other', () =>
    withBridge(async (controller) => {
      const random = new Random(seed);
      for (let i = 0; i < 20; i++) {
        const program = readable(generate(random, 0));
        const said = await controller.exchange([
          { type: 'flow-mod', command: 'delete', flow: parseFlow('actions=drop'), allTables: true },
          { type: 'group-mod', command: 'delete', id: undefined },
          { type: 'meter-mod', command: 'delete', id: undefined },
          ...program.meters.map((meter): Message => ({ type: 'meter-mod', command: 'add', meter })),
          ...program.groups.map((group): Message => ({ type: 'group-mod', command: 'add', group })),
          ...program.flows.map(addFlow),
        ]);
        expect(refusals(said), `seed ${seed}`).toEqual([]);
        const got = await stateOf(controller);
        expect(got.flows, `seed ${seed}`).toEqual(sorted(program.flows.map(formatFlow)));
        expect(got.groups, `seed ${seed}`).toEqual(sorted(program.groups.map(groupText)));
        expect(got.meters, `seed ${seed}`).toEqual(sorted(program.meters.map(counting)));
      }
    }),
  );
});

/** What a switch has, as sorted text; every part of it is known. */
async function stateOf(controller: Controller) {
  const dumped = await controller.exchange([
    { type: 'request', about: 'flows' },
    { type: 'request', about: 'groups' },
    { type: 'request', about: 'meters' },
  ]);
  const replies = dumped.flatMap(({ message }) => (message.type === 'reply' ? [message] : []));
  const groupEntries = replies.flatMap((reply) => (reply.about === 'groups' ? reply.groups : []));
  const meterEntries = replies.flatMap((reply) => (reply.about === 'meters' ? reply.meters : []));
  expect([...groupEntries, ...meterEntries].filter(({ unknown }) => unknown !== '')).toEqual([]);
  return {
    flows: sorted(
      replies
        .flatMap((reply) => (reply.about === 'flows' ? reply.flows : []))
        .map(({ flow }) => formatFlow(flow)),
    ),
    groups: sorted(groupEntries.map(({ group }) => groupText(group))),
    meters: sorted(meterEntries.map(({ meter }) => counting(meter))),
  };
}

function sorted(lines: readonly string[]): readonly string[] {
  return [...lines].sort();
}

/** Open vSwitch counts whether it is asked to or not. */
function counting(meter: Meter): string {
  return formatMeter({ ...meter, stats: true });
}

/** Names of errors, with the flows that they are about. */
function refusals(said: readonly Received[]): readonly string[] {
  return said.map(({ message }) => {
    if (message.type !== 'error') return message.type;
    const about = decode(message.data).message;
    return `${message.name}: ${JSON.stringify(about, wide)}`;
  });
}

function wide(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
