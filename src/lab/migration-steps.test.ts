/** The steps of a migration as an operator meets them: refusals, stops in the middle, restarts; and failover. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VNIC, vmVnicOwner } from '../allocate/scopes.ts';
import { NetloomError } from '../base/error.ts';
import { parseDocuments } from '../model/input.ts';
import { isKind, type VirtualMachine } from '../model/kinds.ts';
import { createMemoryStore } from '../store/memory.ts';
import { Lab, type LabOptions } from './lab.ts';

const WHO = { author: 'test' };

async function open(options: LabOptions = {}): Promise<Lab> {
  const file = new URL('../../examples/migration.yaml', import.meta.url);
  const { objects, findings } = parseDocuments(readFileSync(file), 'migration');
  expect(findings).toEqual([]);
  const lab = await Lab.open({ objects: objects.map(({ object }) => object), ...options });
  await lab.ready();
  return lab;
}

function machine(lab: Lab, name: string): VirtualMachine {
  const object = lab.controller.network.get(`VirtualMachine/${name}`)?.object;
  if (object && isKind(object, 'VirtualMachine')) return object;
  throw new Error(`no VM ${name}`);
}

async function refusal(work: Promise<unknown>): Promise<NetloomError> {
  const thrown = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (thrown instanceof NetloomError) return thrown;
  throw new Error('it was not refused');
}

const codes = (error: NetloomError) => [...new Set(error.findings.map(({ code }) => code))];
/** The agent of a host goes away; its switches go on. */
const disconnect = (lab: Lab, host: string) => lab.fabric.hosts.get(host)?.client.stop();
const reaches = async (lab: Lab, from: string, to: string) => (await lab.ping(from, to)).verdict;

