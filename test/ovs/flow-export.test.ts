/** Collectors are told about the traffic of a real Open vSwitch, and tshark reads what they get. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { FlowExport } from '../../src/flow/flow-export.ts';
import { type Database, openDatabase } from '../../src/ovs/ovsdb/client.ts';
import { flowExportOf, planExport } from '../../src/ovs/ports/export-rows.ts';
import { bridgeName } from '../../src/ovs/ports/names.ts';
import { View } from '../../src/ovs/ports/view.ts';
import { untilIsSo } from '../support/until.ts';
import { openEngine, withoutNics } from './data-centre.ts';
import { command, Namespaces } from './namespaces.ts';
import { inNamespace, itWithNamespaces, type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';

const COLLECTOR = '192.0.2.10';

interface Rig {
  readonly ovs: OpenVswitch;
  readonly database: Database;
  readonly namespaces: Namespaces;
  ping(): Promise<void>;
}

/**
 *     vm1 10.0.0.1 ---[ br0, Open vSwitch in `host` ]--- vm2 10.0.0.2
 *                              `host` 192.0.2.1 --- collector 192.0.2.10
 */
async function withRig(use: (rig: Rig) => Promise<void>): Promise<void> {
  const namespaces = new Namespaces();
  let ovs: OpenVswitch | undefined;
  let database: Database | undefined;
  try {
    const host = await namespaces.add('host');
    const collector = await namespaces.add('collector');
    await namespaces.cable({ in: host, name: 'mgmt' }, { in: collector, name: 'eth0' });
    await command('ip', '-n', host, 'address', 'add', '192.0.2.1/24', 'dev', 'mgmt');
    await command('ip', '-n', collector, 'address', 'add', `${COLLECTOR}/24`, 'dev', 'eth0');
    ovs = await startOpenVswitch({ namespace: host });
    await ovs.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=netdev');
    for (const [i, vm] of ['vm1', 'vm2'].entries()) {
      const inside = await namespaces.add(vm);
      await namespaces.cable({ in: inside, name: 'eth0' }, { in: host, name: vm });
      await command('ip', '-n', inside, 'address', 'add', `10.0.0.${i + 1}/24`, 'dev', 'eth0');
      await ovs.vsctl('add-port', 'br0', vm);
    }
    database = openDatabase({
      socket: join(ovs.directory, 'db.sock'),
      clock: systemClock,
      random: Math.random,
    });
    await database.whenCurrent();
    await command(...inNamespace(host), 'ping', '-c', '1', '-W', '3', COLLECTOR);
    const ping = async () => {
      await command(
        ...inNamespace(namespaces.name('vm1')),
        'ping',
        '-c',
        '3',
        '-i',
        '0.2',
        '-W',
        '3',
        '10.0.0.2',
      );
    };
    await use({ ovs, database, namespaces, ping });
  } finally {
    database?.close();
    await ovs?.stop();
    await namespaces.remove();
  }
}

function wanted(type: FlowExport['type'], port: number): FlowExport {
  return { type, collectors: [`${COLLECTOR}:${port}`], sampling: 1 };
}

function br0(database: Database) {
  const view = new View(database);
  return [view, view.bridges.get('br0')!] as const;
}

function told(database: Database): FlowExport | undefined {
  return flowExportOf(...br0(database));
}

async function tell(database: Database, whom: FlowExport | undefined): Promise<void> {
  await database.configure(planExport(...br0(database), whom), { comment: 'test' });
}

/** What tshark reads in what comes to the collector, as it comes: the values of these fields, one datagram a line. */
async function collect(namespace: string, port: number, ...fields: readonly string[]) {
  // Templates of Open vSwitch have more than the 60 fields that tshark expects at most.
  const args = [
    '-o',
    'cflow.max_template_fields:200',
    '-l',
    '-n',
    '-i',
    'eth0',
    '-f',
    `udp port ${port}`,
    '-T',
    'fields',
  ];
  const [tool = '', ...rest] = [
    ...inNamespace(namespace),
    'tshark',
    ...args,
    ...fields.flatMap((field) => ['-e', field]),
  ];
  // Without somebody who listens, the exporter would be told that nobody does, and lose what it sends next.
  const listen = `require('node:dgram').createSocket('udp4').bind(${port}, () => console.log('listening'))`;
  const [run = '', ...node] = [...inNamespace(namespace), process.execPath, '-e', listen];
  const listener = spawn(run, node, { stdio: ['ignore', 'pipe', 'ignore'] });
  const isGone = new Promise<void>((resolve) => listener.once('exit', () => resolve()));
  await Promise.race([new Promise((resolve) => listener.stdout.once('data', resolve)), isGone]);
  const tshark = spawn(tool, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => tshark.once('exit', () => resolve()));
  let said = '';
  tshark.stdout.on('data', (text) => {
    said += text;
  });
  const begun = new Promise<void>((resolve) => {
    tshark.stderr.on('data', (text) => {
      if (String(text).includes('Capturing on')) resolve();
    });
  });
  await Promise.race([begun, ended]);
  return {
    /** Settles when all of the words have been said. */
    async says(...words: readonly string[]): Promise<void> {
      const areSaid = (text: string) => words.every((word) => text.includes(word));
      await untilIsSo('all that the collector is to be told', () => said, areSaid);
    },
    said: () => said,
    async stop(): Promise<void> {
      tshark.kill('SIGINT');
      listener.kill();
      await Promise.all([ended, isGone]);
    },
  };
}

