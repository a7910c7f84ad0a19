/**
 * The softswitch decides as Open vSwitch does: the same flows and frames go through both. `ofproto/trace` of a real
 * ovs-vswitchd (dummy datapath) tells the final flow and the output ports; frames that are really sent through it
 * tell the bytes.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { PortVlan } from '../../src/flow/datapath.ts';
import { FIELD_NAMES, type FieldName } from '../../src/flow/fields.ts';
import type { Flow } from '../../src/flow/flow.ts';
import { entriesOf } from '../../src/flow/match.ts';
import { parseFlow, parseMatch } from '../../src/flow/parse.ts';
import { formatFlow } from '../../src/flow/text.ts';
import { fromHex, toHex } from '../../src/packet/bytes.ts';
import { type FlowKey, readField } from '../../src/softswitch/key.ts';
import { SoftSwitch } from '../../src/softswitch/switch.ts';
import { arbitraryFlow } from '../support/flow-arbitraries.ts';
import { brokenFrame, POOL, switchFrame } from '../support/switch-frames.ts';
import { itWithOpenVswitch, type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';

const PORTS = [1, 2, 3, 4] as const;
const BRIDGE = 'br0';

let ovs: OpenVswitch | undefined;

afterAll(() => ovs?.stop());

async function openVswitch(): Promise<OpenVswitch> {
  if (ovs) return ovs;
  ovs = await startOpenVswitch({ dummy: true });
  const ports = PORTS.flatMap((n) => [
    ...['--', 'add-port', BRIDGE, `p${n}`, '--', 'set', 'interface', `p${n}`, 'type=dummy'],
    ...[`ofport_request=${n}`, `options:tx_pcap=${join(ovs!.directory, `p${n}.pcap`)}`],
  ]);
  await ovs.vsctl(
    'add-br',
    BRIDGE,
    '--',
    'set',
    'bridge',
    BRIDGE,
    'datapath_type=dummy',
    'fail_mode=secure',
    ...ports,
  );
  return ovs;
}

/** What came of a frame. */
interface Result {
  /** Ports that it was sent to, sorted. */
  readonly outputs: readonly number[];
  readonly final: (name: FieldName) => bigint;
}

class Twins {
  readonly ovs: OpenVswitch;
  readonly soft: SoftSwitch;
  readonly #receive = new Map<number, (frame: Uint8Array) => void>();
  #sent: { port: number; frame: string }[] = [];
  #key: FlowKey | undefined;

  private constructor(ovs: OpenVswitch, soft: SoftSwitch) {
    this.ovs = ovs;
    this.soft = soft;
  }

  static async with(flows: readonly Flow[], vlans: readonly (PortVlan | undefined)[] = []): Promise<Twins> {
    const real = await openVswitch();
    const twins = new Twins(real, new SoftSwitch({ now: () => 0 }));
    for (const n of PORTS) {
      const vlan: PortVlan = vlans[n - 1] ?? { mode: 'trunk', trunks: [] };
      expect(await twins.soft.setPort({ type: 'vif', name: `p${n}`, id: `${n}`, vlan })).toBe(n);
      const deliver = (frame: Uint8Array) => twins.#sent.push({ port: n, frame: toHex(frame) });
      twins.#receive.set(n, twins.soft.attach(`p${n}`, undefined, deliver).receive);
      await real.vsctl('set', 'port', `p${n}`, ...vlanSettings(vlan));
    }
    twins.soft.observe((event) => {
      if (event.type === 'done') twins.#key = event.key;
    });
    await twins.soft.applyFlows({ add: flows, remove: [] });
    const file = join(real.directory, 'flows');
    writeFileSync(file, `${flows.map(formatFlow).join('\n')}\n`);
    await real.ofctl('-O', 'OpenFlow15', 'replace-flows', `unix:${join(real.directory, BRIDGE)}.mgmt`, file);
    await real.appctl('fdb/flush', BRIDGE);
    await real.appctl('revalidator/purge');
    return twins;
  }

  softResult(
    port: number,
    frame: Uint8Array,
  ): Result & { frames: readonly { port: number; frame: string }[] } {
    this.#sent = [];
    this.#key = undefined;
    this.#receive.get(port)?.(frame);
    const key = this.#key as FlowKey | undefined;
    if (!key) throw new Error('the frame did not go through the pipeline');
    return {
      outputs: this.#sent.map((s) => s.port).sort(),
      final: (name) => readField(key, name),
      frames: this.#sent,
    };
  }

  async trace(port: number, frame: Uint8Array): Promise<string> {
    return this.ovs.appctl('ofproto/trace', '--names', BRIDGE, `in_port=${port}`, toHex(frame));
  }

  /** Same ports and same final flow. */
  async compare(port: number, frame: Uint8Array): Promise<Result> {
    const soft = this.softResult(port, frame);
    const text = await this.trace(port, frame);
    const where = `frame ${toHex(frame)} into port ${port}:\n${text}`;
    expect(soft.outputs, where).toEqual(outputsOf(text));
    const real = finalFlow(text);
    for (const name of FIELD_NAMES) {
      const expected = real.get(name);
      if (expected) expect(soft.final(name) & expected.mask, `${name}; ${where}`).toBe(expected.value);
      else if (/^(metadata|reg|tun_(id|src|dst|ipv6))/.test(name))
        expect(soft.final(name), `${name}; ${where}`).toBe(0n);
    }
    return soft;
  }