describe('a migration by its steps', () => {
  it('takes a VM to another host, where everybody reaches it', async () => {
    const lab = await open();
    const { migrations, jobs } = lab.controller;
    expect(await migrations.migrate('shop', { destination: 'host3' }, WHO)).toBeUndefined();
    await lab.ready();
    expect(machine(lab, 'shop')).toMatchObject({ host: 'host3' });
    expect(machine(lab, 'shop')).not.toHaveProperty('migration');
    for (const peer of ['near', 'there', 'far'])
      for (const network of ['front', 'office', 'till'])
        expect(await reaches(lab, `${peer}/${network}`, `shop/${network}`), `${peer} ${network}`).toBe(
          'answered',
        );
    const job = jobs.list({ limit: 9, passes: ({ kind }) => kind === 'migrate' })[0];
    expect(job).toMatchObject({ state: 'succeeded', summary: '"shop" is on host3.' });
    expect(job?.steps.map(({ name, state }) => `${name}: ${state}`)).toEqual([
      'prepare: succeeded',
      // No hypervisor is to be waited for: the softswitch does not say what is plugged in.
      'move: skipped',
      'switch over: succeeded',
      'finish: succeeded',
    ]);
    await lab.close();
  });

  it('is refused with every reason, and changes nothing', async () => {
    const lab = await open();
    const { controller } = lab;
    const before = controller.revision;
    await disconnect(lab, 'host4');
    const error = await refusal(controller.migrations.migrate('shop', { destination: 'host4' }, WHO));
    // Not connected, and no switch for any of its three networks.
    expect(codes(error)).toEqual(['migration-refused', 'network-unreachable']);
    expect(error.findings).toHaveLength(4);
    expect(
      codes(await refusal(controller.migrations.migrate('shop', { destination: 'nowhere' }, WHO))),
    ).toContain('reference-missing');
    expect(
      codes(await refusal(controller.migrations.migrate('shop', { destination: 'host1' }, WHO))),
    ).toEqual(['migration-refused']);
    expect(codes(await refusal(controller.migrations.migrate('shop', {}, WHO)))).toEqual(['migration-step']);
    expect(codes(await refusal(controller.migrations.migrate('nobody', {}, WHO)))).toEqual(['not-found']);
    expect(controller.revision).toBe(before);
    await lab.close();
  });

  it('is refused beforehand for what would stop it at the switch-over only', async () => {
    const lab = await open();
    const { controller } = lab;
    const shop = machine(lab, 'shop');
    // Copies never leave a switch, and the machine that gets them stays where it is.
    const mirror = { machine: 'near', vnic: 'office', direction: 'both' } as const;
    const object: VirtualMachine = {
      ...shop,
      vnics: shop.vnics.map((v) => (v.name === 'office' ? { ...v, mirror } : v)),
    };
    await controller.apply([{ object }], WHO);
    const error = await refusal(controller.migrations.migrate('shop', { destination: 'host2' }, WHO));
    expect(error.message).toContain('near');
    expect(controller.migrations.list()).toEqual([]);
    await controller.apply([{ object: shop }], WHO);
    expect(await controller.migrations.migrate('shop', { destination: 'host2' }, WHO)).toBeUndefined();
    await lab.close();
  });

  it('says beforehand what it would change, and changes nothing', async () => {
    const lab = await open();
    const before = lab.controller.revision;
    const summary = await lab.controller.migrations.plan('shop', 'host2');
    expect(summary.hosts.map(({ host }) => host)).toEqual(['host1', 'host2', 'host3']);
    expect(lab.controller.revision).toBe(before);
    await lab.close();
  });

  it('keeps the file of an operator out of it, and lets everything else be changed', async () => {
    const lab = await open();
    const { controller } = lab;
    const said = machine(lab, 'shop');
    await controller.migrations.migrate('shop', { destination: 'host2', until: 'prepared' }, WHO);
    const migration = { source: 'host1', destination: 'host2' };
    // Two hosts have its ports, and one has the machine.
    expect(lab.endpoints().filter(({ name }) => name === 'shop/front')).toMatchObject([{ host: 'host1' }]);
    // The file says nothing of the migration, or something old.
    for (const object of [said, { ...said, migration: { source: 'host3', destination: 'host1' } }]) {
      expect(await controller.apply([{ object }], WHO)).toMatchObject({ objects: [] });
      expect(machine(lab, 'shop')).toMatchObject({ host: 'host1', migration });
    }
    await controller.apply([{ object: { ...said, description: 'the till of the shop' } }], WHO);
    expect(machine(lab, 'shop')).toMatchObject({ description: 'the till of the shop', migration });
    const moves = [{ object: { ...said, host: 'host3' } }, { delete: 'VirtualMachine/shop' } as const];
    for (const change of moves)
      expect(codes(await refusal(controller.apply([change], WHO)))).toEqual(['migration-under-way']);
    await controller.migrations.migrate('shop', { until: 'switched-over' }, WHO);
    // Now the file is out of date: it must not take the VM back.
    const error = await refusal(controller.apply([{ object: said }], WHO));
    expect(codes(error)).toEqual(['migration-under-way']);
    expect(error.message).toContain('switched over');
    await controller.migrations.migrate('shop', {}, WHO);
    expect(machine(lab, 'shop')).toMatchObject({ host: 'host2', description: 'the till of the shop' });
    await lab.close();
  });

  it('is no change to be undone like others, and a rollback leaves it alone', async () => {
    const lab = await open();
    const { controller } = lab;
    await controller.apply([{ object: { ...machine(lab, 'far'), description: 'far away' } }], WHO);
    const before = controller.revision;
    await controller.migrations.migrate('shop', { destination: 'host2', until: 'prepared' }, WHO);
    expect(codes(await refusal(controller.undo(controller.revision, WHO)))).toEqual(['migration-step']);
    // What others have changed comes back; the migration goes on.
    await controller.rollback(before - 1, WHO);
    expect(machine(lab, 'far')).not.toHaveProperty('description');
    expect(controller.migrations.get('shop')).toMatchObject({ phase: 'prepared' });
    await controller.migrations.migrate('shop', {}, WHO);
    const { revision = 0 } = controller.network.get('VirtualMachine/shop') ?? {};
    expect(codes(await refusal(controller.undo(revision, WHO)))).toEqual(['migration-step']);
    expect(machine(lab, 'shop').host).toBe('host2');
    await lab.close();
  });

  it('goes on after a restart of the controller, from wherever it was', async () => {
    for (const until of ['prepared', 'switched-over'] as const) {
      const store = createMemoryStore();
      const first = await open({ store });
      await first.controller.migrations.migrate('shop', { destination: 'host2', until }, WHO);
      const second = await Lab.open({ store });
      await second.ready();
      expect(second.controller.migrations.list()).toMatchObject([
        { vm: 'shop', source: 'host1', destination: 'host2', phase: until },
      ]);
      expect(await reaches(second, 'far/front', 'shop/front')).toBe('answered');
      await second.controller.migrations.migrate('shop', {}, WHO);
      await second.ready();
      expect(await reaches(second, 'far/front', 'shop/front')).toBe('answered');
      expect(machine(second, 'shop').host).toBe('host2');
      await second.close();
      await first.close();
    }
  });

  it('does not finish while a host that is away may still send to the source', async () => {
    const lab = await open();
    const { migrations } = lab.controller;
    await migrations.migrate('shop', { destination: 'host2', until: 'prepared' }, WHO);
    await disconnect(lab, 'host3');
    const error = await refusal(migrations.migrate('shop', {}, WHO));
    expect(codes(error)).toEqual(['host-unconfirmed']);
    expect(error.message).toContain('host3');
    expect(migrations.get('shop')).toMatchObject({ phase: 'switched-over', waitingFor: ['host3'] });
    // What host3 sends to the source still arrives.
    expect(await reaches(lab, 'far/front', 'shop/front')).toBe('answered');
    expect(await migrations.migrate('shop', {}, { ...WHO, force: true })).toBeUndefined();
    // The positive control: this is what finishing would have cost.
    expect(await reaches(lab, 'far/front', 'shop/front')).toBe('lost');
    await lab.close();
  });

  it.each([
    ['the destination', 'host2', true],
    ['another host', 'host3', false],
  ] as const)('does not switch over before %s has confirmed', async (_who, deaf, force) => {
    let isDeaf = false;
    const lab = await open({
      beforePolicy: (host) => (isDeaf && host === deaf ? new Promise(() => {}) : Promise.resolve()),
    });
    const { migrations, feed } = lab.controller;
    isDeaf = true;
    const asked = migrations.migrate('shop', { destination: 'host2' }, { ...WHO, patience: 50 });
    expect((await refusal(asked)).message).toContain(`: ${deaf}.`);
    // It stops in the middle of the policy, so it does not even say goodbye.
    void disconnect(lab, deaf);
    await expect.poll(() => feed.status().find(({ host }) => host === deaf)?.connected).toBe(false);
    const error = await refusal(migrations.migrate('shop', {}, { ...WHO, force }));
    expect(codes(error)).toEqual(['host-unconfirmed']);
    expect(error.message).toContain(deaf);
    expect(migrations.get('shop')).toMatchObject({ phase: 'prepared', waitingFor: [deaf] });
    if (force) await migrations.abort('shop', WHO);
    else await migrations.migrate('shop', {}, { ...WHO, force: true });
    expect(machine(lab, 'shop').host).toBe(force ? 'host1' : 'host2');
  });

  it('waits for a silent host no longer than it is told, and can be aborted meanwhile', async () => {
    let silent = false;
    const lab = await open({ beforePolicy: () => (silent ? new Promise(() => {}) : Promise.resolve()) });
    const { migrations } = lab.controller;
    silent = true;
    const error = await refusal(
      migrations.migrate('shop', { destination: 'host2' }, { ...WHO, patience: 50 }),
    );
    expect(codes(error)).toEqual(['host-unconfirmed']);
    expect(migrations.get('shop')).toMatchObject({ phase: 'prepared' });
    const waiting = refusal(migrations.migrate('shop', {}, WHO));
    expect(codes(await refusal(migrations.migrate('shop', {}, WHO)))).toEqual(['migration-under-way']);
    const aborting = refusal(migrations.abort('shop', { ...WHO, patience: 50 }));
    expect(codes(await waiting)).toEqual(['migration-step']);
    // Nobody has confirmed that it forgets; but it is over.
    expect(codes(await aborting)).toEqual(['host-unconfirmed']);
    expect(migrations.list()).toEqual([]);
    expect(machine(lab, 'shop').host).toBe('host1');
  });

  it.each([
    ['prepared', 'host1', 'host2'],
    ['prepared', 'host2', 'host1'],
    ['switched-over', 'host1', 'host2'],
    ['switched-over', 'host2', 'host1'],
  ] as const)('has one owner again when it is %s and %s dies', async (until, dead, survivor) => {
    const lab = await open();
    const { controller } = lab;
    const owners = () =>
      controller.feed.policy
        .scopes()
        .filter((scope) =>
          [...controller.feed.policy.scope(scope).values()].some(
            (r) => r.kind === 'port' && r.name === 'shop/front',
          ),
        );
    await controller.migrations.migrate('shop', { destination: 'host2', until }, WHO);
    expect(owners()).toEqual(['host/host1', 'host/host2']);
    await disconnect(lab, dead);
    const { placed } = await controller.migrations.failover({ host: dead, vms: ['shop'] }, WHO);
    expect(placed).toEqual([{ vm: 'shop', to: survivor }]);
    expect(owners()).toEqual([`host/${survivor}`]);
    expect(controller.migrations.list()).toEqual([]);
    lab.fabric.move('shop', survivor);
    await controller.feed.whenApplied(controller.revision, [survivor, 'host3']);
    expect(await reaches(lab, 'far/front', 'shop/front')).toBe('answered');
    await lab.close();
  });

  it('is not kept from its end by a source that has died after the switch-over', async () => {
    const lab = await open();
    const { migrations } = lab.controller;
    await migrations.migrate('shop', { destination: 'host2', until: 'prepared' }, WHO);
    lab.fabric.move('shop', 'host2');
    await disconnect(lab, 'host1');
    expect(await migrations.migrate('shop', {}, WHO)).toBeUndefined();
    expect(await reaches(lab, 'far/front', 'shop/front')).toBe('answered');
    await lab.close();
  });

  it('takes the port ACLs along, from before the move', async () => {
    const lab = await open();
    const { controller, fabric } = lab;
    const acl = `{kind: PortAcl, name: quiet, rules: [
      {direction: inbound, action: deny, priority: 10, remoteAddress: 10.0.0.6},
      {direction: outbound, action: allow, priority: 10, protocol: udp, stateful: true}], default: {inbound: deny}}`;
    const [quiet] = parseDocuments(Buffer.from(acl), 'acl').objects;
    const shop = machine(lab, 'shop');
    const guarded = {
      ...shop,
      vnics: shop.vnics.map((v) => (v.name === 'front' ? { ...v, acls: ['quiet'] } : v)),
    };
    await controller.apply([...(quiet ? [{ object: quiet.object }] : []), { object: guarded }], WHO);
    await fabric.settled();
    const nics = new Map([...fabric.machines.values()].map((m) => [m.port.name, m.nic]));
    const arrived: string[] = [];
    for (const name of ['shop/front', 'near/front', 'far/front'])
      nics.get(name)?.udpBind(7000, ({ source }) => arrived.push(`${source} at ${name}`));
    /** What comes of: shop asks far and near, and both answer; then both speak up by themselves, from another port. */
    const talk = () => {
      arrived.length = 0;
      const send = (from: string, to: string, sourcePort: number) => {
        const destination = nics.get(`${to}/front`)?.address;
        if (destination === undefined) throw new Error(`${to} has no address`);
        nics
          .get(`${from}/front`)
          ?.udpSend({ destination, destinationPort: 7000, sourcePort, payload: Buffer.of(1) });
      };
      for (const to of ['far', 'near']) send('shop', to, 7000);
      for (const from of ['far', 'near']) send(from, 'shop', 7000);
      for (const from of ['far', 'near']) send(from, 'shop', 9000);
      return arrived;
    };
    // Asked for, answers come in: that is what the connection is remembered for. Nothing else does.
    const asItShould = [
      '10.0.0.5 at far/front',
      '10.0.0.5 at near/front',
      '10.0.0.8 at shop/front',
      '10.0.0.6 at shop/front',
    ];
    expect(talk()).toEqual(asItShould);
    await controller.migrations.migrate('shop', { destination: 'host2', until: 'prepared' }, WHO);
    fabric.move('shop', 'host2');
    expect(talk()).toEqual(asItShould);
    await controller.migrations.migrate('shop', {}, WHO);
    expect(talk()).toEqual(asItShould);
    await lab.close();
  });

  it('lets several VMs move at once, also in opposite directions', async () => {
    const lab = await open();
    const { migrations } = lab.controller;
    await Promise.all([
      migrations.migrate('shop', { destination: 'host2' }, WHO),
      migrations.migrate('near', { destination: 'host3' }, WHO),
      migrations.migrate('there', { destination: 'host1' }, WHO),
      migrations.migrate('far', { destination: 'host1' }, WHO),
    ]);
    await lab.ready();
    expect(['shop', 'near', 'there', 'far'].map((name) => machine(lab, name).host)).toEqual([
      'host2',
      'host3',
      'host1',
      'host1',
    ]);
    for (const from of ['near', 'there', 'far'])
      expect(await reaches(lab, `${from}/front`, 'shop/front'), from).toBe('answered');
    await lab.close();
  });
});

