/** Uplinks of the engine on Open vSwitch: what passes a team, and who is heard at the other end of its cables. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { output } from '../../src/flow/actions.ts';
import type { PacketIn, PortSpec } from '../../src/flow/datapath.ts';
import { parseFlow } from '../../src/flow/parse.ts';
import { judgeFeatures } from '../../src/host/doctor/features.ts';
import { askControl, controlSocketIn, readFeatures } from '../../src/ovs/control.ts';
import { bridgeName } from '../../src/ovs/ports/names.ts';
import { mac } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import { fromHex, toHex } from '../../src/packet/bytes.ts';
import { until } from '../support/until.ts';
import { openEngine } from './data-centre.ts';
import { command, Namespaces } from './namespaces.ts';
import { inNamespace, itWithNamespaces, startOpenVswitch } from './open-vswitch.ts';
import { framesDuring } from './wire.ts';

/** Of a switch called leaf1, by its port Ethernet1/7. */
const LLDP = fromHex(
  '0180c200000e00112233445588cc0207040011223344ff040c0545746865726e6574312f37060200780a056c656166310000',
)!;
const HELLO = frame(
  { layer: 'eth', src: mac('02:00:00:00:00:01'), dst: mac('ff:ff:ff:ff:ff:ff'), type: 0x88b5 },
  { layer: 'data', bytes: new Uint8Array(46) },
);
const SEND = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
s.send(bytes.fromhex(sys.argv[2]))
`;

/** A host with two NICs, nic1 and nic2, whose cables end in a namespace as end1 and end2. */
async function rig() {
  const namespaces = new Namespaces();
  onTestFinished(() => namespaces.remove());
  const host = await namespaces.add('host');
  const leaf = await namespaces.add('leaf');
  for (const n of [1, 2])
    await namespaces.cable({ in: host, name: `nic${n}` }, { in: leaf, name: `end${n}` });
  const ovs = await startOpenVswitch({ namespace: host });
  onTestFinished(() => ovs.stop());
  const engine = await openEngine(ovs, host);
  onTestFinished(() => engine.close());
  const datapath = await engine.openSwitch('Fabric');
  const seen: PacketIn[] = [];
  datapath.onPacketIn((packet) => seen.push(packet));
  const send = (end: string, bytes: Uint8Array) =>
    command(...inNamespace(leaf), 'python3', '-c', SEND, end, toHex(bytes));
  const heard = () => Object.fromEntries([...engine.neighbours()].map(([nic, { system }]) => [nic, system]));
  return { ovs, engine, datapath, leaf, seen, send, heard };
}

const uplink = (...nics: readonly string[]): PortSpec => ({
  type: 'uplink',
  name: 'nlu0123456789a',
  nics,
  mode: 'active-backup',
  lacp: 'off',
  vlan: { mode: 'trunk', trunks: [] },
});

describe('the uplink of a real switch', () => {
  itWithNamespaces(
    'of two NICs is one port; its bridge passes frames both ways, also after a crash; neighbours are told by NIC',
    async () => {
      const { ovs, datapath, leaf, seen, send, heard } = await rig();
      const number = await datapath.setPort(uplink('nic1', 'nic2'));
      const change = {
        add: [parseFlow(`table=0,in_port=${number},dl_type=0x88b5,actions=controller(userdata=07)`)],
        remove: [],
      };
      await datapath.applyFlows(change);
      const passes = async () => {
        const before = seen.length;
        await until('a frame comes through the team', async () => {
          for (const end of ['end1', 'end2']) await send(end, HELLO);
          return seen.length > before;
        });
        expect(seen.at(-1)).toMatchObject({ inPort: number, userdata: '07' });
      };
      await passes();
      await until('a neighbour is heard', async () => {
        for (const end of ['end1', 'end2']) await send(end, LLDP);
        return Object.keys(heard()).length === 2;
      });
      expect(heard()).toEqual({ nic1: 'leaf1', nic2: 'leaf1' });
      await until('what came in by each NIC is counted', async () => {
        const traffic = await datapath.traffic();
        expect(traffic.map(({ nic, link }) => [nic, link]).sort()).toEqual([
          ['nic1', true],
          ['nic2', true],
        ]);
        return traffic.every(({ received: { packets, bytes } }) => packets > 0n && bytes > packets);
      });
      // By one of the cables, once.
      const second: Uint8Array[] = [];
      const first = await framesDuring(leaf, 'end1', 'tcpdump', async () => {
        const sent = () => datapath.packetOut(number - 1, HELLO, [output(number)]);
        second.push(...(await framesDuring(leaf, 'end2', 'tcpdump', sent)));
      });
      const ours = [...first, ...second].filter((each) => toHex(each) === toHex(HELLO));
      expect(ours.length).toBe(1);

      await ovs.crash();
      await ovs.restart();
      await datapath.applyFlows(change);
      await passes();
    },
    undefined,
    ['python3', 'tcpdump'],
  );

  itWithNamespaces(
    'becomes a NIC and a team again with the same number, and hears its neighbour in both forms',
    async () => {
      const { ovs, engine, datapath, send, heard } = await rig();
      const number = await datapath.setPort(uplink('nic1'));
      const hears = (...nics: readonly string[]) =>
        until(`neighbours at ${nics}`, async () => {
          for (const end of ['end1', 'end2']) await send(end, LLDP);
          return Object.keys(heard()).sort().join() === nics.join();
        });
      await hears('nic1');
      expect(await datapath.dumpFlows()).toEqual([]);
      expect(await datapath.setPort(uplink('nic1', 'nic2'))).toBe(number);
      await hears('nic1', 'nic2');
      expect(await datapath.setPort(uplink('nic2'))).toBe(number);
      await hears('nic2');
      await datapath.removePort('nlu0123456789a');
      expect(heard()).toEqual({});

      expect(await engine.about()).toMatch(/^Open vSwitch \d+\.\d+\.\d+$/);
      // Where ovs-vswitchd writes its process id, and listens, when it is started as a service.
      writeFileSync(join(ovs.directory, 'ovs-vswitchd.pid'), '4711\n');
      symlinkSync(join(ovs.directory, 'switch.ctl'), join(ovs.directory, 'ovs-vswitchd.4711.ctl'));
      const socket = await controlSocketIn(ovs.directory);
      const bridge = bridgeName('Fabric');
      const said = await askControl(socket!, systemClock, 'dpif/show-dp-features', bridge);
      expect(judgeFeatures(readFeatures(said!))).toMatchObject({ verdict: 'ok' });
      expect(await askControl(socket!, systemClock, 'no/such-command')).toBeUndefined();
    },
    undefined,
    ['python3'],
  );
});
