/** Messages of a real switch other than its flows, groups and meters: see openflow-codec.test.ts. */
import { describe, expect } from 'vitest';
import type { Meter } from '../../src/flow/datapath.ts';
import { matchOf } from '../../src/flow/match.ts';
import { parseFlow } from '../../src/flow/parse.ts';
import { parseGroup } from '../../src/flow/parse-group.ts';
import { flowKey, sameFlow } from '../../src/flow/same.ts';
import { formatFlow } from '../../src/flow/text.ts';
import type { Message } from '../../src/ovs/openflow/codec/message.ts';
import type { MultipartReply } from '../../src/ovs/openflow/codec/multipart-message.ts';
import type { FlowEntry } from '../../src/ovs/openflow/codec/state.ts';
import { parseNotation } from '../../src/packet/notation.ts';
import { itWithOpenVswitch } from './open-vswitch.ts';
import { type Controller, withBridge } from './openflow-peer.ts';

const UDP = parseNotation(
  'eth(src=00:00:00:00:00:05,dst=00:00:00:00:00:07)/ipv4(src=10.0.0.5,dst=10.0.0.7)/udp(dport=5)',
);
const FLAGS = { atomic: true, ordered: true };

const add = (text: string, more: Partial<Message & { type: 'flow-mod' }> = {}): Message => ({
  type: 'flow-mod',
  command: 'add',
  flow: parseFlow(text),
  ...more,
});

async function ask<A extends MultipartReply['about']>(
  controller: Controller,
  about: A,
  more: object = {},
): Promise<Extract<MultipartReply, { about: A }>> {
  const said = await controller.exchange([{ type: 'request', about, ...more } as Message]);
  const [first] = said.map(({ message }) => message);
  if (first?.type !== 'reply' || first.about !== about) throw new Error(JSON.stringify(first));
  return first as Extract<MultipartReply, { about: A }>;
}

const dump = async (controller: Controller): Promise<readonly FlowEntry[]> =>
  (await ask(controller, 'flows')).flows;

const quiet = async (controller: Controller, ...messages: readonly Message[]) => {
  expect(await controller.exchange(messages)).toEqual([]);
};

/** The names of the errors that the messages meet with. */
const errors = async (controller: Controller, ...messages: readonly Message[]) =>
  (await controller.exchange(messages)).map(({ message }) =>
    message.type === 'error' ? message.name : message.type,
  );

