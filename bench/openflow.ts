/** Flows of a host as OpenFlow and back: what a change costs before it is on the wire, and a dump after it. */

import { parseFlow } from '../src/flow/parse.ts';
import { formatFlow } from '../src/flow/text.ts';
import { decode } from '../src/ovs/openflow/codec/decode.ts';
import { Encoder } from '../src/ovs/openflow/codec/encode.ts';
import type { FlowEntry } from '../src/ovs/openflow/codec/state.ts';
import { MessageSplitter } from '../src/ovs/openflow/framing.ts';
import { pipelineFlows } from '../test/support/pipeline-flows.ts';
import type { Benchmark } from './lib/figure.ts';

const FLOWS = 10_000;
const ROUNDS = 20;
/** Flows in one part of a dump; Open vSwitch puts as many into it as fit 64 KB. */
const PART = 300;

export const benchmark: Benchmark = {
  name: 'openflow',
  what: `${FLOWS} flows as messages of an OpenFlow bundle, and as the answer to a dump.`,
  method: [
    'The flows that the pipeline makes for a host with everything in it, over and over. In one process, without a switch.',
    'Compared with the text of the same flows, which is what ovs-ofctl takes and gives: written, with the text of each match known already; and parsed.',
    `${ROUNDS} rounds; the first ones are with cold code, like the first change after a start.`,
  ],
  async run() {
    const all = pipelineFlows();
    const flows = Array.from({ length: FLOWS }, (_, i) => all[i % all.length]!);
    const dump = dumpOf(flows);
    const text = flows.map(formatFlow);
    const encoded: number[] = [];
    const decoded: number[] = [];
    const written: number[] = [];
    const parsed: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      encoded.push(timed(() => bundleOf(flows)));
      written.push(timed(() => flows.map(formatFlow).join('\n')));
      decoded.push(timed(() => new MessageSplitter().push(dump).map((bytes) => decode(bytes))));
      parsed.push(timed(() => text.map(parseFlow)));
    }
    return [
      {
        name: 'encode a bundle',
        unit: 'ms',
        samples: encoded,
        peer: { name: 'the text of the flows', samples: written },
      },
      {
        name: 'decode a dump',
        unit: 'ms',
        samples: decoded,
        peer: { name: 'parsing the text', samples: parsed },
        goals: [{ of: 'ratio', atMost: 1 }],
      },
    ];
  },
};

function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

type Flows = ReturnType<typeof pipelineFlows>;

function bundleOf(flows: Flows): Uint8Array {
  const encoder = new Encoder();
  const flags = { atomic: true, ordered: true };
  for (const [i, flow] of flows.entries()) {
    const message = { type: 'flow-mod', command: 'add', flow } as const;
    encoder.add(i, { type: 'bundle-add', bundle: 1, flags, message });
  }
  return encoder.bytes();
}

/** As a switch would answer. */
function dumpOf(flows: Flows): Uint8Array {
  const encoder = new Encoder();
  const entry = (flow: Flows[number]): FlowEntry => ({
    flow,
    importance: 0,
    flags: {},
    duration: 1000,
    idle: 0,
    packets: 7n,
    bytes: 700n,
  });
  for (let i = 0; i < flows.length; i += PART) {
    const part = flows.slice(i, i + PART).map(entry);
    encoder.add(1, { type: 'reply', about: 'flows', more: i + PART < flows.length, flows: part });
  }
  return encoder.bytes();
}
