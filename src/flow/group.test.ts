import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WHOLE_LANGUAGE } from '../../test/support/flow-arbitraries.ts';
import { arbitraryGroup, arbitraryMeter } from '../../test/support/group-arbitraries.ts';
import { NetloomError } from '../base/error.ts';
import {
  bundle,
  checkLarger,
  ct,
  ctClear,
  flowOf,
  gotoTable,
  group,
  learn,
  meter,
  NAT_EXISTING,
  outputField,
  setField,
} from './actions.ts';
import { groupFindings, meterFindings } from './check-group.ts';
import { matchOf } from './match.ts';
import { parseFlow } from './parse.ts';
import { parseGroup, parseMeter } from './parse-group.ts';
import { formatFlow } from './text.ts';
import { formatGroup, formatMeter } from './text-group.ts';

const refused = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof NetloomError && error.code === 'flow-invalid') return error.message;
    throw error;
  }
  return 'accepted';
};

describe('groups', () => {
  it('come back as the same group', () => {
    fc.assert(
      fc.property(arbitraryGroup(5, WHOLE_LANGUAGE), (some) => {
        expect(groupFindings(some)).toEqual([]);
        expect(formatGroup(parseGroup(formatGroup(some)))).toBe(formatGroup(some));
      }),
    );
  });

  it('read what a person types', () => {
    const text =
      'group_id=1,type=select,selection_method=hash,fields(ip_src,nw_proto),bucket=weight:100,watch_port:1,actions=output:2,' +
      'bucket=bucket_id:8,actions=set_field:1->reg0,group:3';
    expect(parseGroup(text)).toEqual({
      id: 1,
      type: 'select',
      selection: { method: 'hash', param: 0n, fields: ['ip_src', 'ip_proto'] },
      buckets: [
        { id: 0, weight: 100, watchPort: 1, actions: [{ type: 'output', port: 2 }] },
        { id: 8, weight: 1, actions: [setField('reg0', 1), group(3)] },
      ],
    });
  });

  it.each([
    ['type=all,bucket=actions=drop', /no number/],
    ['group_id=1,bucket=actions=drop', /no type/],
    ['group_id=0xffffff01,type=all', /no group/],
    ['group_id=1,type=indirect', /0 buckets/],
    ['group_id=1,type=indirect,bucket=actions=drop,bucket=actions=drop', /2 buckets/],
    ['group_id=1,type=all,bucket=weight:5,actions=drop', /weight/],
    ['group_id=1,type=all,bucket=watch_port:5,actions=drop', /watches/],
    ['group_id=1,type=ff,bucket=actions=drop', /watches nothing/],
    ['group_id=1,type=ff,bucket=watch_group:1,actions=drop', /itself/],
    ['group_id=1,type=select,bucket=bucket_id:1,actions=drop,bucket=bucket_id:1,actions=drop', /one id/],
    ['group_id=1,type=select,fields=ip_src,bucket=actions=drop', /selection_method/],
    ['group_id=1,type=select,selection_method=dp_hash,fields=ip_src,bucket=actions=drop', /no fields/],
    ['group_id=1,type=all,selection_method=hash,bucket=actions=drop', /selects no bucket/],
    ['group_id=1,type=select,selection_method=hash,fields(ip_src,ip_src),bucket=actions=drop', /twice/],
    ['group_id=1,type=select,selection_method=hash,fields=color,bucket=actions=drop', /color/],
    ['group_id=1,type=all,bucket=weight:0', /no actions/],
    ['group_id=1,type=all,bucket=actions=goto_table:3', /only a flow/],
    ['group_id=1,type=all,bucket=actions=meter:3', /first action of a flow/],
    ['group_id=1,type=all,bucket=actions=set_field:1->ct_mark', /buckets\[0\]\.actions.*outside ct/],
    ['group_id=1,color=red,type=all', /color/],
  ])('refuses %j', (text, message) => {
    expect(refused(() => parseGroup(text))).toMatch(message);
  });
});

