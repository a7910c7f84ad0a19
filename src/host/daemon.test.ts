import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Machine } from '../agent/fixture.ts';
import { systemClock } from '../base/clock.ts';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import { host1Records } from '../pipeline/fixture.ts';
import { belongs } from '../policy/parse.ts';
import { domainScope, hostScope, type PolicyRecord, type Scope } from '../policy/records.ts';
import { PolicySet } from '../policy/set.ts';
import { PolicyFeed } from '../stream/feed.ts';
import { memoryTransport } from '../stream/memory.ts';
import { policyRoutes } from '../stream/server.ts';
import { HostDaemon } from './daemon.ts';
import type { HostEngine, PluggedVnic } from './engine.ts';
import { MemoryNetwork } from './inherit/fixture.ts';
import { Log } from './log.ts';
import { askStatus } from './status/socket.ts';

const scopeOf = (record: PolicyRecord): Scope =>
  belongs(record, hostScope('host1')) || !('rdid' in record) ? hostScope('host1') : domainScope(record.rdid);

/** A machine of softswitches that outlives its agents, as Open vSwitch does. */
class Host extends Machine implements HostEngine {
  away = 0;
  closed = 0;
  /** It says who it is once this settles. */
  introduced: Promise<void> | undefined;
  readonly plugged: PluggedVnic[] = [];

  async vnics(): Promise<readonly PluggedVnic[]> {
    return this.plugged;
  }

  override async about(): Promise<string> {
    await this.introduced;
    return super.about();
  }

  findings(): readonly Finding[] {
    return [];
  }

  async close(): Promise<void> {
    this.closed += 1;
  }

  async open(): Promise<HostEngine> {
    if (this.away === 0) return this;
    this.away -= 1;
    throw new NetloomError([finding('not-found', '', 'Open vSwitch is not there.', 'Start it.')]);
  }
}

let directory: string;
let host: Host;
let network: MemoryNetwork;
let lines: string[];
const daemons: HostDaemon[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netloom-agent-'));
  host = new Host();
  network = new MemoryNetwork();
  lines = [];
});
afterEach(async () => {
  for (const daemon of daemons.splice(0)) await daemon.stop();
  rmSync(directory, { recursive: true, force: true });
});

function feedOf(revision = 7): PolicyFeed {
  const feed = new PolicyFeed({ epoch: 'e1', revision: revision - 1, policy: new PolicySet() });
  const changes = host1Records().map((record) => ({
    scope: scopeOf(record),
    key: '',
    record,
  }));
  const set = PolicySet.of(changes);
  feed.publish(revision, set.snapshot());
  return feed;
}

/** Without a feed: nobody is at the other end. */
async function begin(feed?: PolicyFeed): Promise<HostDaemon> {
  const routes = feed ? policyRoutes(feed, { clock: systemClock }) : () => {};
  const daemon = new HostDaemon({
    host: 'host1',
    directory,
    version: '1.0',
    bootNonce: 'boot',
    clock: systemClock,
    random: () => 0.5,
    log: new Log({ format: 'text', isJournal: true, wall: () => 0, write: (line) => lines.push(line) }),
    openEngine: () => host.open(),
    network,
    controller: {
      url: 'memory',
      transport: memoryTransport(routes),
      reachable: async () => feed !== undefined,
      certificateUntil: () => undefined,
    },
    retryEvery: 5,
  });
  daemons.push(daemon);
  await daemon.start();
  return daemon;
}

const flowCount = async () => (await host.switches.get('Fabric')?.dumpFlows())?.length ?? 0;
/** Far away: it is for what never comes. */
const LIMIT = { timeout: 60_000 };
const inForce = (daemon: HostDaemon) =>
  expect.poll(async () => (await daemon.status()).policy.inForce, LIMIT);

