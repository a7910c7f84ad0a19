/**
 * Live migration with real frames: examples/migration.yaml, where "shop" is on a virtualized network, a VLAN and a
 * private VLAN. At each moment everybody sends a numbered datagram to it, it sends one to everybody, and all broadcast;
 * whatever the order in which hosts learn of the steps and in which the machine moves, each datagram arrives once.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GuestNic } from '../guest/nic.ts';
import { parseDocuments } from '../model/input.ts';
import { domainScope } from '../policy/records.ts';
import { Lab } from './lab.ts';

const HOSTS = ['host1', 'host2', 'host3'] as const;
type HostName = (typeof HOSTS)[number];
const PEERS = ['near', 'there', 'far'];
const NETWORKS = ['front', 'office', 'till'];
const PORT = 7000;
const OPTIONS = { author: 'test' };

/** Holds back what hosts are to learn, until it is their turn. */
class Gate {
  #open = true;
  readonly #waiting = new Map<string, () => void>();

  /** For FabricOptions.beforePolicy. */
  readonly wait = (host: string): Promise<void> =>
    this.#open ? Promise.resolve() : new Promise((resolve) => this.#waiting.set(host, resolve));

  close(): void {
    this.#open = false;
  }

  open(): void {
    this.#open = true;
    for (const host of [...this.#waiting.keys()]) this.release(host);
  }

  get waiting(): readonly string[] {
    return [...this.#waiting.keys()];
  }

  release(host: string): void {
    this.#waiting.get(host)?.();
    this.#waiting.delete(host);
  }
}

/** Everybody's datagrams, and who got which. */
class Talk {
  readonly #nics = new Map<string, GuestNic>();
  readonly #got = new Map<string, number>();
  readonly #expected = new Set<string>();
  #number = 0;

  constructor(lab: Lab) {
    for (const { port, nic } of lab.fabric.machines.values()) {
      this.#nics.set(port.name, nic);
      nic.udpBind(PORT, ({ payload }) => {
        const key = `${Buffer.from(payload)} at ${port.name}`;
        this.#got.set(key, (this.#got.get(key) ?? 0) + 1);
      });
    }
  }

  /** One round. Answers what got lost or came more than once, in words. */
  round(at: string): string[] {
    this.#got.clear();
    this.#expected.clear();
    this.#number++;
    for (const network of NETWORKS) {
      for (const peer of PEERS) {
        this.#send(`${peer}/${network}`, `shop/${network}`);
        this.#send(`shop/${network}`, `${peer}/${network}`);
      }
      for (const sender of [...PEERS, 'shop']) this.#broadcast(sender, network);
    }
    this.#send('back/back', 'shop/front');
    this.#send('shop/front', 'back/back');
    const lost = [...this.#expected].filter((key) => !this.#got.has(key)).map((key) => `lost: ${key}`);
    const wrong = [...this.#got]
      .filter(([key, times]) => times !== 1 || !this.#expected.has(key))
      .map(([key, times]) => `${times} times: ${key}`);
    return [...lost, ...wrong].map((text) => `${at}: ${text}`);
  }

  #send(from: string, to: string): void {
    const destination = this.#nics.get(to)?.address;
    if (destination === undefined) throw new Error(`${to} has no address`);
    const text = `${this.#number} from ${from}`;
    this.#expected.add(`${text} at ${to}`);
    this.#emit(from, destination, text);
  }

  #broadcast(sender: string, network: string): void {
    const text = `${this.#number} to all from ${sender}/${network}`;
    for (const other of [...PEERS, 'shop'])
      if (other !== sender) this.#expected.add(`${text} at ${other}/${network}`);
    const address = this.#nics.get(`${sender}/${network}`)?.address ?? '';
    const all = address.replace(/\d+$/u, '255');
    this.#emit(`${sender}/${network}`, all, text);
  }

  #emit(from: string, destination: string, text: string): void {
    const problem = this.#nics.get(from)?.udpSend({
      destination: destination as never,
      destinationPort: PORT,
      sourcePort: PORT,
      payload: Buffer.from(text),
    });
    if (problem !== undefined) throw new Error(`${from} cannot send to ${destination}: ${problem}`);
  }
}

async function open(gate?: Gate): Promise<Lab> {
  const { objects, findings } = parseDocuments(
    readFileSync(new URL('../../examples/migration.yaml', import.meta.url)),
    'migration',
  );
  expect(findings).toEqual([]);
  const lab = await Lab.open({
    objects: objects.map(({ object }) => object),
    ...(gate ? { beforePolicy: gate.wait } : {}),
  });
  await lab.ready();
  return lab;
}

/** What happens in one step: hosts learn of it, and somewhere in between the machine moves. */
type Event = HostName | { readonly move: HostName };

const shuffled = <T>(...items: T[]): fc.Arbitrary<T[]> =>
  fc.shuffledSubarray(items, { minLength: items.length, maxLength: items.length });
const hosts = shuffled<Event>(...HOSTS);

/** Lets a step happen in this order, with a round of talk after each event. */
async function happen(
  lab: Lab,
  gate: Gate,
  talk: Talk,
  at: string,
  events: readonly Event[],
): Promise<string[]> {
  const problems: string[] = [];
  for (const event of events) {
    if (typeof event === 'string') {
      const { feed } = lab.controller;
      await until(() => gate.waiting.includes(event), `${event} to be told (${at})`);
      gate.release(event);
      await feed.whenApplied(feed.revision, [event]);
    } else lab.fabric.move('shop', event.move);
    problems.push(...talk.round(`${at}, ${JSON.stringify(event)} of ${JSON.stringify(events)}`));
  }
  return problems;
}

async function until(done: () => boolean, what: string): Promise<void> {
  for (let turn = 0; !done(); turn++) {
    if (turn > 2000) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const locations = (lab: Lab) =>
  [...lab.fabric.machines.values()].filter((m) => m.port.name.startsWith('shop/')).map((m) => m.host);

describe('a migration', () => {
  it('loses no frame and doubles none, in whatever order hosts learn of it and the machine moves', async () => {
    const gate = new Gate();
    const lab = await open(gate);
    const talk = new Talk(lab);
    expect(talk.round('before')).toEqual([]);
    const { migrations } = lab.controller;
    await fc.assert(
      fc.asyncProperty(
        hosts,
        shuffled<Event>(...HOSTS, { move: 'host2' }),
        fc.boolean(),
        hosts,
        async (prepared, switched, early, finished) => {
          const [source = '', destination] =
            locations(lab)[0] === 'host1' ? ['host1', 'host2'] : ['host2', 'host1'];
          const there = destination as HostName;
          const turned = switched.map((e) => (typeof e === 'string' ? e : { move: there }));
          gate.close();
          const preparing = migrations.migrate('shop', { destination: there, until: 'prepared' }, OPTIONS);
          const problems = await happen(lab, gate, talk, 'prepare', prepared);
          expect(await preparing).toMatchObject({ phase: 'prepared', waitingFor: [] });
          // The hypervisor may be done before anybody asks for the switch-over, or be late.
          const hostsOnly = turned.filter((e) => typeof e === 'string');
          if (early) problems.push(...(await happen(lab, gate, talk, 'move', [{ move: there }])));
          const switching = migrations.migrate('shop', { until: 'switched-over' }, OPTIONS);
          problems.push(...(await happen(lab, gate, talk, 'switch over', early ? hostsOnly : turned)));
          expect(await switching).toMatchObject({ phase: 'switched-over', waitingFor: [] });
          const finishing = migrations.migrate('shop', {}, OPTIONS);
          problems.push(...(await happen(lab, gate, talk, 'finish', finished)));
          expect(await finishing).toBeUndefined();
          expect(problems).toEqual([]);
          expect(locations(lab)).toEqual([there, there, there]);
          expect(
            lab.fabric.hosts
              .get(source)
              ?.agent.records()
              .values()
              .some((r) => r.kind === 'port' && r.name.startsWith('shop/')),
          ).toBe(false);
        },
      ),
      { numRuns: 12 },
    );
    gate.open();
    await lab.close();
  });

  it('that is aborted, at whatever step, leaves everything as it was, and loses nothing either', async () => {
    const gate = new Gate();
    const lab = await open(gate);
    const talk = new Talk(lab);
    const { controller } = lab;
    const policy = () => controller.feed.policy.text();
    const before = policy();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('prepared', 'switched-over'),
        fc.boolean(),
        hosts,
        shuffled<Event>(...HOSTS, { move: 'host1' }),
        hosts,
        async (until, moved, first, back, last) => {
          gate.open();
          await controller.migrations.migrate('shop', { destination: 'host2', until }, OPTIONS);
          const problems = moved ? await happen(lab, gate, talk, 'move', [{ move: 'host2' }]) : [];
          gate.close();
          const returning: Event[] = moved ? back : back.filter((e) => typeof e === 'string');
          if (until === 'prepared' && moved)
            problems.push(...(await happen(lab, gate, talk, 'move back', [{ move: 'host1' }])));
          const aborting = controller.migrations.abort('shop', OPTIONS);
          if (until === 'switched-over')
            problems.push(...(await happen(lab, gate, talk, 'switch back', returning)));
          problems.push(...(await happen(lab, gate, talk, 'forget', until === 'prepared' ? first : last)));
          await aborting;
          expect(problems).toEqual([]);
          expect(policy()).toBe(before);
          expect(controller.migrations.list()).toEqual([]);
        },
      ),
      { numRuns: 12 },
    );
    gate.open();
    await lab.close();
  });

  it('would lose frames if its hosts did not pass on: the positive control', async () => {
    const lab = await open();
    const talk = new Talk(lab);
    // The hypervisor moves the machine without a word to the controller.
    lab.fabric.move('shop', 'host2');
    const lost = talk.round('unprepared');
    for (const peer of ['near', 'there', 'far'])
      expect(lost.some((text) => text.includes(`lost: 1 from ${peer}/front at shop/front`))).toBe(true);
    await lab.close();
  });

  it('never delivers a frame for one machine twice, though it runs on both hosts by mistake', async () => {
    const lab = await open();
    await lab.controller.migrations.migrate('shop', { destination: 'host2', until: 'prepared' }, OPTIONS);
    const machine = [...lab.fabric.machines.values()].find((m) => m.port.name === 'shop/front');
    let copies = 0;
    const count = () => copies++;
    machine?.nic.udpBind(9000, count);
    const twin = lab.fabric.hosts.get('host2')?.soft.plug(machine?.port.id ?? '', count);
    expect(twin).toBeDefined();
    for (const sender of ['near', 'there', 'far']) {
      copies = 0;
      const nic = [...lab.fabric.machines.values()].find((m) => m.port.name === `${sender}/front`)?.nic;
      const destination = machine?.nic.address;
      if (destination !== undefined)
        nic?.udpSend({ destination, destinationPort: 9000, sourcePort: 9000, payload: new Uint8Array(8) });
      expect(copies, sender).toBe(1);
    }
    await lab.close();
  });

  it('brings the routes and lookup records before the VM, and takes them away after the last one', async () => {
    const lab = await open();
    const { controller, fabric } = lab;
    for (const vm of ['far', 'back'] as const)
      await controller.apply([{ delete: `VirtualMachine/${vm}` }], OPTIONS);
    await fabric.settled();
    const held = (host: string) =>
      [...(fabric.hosts.get(host)?.agent.records().values() ?? [])]
        .filter(({ kind }) => kind === 'route' || kind === 'lookup' || kind === 'subnet' || kind === 'domain')
        .map(({ kind }) => kind)
        .sort();
    const all = ['domain', 'lookup', 'lookup', 'lookup', 'route', 'route', 'subnet', 'subnet'];
    expect([held('host2'), held('host3')]).toEqual([all, []]);
    // "there" is the only one on host2; host3 has none.
    await controller.migrations.migrate('there', { destination: 'host3', until: 'prepared' }, OPTIONS);
    expect([held('host2'), held('host3')]).toEqual([all, all]);
    await controller.migrations.migrate('there', { until: 'switched-over' }, OPTIONS);
    expect([held('host2'), held('host3')]).toEqual([all, all]);
    await controller.migrations.migrate('there', {}, OPTIONS);
    expect([held('host2'), held('host3')]).toEqual([[], all]);
    await lab.close();
  });

  it('keeps the id, the MAC address, the addresses, the VSID and what a port may do', async () => {
    const lab = await open();
    const { controller } = lab;
    const ports = (host: string) =>
      [...controller.feed.policy.scope(`host/${host}`).values()].flatMap((r) => {
        if (r.kind !== 'port' || !r.name.startsWith('shop/')) return [];
        const { migration: _phase, ...port } = r;
        return [port];
      });
    const before = ports('host1');
    expect(before).toHaveLength(3);
    await controller.migrations.migrate('shop', { destination: 'host3', until: 'prepared' }, OPTIONS);
    expect([ports('host1'), ports('host3')]).toEqual([before, before]);
    await controller.migrations.migrate('shop', {}, OPTIONS);
    expect([ports('host1'), ports('host3')]).toEqual([[], before]);
    expect(controller.feed.policy.scopes().filter((scope) => scope.startsWith(domainScope('')))).toHaveLength(
      1,
    );
    await lab.close();
  });
});
