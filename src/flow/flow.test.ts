import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryFlow, arbitraryMatch, WHOLE_LANGUAGE } from '../../test/support/flow-arbitraries.ts';
import { NetloomError } from '../base/error.ts';
import {
  clone,
  controller,
  decTtl,
  flowOf,
  load,
  move,
  multipath,
  output,
  pushVlan,
  resubmit,
  setField,
  stripVlan,
} from './actions.ts';
import { flowFindings } from './check.ts';
import { FIELD_NAMES, FIELDS, fieldOf, registersOf } from './fields.ts';
import { canonicalMatch, masked, matchOf, UNTAGGED, vlanId } from './match.ts';
import { parseFlow, parseMatch } from './parse.ts';
import { flowKey, sameFlow } from './same.ts';
import { formatFlow, formatMatch } from './text.ts';

const refused = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof NetloomError && error.code === 'flow-invalid') return error.message;
    throw error;
  }
  return 'accepted';
};

describe('fields', () => {
  it('has a name of its own for every field', () => {
    const names = FIELD_NAMES.map((name) => FIELDS[name].nxm);
    expect(new Set(names).size).toBe(names.length);
  });

  it('puts the first register of a wide one at the top', () => {
    expect(registersOf('xreg1')).toEqual(['reg2', 'reg3']);
    expect(registersOf('xxreg3')).toEqual(['reg12', 'reg13', 'reg14', 'reg15']);
    expect(registersOf('reg0')).toBeUndefined();
  });
});

describe('writing flows in code', () => {
  it('reads as the pipeline means it', () => {
    const flow = flowOf({
      table: 3,
      priority: 100,
      match: matchOf({
        in_port: 5,
        eth_type: 0x0800,
        ip_proto: 6,
        ip_dst: '10.0.0.0/8',
        tcp_dst: 80,
        reg1: masked('reg1', 2, 0xff),
        vlan_tci: vlanId(7),
      }),
      actions: [
        setField('tun_id', 0x1388n << 8n),
        multipath(256, 'tun_id[0..7]'),
        move('ip_src', 'reg3'),
        load(5, 'reg4[0..15]'),
        stripVlan(),
        pushVlan(),
        setField('vlan_vid', 0x1000 | 9),
        decTtl(),
        clone(setField('eth_dst', '00:1d:d8:b7:1c:00'), output(3)),
        resubmit(7),
        output('in_port'),
        controller('0102'),
      ],
    });
    expect(formatFlow(flow)).toBe(
      'table=3,priority=100,tcp,reg1=0x2/0xff,in_port=5,dl_vlan=7,nw_dst=10.0.0.0/8,tp_dst=80,actions=' +
        'set_field:0x138800->tun_id,multipath(symmetric_l3l4+udp,50,modulo_n,256,0,NXM_NX_TUN_ID[0..7]),' +
        'move:NXM_OF_IP_SRC[]->NXM_NX_REG3[],set_field:0x5/0xffff->reg4,pop_vlan,push_vlan:0x8100,' +
        'set_field:4105->vlan_vid,dec_ttl,clone(set_field:00:1d:d8:b7:1c:00->eth_dst,output:3),resubmit(,7),' +
        'IN_PORT,controller(userdata=01.02)',
    );
    expect(flowFindings(flow)).toEqual([]);
  });

  it('has one form for matches that mean the same', () => {
    expect(matchOf({ xreg0: 0x1_0000_0002n })).toEqual(matchOf({ reg0: 1, reg1: 2 }));
    expect(matchOf({ vlan_vid: 0x1007, vlan_pcp: 3 })).toEqual(matchOf({ vlan_tci: 0x7007 }));
    expect(matchOf({ vlan_tci: 0 })).toEqual(matchOf({ vlan_vid: UNTAGGED }));
    expect(matchOf({ reg0: masked('reg0', 7, 0) })).toEqual({});
  });

  it.each([
    ['ip without eth_type', () => matchOf({ ip_src: 1 }), /ip_src is matched without eth_type 0x0800/],
    ['arp in ip', () => matchOf({ eth_type: 0x0800, arp_spa: 1 }), /0x0806/],
    ['tcp port of udp', () => matchOf({ eth_type: 0x0800, ip_proto: 17, tcp_dst: 1 }), /ip_proto 6/],
    ['too wide', () => matchOf({ vlan_tci: 0x10000 }), /65536 is not a value of vlan_tci/],
    ['masked type', () => matchOf({ eth_type: masked('eth_type', 0x0800, 0xff00) }), /as a whole/],
    ['two values for one bit', () => matchOf({ reg0: 1, xreg0: 0 }), /different values/],
    ['text that is no address', () => matchOf({ eth_type: 0x0800, ip_src: '127.1' }), /127\.1/],
    ['part of a priority', () => matchOf({ vlan_tci: { value: 0x3000n, mask: 0x3000n } }), /priority/],
    ['bits past the end', () => load(1, 'reg0[30..33]'), /no bits/],
    ['value past the bits', () => load(16, 'reg0[0..3]'), /does not fit/],
  ])('refuses %s', (_, run, message) => {
    expect(refused(run)).toMatch(message);
  });
});

