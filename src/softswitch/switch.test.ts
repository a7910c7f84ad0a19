import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryFlow } from '../../test/support/flow-arbitraries.ts';
import { Rig } from '../../test/support/softswitch-rig.ts';
import { brokenFrame, POOL, switchFrame } from '../../test/support/switch-frames.ts';
import type { PortSpec, PortVlan } from '../flow/datapath.ts';
import { datapathSuite } from '../flow/datapath-suite.ts';
import { parseActions } from '../flow/parse-actions.ts';
import { formatFlow } from '../flow/text.ts';
import { formatAction } from '../flow/text-actions.ts';
import { type IpAddress, ip, ipv4, mac } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { toHex } from '../packet/bytes.ts';
import type { Layer } from '../packet/layer.ts';
import { formatFrame } from '../packet/notation.ts';

datapathSuite('softswitch', async () => {
  const rig = new Rig();
  return {
    datapath: rig.datapath,
    plug: async (port) => void rig.plug(port),
    inject: async (port, bytes) => rig.inject(port, bytes),
    taken: async (port) => rig.taken(port),
    close: () => rig.datapath.close(),
  };
});

const TRUNK: PortVlan = { mode: 'trunk', trunks: [] };
const A = mac('02:00:00:00:00:0a');
const B = mac('02:00:00:00:00:0b');
const BROADCAST = mac('ff:ff:ff:ff:ff:ff');
const udp = (src = A, dst = B, ...more: Layer[]) =>
  frame(
    { layer: 'eth', src, dst },
    ...more,
    { layer: 'ipv4', src: ipv4('10.0.0.5'), dst: ipv4('10.0.0.7'), ttl: 2 },
    { layer: 'udp', sport: 1000, dport: 2000 },
    { layer: 'data', bytes: new Uint8Array(20) },
  );
const vif = (name: string, vlan: PortVlan = TRUNK): PortSpec => ({
  type: 'vif',
  name,
  id: `id-${name}`,
  vlan,
});
const uplink = (mode: 'active-backup' | 'balance-slb' | 'balance-tcp', ...nics: string[]): PortSpec => ({
  type: 'uplink',
  name: 'up',
  nics,
  mode,
  lacp: 'off',
  vlan: TRUNK,
});
const tunnel = (local: string, encapsulation: 'nvgre' | 'vxlan' | 'geneve' = 'nvgre'): PortSpec => ({
  type: 'tunnel',
  name: 'tun',
  encapsulation,
  local,
});

async function withPorts(...names: string[]): Promise<Rig> {
  const rig = new Rig();
  for (const name of names) await rig.port(vif(name));
  return rig.watch();
}