describe('a switch says', () => {
  itWithOpenVswitch('what it is and has', () =>
    withBridge(async (controller, ovs) => {
      await ovs.vsctl('set', 'bridge', 'br0', 'other_config:datapath-id=00000000000000aa');
      const again = await controller.again();
      const [features] = await again.exchange([{ type: 'features-request' }]);
      expect(features?.message).toMatchObject({ type: 'features-reply', datapathId: 0xaan, tables: 254 });
      expect((await ask(again, 'desc')).desc).toMatchObject({
        manufacturer: 'Nicira, Inc.',
        hardware: 'Open vSwitch',
      });

      await quiet(again, { type: 'set-config', fragments: 'nx-match', missSendLength: 0xffff });
      const [config] = await again.exchange([{ type: 'get-config-request' }]);
      expect(config?.message).toEqual({
        type: 'get-config-reply',
        fragments: 'nx-match',
        missSendLength: 0xffff,
      });
      expect(await ovs.ofctl('get-frags', again.path)).toContain('nx-match');

      const { ports } = await ask(again, 'ports');
      expect(ports.map(({ number, name, down }) => [number, name, down])).toEqual([
        [0xfffe, 'br0', false],
        [1, 'p1', false],
      ]);
      expect((await ask(again, 'port-stats', { port: 1 })).ports).toMatchObject([
        { number: 1, rxPackets: 0n },
      ]);
      expect((await ask(again, 'table-stats')).tables[0]).toMatchObject({ table: 0, active: 0 });
      expect((await ask(again, 'group-features')).types).toBe(0b1111);
      expect((await ask(again, 'meter-features')).maximumBands).toBeGreaterThan(0);
      again.close();
    }),
  );

  itWithOpenVswitch('which frames come, with what the flow gave them', () =>
    withBridge(async (controller, ovs) => {
      await quiet(
        controller,
        { type: 'set-packet-in-format', format: 'nxt-packet-in2' },
        add(
          'table=0,priority=5,cookie=0x77,udp,actions=set_field:0x5->reg1,set_field:0xab->metadata,resubmit(,3)',
        ),
        add('table=3,priority=5,cookie=0x78,actions=controller(userdata=0102.0a)'),
      );
      await ovs.appctl('netdev-dummy/receive', 'p1', Buffer.from(UDP).toString('hex'));
      const { message } = await controller.next((m) => m.type === 'packet-in');
      expect(message).toMatchObject({
        type: 'packet-in',
        form: 'nxt-packet-in2',
        table: 3,
        cookie: 0x78n,
        reason: 'action',
        userdata: '01020a',
        frame: new Uint8Array(UDP),
        fullLength: UDP.length,
        metadata: matchOf({ in_port: 1, reg1: 5, metadata: 0xab }),
      });

      // And out again: to the controller, as if it had come in by port 1.
      const out: Message = {
        type: 'packet-out',
        inPort: 1,
        actions: parseFlow('actions=set_field:7->reg2,controller(userdata=ff)').actions,
        frame: UDP,
      };
      await quiet(controller, out);
      const back = await controller.next((m) => m.type === 'packet-in');
      expect(back.message).toMatchObject({ userdata: 'ff', metadata: matchOf({ in_port: 1, reg2: 7 }) });

      await quiet(controller, { type: 'set-packet-in-format', format: 'openflow' }, out);
      const plain = await controller.next((m) => m.type === 'packet-in');
      expect(plain.message).toMatchObject({ form: 'openflow', userdata: '', frame: new Uint8Array(UDP) });
    }),
  );

  itWithOpenVswitch('how much passed', () =>
    withBridge(async (controller, ovs) => {
      const meter: Meter = { id: 3, unit: 'pktps', stats: true, bands: [{ type: 'drop', rate: 1000 }] };
      await quiet(
        controller,
        { type: 'meter-mod', command: 'add', meter },
        {
          type: 'group-mod',
          command: 'add',
          group: parseGroup('group_id=4,type=all,bucket=actions=output:1'),
        },
        add('table=0,priority=5,idle_timeout=600,udp,actions=meter:3,group:4', { importance: 9 }),
      );
      for (let i = 0; i < 3; i++) {
        await ovs.appctl('netdev-dummy/receive', 'p1', Buffer.from(UDP).toString('hex'));
      }
      await ovs.appctl('revalidator/purge');
      const count = { packets: 3n, bytes: 3n * BigInt(UDP.length) };
      const [entry] = await dump(controller);
      expect(entry).toMatchObject({ ...count, importance: 9 });
      expect(entry?.duration).toBeGreaterThan(0);
      expect(await ask(controller, 'aggregate', { match: matchOf({ eth_type: 0x0800 }) })).toMatchObject({
        ...count,
        flows: 1,
      });
      expect((await ask(controller, 'group-stats')).groups).toMatchObject([
        { id: 4, references: 1, buckets: [{}] },
      ]);
      expect((await ask(controller, 'meter-stats')).meters).toMatchObject([
        { id: 3, bands: [{ packets: 0n }] },
      ]);
      expect((await ask(controller, 'meters', { meter: 3 })).meters).toMatchObject([{ meter: { id: 3 } }]);
    }),
  );

  itWithOpenVswitch('what goes, and why', () =>
    withBridge(async (controller, ovs) => {
      const text = 'table=2,priority=5,cookie=0x9,hard_timeout=500,tcp,actions=drop';
      await quiet(controller, add(text, { flags: { sendFlowRemoved: true } }));
      expect((await dump(controller))[0]?.flags).toEqual({ sendFlowRemoved: true });
      await quiet(controller, { type: 'flow-mod', command: 'delete-strict', flow: parseFlow(text) });
      const removed = await controller.next((m) => m.type === 'flow-removed');
      expect(removed.message).toMatchObject({ reason: 'delete', packets: 0n, flow: parseFlow(text) });

      await ovs.vsctl(
        'add-port',
        'br0',
        'p2',
        '--',
        'set',
        'interface',
        'p2',
        'type=dummy',
        'ofport_request=9',
      );
      const added = await controller.next((m) => m.type === 'port-status' && m.port.name === 'p2');
      expect(added.message).toMatchObject({ reason: 'add', port: { number: 9 } });
      await ovs.vsctl('del-port', 'p2');
      await controller.next((m) => m.type === 'port-status' && m.reason === 'delete' && m.port.name === 'p2');
    }),
  );

  itWithOpenVswitch('what others change, to a flow monitor', () =>
    withBridge(async (controller, ovs) => {
      await quiet(controller, add('table=1,priority=1,actions=drop'));
      const [first] = await controller.exchange([
        {
          type: 'request',
          about: 'flow-monitor',
          monitor: 5,
          command: 'add',
          events: ['initial', 'add', 'removed', 'modify'],
          instructions: true,
          noAbbreviation: false,
          onlyOwn: false,
        },
      ]);
      expect(first?.message).toMatchObject({
        about: 'flow-monitor',
        updates: [{ event: 'initial', flow: parseFlow('table=1,priority=1,actions=drop') }],
      });
      const text = 'table=7,priority=5,ip,actions=output:1';
      await ovs.ofctl('-O', 'OpenFlow15', 'add-flow', controller.path, text);
      const update = (event: string) => (m: Message) =>
        m.type === 'reply' && m.about === 'flow-monitor' && m.updates.some((u) => u.event === event);
      expect((await controller.next(update('added'))).message).toMatchObject({
        updates: [{ event: 'added', flow: parseFlow(text) }],
      });
      await ovs.ofctl('-O', 'OpenFlow15', '--strict', 'del-flows', controller.path, 'table=7,priority=5,ip');
      await controller.next(update('removed'));
      // What this controller does comes as a number only.
      await quiet(controller, add(text));
      await controller.next(update('abbreviated'));
    }),
  );

  itWithOpenVswitch('what it refuses, by name', () =>
    withBridge(async (controller) => {
      const bare = parseFlow('table=0,priority=5,tcp,tcp_dst=80,actions=drop');
      const { eth_type: _, ip_proto: __, ...orphan } = bare.match;
      expect(await errors(controller, add('actions=drop', { flow: { ...bare, match: orphan } }))).toEqual([
        'OFPBMC_BAD_PREREQ',
      ]);
      expect(await errors(controller, add('actions=group:99'))).toEqual(['OFPBAC_BAD_OUT_GROUP']);
      expect(await errors(controller, add('actions=meter:99'))).toEqual(['OFPMMFC_INVALID_METER']);
      expect(await errors(controller, { type: 'unknown', code: 99, body: new Uint8Array(4) })).toEqual([
        'OFPBRC_BAD_TYPE',
      ]);
      const [refused] = await controller.exchange([
        { type: 'bundle-control', bundle: 1, action: 'commit', reply: false, flags: FLAGS },
      ]);
      expect(refused?.message).toMatchObject({ type: 'error', name: 'OFPBFC_BAD_ID' });
    }),
  );

  itWithOpenVswitch('that all of a bundle was done, or nothing', () =>
    withBridge(async (controller) => {
      const control = (action: 'open' | 'commit'): Message => ({
        type: 'bundle-control',
        bundle: 7,
        action,
        reply: false,
        flags: FLAGS,
      });
      const bundled = (message: Message): Message => ({
        type: 'bundle-add',
        bundle: 7,
        flags: FLAGS,
        message,
      });
      const good = add('table=4,priority=5,ip,actions=output:1');
      const replies = async (...messages: readonly Message[]) =>
        (await controller.exchange(messages)).map(({ message }) =>
          message.type === 'bundle-control'
            ? `${message.action} ${message.reply}`
            : (message as { name: string }).name,
        );
      const bad = await replies(
        control('open'),
        bundled(good),
        bundled(add('actions=group:99')),
        control('commit'),
      );
      expect(bad).toContain('OFPBAC_BAD_OUT_GROUP');
      expect(await dump(controller)).toEqual([]);
      const group: Message = {
        type: 'group-mod',
        command: 'add',
        group: parseGroup('group_id=99,type=indirect,bucket=actions=output:1'),
      };
      expect(
        await replies(
          control('open'),
          bundled(group),
          bundled(add('actions=group:99')),
          bundled(good),
          control('commit'),
        ),
      ).toEqual(['open true', 'commit true']);
      expect(await dump(controller)).toHaveLength(2);
    }),
  );

  itWithOpenVswitch('who is the primary, and leaves out what was not asked for', () =>
    withBridge(async (controller, ovs) => {
      const [role] = await controller.exchange([{ type: 'role-request', role: 'primary', generation: 5n }]);
      expect(role?.message).toEqual({ type: 'role-reply', role: 'primary', generation: 5n });
      await quiet(
        controller,
        {
          type: 'set-async',
          wanted: {
            'packet-in': { primary: 0b111011 },
            'flow-removed': { primary: 0 },
            'port-status': { primary: 0 },
          },
        },
        add('table=0,priority=1,actions=controller', { flags: { sendFlowRemoved: true } }),
        { type: 'flow-mod', command: 'delete', flow: parseFlow('actions=drop'), allTables: true },
        { type: 'ct-flush-zone', zone: 5 },
      );
      expect(await dump(controller)).toEqual([]);
      expect(await ovs.ofctl('-O', 'OpenFlow15', 'dump-flows', controller.path)).not.toContain('controller');
      const [echo] = await controller.exchange([{ type: 'echo-request', data: new Uint8Array([1, 2, 3]) }]);
      expect(echo?.message).toEqual({ type: 'echo-reply', data: new Uint8Array([1, 2, 3]) });
    }),
  );
});

