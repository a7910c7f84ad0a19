/**
 * What every Datapath does, as tests: run on the softswitch beside its source, and on Open vSwitch in test/ovs. A rig
 * is a datapath with something at the other end of its vif ports.
 */
import { describe, expect, it, onTestFinished } from 'vitest';
import { NetloomError } from '../base/error.ts';
import { ipv4, mac } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { toHex } from '../packet/bytes.ts';
import type { Layer } from '../packet/layer.ts';
import type { Datapath, PacketIn, PortSpec, PortVlan } from './datapath.ts';
import type { Flow } from './flow.ts';
import { parseFlow } from './parse.ts';
import { parseActions } from './parse-actions.ts';
import { parseGroup, parseMeter } from './parse-group.ts';
import { sameFlow } from './same.ts';
import { formatFlow } from './text.ts';

export interface DatapathRig {
  readonly datapath: Datapath;
  /** Plugs something into a vif port that exists. */
  plug(port: string): Promise<void>;
  /** A frame comes in by a port; settles when the datapath has done with it. */
  inject(port: string, frame: Uint8Array): Promise<void>;
  /** What came out of a port since the last call, in order. */
  taken(port: string): Promise<readonly Uint8Array[]>;
  close(): Promise<void>;
}

const TRUNK: PortVlan = { mode: 'trunk', trunks: [] };
const A = mac('02:00:00:00:00:0a');
const B = mac('02:00:00:00:00:0b');
const UDP = frame(
  { layer: 'eth', src: A, dst: B },
  { layer: 'ipv4', src: ipv4('10.0.0.5'), dst: ipv4('10.0.0.7') },
  { layer: 'udp', sport: 1000, dport: 2000 },
  { layer: 'data', bytes: new Uint8Array(30) },
);

const fragment = (frag: number, mf: boolean, ...layers: readonly Layer[]) =>
  frame(
    { layer: 'eth', src: A, dst: B },
    { layer: 'ipv4', src: ipv4('10.0.0.5'), dst: ipv4('10.0.0.7'), proto: 17, frag, mf },
    ...layers,
  );

const vif = (name: string, vlan: PortVlan = TRUNK): PortSpec => ({
  type: 'vif',
  name,
  id: `id-${name}`,
  vlan,
});
const flows = (...texts: readonly string[]): Flow[] => texts.map(parseFlow);
const texts = async (datapath: Datapath) =>
  (await datapath.dumpFlows()).map((s) => formatFlow(s.flow)).sort();