describe('observer', () => {
  it('tells each step of a frame, with the frame before and after', async () => {
    const rig = await withPorts('a', 'b');
    await rig.flows(
      'table=0,in_port=1,ip,actions=set_field:0x7->reg3,dec_ttl,resubmit(,5),output:1',
      'table=5,priority=9,reg3=0x7,actions=output:2',
    );
    rig.inject('a', udp());
    const lines = rig.events.map((event) => {
      switch (event.type) {
        case 'match':
          return `table ${event.table}: ${event.flow ? formatFlow(event.flow) : 'miss'}`;
        case 'action': {
          const changes = event.changes.map((c) => `${c.field} ${c.before}->${c.after}`);
          return `${formatAction(event.action)} ttl ${event.before[22]}->${event.after[22]} [${changes}]`;
        }
        case 'output':
        case 'frame-in':
          return `${event.type} ${event.name}`;
        case 'drop':
          return `drop ${event.reason}`;
        default:
          return event.type;
      }
    });
    expect(lines).toEqual([
      'frame-in a',
      'table 0: table=0,priority=32768,ip,in_port=1,actions=set_field:0x7->reg3,dec_ttl,resubmit(,5),output:1',
      'set_field:0x7->reg3 ttl 2->2 [reg3 0->7]',
      'dec_ttl ttl 2->1 [ip_ttl 2->1]',
      'resubmit(,5) ttl 1->1 []',
      'table 5: table=5,priority=9,reg3=0x7,actions=output:2',
      'output:2 ttl 1->1 []',
      'output b',
      'output:1 ttl 1->1 []',
      'drop output-to-in-port',
      'done',
    ]);
  });

  it('makes no difference to what happens', async () => {
    const [seen, unseen] = [await withPorts('a', 'b'), await withPorts('a', 'b')];
    unseen.datapath.observe(undefined);
    for (const rig of [seen, unseen]) {
      await rig.flows(
        'table=0,ip,actions=clone(set_field:9.9.9.9->ip_dst,output:2),push_vlan:0x8100,output:2',
      );
      rig.inject('a', udp());
    }
    expect(unseen.events).toEqual([]);
    expect(seen.events.length).toBeGreaterThan(5);
    const out = seen.hex('b');
    expect(out.length).toBe(2);
    expect(unseen.hex('b')).toEqual(out);
  });

  it.each([
    ['no-match', 'table=9,actions=drop'],
    ['flow-drops', 'table=0,actions=drop'],
    ['ttl-expired', 'table=0,ip,actions=dec_ttl,dec_ttl,output:2'],
    ['resubmit-limit', 'table=0,actions=output:2,resubmit(,0)'],
    ['no-such-port', 'table=0,actions=output:77'],
    ['link-down', 'table=0,actions=output:3'],
    ['no-tunnel-destination', 'table=0,actions=output:4'],
  ])('says why: %s', async (reason, flow) => {
    const rig = await withPorts('a', 'b');
    await rig.datapath.setPort(vif('unplugged'));
    await rig.datapath.setPort(tunnel('192.168.4.11'));
    await rig.flows(flow);
    rig.inject('a', udp());
    expect(new Set(rig.drops())).toEqual(new Set([reason]));
    expect(rig.hex('b')).toEqual([]);
  });
});

describe('links and attachments', () => {
  it('sends and takes nothing while the link is down', async () => {
    const rig = await withPorts('a', 'b');
    await rig.flows('table=0,actions=output:2');
    rig.at('b').setLink(false);
    rig.inject('a', udp());
    rig.at('b').setLink(true);
    rig.at('a').setLink(false);
    rig.inject('a', udp());
    expect(rig.hex('b')).toEqual([]);
    rig.at('a').setLink(true);
    rig.inject('a', udp());
    expect(rig.hex('b').length).toBe(1);
  });

  it('has room for one at a place, and takes nothing from what was unplugged', async () => {
    const rig = await withPorts('a', 'b');
    await rig.flows('table=0,actions=output:2');
    const old = rig.at('a');
    expect(() => rig.plug('a')).toThrow(/in-use/);
    expect(() => rig.plug('x')).toThrow(/not-found/);
    expect(() => rig.plug('a', 'eth0')).toThrow(/not-found/);
    old.detach();
    rig.plug('a');
    old.receive(udp());
    expect(rig.hex('b')).toEqual([]);
    rig.inject('a', udp());
    expect(rig.hex('b').length).toBe(1);
    await rig.datapath.removePort('a');
    rig.inject('a', udp());
    expect(rig.hex('b')).toEqual([]);
  });

  it('queues a frame that comes in from within a delivery', async () => {
    const rig = new Rig();
    const order: string[] = [];
    for (const name of ['a', 'b']) await rig.datapath.setPort(vif(name));
    await rig.flows('table=0,in_port=1,actions=output:2,IN_PORT', 'table=0,in_port=2,actions=output:1');
    const a = rig.datapath.attach('a', undefined, (bytes) => order.push(`a ${bytes.length}`));
    const b = rig.datapath.attach('b', undefined, (bytes) => {
      order.push(`b ${bytes.length}`);
      b.receive(bytes.subarray(0, 20));
      order.push('b done');
    });
    a.receive(udp());
    const { length } = udp();
    expect(order).toEqual([`b ${length}`, 'b done', `a ${length}`, 'a 20']);
  });

  it('ends a frame that two switches send to and fro', async () => {
    const [left, right] = [new Rig().watch(), new Rig()];
    for (const rig of [left, right]) {
      await rig.datapath.setPort(vif('a'));
      await rig.flows('table=0,actions=IN_PORT');
    }
    let hops = 0;
    const l = left.datapath.attach('a', undefined, (bytes) => {
      hops++;
      r.receive(bytes);
    });
    const r = right.datapath.attach('a', undefined, (bytes) => l.receive(bytes));
    left.datapath.observe(undefined);
    l.receive(udp());
    expect(hops).toBeGreaterThan(1000);
  });
});

