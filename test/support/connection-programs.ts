/** Flows that track connections between port 1, inside, and port 2, outside; and the hosts there. */
import { ip } from '../../src/packet/address.ts';
import type { Hosts } from './conversations.ts';

/** What a program does with a frame at the end: its state goes out in the Ethernet addresses, to the other port. */
const SHOW = [
  'table=9,priority=2,in_port=1,actions=SHOW,output:2',
  'table=9,priority=1,actions=SHOW,output:1',
].map((text) =>
  text.replace(
    'SHOW',
    'move:NXM_NX_CT_STATE[0..15]->NXM_OF_ETH_SRC[0..15],move:NXM_NX_CT_MARK[]->NXM_OF_ETH_SRC[16..47],move:NXM_NX_CT_ZONE[]->NXM_OF_ETH_DST[0..15],move:NXM_NX_CT_LABEL[0..31]->NXM_OF_ETH_DST[16..47]',
  ),
);

/** For IPv4 and IPv6 alike. */
const both = (text: string) => ['ip', 'ipv6'].map((family) => text.replace('IP', family));

const PROGRAMS: Record<string, readonly string[]> = {
  'commits all that is new from inside': [
    ...both('table=0,IP,actions=ct(table=1,zone=5)'),
    ...both(
      'table=1,priority=9,ct_state=+new+trk,in_port=1,IP,actions=ct(commit,zone=5,exec(set_field:7->ct_mark,set_field:0x100000002->ct_label)),resubmit(,9)',
    ),
    'table=1,priority=1,actions=resubmit(,9)',
  ],
  'commits from either side, and begins anew what went the other way': [
    ...both('table=0,in_port=1,IP,actions=ct(commit,zone=1,table=9)'),
    ...both(
      'table=0,in_port=2,IP,actions=ct(commit,force,zone=1,table=9,exec(move:NXM_OF_IN_PORT[]->NXM_NX_CT_MARK[0..15]))',
    ),
  ],
  'translates the source': [
    'table=0,in_port=1,ip,actions=ct(commit,zone=1,nat(src=10.1.1.1),table=9)',
    'table=0,in_port=1,ipv6,actions=ct(commit,zone=1,nat(src=fd00:1::1),table=9)',
    ...both('table=0,in_port=2,IP,actions=ct(zone=1,nat,table=9)'),
  ],
  'translates the source to few ports': [
    'table=0,in_port=1,ip,actions=ct(commit,zone=1,nat(src=10.1.1.1:5000),table=9)',
    'table=0,in_port=1,ipv6,actions=ct(commit,zone=1,nat(src=[fd00:1::1]:80),table=9)',
    ...both('table=0,in_port=2,IP,actions=ct(zone=1,nat,table=9)'),
  ],
  'translates the destination': [
    'table=0,in_port=1,ip,nw_dst=10.0.0.9,actions=ct(commit,zone=1,nat(dst=10.0.0.7:80),table=9)',
    'table=0,in_port=1,ipv6,ipv6_dst=fd00::9,actions=ct(commit,zone=1,nat(dst=fd00::7),table=9)',
    ...both('table=0,priority=1,in_port=1,IP,actions=ct(commit,zone=1,nat(dst=ADDRESS),table=9)').map(
      (text, i) => text.replace('ADDRESS', ['10.0.0.8:7', '[fd00::8]:7'][i]!),
    ),
    ...both('table=0,in_port=2,IP,actions=ct(zone=1,nat,table=9)'),
  ],
  'translates and sends in one list': [
    'table=0,in_port=1,ip,actions=ct(commit,nat(src=10.1.1.1)),move:NXM_OF_IP_SRC[]->NXM_OF_ETH_SRC[0..31],output:2',
    'table=0,in_port=1,ipv6,actions=ct(commit,nat(src=fd00:1::1)),output:2',
    ...both('table=0,in_port=2,IP,actions=ct(nat,table=1)'),
    ...both('table=1,ct_state=+est,IP,actions=resubmit(,9)'),
    ...both('table=1,ct_state=+rel,IP,actions=resubmit(,9)'),
  ],
  'goes through two zones': [
    ...both(
      'table=0,IP,actions=move:NXM_OF_IN_PORT[]->NXM_NX_REG3[0..15],ct(table=1,zone=NXM_NX_REG3[0..15])',
    ),
    ...both(
      'table=1,ct_state=+new,IP,actions=ct(commit,zone=NXM_NX_REG3[0..15],exec(load:5->NXM_NX_CT_MARK[4..8])),ct(table=2,zone=3)',
    ),
    ...both('table=1,priority=1,IP,actions=ct_clear,ct(table=2,zone=3)'),
    ...both(
      'table=2,ct_state=+new,IP,actions=ct(commit,zone=3,table=9,exec(move:NXM_NX_CT_MARK[0..7]->NXM_NX_CT_LABEL[8..15]))',
    ),
    'table=2,priority=1,actions=resubmit(,9)',
  ],
  'translates in two zones': [
    'table=0,in_port=1,ip,actions=ct(commit,zone=1,nat(src=10.1.1.1),table=1)',
    'table=0,in_port=1,ipv6,actions=ct(commit,zone=1,nat(src=fd00:1::1),table=1)',
    'table=1,ip,actions=ct(commit,zone=2,nat(dst=10.0.0.7),table=9)',
    'table=1,ipv6,actions=ct(commit,zone=2,nat(dst=fd00::7),table=9)',
    ...both('table=0,in_port=2,IP,actions=ct(zone=2,nat,table=2)'),
    ...both('table=2,IP,actions=ct(zone=1,nat,table=9)'),
  ],
  'asks twice in one zone': [
    ...both('table=0,IP,actions=ct(table=1),ct(commit),ct(table=9)'),
    ...both(
      'table=1,ct_state=+new,in_port=1,IP,actions=ct(commit,table=9,exec(load:1->NXM_NX_CT_MARK[0..3]))',
    ),
    ...both('table=1,priority=1,IP,actions=ct(commit,force,table=9)'),
  ],
  'writes the mark anew, and shows the one before': [
    ...both('table=0,IP,actions=ct(table=1)'),
    ...both('table=1,ct_state=+new,IP,actions=resubmit(,9),ct(commit)'),
    ...both(
      'table=1,ct_state=+est,IP,actions=resubmit(,9),ct(commit,exec(move:NXM_OF_IN_PORT[]->NXM_NX_CT_MARK[0..15]))',
    ),
  ],
  'asks again with another address': [
    'table=0,in_port=1,ip,actions=ct(commit,table=1)',
    'table=0,in_port=2,ip,actions=ct(table=9)',
    'table=1,ip,actions=set_field:10.7.7.7->nw_dst,ct(commit,table=9)',
  ],
  'changes what was translated': [
    'table=0,in_port=1,ip,actions=ct(commit,nat(src=10.1.1.1),table=1)',
    'table=0,in_port=2,ip,actions=ct(nat,table=1)',
    'table=1,ip,actions=set_field:10.7.7.7->nw_dst,ct(table=9)',
  ],
  'commits with nat, and nothing to translate to': [
    ...both('table=0,in_port=1,IP,actions=ct(commit,nat,table=9)'),
    ...both('table=0,in_port=2,IP,actions=ct(nat,table=9)'),
  ],
};

/** By name. What goes out tells what tracking found out. */
export const CONNECTION_PROGRAMS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(PROGRAMS).map(([name, program]) => [name, [...program, ...SHOW]]),
);

export const CONNECTION_HOSTS: Pick<Hosts, 'behind' | 'targets'> = {
  behind: new Map([
    [1, ['10.0.0.1', '10.0.0.2', 'fd00::1'].map(ip)],
    [2, ['10.0.0.7', 'fd00::7'].map(ip)],
  ]),
  targets: new Map([
    [1, ['10.0.0.7', '10.0.0.9', 'fd00::7', 'fd00::9'].map(ip)],
    [2, ['10.0.0.1', '10.1.1.1', 'fd00::1', 'fd00:1::1'].map(ip)],
  ]),
};