  /** Sends the frames through both, and compares every byte that comes out. */
  async compareBytes(frames: readonly (readonly [number, Uint8Array])[]): Promise<number> {
    const before = PORTS.map((n) => this.#captured(n).length);
    const expected = new Map<number, string[]>(PORTS.map((n) => [n, []]));
    for (const [port, frame] of frames) {
      for (const sent of this.softResult(port, frame).frames) expected.get(sent.port)?.push(sent.frame);
      await this.ovs.appctl('netdev-dummy/receive', `p${port}`, toHex(frame));
    }
    let count = 0;
    for (const [i, n] of PORTS.entries()) {
      const want = expected.get(n) ?? [];
      const end = Date.now() + 3000;
      while (this.#captured(n).length - before[i]! < want.length && Date.now() < end) {
        await this.ovs.appctl('version');
      }
      expect(this.#captured(n).slice(before[i]), `port ${n}`).toEqual(want);
      count += want.length;
    }
    return count;
  }

  /** Frames in the capture of a port (libpcap's file format, little-endian). */
  #captured(port: number): string[] {
    const path = join(this.ovs.directory, `p${port}.pcap`);
    if (!existsSync(path)) return [];
    const bytes = readFileSync(path);
    const frames: string[] = [];
    for (let at = 24; at + 16 <= bytes.length; ) {
      const length = bytes.readUInt32LE(at + 8);
      if (at + 16 + length > bytes.length) break;
      frames.push(bytes.subarray(at + 16, at + 16 + length).toString('hex'));
      at += 16 + length;
    }
    return frames;
  }
}

function vlanSettings(vlan: PortVlan): string[] {
  const tag = vlan.mode === 'trunk' ? '[]' : String(vlan.tag);
  const trunks = vlan.mode === 'access' ? '[]' : `[${vlan.trunks}]`;
  return [`vlan_mode=${vlan.mode}`, `tag=${tag}`, `trunks=${trunks}`];
}

/** `Datapath actions: set(eth(…)),p2,clone(push_vlan(…),p3)`; the bridge's own port does not count. */
function outputsOf(text: string): number[] {
  const actions = /^Datapath actions: (.*)$/m.exec(text)?.[1] ?? '';
  return [...actions.matchAll(/(?<=^|[,(])p(\d)(?=$|[,)])/g)].map((m) => Number(m[1])).sort();
}

/** Names in a printed flow that are no match fields of ours. */
const NOT_OURS =
  /^(eth|nw_ecn|ipv6_label|vlan_tci1|dl_vlan1|dl_vlan_pcp1|tun_(flags|tos|ttl|gbp.*|erspan.*)|recirc_id|pkt_mark|ct_.*|igmp.*|packet_type|dl_type=0x0000)$/;

function finalFlow(text: string): Map<FieldName, { value: bigint; mask: bigint }> {
  const flow = /^Flow: (.*)$/m.exec(text)?.[1] ?? '';
  const final = /^Final flow: (.*)$/m.exec(text)?.[1] ?? 'unchanged';
  const printed = (final === 'unchanged' ? flow : final).replace(/in_port=p(\d)/, 'in_port=$1').split(',');
  const hasPorts = /^(tcp|udp)/.test(printed.find((p) => !p.includes('=')) ?? '');
  const ours = printed.filter((part) => {
    const name = part.split('=')[0] ?? '';
    return !NOT_OURS.test(name) && (hasPorts || !/^tp_/.test(name));
  });
  return new Map(entriesOf(parseMatch(ours.join(','))));
}

const flowsOf = (...texts: readonly string[]): Flow[] => texts.map(parseFlow);

const LIMITS = { tables: 5, ports: [...PORTS], values: POOL, reserved: false };

/** Flows with priorities of their own that resubmit forwards only. */
const program: fc.Arbitrary<Flow[]> = fc
  .array(arbitraryFlow(LIMITS), { minLength: 6, maxLength: 24, size: 'max' })
  .map((flows) =>
    flows.map((flow, i) => ({
      ...flow,
      priority: i,
      // Most of them match widely, or nothing would happen.
      match: i % 3 === 0 ? onlyType(flow) : flow.match,
      actions: flow.actions.map((a) =>
        a.type === 'resubmit' ? { ...a, table: Math.max(a.table, flow.table + 1) } : a,
      ),
    })),
  );

/** The prerequisites alone, which the actions may rely on. */
function onlyType({ match }: Flow): Flow['match'] {
  const names: readonly FieldName[] = [
    'eth_type',
    'ip_proto',
    'icmpv6_type',
    'icmpv6_code',
    'vlan_tci',
    'ip_frag',
  ];
  return Object.fromEntries(entriesOf(match).filter(([name]) => names.includes(name)));
}

const hex = (text: string): Uint8Array => {
  const bytes = fromHex(text.replace(/\s/g, ''));
  if (!bytes) throw new Error(`not hexadecimal: ${text}`);
  return bytes;
};

describe('softswitch == Open vSwitch', () => {
  beforeAll(() => {});

  itWithOpenVswitch('random programs and frames end in the same ports with the same flow', async () => {
    const seed = Date.now() & 0x7fffffff;
    const programs = fc.sample(program, { numRuns: 12, seed });
    const frames = fc.sample(fc.tuple(fc.constantFrom(...PORTS), fc.oneof(switchFrame, brokenFrame)), {
      numRuns: 12 * 25,
      seed,
    });
    let sent = 0;
    for (const [i, flows] of programs.entries()) {
      const twins = await Twins.with(flows);
      for (const [port, frame] of frames.slice(i * 25, i * 25 + 25)) {
        sent += (
          await twins.compare(port, frame).catch((error) => {
            throw new Error(`seed ${seed}\n${flows.map(formatFlow).join('\n')}`, { cause: error });
          })
        ).outputs.length;
      }
    }
    // A comparison of nothing with nothing is no comparison.
    expect(sent, `seed ${seed}`).toBeGreaterThan(50);
  });
});
void hex;