describe('failover', () => {
  it('places the VMs of a dead host elsewhere, with their addresses', async () => {
    const lab = await open();
    const { controller } = lab;
    const ports = () =>
      controller.feed.policy
        .scopes()
        .flatMap((scope) =>
          [...controller.feed.policy.scope(scope).values()].flatMap((r) =>
            r.kind === 'port' && /^(shop|near)\//u.test(r.name) ? [r] : [],
          ),
        );
    const sorted = () => ports().sort((a, b) => (a.name < b.name ? -1 : 1));
    const before = sorted();
    await disconnect(lab, 'host1');
    const planned = await controller.migrations.failover({ host: 'host1', dryRun: true }, WHO);
    expect(machine(lab, 'shop').host).toBe('host1');
    const done = await controller.migrations.failover({ host: 'host1' }, WHO);
    expect(done.placed).toEqual(planned.placed);
    // The least loaded first, host4 takes nobody: near to host2, shop to one of the two.
    expect(done.placed.map(({ vm }) => vm)).toEqual(['near', 'shop']);
    expect(done.left).toEqual([]);
    expect(done.findings.map(({ code }) => code)).toEqual(['host-not-fenced']);
    expect(sorted()).toEqual(before);
    await controller.feed.whenApplied(controller.revision, ['host2', 'host3']);
    for (const network of ['front', 'office', 'till'])
      expect(await reaches(lab, `far/${network}`, `shop/${network}`), network).toBe('answered');
    await lab.close();
  });

  it('says why a VM cannot be placed, and refuses to double what lives', async () => {
    const lab = await open();
    const { migrations } = lab.controller;
    expect(codes(await refusal(migrations.failover({ host: 'host1' }, WHO)))).toEqual(['host-alive']);
    expect(codes(await refusal(migrations.failover({ host: 'host9', to: 'host8' }, WHO)))).toEqual([
      'not-found',
    ]);
    const { placed, left } = await migrations.failover({ host: 'host1', to: 'host4', force: true }, WHO);
    expect(placed).toEqual([]);
    expect(left.map(({ vm }) => vm)).toEqual(['near', 'shop']);
    expect(left[1]?.findings.map(({ code }) => code)).toEqual(Array(3).fill('network-unreachable'));
    expect(machine(lab, 'shop').host).toBe('host1');
    await lab.close();
  });

  it('prefers where a migration was going, and ends one whose other end has died', async () => {
    const lab = await open();
    const { migrations } = lab.controller;
    await migrations.migrate('shop', { destination: 'host3', until: 'prepared' }, WHO);
    await migrations.migrate('far', { destination: 'host1', until: 'prepared' }, WHO);
    await disconnect(lab, 'host1');
    const { placed } = await migrations.failover({ host: 'host1' }, WHO);
    expect(placed).toEqual([
      { vm: 'far', to: 'host3' },
      { vm: 'near', to: 'host2' },
      { vm: 'shop', to: 'host3' },
    ]);
    expect(migrations.list()).toEqual([]);
    await lab.close();
  });
});