describe('NORMAL on a team', () => {
  const setUp = async (mode: 'active-backup' | 'balance-slb' | 'balance-tcp') => {
    const rig = new Rig().watch();
    await rig.port(vif('a'));
    await rig.port(uplink(mode, 'eth0', 'eth1'));
    await rig.flows('table=0,actions=NORMAL');
    return rig;
  };

  it('drops a broadcast that comes back over the other member', async () => {
    const rig = await setUp('balance-slb');
    rig.inject('a', udp(A, BROADCAST));
    expect([rig.hex('eth0').length + rig.hex('eth1').length]).toEqual([1]);
    rig.drops();
    for (const nic of ['eth0', 'eth1']) rig.inject(nic, udp(A, BROADCAST));
    expect(rig.drops()).toEqual(['team-loop', 'team-loop']);
    expect(rig.hex('a')).toEqual([]);
    // One from outside is taken, once.
    for (const nic of ['eth0', 'eth1']) rig.inject(nic, udp(B, BROADCAST));
    expect(rig.hex('a').length).toBe(1);
  });

  it('goes on over the other member when a link fails', async () => {
    const rig = await setUp('active-backup');
    rig.inject('a', udp());
    rig.at('eth0').setLink(false);
    // The switches outside are told that the way to a is another now.
    expect(rig.taken('eth1').map(formatFrame)).toEqual([
      `eth(src=${A},dst=${BROADCAST})/rarp(reverse-request,sha=${A},spa=0.0.0.0,tha=${A},tpa=0.0.0.0)`,
    ]);
    rig.inject('a', udp());
    rig.at('eth1').setLink(false);
    rig.inject('a', udp());
    expect([rig.hex('eth0').length, rig.hex('eth1').length]).toEqual([1, 1]);
    expect(rig.drops()).toEqual(['link-down']);
  });

  it('learns the team as one port, and reports it', async () => {
    const rig = await setUp('balance-slb');
    rig.inject('eth0', udp(B, BROADCAST));
    const learned = rig.events.filter((event) => event.type === 'learn');
    expect(learned).toEqual([{ type: 'learn', mac: B, vlan: 0, port: 2 }]);
    rig.inject('a', udp(A, B));
    expect(rig.hex('eth0').length + rig.hex('eth1').length).toBe(1);
    // 300 s later it is forgotten, which a flood does not show here; a move does at once.
    rig.inject('a', udp(B, BROADCAST));
    rig.drops();
    rig.inject('a', udp(A, B));
    expect(rig.drops()).toEqual(['learned-on-in-port']);
  });
});