describe('meters', () => {
  it('come back as the same meter', () => {
    fc.assert(
      fc.property(arbitraryMeter(7), (some) => {
        expect(meterFindings(some)).toEqual([]);
        expect(parseMeter(formatMeter(some))).toEqual(some);
      }),
    );
  });

  it('read what a person types', () => {
    expect(parseMeter('meter=1,kbps,burst,stats,band=type=drop,rate=1000,burst_size=100')).toEqual({
      id: 1,
      unit: 'kbps',
      stats: true,
      bands: [{ type: 'drop', rate: 1000, burst: 100 }],
    });
  });

  it.each([
    ['kbps bands=type=drop rate=1', /no number/],
    ['meter=1 bands=type=drop rate=1', /no unit/],
    ['meter=1 kbps pktps bands=type=drop rate=1', /kbps and pktps/],
    ['meter=0 kbps bands=type=drop rate=1', /no meter 0/],
    ['meter=1 kbps', /no bands/],
    ['meter=1 kbps bands=', /0 bands/],
    ['meter=1 kbps bands=rate=5', /begins with its type/],
    ['meter=1 kbps bands=type=drop', /rate is 0/],
    ['meter=1 kbps bands=type=dscp_remark rate=5', /dscp_remark/],
    ['meter=1 kbps burst bands=type=drop rate=5', /go together/],
    ['meter=1 kbps bands=type=drop rate=5 burst_size=5', /go together/],
    ['meter=1 kbps bands=type=drop rate=5 color=5', /color/],
    ['meter=1 kbps fast bands=type=drop rate=5', /fast/],
  ])('refuses %j', (text, message) => {
    expect(refused(() => parseMeter(text))).toMatch(message);
  });
});

describe('actions written in code', () => {
  it('are what the text says', () => {
    const flow = flowOf({
      table: 3,
      priority: 7,
      match: matchOf({ eth_type: 0x0800, ct_state: '+trk+new-inv', ct_mark: 5 }),
      idleTimeout: 60,
      actions: [
        meter(1),
        ct({
          commit: true,
          zone: 'reg1[0..15]',
          table: 9,
          nat: NAT_EXISTING,
          actions: [setField('ct_mark', 7)],
        }),
        ct({
          commit: true,
          nat: {
            type: 'src',
            family: 'ipv4',
            first: 0x0a000001n,
            last: 0x0a000009n,
            ports: { first: 1024, last: 2047 },
            persistent: true,
            selection: 'random',
          },
        }),
        ctClear(),
        learn({
          table: 10,
          priority: 0x8000,
          idleTimeout: 30,
          specs: [
            {
              type: 'match',
              to: { field: 'eth_dst', from: 0, to: 47 },
              from: { field: 'eth_src', from: 0, to: 47 },
            },
            { type: 'match', to: { field: 'eth_type', from: 0, to: 15 }, from: 0x0800n },
            { type: 'load', to: { field: 'reg0', from: 0, to: 15 }, from: 5n },
            { type: 'output', from: { field: 'in_port', from: 0, to: 15 } },
          ],
        }),
        checkLarger(1500, 'reg0[31]'),
        bundle([1, 2], { to: 'reg2[0..15]' }),
        outputField('reg2[0..15]'),
        group(4),
        gotoTable(8),
      ],
    });
    const text =
      'table=3,priority=7,idle_timeout=60,ct_state=+new-inv+trk,ct_mark=0x5,ip,actions=meter:1,' +
      'ct(commit,table=9,zone=NXM_NX_REG1[0..15],nat,exec(set_field:0x7->ct_mark)),' +
      'ct(commit,nat(src=10.0.0.1-10.0.0.9:1024-2047,persistent,random)),ct_clear,' +
      'learn(table=10,idle_timeout=30,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],eth_type=0x800,' +
      'load:0x5->NXM_NX_REG0[0..15],output:NXM_OF_IN_PORT[]),check_pkt_larger(1500)->NXM_NX_REG0[31],' +
      'bundle_load(symmetric_l3l4+udp,0,hrw,ofport,NXM_NX_REG2[0..15],members:1,2),' +
      'output:NXM_NX_REG2[0..15],group:4,goto_table:8';
    expect(formatFlow(flow)).toBe(text);
    expect(parseFlow(text)).toEqual(flow);
  });

  it('say the same of the state in all spellings', () => {
    const match = parseFlow('ip,ct_state=est|trk,actions=drop').match;
    expect(match).toEqual(matchOf({ eth_type: 0x0800, ct_state: 0x22 }));
    expect(parseFlow('ip,ct_state=0x22/0xff,actions=drop').match).toEqual(match);
    expect(formatFlow(parseFlow('ip,ct_state=0,actions=drop'))).toContain('ct_state=0,ip');
  });
});