describe('a migration that a hypervisor carries out', () => {
  const IDS = ['front', 'office', 'till'] as const;
  /** What the agent of the host says is plugged in: the vNICs of "shop", those in `up` with a link. */
  const say = (lab: Lab, host: string, up: readonly string[]) => {
    const vnics = IDS.map((name) => {
      const id = lab.controller.network.allocation(VNIC, vmVnicOwner('shop', name));
      if (id === undefined) throw new Error(`shop/${name} has no id`);
      return { id, plugged: true, link: up.includes(name) };
    });
    const rest = { version: '1', engine: 'x', nics: [], switches: [], drift: [], repaired: [], findings: [] };
    lab.fabric.hosts.get(host)?.client.report({ ...rest, vnics });
  };
  const heard = async (lab: Lab, host: string, up: readonly string[]) => {
    say(lab, host, up);
    const { feed } = lab.controller;
    const links = () =>
      feed
        .status()
        .find((status) => status.host === host)
        ?.report?.vnics?.filter(({ link }) => link).length;
    while (links() !== up.length) await new Promise((resolve) => setImmediate(resolve));
  };
  const phase = (lab: Lab) => lab.controller.migrations.get('shop')?.phase;

  it('waits until every link is up on the destination, and then goes on', async () => {
    const lab = await open();
    const { migrations, jobs } = lab.controller;
    await heard(lab, 'host1', IDS);
    await heard(lab, 'host2', []);
    const done = migrations.migrate('shop', { destination: 'host2' }, WHO);
    const steps = () => jobs.list({ limit: 1, passes: () => true })[0]?.steps ?? [];
    while (!steps().some(({ name, state }) => name === 'move' && state === 'running'))
      await new Promise((resolve) => setImmediate(resolve));
    await heard(lab, 'host1', []);
    await heard(lab, 'host2', ['front', 'till']);
    // One of three is still on its way.
    expect(phase(lab)).toBe('prepared');
    await heard(lab, 'host2', IDS);
    expect(await done).toBeUndefined();
    expect(steps().map(({ name, state }) => `${name}: ${state}`)).toEqual([
      'prepare: succeeded',
      'move: succeeded',
      'switch over: succeeded',
      'finish: succeeded',
    ]);
    await lab.close();
  });

  it('says what is missing when it has not come in time, and goes on later, or without', async () => {
    const lab = await open();
    const { migrations } = lab.controller;
    await heard(lab, 'host1', IDS);
    await heard(lab, 'host2', ['office']);
    const hasty = { ...WHO, movePatience: 1 };
    const error = await refusal(migrations.migrate('shop', { destination: 'host2' }, hasty));
    expect(codes(error)).toEqual(['vm-not-arrived']);
    expect(error.message).toContain('no link of front, till there');
    expect(phase(lab)).toBe('prepared');
    expect(await migrations.migrate('shop', {}, { ...WHO, movePatience: 0 })).toBeUndefined();
    await lab.close();
  });

  it('does not wait for a VM that does not run', async () => {
    const lab = await open();
    await heard(lab, 'host1', []);
    await heard(lab, 'host2', []);
    expect(await lab.controller.migrations.migrate('shop', { destination: 'host2' }, WHO)).toBeUndefined();
    await lab.close();
  });

  it('ends its waiting when it is aborted', async () => {
    const lab = await open();
    const { migrations, jobs } = lab.controller;
    await heard(lab, 'host1', IDS);
    await heard(lab, 'host2', []);
    const refused = refusal(migrations.migrate('shop', { destination: 'host2' }, WHO));
    const moving = () =>
      jobs
        .list({ limit: 1, passes: () => true })[0]
        ?.steps.some((s) => s.name === 'move' && s.state === 'running');
    while (!moving()) await new Promise((resolve) => setImmediate(resolve));
    await migrations.abort('shop', { ...WHO, reason: 'The disk is full.' });
    const error = await refused;
    expect(codes(error)).toEqual(['migration-step']);
    expect(error.message).toContain('was aborted: The disk is full.');
    expect(phase(lab)).toBeUndefined();
    await lab.close();
  });
});