describe('tunnels between two switches', () => {
  const [HERE, THERE] = ['192.168.4.11', '192.168.4.22'] as const;

  /** Two switches over an underlay that delivers. */
  const pair = async (encapsulation: 'nvgre' | 'vxlan' | 'geneve') => {
    const rigs = [new Rig().watch(), new Rig().watch()] as const;
    const packets: Uint8Array[] = [];
    const inputs: ((packet: Uint8Array) => void)[] = [];
    for (const [i, rig] of rigs.entries()) {
      await rig.port(vif('vm'));
      await rig.port(tunnel(i === 0 ? HERE : THERE, encapsulation));
      const { receive } = rig.datapath.attachUnderlay('tun', {
        send: (packet: Uint8Array, destination: IpAddress) => {
          packets.push(packet);
          inputs[destination === HERE ? 0 : 1]?.(packet);
        },
      });
      inputs.push(receive);
      const other = i === 0 ? THERE : HERE;
      await rig.flows(
        `table=0,in_port=1,actions=set_field:0x138800->tun_id,multipath(symmetric_l3l4+udp,50,modulo_n,256,0,NXM_NX_TUN_ID[0..7]),set_field:${other}->tun_dst,output:2`,
        `table=0,in_port=2,tun_id=0x138800/0xffffff00,tun_src=${other},actions=output:1`,
      );
    }
    return { rigs, packets, inputs };
  };

  it.each(['nvgre', 'vxlan', 'geneve'] as const)('%s carries frames both ways', async (encapsulation) => {
    const { rigs, packets } = await pair(encapsulation);
    const [left, right] = rigs;
    left.inject('vm', udp(A, B));
    right.inject('vm', udp(B, A));
    expect(right.hex('vm')).toEqual([toHex(udp(A, B))]);
    expect(left.hex('vm')).toEqual([toHex(udp(B, A))]);
    expect(packets.length).toBe(2);
    expect(right.events.find((event) => event.type === 'decapsulate')).toMatchObject({ port: 2 });
    expect(left.events.find((event) => event.type === 'encapsulate')).toMatchObject({
      port: 2,
      destination: ip(THERE),
    });
  });

  it('counts what it refuses, by reason', async () => {
    const { rigs, packets, inputs } = await pair('nvgre');
    const [left, right] = rigs;
    left.inject('vm', udp());
    right.taken('vm');
    right.drops();
    inputs[1]?.(packets[0]!.subarray(0, 30));
    inputs[1]?.(packets[0]!.subarray(0, 10));
    expect(right.datapath.tunnelDrops('tun')).toEqual(new Map([['outer-truncated', 2n]]));
    expect(right.drops()).toEqual(['outer-truncated', 'outer-truncated']);
    expect(right.taken('vm')).toEqual([]);
    expect(left.datapath.tunnelDrops('tun').size).toBe(0);
    expect(() => left.datapath.attachUnderlay('vm', { send: () => {} })).toThrow(/no tunnel/);
  });
});

describe('whatever comes', () => {
  it('neither random flows nor random bytes throw', async () => {
    const limits = { tables: 6, ports: [1, 2, 3, 4], values: POOL, reserved: true };
    const bytes = fc.oneof(switchFrame, brokenFrame, fc.uint8Array({ maxLength: 100 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryFlow(limits), { maxLength: 12 }),
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'eth0', 'eth1'), bytes), { maxLength: 12 }),
        fc.boolean(),
        async (flows, frames, watched) => {
          const rig = new Rig();
          if (watched) rig.watch();
          await rig.port(vif('a'));
          await rig.port(vif('b', { mode: 'access', tag: 7 }));
          await rig.port(uplink('balance-slb', 'eth0', 'eth1'));
          await rig.port(tunnel('192.168.4.11', 'vxlan'));
          const underlay = rig.datapath.attachUnderlay('tun', { send: () => {} });
          await rig.datapath.applyFlows({
            add: flows.map((flow, i) => ({ ...flow, table: i % 3 })),
            remove: [],
          });
          for (const [place, frameBytes] of frames) {
            rig.inject(place, frameBytes);
            underlay.receive(frameBytes);
            await rig.datapath.packetOut(1, frameBytes, parseActions('NORMAL,resubmit(,0)'));
          }
          await rig.datapath.close();
        },
      ),
      { numRuns: 150 },
    );
  });
});
