import { describe, expect, it } from 'vitest';
import type { Action } from '../../flow/flow.ts';
import { parseFlow } from '../../flow/parse.ts';
import { formatFlow } from '../../flow/text.ts';
import { ipv4, mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { Packet } from '../frame/packet.ts';
import { learnedFlow } from './learned-flow.ts';

const FRAME = frame(
  { layer: 'eth', src: mac('02:00:00:00:00:11'), dst: mac('02:00:00:00:00:22') },
  { layer: 'vlan', vid: 7, pcp: 3 },
  { layer: 'ipv4', src: ipv4('10.0.0.5'), dst: ipv4('10.0.0.7') },
  { layer: 'tcp', sport: 1000, dport: 80 },
);

function learned(specs: string, set: (packet: Packet) => void = () => {}): string {
  const [action] = parseFlow(`table=0,tcp,vlan_tci=0x1000/0x1000,actions=learn(${specs})`).actions;
  const packet = Packet.read(FRAME);
  packet.set('in_port', 9n);
  set(packet);
  return formatFlow(learnedFlow((action as Action & { type: 'learn' }).learn, packet));
}

describe('learnedFlow', () => {
  it.each([
    ['table=4,NXM_OF_ETH_SRC[]', 'table=4,priority=32768,eth_src=02:00:00:00:00:11,actions=drop'],
    [
      'table=4,priority=7,cookie=0x8,idle_timeout=3,hard_timeout=4,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]',
      'table=4,priority=7,cookie=0x8,idle_timeout=3,hard_timeout=4,eth_dst=02:00:00:00:00:11,actions=output:9',
    ],
    [
      'table=4,eth_type=0x800,nw_proto=6,NXM_OF_IP_DST[]=NXM_OF_IP_SRC[],NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[4..19]',
      'table=4,priority=32768,tcp,ip_dst=10.0.0.5,tcp_src=80,actions=set_field:0x90/0xffff0->reg0',
    ],
    [
      'table=4,NXM_OF_VLAN_TCI[0..11],NXM_NX_REG1[0..7]=NXM_OF_ETH_SRC[0..7],NXM_NX_REG1[8..15]=5,load:3->NXM_NX_REG2[]',
      'table=4,priority=32768,reg1=0x511/0xffff,vlan_tci=0x0007/0x0fff,actions=set_field:0x3->reg2',
    ],
    [
      'table=4,fin_idle_timeout=5,fin_hard_timeout=6,in_port=4,output:NXM_OF_IN_PORT[]',
      'table=4,priority=32768,in_port=4,actions=fin_timeout(idle_timeout=5,hard_timeout=6),output:9',
    ],
  ])('%s', (specs, expected) => {
    expect(formatFlow(parseFlow(learned(specs)))).toBe(formatFlow(parseFlow(expected)));
  });

  it.each<[bigint, string]>([
    [0xfff8n, 'IN_PORT'],
    [0xfffbn, 'FLOOD'],
    [0xfffcn, 'ALL'],
    [0xfffen, 'LOCAL'],
    [0xfffan, 'drop'],
    [0xfffdn, 'drop'],
    [0xff01n, 'drop'],
    [0x10002n, 'drop'],
  ])('a port %d that was read becomes %s', (port, expected) => {
    const text = learned('table=4,output:NXM_NX_REG0[]', (packet) => packet.set('reg0', port));
    expect(text.split('actions=')[1]).toBe(expected);
  });
});