describe('the agent of a host', () => {
  it('puts the policy in force, keeps it on the disk, and shows how it is', async () => {
    const feed = feedOf();
    const daemon = await begin(feed);
    await inForce(daemon).toBe(7);
    await feed.whenApplied(7, ['host1']);
    expect(await flowCount()).toBeGreaterThan(0);
    expect(statSync(join(directory, 'policy')).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'status.sock')).mode & 0o777).toBe(0o600);
    const [vm] = host1Records().filter((record) => record.kind === 'port');
    if (!vm) throw new Error('a vNIC');
    host.plugged.push({ id: vm.id, plugged: true, link: true, device: 'tap0' });
    const status = await askStatus(directory);
    expect(status).toMatchObject({
      host: 'host1',
      controller: { url: 'memory', state: 'connected' },
      policy: { epoch: 'e1', revision: 7, inForce: 7, findings: [] },
      engine: 'softswitch',
      drift: [],
      troubles: [],
    });
    expect(status.ports.find(({ id }) => id === vm.id)).toMatchObject({ plugged: true, device: 'tap0' });
    expect(status.ports.filter(({ plugged }) => plugged === false).length).toBeGreaterThan(0);
  });

  it('leaves the data plane as it is when it ends, and finds it so when it begins', async () => {
    const feed = feedOf();
    const first = await begin(feed);
    await inForce(first).toBe(7);
    await first.stop();
    daemons.length = 0;
    expect(existsSync(join(directory, 'status.sock'))).toBe(false);
    const before = await flowCount();
    host.log.length = 0;
    const second = await begin(feed);
    await inForce(second).toBe(7);
    expect(host.log.filter((line) => !line.startsWith('port'))).toEqual([]);
    expect(await flowCount()).toBe(before);
  });

  it('has the last policy in force on a machine that was started anew, while no controller can be reached', async () => {
    const feed = feedOf();
    const first = await begin(feed);
    await inForce(first).toBe(7);
    const flows = await flowCount();
    await first.stop();
    daemons.length = 0;
    host = new Host();
    const second = await begin();
    await inForce(second).toBe(7);
    expect(await flowCount()).toBe(flows);
    expect((await second.status()).troubles.map(({ code }) => code)).toContain('controller-unreachable');
  });

  it('takes no policy that is damaged, and gets another from the controller', async () => {
    const feed = feedOf();
    const first = await begin(feed);
    await inForce(first).toBe(7);
    await first.stop();
    daemons.length = 0;
    const file = join(directory, 'policy');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/.$/m, ''));
    const second = await begin(feed);
    await inForce(second).toBe(7);
    expect(lines.join('')).toContain('The policy on the disk is not taken');
  });

  it('waits for Open vSwitch, and says so once', async () => {
    host.away = 3;
    const daemon = await begin(feedOf());
    expect((await askStatus(directory)).controller.state).toBe('not yet');
    await inForce(daemon).toBe(7);
    expect(lines.filter((line) => line.includes('Open vSwitch is not there'))).toHaveLength(1);
    expect(lines.join('')).toContain('Open vSwitch is there');
  });

  it('tries again what the switch refused, and tells the controller when it succeeds', async () => {
    const feed = feedOf();
    host.refuse = 1;
    const outcomes: (boolean | undefined)[] = [];
    feed.onStatus(() => outcomes.push(feed.status()[0]?.outcome?.ok));
    const daemon = await begin(feed);
    await expect.poll(() => outcomes, LIMIT).toEqual(expect.arrayContaining([false, true]));
    expect((await daemon.status()).policy.findings).toEqual([]);
  });

  it('tries again what did not get in, and then takes away what an earlier life left', async () => {
    await host.openSwitch('Left over');
    network.away = 2;
    const daemon = await begin(feedOf());
    await inForce(daemon).toBe(7);
    await expect.poll(() => [...host.switches.keys()], LIMIT).toEqual(['Fabric']);
  });

  it('does not begin any more once it is to end', async () => {
    let introduce = () => {};
    host.introduced = new Promise((resolve) => {
      introduce = resolve;
    });
    const daemon = await begin(feedOf());
    const stopped = daemon.stop();
    introduce();
    await stopped;
    expect(host.closed).toBe(1);
    expect((await daemon.status()).controller.state).toBe('not yet');
    expect(host.log).toEqual([]);
  });

  it('undoes nothing after a trial that was interrupted, where it does not know what there was before', async () => {
    const first = await begin(feedOf());
    await inForce(first).toBe(7);
    await first.stop();
    daemons.length = 0;
    const flows = await flowCount();
    writeFileSync(join(directory, 'policy'), 'damaged');
    const trial = { device: 'nlv0123456789a', signature: 'one' };
    const journal = { version: 1, original: { device: 'eth0', addresses: [], routes: [] }, trial };
    writeFileSync(join(directory, 'management'), JSON.stringify(journal));
    for (const _life of [2, 3]) {
      const next = await begin();
      await expect.poll(async () => (await next.status()).troubles.length, LIMIT).toBeGreaterThan(0);
      expect(await flowCount()).toBe(flows);
      expect(readFileSync(join(directory, 'management'), 'utf8')).toContain('"trial"');
      await next.stop();
      daemons.length = 0;
    }
  });

  it('takes away what an earlier life left, once the controller has said what there is to be', async () => {
    await host.openSwitch('Left over');
    const daemon = await begin(feedOf());
    await inForce(daemon).toBe(7);
    await expect.poll(() => [...host.switches.keys()], LIMIT).toEqual(['Fabric']);
  });

  it('takes nothing away while it does not know what there is to be', async () => {
    await host.openSwitch('Left over');
    const daemon = await begin();
    await expect.poll(async () => (await daemon.status()).troubles.length, LIMIT).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect([...host.switches.keys()]).toEqual(['Left over']);
  });
});