describe('what somebody else put into a switch', () => {
  itWithOpenVswitch('is seen as what it is, is no flow of ours, and can be removed', () =>
    withBridge(async (controller, ovs) => {
      const ours = 'table=3,priority=5,ip,actions=output:1';
      await quiet(controller, add(ours), add('table=4,priority=5,ip,actions=output:1', { queue: 3 }));
      const foreign = [
        'table=5,priority=5,ip,actions=note:01.02,output:1',
        'table=5,priority=6,mpls,mpls_label=7,actions=output:1',
        'table=5,priority=6,mpls,mpls_label=8,actions=output:1',
        'table=5,priority=7,ip,actions=clone(output:1,dec_mpls_ttl)'.replace(',dec_mpls_ttl', ',exit'),
        'table=5,priority=8,ip,actions=write_actions(output:1)',
        'table=5,priority=9,ip,actions=ct(commit,alg=ftp,zone=1)'.replace('ip,', 'tcp,'),
      ];
      for (const text of foreign) await ovs.ofctl('-O', 'OpenFlow15', 'add-flow', controller.path, text);
      const all = await dump(controller);
      expect(all).toHaveLength(2 + foreign.length);
      const known = all.filter(({ flow }) => flow.unknown === undefined);
      expect(known.map(({ flow, queue }) => [flow.table, queue])).toEqual([
        [3, undefined],
        [4, 3],
      ]);
      expect(sameFlow(known[0]!.flow, parseFlow(ours))).toBe(true);
      const unknown = all.filter(({ flow }) => flow.unknown !== undefined).map(({ flow }) => flow);
      expect(unknown).toHaveLength(foreign.length);
      // Each has an identity of its own, and none is the same as the flow that it would be without.
      expect(new Set(unknown.map(flowKey)).size).toBe(foreign.length);
      for (const flow of unknown) {
        const { unknown: _, ...rest } = flow;
        expect(sameFlow(flow, rest), formatFlow(flow)).toBe(false);
      }
      await quiet(
        controller,
        ...unknown.map((flow): Message => ({ type: 'flow-mod', command: 'delete-strict', flow })),
      );
      expect((await dump(controller)).map(({ flow }) => flow.table)).toEqual([3, 4]);
    }),
  );
});
