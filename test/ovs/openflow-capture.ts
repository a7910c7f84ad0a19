/**
 * node test/ovs/openflow-capture.ts
 *
 * Writes test/fixtures/openflow.txt: bytes of ovs-ofctl and ovs-vswitchd, and what they mean, a message a line: the kind, the
 * bytes, the text. For tests that need no Open vSwitch.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseFlow } from '../../src/flow/parse.ts';
import { toHex } from '../../src/packet/bytes.ts';
import { parseNotation } from '../../src/packet/notation.ts';
import { heardFrom, withBridge } from './openflow-peer.ts';

const FLOWS = [
  'table=0,priority=0,actions=NORMAL',
  'table=0,priority=100,cookie=0x1,idle_timeout=60,hard_timeout=600,in_port=5,dl_vlan=7,dl_vlan_pcp=3,actions=pop_vlan,output:7',
  'table=0,priority=7,vlan_tci=0x0000/0x1fff,actions=push_vlan:0x88a8,set_field:4103->vlan_vid,output:IN_PORT',
  'table=1,priority=5,tcp,in_port=LOCAL,nw_src=10.0.0.0/24,nw_dst=10.0.0.7,tp_dst=80,tcp_flags=+syn-ack,actions=dec_ttl,resubmit(,2)',
  'table=1,priority=5,tcp6,ipv6_src=fd00::/64,nw_frag=not_later,tp_src=0x400/0xfc00,actions=goto_table:9',
  'table=1,priority=5,icmp6,icmp_type=135,icmp_code=0,nd_target=fd00::1,nd_sll=00:00:00:00:00:01,actions=CONTROLLER:128',
  'table=1,priority=5,arp,arp_op=1,arp_tpa=10.0.0.1,arp_sha=00:00:00:00:00:05,actions=controller(userdata=01.02.0a)',
  'table=2,priority=5,tun_id=0x138900,tun_src=192.0.2.1,tun_dst=192.0.2.2,metadata=0x5/0xff,reg15=0x7,actions=set_field:0x3/0xff->reg3,move:NXM_OF_ETH_SRC[0..15]->NXM_NX_REG1[16..31],output:NXM_NX_REG0[0..15]',
  'table=2,priority=5,ct_state=+trk+est-rel,ct_zone=7,ct_mark=0x1/0xff,ct_label=0x5,ip,nw_tos=184,nw_ecn=1,nw_ttl=64,actions=ct(commit,force,table=4,zone=NXM_NX_REG5[0..15],nat(src=10.0.0.1-10.0.0.9:1024-2047,persistent,random),exec(set_field:0x1->ct_mark))',
  'table=2,priority=5,ipv6,actions=ct(table=4,zone=9,nat),ct_clear',
  'table=3,priority=5,tcp6,actions=ct(commit,nat(dst=[fd00::1]-[fd00::9]:80))',
  'table=3,priority=5,udp,actions=learn(table=9,idle_timeout=300,fin_idle_timeout=2,priority=7,delete_learned,cookie=0x5,limit=10,eth_type=2048,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0x7->NXM_NX_REG2[0..7],output:NXM_OF_IN_PORT[])',
  'table=3,priority=6,ip,actions=multipath(symmetric_l3l4+udp,50,modulo_n,7,0,NXM_NX_REG0[0..7]),bundle(nw_src,9,active_backup,ofport,members:1,2,3)',
  'table=3,priority=7,ip,actions=bundle_load(symmetric_l4,0,hrw,ofport,NXM_NX_REG1[0..15],members:4),check_pkt_larger(1500)->NXM_NX_REG0[3],clone(set_field:0x1->tun_id,output:1)',
];
const GROUPS = [
  'group_id=1,type=select,selection_method=hash,selection_method_param=7,fields(ip_src,ip_dst),bucket=bucket_id:0,weight:2,actions=output:1,bucket=bucket_id:3,actions=set_field:0x1->reg1,output:2',
  'group_id=2,type=ff,bucket=bucket_id:0,watch_port:1,actions=output:1,bucket=bucket_id:1,watch_group:1,actions=group:1',
  'group_id=4294967040,type=indirect,bucket=bucket_id:0,actions=drop',
];
const METERS = [
  'meter=1 kbps burst stats bands=type=drop rate=1000 burst_size=100',
  'meter=2 pktps bands=type=drop rate=7',
];
const FRAME = parseNotation(
  'eth(src=00:00:00:00:00:05,dst=00:00:00:00:00:07)/ipv4(src=10.0.0.5,dst=10.0.0.7)/udp(dport=5)',
);

const run = promisify(execFile);
const ofctl = (...args: readonly string[]) =>
  run('ovs-ofctl', ['-O', 'OpenFlow15', ...args], { timeout: 20_000 });

const version = execFileSync('ovs-ofctl', ['--version'], { encoding: 'utf8' }).split('\n')[0];
const lines = [`# ${version}, by node test/ovs/openflow-capture.ts: kind, bytes, text`];
const directory = mkdtempSync(join(tmpdir(), 'netloom-capture-'));
try {
  const path = join(directory, 'switch');
  for (const [kind, verb, texts] of [
    ['flow', 'add-flow', FLOWS],
    ['group', 'add-group', GROUPS],
    ['meter', 'add-meter', METERS],
  ] as const) {
    for (const text of texts) {
      const [heard] = await heardFrom(path, () => ofctl(verb, `unix:${path}`, text));
      if (!heard) throw new Error(`ovs-ofctl said nothing about ${text}`);
      lines.push([kind, toHex(heard.bytes), text].join('\t'));
    }
  }
} finally {
  rmSync(directory, { recursive: true });
}

await withBridge(async (controller, ovs) => {
  for (const text of FLOWS) await ovs.ofctl('-O', 'OpenFlow15', 'add-flow', controller.path, text);
  controller.send({ type: 'request', about: 'flows' });
  const flows = await controller.next(({ type }) => type === 'reply');
  lines.push(['flows', toHex(flows.bytes), FLOWS.join(' ; ')].join('\t'));

  await controller.exchange([
    { type: 'set-packet-in-format', format: 'nxt-packet-in2' },
    { type: 'flow-mod', command: 'delete', flow: parseFlow('actions=drop'), allTables: true },
  ]);
  const program = [
    'table=0,actions=set_field:5->reg1,resubmit(,3)',
    'table=3,cookie=0x78,actions=controller(userdata=01.02)',
  ];
  for (const text of program) await ovs.ofctl('-O', 'OpenFlow15', 'add-flow', controller.path, text);
  await ovs.appctl('netdev-dummy/receive', 'p1', toHex(FRAME));
  const packet = await controller.next(({ type }) => type === 'packet-in');
  lines.push(['packet-in', toHex(packet.bytes), toHex(FRAME)].join('\t'));
});

writeFileSync(new URL('../fixtures/openflow.txt', import.meta.url), `${lines.join('\n')}\n`);