describe('flow text', () => {
  it('comes back as the same flow', () => {
    fc.assert(
      fc.property(arbitraryFlow(WHOLE_LANGUAGE), (flow) => {
        expect(flowFindings(flow)).toEqual([]);
        const back = parseFlow(formatFlow(flow));
        expect(formatFlow(back)).toBe(formatFlow(flow));
        expect(back.match).toEqual(flow.match);
        expect(sameFlow(back, flow)).toBe(true);
        expect(flowKey(back)).toBe(flowKey(flow));
      }),
      { numRuns: 500 },
    );
  });

  it('gives different matches different keys', () => {
    fc.assert(
      fc.property(arbitraryMatch(), arbitraryMatch(), (a, b) => {
        const equal = JSON.stringify(plain(a)) === JSON.stringify(plain(b));
        expect(formatMatch(a) === formatMatch(b)).toBe(equal);
      }),
    );
  });

  it('never throws anything but a refusal, whatever the text', () => {
    const word = fc.constantFrom(
      ...[
        'table=',
        'priority=',
        ',',
        '=',
        '(',
        ')',
        '->',
        ':',
        '/',
        '[',
        ']',
        '..',
        'ip',
        'tcp',
        'reg0',
        'nw_src',
      ],
      ...[
        'actions=',
        'set_field',
        'load',
        'move',
        'clone',
        'output',
        '0x',
        '99999999999',
        'ffff',
        '-1',
        '+syn',
      ],
      ...[
        'multipath',
        'controller',
        'dl_vlan=',
        'userdata',
        'resubmit',
        '__proto__',
        'constructor',
        ' ',
        '\n',
      ],
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((w) => w.join('')),
        ),
        (text) => {
          refused(() => parseFlow(text));
          refused(() => parseFlow(`${text},actions=drop`));
          refused(() => parseFlow(`actions=${text}`));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('reads what dump-flows prints', () => {
    const flow = parseFlow(
      ' cookie=0x7, duration=1.2s, table=2, n_packets=0, n_bytes=0, priority=9,udp6,tp_dst=53 actions=load:0x5->NXM_NX_REG3[3..7],LOCAL',
    );
    expect(formatFlow(flow)).toBe(
      'table=2,priority=9,cookie=0x7,udp6,tp_dst=53,actions=set_field:0x28/0xf8->reg3,LOCAL',
    );
  });

  it.each([
    ['', /no actions/],
    ['actions=', /empty/],
    ['reg99=1,actions=drop', /no field "reg99"/],
    ['table=255,actions=drop', /table 255/],
    ['ip,tcp_dst=1,actions=drop', /ip_proto 6/],
    ['tp_dst=1,actions=drop', /without tcp or udp/],
    ['actions=output:70000', /70000/],
    ['actions=output:1)', /Parentheses/],
    ['actions=drop,output:1', /beside/],
    ['actions=dec_ttl', /0x0800 or 0x86dd/],
    ['actions=pop_vlan', /VLAN tag/],
    ['actions=set_field:5->vlan_vid', /0x1000/],
    ['ip,actions=set_field:5->nw_proto', /cannot be written/],
    ['actions=ct(commit)', /ct needs eth_type 0x0800/],
    ['ip,actions=ct(force)', /force without commit/],
    ['ip,actions=ct(nat(src=10.0.0.1))', /without commit/],
    ['ip,actions=ct(commit,nat(src=10.0.0.9-10.0.0.1))', /range of addresses/],
    ['ip,actions=ct(commit,nat(src=10.0.0.1:9-1))', /no ports 9-1/],
    ['ip,actions=ct(commit,nat(src=10.0.0.1:0))', /no ports 0-0/],
    ['ipv6,actions=ct(commit,nat(src=10.0.0.1))', /ipv4 addresses/],
    ['ip,actions=ct(commit,nat(src=10.0.0.1,dst=10.0.0.2))', /two ranges/],
    ['ip,actions=ct(commit,nat(hash))', /no range/],
    ['ip,actions=ct(commit,nat(src=10.0.0.1,hash,random))', /hash and random/],
    ['ip,actions=ct(zone=NXM_NX_REG0[0..7])', /8 bits/],
    ['ip,actions=ct(zone=65536)', /65536/],
    ['ip,actions=ct(table=255)', /255/],
    ['ip,actions=ct(alg=ftp)', /helper "ftp"/],
    ['ip,actions=ct(commit,exec(output:1))', /output stands in exec/],
    ['ip,actions=ct(commit,exec(set_field:1->reg0))', /reg0 stands in exec/],
    ['ip,ct_state=+trk+inv,actions=ct(commit)', /invalid/],
    ['actions=set_field:1->ct_mark', /outside ct/],
    ['actions=set_field:1->ct_zone', /cannot be written/],
    ['ct_state=+trk+est+trk,actions=drop', /ct_state/],
    ['ct_state=0x100/0x100,actions=drop', /ct_state/],
    ['ct_state=+known,actions=drop', /ct_state/],
    ['table=3,actions=goto_table:3', /forward/],
    ['actions=goto_table:3,output:1', /not the last/],
    ['actions=clone(goto_table:3)', /only a flow/],
    ['actions=output:1,meter:1', /meter is not the first/],
    ['actions=clone(meter:1)', /meter is not the first/],
    ['actions=meter:0', /no meter 0/],
    ['actions=group:0xffffff01', /group/],
    ['actions=check_pkt_larger(70000)->reg0[0]', /70000/],
    ['actions=check_pkt_larger(1500)->reg0[0..1]', /more than one bit/],
    ['actions=check_pkt_larger(1500)->eth_type[0]', /cannot be written/],
    ['actions=bundle(eth_src,0,hrw,ofport,members:0)', /no port 0/],
    ['actions=bundle(eth_dst,0,hrw,ofport,members:1)', /not known/],
    ['actions=bundle_load(eth_src,0,hrw,ofport,reg0[0..7],members:1)', /16 bits/],
    ['actions=learn(NXM_OF_ETH_DST[]=NXM_NX_REG0[])', /32 bits of reg0 to 48/],
    ['actions=learn(tcp_dst=80)', /ip_proto 6/],
    ['actions=learn(eth_type=0x800,ip_proto=6,load:0x1->NXM_NX_CT_MARK[])', /outside ct/],
    ['actions=learn(load:0x100->NXM_NX_REG0[0..7])', /0x100/],
    ['actions=learn(in_port[0..3]=1)', /in part/],
    ['actions=learn(table=255)', /255/],
    ['actions=learn(nd_target=::1)', /icmpv6_type/],
    ['actions=controller(userdata=0)', /userdata/],
    ['actions=resubmit(,255)', /255/],
    ['idle_timeout=65536,actions=drop', /idle_timeout/],
    ['actions=move:NXM_NX_REG0[0..7]->NXM_NX_REG1[0..8]', /same number/],
    [`actions=${'clone('.repeat(40)}output:1${')'.repeat(40)}`, /too deep/],
    [`reg0=${'9'.repeat(70_000)},actions=drop`, /70021|characters/],
  ])('refuses %j', (text, message) => {
    expect(refused(() => parseFlow(text))).toMatch(message);
  });

  it('knows both spellings of a field', () => {
    expect(parseMatch('dl_type=0x0800,nw_proto=6,tp_dst=80,dl_src=00:00:00:00:00:01')).toEqual(
      parseMatch('eth_type=2048,ip_proto=6,tcp_dst=80,eth_src=00:00:00:00:00:01'),
    );
    expect(parseMatch('icmp6,icmp_type=135')).toEqual(
      canonicalMatch(parseMatch('dl_type=0x86dd,nw_proto=58,icmpv6_type=135')),
    );
    expect(fieldOf('ip_dscp').bits).toBe(6);
    expect(parseMatch('ip,nw_tos=184')).toEqual(parseMatch('ip,ip_dscp=46'));
  });
});

function plain(match: object): unknown {
  return Object.entries(match)
    .map(([name, m]) => `${name} ${m.value} ${m.mask}`)
    .sort();
}

it('what a switch has beyond our language is no flow that anybody can want', () => {
  const known = parseFlow('table=1,priority=5,ip,actions=output:1');
  const strange = { ...known, unknown: { match: '80003804000000ff', actions: '' } };
  expect(flowKey(strange)).not.toBe(flowKey(known));
  expect(sameFlow(strange, known)).toBe(false);
  expect(sameFlow({ ...known, unknown: { match: '', actions: '00630008' } }, known)).toBe(false);
  expect(flowFindings(strange)).toMatchObject([{ code: 'flow-invalid', path: 'unknown' }]);
  expect(() => parseFlow(formatFlow(strange))).toThrow(NetloomError);
});
