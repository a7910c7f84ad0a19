/** Softswitches to measure, each with one way through it. */

import { parseFlow } from '../../src/flow/parse.ts';
import { parseMeter } from '../../src/flow/parse-group.ts';
import type { FrameBatch } from '../../src/softswitch/batch.ts';
import { SoftSwitch } from '../../src/softswitch/switch.ts';
import {
  batchLoad,
  FAR,
  flowFrames,
  HOST_A,
  HOST_B,
  type Load,
  type LoadOptions,
  NEAR,
  RING,
  SLOT,
  singleLoad,
  VSID,
} from './frame-load.ts';

export type Way = 'L2' | 'encapsulation' | 'decapsulation' | 'stateful' | 'metered';

export interface PathOptions extends Omit<LoadOptions, 'inTunnel'> {
  readonly way: Way;
  readonly kernel: 'wasm' | 'typescript';
  /** One by one, in memory of their own; in batches; or by the tables alone, one by one. */
  readonly mode: 'batches' | 'single' | 'tables';
  /** Rules in the table of routes. */
  readonly rules: number;
}

export interface Path {
  readonly options: PathOptions;
  readonly load: Load;
  arrived(): number;
}

/** Rules that route between two virtual subnets, and send what goes to the other one into a tunnel. */
function routes(rules: number, next: string, first = ''): string[] {
  const others = Array.from({ length: rules - 4 }, (_, i) => {
    const [high, low] = [16 + (i >> 8), i & 0xff];
    return `table=1,priority=20,ip,reg0=0x5001,ip_dst=10.${high}.${low}.0/24,actions=drop`;
  });
  return [
    `table=0,priority=10,ip,in_port=1,eth_src=${HOST_A},actions=${first}set_field:0x5001->reg0,${next}`,
    `table=1,priority=10,ip,reg0=0x5001,eth_dst=${HOST_B},ip_dst=10.1.0.0/16,actions=set_field:0x5002->reg0,set_field:02:00:5e:00:00:01->eth_src,set_field:02:00:00:00:07:07->eth_dst,dec_ttl,resubmit(,2)`,
    `table=2,priority=10,reg0=0x5002,actions=set_field:${FAR}->tun_dst,set_field:${VSID << 8}->tun_id,multipath(symmetric_l3l4+udp,50,modulo_n,256,0,NXM_NX_TUN_ID[0..7]),output:2`,
    ...others,
  ];
}

const TO_ROUTES = 'resubmit(,1)';
const FLOWS: Record<Way, (rules: number) => string[]> = {
  L2: () => ['table=0,actions=NORMAL'],
  encapsulation: (rules) => routes(rules, TO_ROUTES),
  decapsulation: () => [
    `table=0,priority=10,in_port=2,tun_src=${FAR},tun_id=${VSID << 8}/0xffffff00,actions=resubmit(,1)`,
    `table=1,priority=10,eth_dst=${HOST_B},actions=output:1`,
  ],
  // What the other side sends comes in by port 3.
  stateful: (rules) => [
    ...routes(rules, 'ct(table=9,zone=1)'),
    'table=0,priority=10,in_port=3,ip,actions=ct(table=9,zone=1)',
    'table=9,priority=10,in_port=1,ct_state=+trk+new,ip,actions=ct(commit,zone=1),resubmit(,1)',
    'table=9,priority=10,in_port=1,ct_state=+trk+est,ip,actions=resubmit(,1)',
    'table=9,priority=10,in_port=3,ct_state=+trk+est,ip,actions=output:1',
  ],
  metered: (rules) => routes(rules, TO_ROUTES, 'meter:1,'),
};

export async function pathOf(options: PathOptions): Promise<Path> {
  const { way, kernel, mode, flows, size, rules } = options;
  const soft = new SoftSwitch({
    now: () => performance.now(),
    kernel,
    ...(mode === 'tables' ? { cache: false } : {}),
  });
  let arrived = 0;
  const one = () => {
    arrived++;
  };
  const many = (batch: FrameBatch) => {
    arrived += batch.count;
  };
  const vif = (name: string) =>
    soft.setPort({ type: 'vif', name, id: name, vlan: { mode: 'trunk', trunks: [] } });
  await vif('a');
  await soft.setPort({ type: 'tunnel', name: 't', encapsulation: 'nvgre', local: NEAR });
  await vif('b');
  if (way === 'metered')
    await soft.setMeter(
      parseMeter('meter=1,kbps,burst,band=type=drop,rate=4000000000,burst_size=4000000000'),
    );
  await soft.applyFlows({ add: FLOWS[way](rules).map(parseFlow), remove: [] });
  const isOut = way === 'decapsulation';
  const a = soft.attach('a', undefined, isOut ? one : () => {}, isOut ? many : () => {});
  const b = soft.attach('b', undefined, one, many);
  const underlay = soft.attachUnderlay('t', { send: one, sendBatch: many });
  if (way === 'L2') {
    // Both addresses are known before the first frame.
    for (const bytes of flowFrames(1, 64, true)) b.receive(bytes);
  }
  if (way === 'stateful') {
    for (const bytes of flowFrames(flows, 64)) a.receive(bytes);
    for (const bytes of flowFrames(flows, 64, true)) b.receive(bytes);
  }
  const loadOptions = { flows, size, inTunnel: isOut };
  const memory = soft.frameMemory().subarray(0, RING * SLOT);
  const load =
    mode === 'batches'
      ? batchLoad(memory, loadOptions, (batch) => (isOut ? underlay : a).receiveBatch(batch))
      : singleLoad(loadOptions, (bytes) => a.receive(bytes));
  return { options, load, arrived: () => arrived };
}