export function datapathSuite(name: string, make: () => Promise<DatapathRig>): void {
  /** Ports a, b, c with something plugged in. */
  const rigged = async (...vlans: readonly PortVlan[]) => {
    const rig = await make();
    onTestFinished(() => rig.close());
    const numbers: number[] = [];
    for (const [i, port] of ['a', 'b', 'c'].entries()) {
      numbers.push(await rig.datapath.setPort(vif(port, vlans[i] ?? TRUNK)));
      await rig.plug(port);
    }
    const [a, b, c] = numbers as [number, number, number];
    const hex = async (port: string) => (await rig.taken(port)).map((f) => toHex(f));
    return { ...rig, rig, datapath: rig.datapath, a, b, c, hex };
  };
  const refusal = async (run: Promise<unknown>) => {
    const thrown = await run.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(NetloomError);
    return thrown as NetloomError;
  };

  describe(`datapath: ${name}`, () => {
    it('gives each port a number that stays', async () => {
      const { datapath, a, b, c } = await rigged();
      expect(new Set([a, b, c]).size).toBe(3);
      expect(await datapath.setPort(vif('b', { mode: 'access', tag: 7 }))).toBe(b);
      const ports = await datapath.ports();
      expect(ports.get('b')).toEqual({ number: b, spec: vif('b', { mode: 'access', tag: 7 }) });
      await datapath.removePort('a');
      await datapath.removePort('a');
      expect([...(await datapath.ports()).keys()].sort()).toEqual(['b', 'c']);
    });

    it('has the flows that it was given, under the strict identity of OpenFlow', async () => {
      const { datapath } = await rigged();
      const first = flows(
        'table=0,priority=5,tcp,tp_dst=80,actions=output:2',
        'table=0,priority=6,tcp,tp_dst=80,actions=drop',
        'table=3,cookie=0x7,actions=resubmit(,4)',
      );
      await datapath.applyFlows({ add: first, remove: [] });
      expect(await texts(datapath)).toEqual(first.map(formatFlow).sort());
      const other = flows('table=0,priority=5,tcp,tp_dst=80,cookie=0x9,actions=output:3');
      await datapath.applyFlows({
        add: other,
        remove: flows('table=0,priority=6,tcp,tp_dst=80,actions=output:9'),
      });
      expect(await texts(datapath)).toEqual([...other, first[2]!].map(formatFlow).sort());
      // Not there: no such priority.
      await datapath.applyFlows({ add: [], remove: flows('table=3,priority=1,actions=drop') });
      expect((await datapath.dumpFlows()).some((s) => sameFlow(s.flow, first[2]!))).toBe(true);
    });

    it('applies all of a change or nothing', async () => {
      const { datapath } = await rigged();
      const before = flows('table=1,ip,actions=drop');
      await datapath.applyFlows({ add: before, remove: [] });
      const bad: Flow = { ...before[0]!, match: { ip_src: { value: 1n, mask: 0xffffffffn } } };
      const change = { add: [...flows('table=2,actions=drop'), bad], remove: before };
      expect((await refusal(datapath.applyFlows(change))).code).toBe('flow-invalid');
      expect(await texts(datapath)).toEqual(before.map(formatFlow));
    });

    it('refuses ports that cannot be, and leaves the old ones alone', async () => {
      const { datapath, a } = await rigged();
      const wrong: PortSpec[] = [
        vif('a', { mode: 'access', tag: 4096 }),
        { type: 'tunnel', name: 'a', encapsulation: 'nvgre', local: '127.1' },
        { type: 'uplink', name: 'u', nics: [], mode: 'active-backup', lacp: 'off', vlan: TRUNK },
        { type: 'internal', name: 'i', id: 'i', mac: 'nonsense', vlan: TRUNK },
      ];
      for (const spec of wrong) expect((await refusal(datapath.setPort(spec))).code).toBe('port-invalid');
      expect((await datapath.ports()).get('a')).toEqual({ number: a, spec: vif('a') });
      expect((await datapath.ports()).size).toBe(3);
    });

    it('drops what nothing matches, and forwards what a flow lets through', async () => {
      const { datapath, inject, hex, a, b } = await rigged();
      await inject('a', UDP);
      expect([await hex('b'), await hex('c')]).toEqual([[], []]);
      await datapath.applyFlows({
        add: flows(`table=0,in_port=${a},udp,actions=resubmit(,1)`, `table=1,actions=output:${b},output:999`),
        remove: [],
      });
      await inject('a', UDP);
      await inject('a', UDP);
      expect([await hex('a'), await hex('b'), await hex('c')]).toEqual([[], [toHex(UDP), toHex(UDP)], []]);
      const stats = await datapath.dumpFlows();
      expect(stats.map((s) => [s.packets, s.bytes])).toEqual([
        [2n, BigInt(2 * UDP.length)],
        [2n, BigInt(2 * UDP.length)],
      ]);
    });

    it('runs the actions of a packet-out', async () => {
      const { datapath, hex, a, b } = await rigged();
      await datapath.packetOut(a, UDP, parseActions(`set_field:10.9.9.9->ip_dst,output:${b},output:${a}`));
      const [out] = await hex('b');
      expect(out?.slice(60, 68)).toBe('0a090909');
      // Never back to the port that it pretends to come from.
      expect(await hex('a')).toEqual([]);
      expect((await refusal(datapath.packetOut(a, UDP, parseActions('set_field:1->tcp_dst')))).code).toBe(
        'flow-invalid',
      );
    });

    it('gives the controller the frame, the registers and the userdata', async () => {
      const { datapath, inject, a } = await rigged();
      const seen: PacketIn[] = [];
      datapath.onPacketIn((packet) => seen.push(packet));
      await datapath.applyFlows({
        add: flows(
          'table=0,udp,actions=set_field:0x1234->reg5,resubmit(,4)',
          'table=4,udp,cookie=0xabc,actions=dec_ttl,controller(userdata=01.02)',
        ),
        remove: [],
      });
      await inject('a', UDP);
      expect(seen.length).toBe(1);
      const [packet] = seen as [PacketIn];
      expect(packet).toMatchObject({ inPort: a, table: 4, cookie: 0xabcn, userdata: '0102' });
      expect(packet.metadata.reg5).toBe(0x1234n);
      expect(packet.frame[22]).toBe(63);
    });

    it('matches the ports of first fragments, and none in later ones', async () => {
      const { datapath, inject, hex, b, c } = await rigged();
      await datapath.applyFlows({
        add: flows(
          `priority=9,udp,tp_src=1000,tp_dst=2000,actions=output:${b}`,
          `priority=5,udp,nw_frag=first,actions=drop`,
          `priority=5,udp,nw_frag=later,actions=output:${c}`,
        ),
        remove: [],
      });
      const data: Layer = { layer: 'data', bytes: new Uint8Array(16).fill(0xff) };
      const first = fragment(0, true, { layer: 'udp', sport: 1000, dport: 2000 }, data);
      // The same bytes as ports would be, and a first fragment that ends before its ports.
      const later = fragment(24, true, { layer: 'data', bytes: Uint8Array.of(3, 232, 7, 208, 0, 0, 0, 0) });
      const short = fragment(0, true, { layer: 'data', bytes: Uint8Array.of(3, 232, 7, 208) });
      for (const one of [first, later, short]) await inject('a', one);
      expect([await hex('b'), await hex('c')]).toEqual([[toHex(first)], [toHex(later)]]);
    });

    it('has groups, and no flow that names one which is not there', async () => {
      const { datapath, inject, hex, a, b, c } = await rigged();
      const change = { add: flows('udp,actions=group:7'), remove: [] };
      expect((await refusal(datapath.applyFlows(change))).code).toBe('flow-invalid');
      const all = (...ports: readonly number[]) =>
        parseGroup(`group_id=7,type=all,${ports.map((p) => `bucket=actions=output:${p}`).join(',')}`);
      await datapath.setGroup(all(b));
      await datapath.applyFlows(change);
      await inject('a', UDP);
      // Flows keep a group that changes, and go with it.
      await datapath.setGroup(all(b, c, a));
      await inject('a', UDP);
      expect([await hex('b'), await hex('c'), await hex('a')]).toEqual([
        [toHex(UDP), toHex(UDP)],
        [toHex(UDP)],
        [],
      ]);
      const bad = { ...all(b), type: 'ff' as const };
      expect((await refusal(datapath.setGroup(bad))).code).toBe('flow-invalid');
      await datapath.removeGroup(7);
      await datapath.removeGroup(7);
      expect(await texts(datapath)).toEqual([]);
    });

    it('has meters, and no flow that names one which is not there', async () => {
      const { datapath, inject, hex, b } = await rigged();
      const change = { add: flows(`udp,actions=meter:3,output:${b}`), remove: [] };
      expect((await refusal(datapath.applyFlows(change))).code).toBe('flow-invalid');
      const meter = parseMeter('meter=3 pktps burst bands=type=drop rate=1 burst_size=2');
      await datapath.setMeter(meter);
      expect(await datapath.meters()).toEqual(new Map([[3, meter]]));
      await datapath.applyFlows(change);
      await inject('a', UDP);
      expect(await hex('b')).toEqual([toHex(UDP)]);
      const bad = { id: 0, unit: 'kbps' as const, bands: [] };
      expect((await refusal(datapath.setMeter(bad))).code).toBe('flow-invalid');
      await datapath.removeMeter(3);
      await datapath.removeMeter(3);
      expect(await datapath.meters()).toEqual(new Map());
      expect(await texts(datapath)).toEqual([]);
    });

    it('remembers whom it is to tell about its traffic', async () => {
      const { datapath } = await rigged();
      expect(await datapath.flowExport()).toBeUndefined();
      const collectors = ['127.0.0.1:4739', '[::1]:4739'];
      for (const type of ['ipfix', 'sflow', 'ipfix'] as const)
        for (const sampling of [400, 1]) {
          await datapath.setFlowExport({ type, collectors, sampling });
          expect(await datapath.flowExport()).toEqual({ type, collectors, sampling });
        }
      await datapath.setFlowExport(undefined);
      await datapath.setFlowExport(undefined);
      expect(await datapath.flowExport()).toBeUndefined();
    });

    it('polices what comes in by a port, which shows in the port and not in its flows', async () => {
      const { datapath, inject, hex, a, b } = await rigged();
      // A frame is 576 bits: one passes at once, and the next not before half a second.
      const plain = { type: 'vif', name: 'a', id: 'id-a', vlan: TRUNK } as const;
      const policed: PortSpec = { ...plain, policing: { rateKbps: 1, burstKb: 1 } };
      const change = { add: flows(`in_port=${a},actions=output:${b}`), remove: [] };
      await datapath.applyFlows(change);
      expect(await datapath.setPort(policed)).toBe(a);
      for (let i = 0; i < 3; i++) await inject('a', UDP);
      expect((await hex('b')).length).toBeLessThan(3);
      // Flows that come later are policed as well.
      await datapath.applyFlows({ add: [], remove: change.add });
      await datapath.applyFlows(change);
      for (let i = 0; i < 3; i++) await inject('a', UDP);
      expect((await hex('b')).length).toBeLessThan(3);
      expect(await texts(datapath)).toEqual(change.add.map(formatFlow));
      expect((await datapath.ports()).get('a')).toEqual({ number: a, spec: policed });
      expect(await datapath.meters()).toEqual(new Map());
      await datapath.setPort(vif('a'));
      for (let i = 0; i < 3; i++) await inject('a', UDP);
      expect((await hex('b')).length).toBe(3);
      expect(await texts(datapath)).toEqual(change.add.map(formatFlow));
      expect((await datapath.ports()).get('a')).toEqual({ number: a, spec: vif('a') });
    });

    it('counts what goes through its ports', async () => {
      const { datapath, inject, a, b } = await rigged();
      const counts = async () =>
        Object.fromEntries(
          (await datapath.traffic()).map(({ name: port, link, received, sent }) => [
            port,
            [link, received.packets, received.bytes, sent.packets, sent.bytes],
          ]),
        );
      const bytes = BigInt(UDP.length);
      await datapath.applyFlows({ add: flows(`in_port=${a},actions=output:${b}`), remove: [] });
      for (let i = 0; i < 3; i++) await inject('a', UDP);
      await inject('c', UDP);
      // An engine may tell of a moment some seconds ago.
      await expect.poll(counts, { timeout: 15_000 }).toEqual({
        a: [true, 3n, 3n * bytes, 0n, 0n],
        b: [true, 0n, 0n, 3n, 3n * bytes],
        c: [true, 1n, bytes, 0n, 0n],
      });
    });

    it('keeps VLANs apart in NORMAL, and a dead port out of it', async () => {
      const access = (tag: number): PortVlan => ({ mode: 'access', tag });
      const { datapath, inject, hex } = await rigged(access(7), access(7), access(8));
      await datapath.applyFlows({ add: flows('table=0,actions=NORMAL'), remove: [] });
      await inject('a', UDP);
      expect([await hex('b'), await hex('c')]).toEqual([[toHex(UDP)], []]);
      await datapath.setPort(vif('b', access(4095)));
      await datapath.setPort(vif('c', access(4095)));
      await inject('a', UDP);
      await inject('b', UDP);
      expect([await hex('b'), await hex('c')]).toEqual([[], []]);
    });
  });
}
