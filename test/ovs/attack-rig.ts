/** The machines of the scene (test/attacks/scene.ts) as packet sockets, past their stacks. */
import type { Ipv4 } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import type { PolicyRecord, PortRecord } from '../../src/policy/records.ts';
import { type Encapsulation, sceneText } from '../attacks/scene.ts';
import { until } from '../support/until.ts';
import { type DataCentre, withDataCentre } from './data-centre.ts';
import { FrameSocket } from './frame-socket.ts';

export interface AttackScene {
  readonly encapsulation: Encapsulation;
  /** Provider addresses of IPv6. */
  readonly six: boolean;
}

/** Builds the scene on real Open vSwitches; the machines of both tenants have the same addresses, IP and MAC. */
export function withStations(
  { encapsulation, six }: AttackScene,
  use: (stations: Stations) => Promise<void>,
): Promise<void> {
  const settings = { text: sceneText(encapsulation, six), configured: true, told: sameMacs };
  return withDataCentre(settings, async (centre) => {
    const stations = new Stations(centre);
    try {
      for (const machine of centre.machines.keys()) await stations.open(machine, machine, 'eth0');
      await stations.knowEachOther();
      await use(stations);
    } finally {
      await stations.close();
    }
  });
}

/** The machines of Red have the MAC addresses of those of Blue, as no controller would have it. */
function sameMacs(records: readonly PolicyRecord[]): readonly PolicyRecord[] {
  let text = JSON.stringify(records);
  const macs = new Map<string, string>();
  for (const record of records)
    if (record.kind === 'lookup') macs.set(record.origin.replace('VirtualMachine/', ''), record.mac);
  for (const n of [1, 2, 3]) {
    const [blue, red] = [macs.get(`blue${n}`), macs.get(`red${n}`)];
    if (blue && red) text = text.replaceAll(red, blue);
  }
  return JSON.parse(text) as PolicyRecord[];
}

export class Stations {
  readonly centre: DataCentre;
  readonly #sockets = new Map<string, FrameSocket>();
  #marks = 0;

  constructor(centre: DataCentre) {
    this.centre = centre;
  }

  async open(name: string, namespace: string, nic: string): Promise<void> {
    this.#sockets.set(name, await FrameSocket.open(this.centre.namespaces.name(namespace), nic));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sockets.values()].map((socket) => socket.close()));
  }

  socket(name: string): FrameSocket {
    const socket = this.#sockets.get(name);
    if (!socket) throw new Error(`there is no station ${name}`);
    return socket;
  }

  port(machine: string): PortRecord {
    const port = this.centre.machines.get(machine);
    if (!port) throw new Error(`there is no machine ${machine}`);
    return port;
  }

  /** What was heard so far is past. */
  forget(): void {
    for (const socket of this.#sockets.values()) socket.forget();
  }

  /** Each machine has reached each of its tenant, and the router. */
  async knowEachOther(): Promise<void> {
    for (const tenant of ['blue', 'red'])
      for (const from of [1, 2, 3])
        for (const last of [1, 5, 7, 9].filter((each) => each !== 3 + 2 * from))
          for (const address of [`10.0.0.${last}`, `fd00:0:0:1::${last}`]) {
            const machine = `${tenant}${from}`;
            await until(`${machine} reaches ${address}`, async () => {
              const said = await this.centre.inside(machine, 'ping', '-n', '-c1', '-W1', address);
              return / 1 received/.test(said);
            });
          }
  }

  /** Sends a legal frame that nobody has sent before, and waits until it is heard: what was sent before it is, by then. */
  async passes(from: string, to: string): Promise<void> {
    const [src, dst] = [this.port(from), this.port(to)];
    const bytes = new TextEncoder().encode(`mark ${this.#marks++} for ${to}.`);
    const mark = frame(
      { layer: 'eth', src: src.mac, dst: dst.mac },
      { layer: 'ipv4', src: ipv4Of(src), dst: ipv4Of(dst) },
      { layer: 'udp', dport: 9 },
      { layer: 'data', bytes },
    );
    let turn = 0;
    await until(`${to} hears ${from}`, () => {
      // Again after a second: a frame may get lost.
      if (turn++ % 10 === 0) this.socket(from).send(mark);
      return this.socket(to).hasHeard(mark);
    });
  }
}

function ipv4Of({ addresses }: PortRecord): Ipv4 {
  const found = addresses.find(({ address }) => !address.includes(':'));
  if (!found) throw new Error('each machine of the scene has an IPv4 address');
  return found.address as Ipv4;
}