describe('flow export', () => {
  itWithNamespaces(
    'tells by IPFIX who spoke with whom, and sends what it gathered when it ends',
    async () => {
      await withRig(async ({ database, namespaces, ping, ovs }) => {
        const fields = [
          'cflow.version',
          'cflow.od_id',
          'cflow.srcaddr',
          'cflow.dstaddr',
          'cflow.packets',
          'cflow.direction',
        ];
        const collector = await collect(namespaces.name('collector'), 4739, ...fields);
        try {
          await tell(database, wanted('ipfix', 4739));
          expect(told(database)).toEqual(wanted('ipfix', 4739));
          await ping();
          await tell(database, undefined);
          expect(told(database)).toBeUndefined();
          expect(await ovs.vsctl('list', 'ipfix')).toBe('');
          // Three of them each way, and each is counted once.
          await collector.says('10.0.0.1\t10.0.0.2\t3', '10.0.0.2\t10.0.0.1\t3');
          expect(collector.said()).toMatch(/^10\t/);
        } finally {
          await collector.stop();
        }
      });
    },
  );

  itWithNamespaces('tells by sFlow; from one to the other and back', async () => {
    await withRig(async ({ database, namespaces, ping, ovs }) => {
      const collector = await collect(
        namespaces.name('collector'),
        6343,
        'sflow_245.version',
        'ip.src',
        'ip.dst',
      );
      try {
        await tell(database, wanted('ipfix', 4739));
        await tell(database, wanted('sflow', 6343));
        expect(told(database)).toEqual(wanted('sflow', 6343));
        expect(await ovs.vsctl('list', 'ipfix')).toBe('');
        await ping();
        await collector.says('10.0.0.1,', '10.0.0.2,');
        expect(collector.said()).toMatch(/^5\t192\.0\.2\.1/);
        const both = [`${COLLECTOR}:4739`, '[2001:db8::1]:4739'];
        await tell(database, { type: 'ipfix', collectors: both, sampling: 400 });
        expect(told(database)).toEqual({ type: 'ipfix', collectors: both, sampling: 400 });
        expect(await ovs.vsctl('list', 'sflow')).toBe('');
        // Somebody else makes it tell another, and it is seen.
        const row = (await ovs.vsctl('--bare', '--columns=_uuid', 'list', 'ipfix')).trim();
        await ovs.vsctl('set', 'ipfix', row, 'obs_domain_id=7');
        await database.read('IPFIX', ['obs_domain_id']);
        expect(told(database)?.sampling).toBe(0);
        await tell(database, { type: 'ipfix', collectors: both, sampling: 400 });
        expect(told(database)?.sampling).toBe(400);
      } finally {
        await collector.stop();
      }
    });
  });

  itWithNamespaces(
    'is as the policy of the host says, and is put right when somebody changes it',
    async () => {
      const namespaces = new Namespaces();
      const stop: (() => Promise<void>)[] = [];
      try {
        const host = await namespaces.add('host');
        await namespaces.cable(
          { in: host, name: 'nic1' },
          { in: await namespaces.add('leaf'), name: 'port1' },
        );
        const ovs = await startOpenVswitch({ namespace: host });
        stop.push(() => ovs.stop());
        const engine = await openEngine(ovs, host);
        stop.push(() => engine.close());
        const agent = new Agent('host1', withoutNics(engine));
        const flowExport = wanted('ipfix', 4739);
        const uplink = {
          nics: ['nic1'],
          teaming: 'switch-independent',
          balancing: 'dynamic',
          mtu: 1500,
        } as const;
        const record = {
          kind: 'switch',
          name: 'Main',
          type: 'external',
          uplink,
          origin: 'HostSwitch/host1/Main',
        } as const;
        expect(await agent.replace([{ ...record, flowExport }])).toMatchObject({ ok: true, findings: [] });
        expect(await ovs.vsctl('--bare', '--columns=targets', 'list', 'ipfix')).toBe(`${COLLECTOR}:4739\n`);
        expect((await agent.check()).drift).toEqual([]);
        await ovs.vsctl('clear', 'bridge', bridgeName('Main'), 'ipfix');
        expect((await agent.check()).drift.map(({ what }) => what)).toEqual(['flow-export-changed']);
        expect((await agent.repair()).drift).toEqual([]);
        expect(await ovs.vsctl('--bare', '--columns=targets', 'list', 'ipfix')).toBe(`${COLLECTOR}:4739\n`);
        expect(await agent.replace([record])).toMatchObject({ ok: true });
        expect(await ovs.vsctl('list', 'ipfix')).toBe('');
      } finally {
        for (const each of stop.reverse()) await each();
        await namespaces.remove();
      }
    },
  );
});
