/** Frames through a switch that is a process of its own, between a process that sends and one that receives. */
import type { Benchmark, Figure, Goal } from './lib/figure.ts';
import { netloomSwitch, openVswitch, qemuHub, type Switch, vdeSwitch, Wire } from './lib/switches.ts';

const SIZES = [64, 1500] as const;
const SECONDS = 1;
const ROUNDS = 5;
/** Frames that an end writes at once: one by one, or as an end that has many. */
const WRITES = [1, 64] as const;

export const benchmark: Benchmark = {
  name: 'softswitch-processes',
  what: 'Frames a second through a switch that is a process, between two other processes; known unicast, one direction.',
  method: [
    'Ours is `netloom switch` between two UNIX streams in the wire format of QEMU, with three tables: a VSID by port, an ACL, a table of addresses.',
    'vde_switch learns; the hub of QEMU and the forwarder do not even that: the forwarder does nothing but recvmmsg and sendmmsg. These three have one UNIX datagram a frame, the ends send 32 and take 64 of them a system call.',
    'Open vSwitch has the same flows as ours, its userspace datapath, and a veth pair to each end.',
    `Sender and receiver are one program in C (bench/lib/wire.c). ${ROUNDS} rounds of ${SECONDS} s, all in turn, each with a new process. What arrives counts. Sizes are with the frame check sequence.`,
  ],
  async run() {
    const wire = new Wire();
    try {
      const figures: Figure[] = [];
      for (const size of SIZES) figures.push(...(await measure(wire, size)));
      return figures;
    } finally {
      wire.close();
    }
  },
};

async function measure(wire: Wire, size: (typeof SIZES)[number]): Promise<Figure[]> {
  const ours = WRITES.map((frames) => ({ frames, which: netloomSwitch(frames) }));
  const peers = [vdeSwitch, qemuHub, wire.forwarder, openVswitch].filter((peer) => {
    if (peer.missing !== undefined) console.error(`not compared with ${peer.name}: ${peer.missing}`);
    return peer.missing === undefined;
  });
  const samples = new Map<Switch, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const which of [...ours.map((our) => our.which), ...peers]) {
      const rate = await wire.measure(which, size, SECONDS);
      samples.set(which, [...(samples.get(which) ?? []), rate]);
    }
  }
  return ours.flatMap(({ frames, which }) =>
    peers.map((peer): Figure => {
      const goal = goalOf(size, frames, peer);
      return {
        name: `${size} B, ${frames === 1 ? 'one frame' : `${frames} frames`} a write`,
        unit: 'frames/s',
        samples: samples.get(which)!,
        peer: { name: peer.name, samples: samples.get(peer)! },
        ...(goal === undefined ? {} : { goals: [{ of: 'ratio', atLeast: goal } satisfies Goal] }),
      };
    }),
  );
}

function goalOf(size: (typeof SIZES)[number], frames: number, peer: Switch): number | undefined {
  if (frames > 1) return peer === vdeSwitch ? (size === 64 ? 40 : 6) : undefined;
  if (size !== 64) return undefined;
  return peer === vdeSwitch ? 2 : peer === qemuHub ? 7 : peer === openVswitch ? undefined : 1.2;
}
