/** The API of a running server: objects created and read a second, beside a bare web server and OVN's database. */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, exchange, startApi, startBare } from './lib/api-servers.ts';
import type { Benchmark, Figure } from './lib/figure.ts';
import { northbound } from './lib/northbound.ts';
import { fabricText, hostName, machineName, machineObject, machinesText, objectsOf } from './lib/topology.ts';

const SIZES = [1_000, 100_000] as const;
const HOSTS = 10;
const CLIENTS = 16;
/** How many more VMs the networks have room for. */
const ROOM = 50_000;
const ROUNDS = 5;
const ROUND_MS = 1_500;

/** What one request takes, in milliseconds, and how many were answered in a second. */
interface Round {
  readonly rate: number;
  readonly latencies: readonly number[];
}

/** Something that is asked the same again and again: `i` is different each time. */
interface Peer {
  create(client: number, i: number): Promise<void>;
  read(client: number, i: number): Promise<void>;
  close(): Promise<void>;
}

export const benchmark: Benchmark = {
  name: 'api',
  what: `A VM with one vNIC is created, or read by its name: requests a second of ${CLIENTS} clients.`,
  method: [
    `Controller and API in a process of their own, SQLite on disk, ${SIZES.map((n) => n.toLocaleString('en')).join(' and ')} VMs before, no hosts connected.`,
    `${ROUNDS} rounds of ${ROUND_MS / 1000} s each, in turn with the peers; the clients are in the process that measures.`,
    'Peers: a bare node:http server that parses and answers JSON of the same size; OVN’s northbound ovsdb-server with 1,000 ports, each new port a transaction that asks to be durable, nobody else connected.',
    'Every answer of Netloom is on the disk before it is sent.',
  ],
  async run() {
    const directory = mkdtempSync(join(tmpdir(), 'netloom-bench-'));
    const ours: (Peer & { readonly size: number })[] = [];
    for (const size of SIZES) ours.push({ size, ...(await server(join(directory, String(size)), size)) });
    const bare = await bareServer();
    const ovn = await northbound(join(directory, 'ovn'), 1_000, CLIENTS);
    const measured = new Map<Peer, { create: Round[]; read: Round[]; created: number; asked: number }>();
    for (let round = -1; round < ROUNDS; round++) {
      for (const peer of [...ours, bare, ...(ovn ? [ovn] : [])]) {
        const rounds = measured.get(peer) ?? { create: [], read: [], created: 0, asked: 0 };
        measured.set(peer, rounds);
        const create = await during((client) => peer.create(client, rounds.created++));
        const read = await during((client) => peer.read(client, rounds.asked++));
        // The first round is for the code to be compiled.
        if (round < 0) continue;
        rounds.create.push(create);
        rounds.read.push(read);
      }
    }
    for (const peer of measured.keys()) await peer.close();
    rmSync(directory, { recursive: true });
    const [small, large] = ours.map((peer) => measured.get(peer)!);
    return [
      ...figures(
        'created',
        'create',
        { small: small!, large: large! },
        measured.get(bare)!,
        ovn && measured.get(ovn),
      ),
      ...figures(
        'read by name',
        'read',
        { small: small!, large: large! },
        measured.get(bare)!,
        ovn && measured.get(ovn),
      ),
    ];
  },
};

type Rounds = { readonly create: readonly Round[]; readonly read: readonly Round[] };

function figures(
  what: string,
  kind: 'create' | 'read',
  { small, large }: { small: Rounds; large: Rounds },
  bare: Rounds,
  ovn: Rounds | undefined,
): Figure[] {
  const rates = (rounds: Rounds) => rounds[kind].map(({ rate }) => rate);
  const unit = 'requests/s';
  const [first, last] = SIZES.map((size) => size.toLocaleString('en'));
  return [
    {
      name: `${what}, ${first} VMs`,
      unit,
      samples: rates(small),
      peer: { name: 'bare node:http', samples: rates(bare) },
      goals: [{ of: 'ratio', atLeast: 0.4 }],
    },
    ...(ovn
      ? [
          {
            name: `${what}, ${first} VMs`,
            unit,
            samples: rates(small),
            peer: { name: 'OVN northbound', samples: rates(ovn) },
            goals: [{ of: 'ratio', atLeast: kind === 'create' ? 2 : 20 }],
          } as const,
        ]
      : []),
    {
      name: `${what}, ${last} VMs`,
      unit,
      samples: rates(large),
      peer: { name: `${first} VMs`, samples: rates(small) },
      goals: [{ of: 'ratio', atLeast: 0.9 }],
    },
    {
      name: `– one request, ${last} VMs`,
      unit: 'ms',
      samples: large[kind].flatMap(({ latencies }) => latencies),
      goals: [{ of: 'p99', atMost: 10 }],
    },
  ];
}

/** All clients at once, each its next request when the last was answered. */
async function during(ask: (client: number) => Promise<void>): Promise<Round> {
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + ROUND_MS;
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => {
      for (let now = performance.now(); now < end; ) {
        await ask(client);
        const then = performance.now();
        latencies.push(then - now);
        now = then;
      }
    }),
  );
  return { rate: (latencies.length * 1000) / (performance.now() - start), latencies };
}

async function server(data: string, size: number): Promise<Peer> {
  const { child, url, token } = await startApi(data);
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const ask = (method: string, path: string, body?: object) =>
    exchange(agent, new URL(path, url), method, { authorization: `Bearer ${token}` }, body);
  await ask('POST', '/api/v1/apply', { objects: objectsOf(fabricText(size + ROOM, HOSTS)) });
  const machines = objectsOf(machinesText(size, HOSTS));
  for (let i = 0; i < machines.length; i += 5_000) {
    await ask('POST', '/api/v1/apply', { objects: machines.slice(i, i + 5_000) });
  }
  return {
    create: (_client, i) =>
      ask('POST', '/api/v1/virtual-machines', machineObject(size + i, hostName(i % HOSTS))),
    read: (_client, i) => ask('GET', `/api/v1/virtual-machines/${machineName(i % size)}`),
    close: async () => {
      agent.destroy();
      await end(child);
    },
  };
}

/** As many bytes each way as for a VM, and nothing done with them. */
async function bareServer(): Promise<Peer> {
  const { child, url } = await startBare();
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  return {
    create: (_client, i) => exchange(agent, url, 'POST', {}, machineObject(i, hostName(i % HOSTS))),
    read: () => exchange(agent, url, 'GET', {}),
    close: async () => {
      agent.destroy();
      await end(child);
    },
  };
}
