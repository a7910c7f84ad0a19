/**
 * Port ACLs with real frames through whole hosts. Each rule is seen with and without: the frame that it forbids does come
 * where the rule is not there.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { AclRig } from '../../test/support/acl-rig.ts';
import type { Layer } from '../packet/layer.ts';
import { TCP_FLAG } from '../packet/tcp.ts';

const tcp = (sport: number, dport: number, flags: number = TCP_FLAG.SYN): Layer => {
  return { layer: 'tcp', sport, dport, flags };
};
const udp = (sport: number, dport: number): Layer => ({ layer: 'udp', sport, dport });
const echo: Layer = { layer: 'icmp', type: 8, id: 1, seq: 1 };
const echoReply: Layer = { layer: 'icmp', type: 0, id: 1, seq: 1 };

const acl = (rules: string, defaults = '{}') =>
  `{kind: PortAcl, name: acl, default: ${defaults}, rules: [${rules}]}`;
/** blue2 with the port ACL on its vNIC; `host2`, behind the fabric for blue1 and blue3. */
const ON_BLUE2 =
  '{kind: VirtualMachine, name: blue2, host: host2, vnics: [{vmNetwork: Blue, subnet: Blue subnet, addresses: [10.0.0.7], acls: [acl]}]}';
const ON_BLUE1 =
  '{kind: VirtualMachine, name: blue1, host: host1, vnics: [{vmNetwork: Blue, subnet: Blue subnet, addresses: [10.0.0.5], acls: [acl]}]}';
const ON_SIX2 =
  '{kind: VirtualMachine, name: six2, host: host2, vnics: [{vmNetwork: Blue, subnet: Blue six, addresses: ["fd00::7"], acls: [acl]}]}';
const yaml = (...documents: readonly string[]) => documents.join('\n---\n');

let rig: AclRig;
afterEach(() => rig.close());

interface Field {
  readonly what: string;
  readonly rule: string;
  readonly from?: string;
  readonly to?: string;
  readonly forbidden: readonly Layer[];
  readonly allowed: readonly Layer[];
  readonly allowedFrom?: string;
}

const rule = (direction: string, rest: string, action = 'deny') =>
  `{direction: ${direction}, action: ${action}, priority: 100, ${rest}}`;

/** One field of the 5-tuple each: what it forbids, and the same but for that field. */
const FIELDS: readonly Field[] = [
  {
    what: 'protocol',
    rule: rule('inbound', 'protocol: udp'),
    forbidden: [udp(1, 80)],
    allowed: [tcp(1, 80)],
  },
  {
    what: 'protocol by number',
    rule: rule('inbound', 'protocol: 17'),
    forbidden: [udp(1, 80)],
    allowed: [tcp(1, 80)],
  },
  {
    what: 'local port',
    rule: rule('inbound', 'protocol: tcp, localPorts: 80'),
    forbidden: [tcp(1, 80)],
    allowed: [tcp(1, 81)],
  },
  {
    what: 'range of local ports',
    rule: rule('inbound', 'protocol: udp, localPorts: 1000-2000'),
    forbidden: [udp(1, 2000)],
    allowed: [udp(1, 2001)],
  },
  {
    what: 'remote port',
    rule: rule('inbound', 'protocol: udp, remotePorts: 53'),
    forbidden: [udp(53, 9)],
    allowed: [udp(54, 9)],
  },
  {
    what: 'remote address',
    rule: rule('inbound', 'remoteAddress: 10.0.0.5'),
    forbidden: [udp(1, 9)],
    allowed: [udp(1, 9)],
    allowedFrom: 'blue3',
  },
  {
    what: 'remote prefix',
    rule: rule('inbound', 'remoteAddress: 10.0.0.0/29'),
    forbidden: [udp(1, 9)],
    allowed: [udp(1, 9)],
    allowedFrom: 'blue3',
  },
  {
    what: 'ICMP type',
    rule: rule('inbound', 'protocol: icmp, icmpType: 8'),
    forbidden: [echo],
    allowed: [echoReply],
  },
  {
    what: 'IPv6',
    rule: rule('inbound', 'protocol: udp, localAddress: "fd00::7", localPorts: 9'),
    from: 'six1',
    to: 'six2',
    forbidden: [udp(1, 9)],
    allowed: [udp(1, 10)],
  },
  {
    what: 'ICMPv6 type',
    rule: rule('inbound', 'protocol: icmpv6, icmpType: 128'),
    from: 'six1',
    to: 'six2',
    forbidden: [{ layer: 'icmpv6', type: 128, id: 1, seq: 1 }],
    allowed: [{ layer: 'icmpv6', type: 129, id: 1, seq: 1 }],
  },
];

describe.each(FIELDS)(
  'a rule about $what',
  ({ rule: text, from = 'blue1', to = 'blue2', forbidden, allowed, allowedFrom = from }) => {
    it('forbids what it is about, and nothing else', async () => {
      rig = await AclRig.open();
      expect(await rig.passes(from, to, ...forbidden)).toBe(true);
      await rig.apply(yaml(acl(text), ON_BLUE2, ON_SIX2));
      expect(await rig.passes(from, to, ...forbidden)).toBe(false);
      expect(await rig.passes(allowedFrom, to, ...allowed)).toBe(true);
      await rig.apply(acl(''));
      expect(await rig.passes(from, to, ...forbidden)).toBe(true);
    });
  },
);

describe('the direction', () => {
  it('is that of the machine: outbound is what it sends', async () => {
    rig = await AclRig.open(yaml(acl(rule('outbound', 'protocol: tcp, remotePorts: 80')), ON_BLUE1));
    expect(await rig.passes('blue1', 'blue2', tcp(1, 80))).toBe(false);
    expect(await rig.passes('blue1', 'blue3', tcp(1, 80))).toBe(false);
    expect(await rig.passes('blue2', 'blue1', tcp(1, 80))).toBe(true);
    expect(await rig.passes('blue3', 'blue2', tcp(1, 80))).toBe(true);
  });

  it('has local and remote the right way round in both', async () => {
    const rules = `${rule('outbound', 'protocol: udp, localPorts: 7, remotePorts: 8')}, ${rule('inbound', 'protocol: udp, localPorts: 7, remotePorts: 8')}`;
    rig = await AclRig.open(yaml(acl(rules), ON_BLUE1));
    expect(await rig.passes('blue1', 'blue2', udp(7, 8))).toBe(false);
    expect(await rig.passes('blue1', 'blue2', udp(8, 7))).toBe(true);
    expect(await rig.passes('blue2', 'blue1', udp(8, 7))).toBe(false);
    expect(await rig.passes('blue2', 'blue1', udp(7, 8))).toBe(true);
  });
});

describe('whatever way a frame takes', () => {
  it.each([
    ['from the same host', 'blue3', 'blue1'],
    ['over the fabric', 'blue2', 'blue1'],
    ['by the router', 'blue4', 'blue1'],
  ])('%s, the ACL of its destination judges it', async (_, from, to) => {
    rig = await AclRig.open();
    expect(await rig.passes(from, to, udp(1, 9))).toBe(true);
    await rig.apply(yaml(acl('', '{inbound: deny}'), ON_BLUE1));
    expect(await rig.passes(from, to, udp(1, 9))).toBe(false);
    // Nothing else has closed.
    expect(await rig.passes(from, 'blue3' === from ? 'blue2' : 'blue3', udp(1, 9))).toBe(true);
  });

  it('of a broadcast, each machine gets a copy by its own ACL', async () => {
    rig = await AclRig.open();
    const send = () => rig.broadcast('blue2', udp(1, 9));
    expect(await send()).toEqual(['blue1', 'blue3']);
    await rig.apply(yaml(acl(rule('inbound', 'protocol: udp')), ON_BLUE1));
    expect(await send()).toEqual(['blue3']);
    await rig.apply(yaml(acl(rule('inbound', 'protocol: tcp')), ON_BLUE1));
    expect(await send()).toEqual(['blue1', 'blue3']);
  });
});

describe('of several rules', () => {
  const allow = (priority: number, rest: string) =>
    `{direction: inbound, action: allow, priority: ${priority}, ${rest}}`;
  const deny = (priority: number, rest: string) =>
    `{direction: inbound, action: deny, priority: ${priority}, ${rest}}`;

  it('the one with the lowest number decides', async () => {
    rig = await AclRig.open(
      yaml(acl(`${allow(10, 'protocol: udp, localPorts: 53')}, ${deny(20, 'protocol: udp')}`), ON_BLUE1),
    );
    expect(await rig.passes('blue2', 'blue1', udp(1, 53))).toBe(true);
    expect(await rig.passes('blue2', 'blue1', udp(1, 54))).toBe(false);
    await rig.apply(acl(`${allow(30, 'protocol: udp, localPorts: 53')}, ${deny(20, 'protocol: udp')}`));
    expect(await rig.passes('blue2', 'blue1', udp(1, 53))).toBe(false);
  });

  it('the default decides where none does, else the next ACL: vNIC, subnet, network', async () => {
    const named = (name: string, rules: string, defaults = '{}') =>
      `{kind: PortAcl, name: ${name}, default: ${defaults}, rules: [${rules}]}`;
    const network =
      '{kind: VmNetwork, name: Blue, logicalNetwork: Provider, isolation: virtualized, acls: [wide]}';
    const subnet =
      '{kind: VmSubnet, name: Blue subnet, vmNetwork: Blue, prefix: 10.0.0.0/24, vsid: 5001, acls: [middle]}';
    rig = await AclRig.open(
      yaml(
        named('wide', deny(1, 'protocol: udp'), '{inbound: deny}'),
        named(
          'middle',
          `${allow(50, 'protocol: udp, localPorts: 53')}, ${deny(60, 'protocol: tcp, localPorts: 22')}`,
        ),
        named(
          'acl',
          `${allow(99, 'protocol: tcp, localPorts: 22')}, ${deny(98, 'protocol: udp, localPorts: 53, remotePorts: 1')}`,
        ),
        network,
        subnet,
        ON_BLUE1,
      ),
    );
    // Of the vNIC, before that of the subnet whatever the priority.
    expect(await rig.passes('blue2', 'blue1', tcp(1, 22))).toBe(true);
    expect(await rig.passes('blue2', 'blue3', tcp(1, 22))).toBe(false);
    expect(await rig.passes('blue2', 'blue1', udp(1, 53))).toBe(false);
    // Of the subnet, before that of the network.
    expect(await rig.passes('blue2', 'blue1', udp(2, 53))).toBe(true);
    expect(await rig.passes('blue2', 'blue3', udp(1, 53))).toBe(true);
    expect(await rig.passes('blue1', 'blue4', udp(2, 53))).toBe(false);
    // Of the network: rules and default.
    expect(await rig.passes('blue2', 'blue1', udp(2, 54))).toBe(false);
    expect(await rig.passes('blue2', 'blue3', tcp(1, 80))).toBe(false);
  });
});

describe('a stateful rule', () => {
  const OUT = '{name: out, direction: outbound, action: allow, priority: 10, stateful: true}';
  const CLOSED = '{inbound: deny, outbound: deny}';

  it('lets answers pass, and questions of the other side not', async () => {
    rig = await AclRig.open(yaml(acl(OUT, CLOSED), ON_BLUE1));
    expect(await rig.passes('blue2', 'blue1', udp(53, 4000))).toBe(false);
    expect(await rig.passes('blue1', 'blue2', udp(4000, 53))).toBe(true);
    expect(await rig.passes('blue2', 'blue1', udp(53, 4000))).toBe(true);
    expect(await rig.passes('blue2', 'blue1', udp(54, 4000))).toBe(false);
    // Another machine did not get the question.
    expect(await rig.passes('blue3', 'blue1', udp(53, 4000))).toBe(false);
  });

  it('without it, answers need a rule of their own', async () => {
    rig = await AclRig.open(yaml(acl(OUT.replace('stateful: true', 'stateful: false'), CLOSED), ON_BLUE1));
    expect(await rig.passes('blue1', 'blue2', udp(4000, 53))).toBe(true);
    expect(await rig.passes('blue2', 'blue1', udp(53, 4000))).toBe(false);
  });

  it('knows TCP: a segment of no connection is no answer', async () => {
    rig = await AclRig.open(yaml(acl(OUT, CLOSED), ON_BLUE1));
    const synAck = TCP_FLAG.SYN | TCP_FLAG.ACK;
    expect(await rig.passes('blue2', 'blue1', tcp(80, 4000, synAck))).toBe(false);
    expect(await rig.passes('blue1', 'blue2', tcp(4000, 80))).toBe(true);
    expect(await rig.passes('blue2', 'blue1', tcp(80, 4000, synAck))).toBe(true);
  });

  it('knows ping, on the same host as well, where both ends are judged', async () => {
    const IN =
      '{name: in, direction: inbound, action: allow, priority: 10, protocol: icmp, icmpType: 8, stateful: true}';
    const other = `{kind: PortAcl, name: other, default: ${CLOSED}, rules: [${IN}]}`;
    const on = ON_BLUE2.replace('blue2', 'blue3')
      .replace('host2', 'host1')
      .replace('10.0.0.7', '10.0.0.9')
      .replace('[acl]', '[other]');
    rig = await AclRig.open(yaml(acl(OUT, CLOSED), ON_BLUE1, other, on));
    expect(await rig.passes('blue3', 'blue1', echo)).toBe(false);
    expect(await rig.passes('blue1', 'blue3', udp(1, 9))).toBe(false);
    expect(await rig.passes('blue1', 'blue3', echo)).toBe(true);
    expect(await rig.passes('blue3', 'blue1', echoReply)).toBe(true);
    expect(await rig.passes('blue3', 'blue1', { ...echoReply, id: 2 })).toBe(false);
  });

  it('lets ICMP errors about its connections pass, and no others', async () => {
    rig = await AclRig.open(yaml(acl(OUT, CLOSED), ON_BLUE1));
    const unreachable = (dport: number) => rig.error('blue2', 'blue1', udp(4000, dport));
    expect(await unreachable(99)).toBe(false);
    expect(await rig.passes('blue1', 'blue2', udp(4000, 99))).toBe(true);
    expect(await unreachable(99)).toBe(true);
    expect(await unreachable(98)).toBe(false);
  });

  it('that goes takes its connections with it, in both directions; one that stays loses nothing', async () => {
    rig = await AclRig.open(yaml(acl(OUT, CLOSED), ON_BLUE1));
    await rig.passes('blue1', 'blue2', udp(4000, 53));
    await rig.passes('blue1', 'blue2', udp(4001, 54));
    const deny =
      '{name: no 53, direction: outbound, action: deny, priority: 5, protocol: udp, remotePorts: 53}';
    await rig.apply(acl(`${deny}, ${OUT}`, CLOSED));
    // Not one frame more, neither way, of what is forbidden now.
    expect(await rig.passes('blue2', 'blue1', udp(53, 4000))).toBe(false);
    expect(await rig.passes('blue1', 'blue2', udp(4000, 53))).toBe(false);
    expect(await rig.passes('blue2', 'blue1', udp(54, 4001))).toBe(true);
    expect(await rig.passes('blue1', 'blue2', udp(4001, 54))).toBe(true);
  });

  it('of the other direction can take over a connection whose own side may not begin it any more', async () => {
    const IN =
      '{name: in, direction: inbound, action: allow, priority: 10, protocol: udp, localPorts: 123, stateful: true}';
    rig = await AclRig.open(yaml(acl(IN, CLOSED), ON_BLUE1));
    expect(await rig.passes('blue2', 'blue1', udp(123, 123))).toBe(true);
    expect(await rig.passes('blue1', 'blue2', udp(123, 123))).toBe(true);
    await rig.apply(acl(OUT, CLOSED));
    expect(await rig.passes('blue2', 'blue1', udp(123, 123))).toBe(false);
    expect(await rig.passes('blue1', 'blue2', udp(123, 123))).toBe(true);
    expect(await rig.passes('blue2', 'blue1', udp(123, 123))).toBe(true);
  });

  it('keeps the connections of one machine from helping another with the same addresses', async () => {
    const on = (name: string) =>
      `{kind: VirtualMachine, name: ${name}, host: host1, vnics: [{vmNetwork: Red, addresses: [10.0.0.5], acls: [acl]}]}`;
    rig = await AclRig.open(yaml(acl(OUT, CLOSED), ON_BLUE1, on('red1')));
    await rig.passes('blue1', 'blue2', udp(4000, 53));
    expect(await rig.passes('red2', 'red1', udp(53, 4000))).toBe(false);
    await rig.passes('red1', 'red2', udp(4000, 53));
    expect(await rig.passes('red2', 'red1', udp(53, 4000))).toBe(true);
  });
});

describe('what a machine lives on', () => {
  it('goes on under an ACL that denies everything: ARP, neighbour discovery, DHCP; the rest does not', async () => {
    rig = await AclRig.open(yaml(acl('', '{inbound: deny, outbound: deny}'), ON_BLUE1));
    expect(await rig.asksForAddress('blue1')).toBe(true);
    expect(await rig.asksArp('blue1', 'blue2')).toBe(true);
    // The way around: the same ports to another machine (CVE-2025-0650).
    for (const [sport, dport] of [
      [68, 67],
      [4000, 53],
      [546, 547],
      [4000, 67],
    ] as const) {
      expect(await rig.passes('blue1', 'blue2', udp(sport, dport)), `${sport} ${dport}`).toBe(false);
    }
    await rig.apply(acl(''));
    expect(await rig.passes('blue1', 'blue2', udp(4000, 53))).toBe(true);
  });
});

describe('on a VLAN', () => {
  const onDesk1 = (acls: string) =>
    `{kind: VirtualMachine, name: desk1, host: host1, vnics: [{vmNetwork: Desks, addresses: [192.168.4.101]${acls}}]}`;
  const NO_UDP = acl(
    `${rule('inbound', 'protocol: udp')}, {name: x, direction: outbound, action: deny, priority: 100, protocol: tcp}`,
  );

  it.each([
    ['on the same host', 'desk2'],
    ['over the wire', 'desk3'],
  ])(
    '%s, the ACL judges what the machine gets and sends, and the others are left alone',
    async (_, other) => {
      rig = await AclRig.open();
      expect(await rig.passes(other, 'desk1', udp(1, 9))).toBe(true);
      expect(await rig.passes('desk1', other, tcp(1, 9))).toBe(true);
      await rig.apply(yaml(NO_UDP, onDesk1(', acls: [acl]')));
      // The switches had learnt all addresses by now.
      expect(await rig.passes(other, 'desk1', udp(1, 9))).toBe(false);
      expect(await rig.passes('desk1', other, tcp(1, 9))).toBe(false);
      expect(await rig.passes(other, 'desk1', tcp(1, 9))).toBe(true);
      expect(await rig.passes('desk1', other, udp(1, 9))).toBe(true);
      expect(await rig.passes('desk2', 'desk3', udp(1, 9))).toBe(true);
      expect(await rig.passes('desk3', 'desk2', udp(1, 9))).toBe(true);
      await rig.apply(onDesk1(''));
      expect(await rig.passes(other, 'desk1', udp(1, 9))).toBe(true);
    },
  );

  it('broadcasts come to each by its own ACL, and ARP to all', async () => {
    rig = await AclRig.open(yaml(NO_UDP, onDesk1(', acls: [acl]')));
    expect(await rig.broadcast('desk3', udp(1, 9))).toEqual(['desk2']);
    expect(await rig.broadcast('desk3', tcp(1, 9))).toEqual(['desk1', 'desk2']);
    expect(await rig.broadcast('desk1', udp(1, 9))).toEqual(['desk2', 'desk3']);
    await rig.apply(acl('', '{inbound: deny, outbound: deny}'));
    expect(await rig.broadcast('desk1', udp(1, 9))).toEqual([]);
    expect(await rig.hearsArp('desk1', 'desk3')).toBe(true);
    expect(await rig.hearsArp('desk3', 'desk1')).toBe(true);
  });

  it('stateful rules know answers there as well', async () => {
    const out = '{name: out, direction: outbound, action: allow, priority: 10, stateful: true}';
    rig = await AclRig.open(yaml(acl(out, '{inbound: deny, outbound: deny}'), onDesk1(', acls: [acl]')));
    for (const other of ['desk2', 'desk3']) {
      expect(await rig.passes(other, 'desk1', udp(53, 4000))).toBe(false);
      expect(await rig.passes('desk1', other, udp(4000, 53))).toBe(true);
      expect(await rig.passes(other, 'desk1', udp(53, 4000))).toBe(true);
    }
  });
});

describe('fragments', () => {
  const STATEFUL =
    '{name: dns, direction: inbound, action: allow, priority: 10, protocol: udp, localPorts: 53, stateful: true}';

  it('of a datagram that a stateful rule allows all pass; of one that it does not, none', async () => {
    rig = await AclRig.open();
    expect(await rig.fragments('blue2', 'blue1', udp(1, 54))).toBe(3);
    await rig.apply(yaml(acl(STATEFUL, '{inbound: deny}'), ON_BLUE1));
    expect(await rig.fragments('blue2', 'blue1', udp(1, 53))).toBe(3);
    expect(await rig.fragments('blue2', 'blue1', udp(1, 54))).toBe(0);
    // Again, now that the connection is known.
    expect(await rig.fragments('blue2', 'blue1', udp(1, 53))).toBe(3);
  });

  it('of what the default allows pass as well, on a port with stateful rules', async () => {
    rig = await AclRig.open(yaml(acl(STATEFUL), ON_BLUE1));
    expect(await rig.fragments('blue2', 'blue1', udp(1, 54))).toBe(3);
  });

  it('whose first one ends before its ports are dropped', async () => {
    const short = () => rig.tinyFragment('blue2', 'blue1');
    rig = await AclRig.open();
    expect(await short()).toBe(true);
    await rig.apply(yaml(acl(rule('inbound', 'protocol: tcp, localPorts: 80')), ON_BLUE1));
    expect(await short()).toBe(false);
  });

  it('do not carry to a machine what a rule about ports denies: the first one has the ports', async () => {
    rig = await AclRig.open(yaml(acl(rule('inbound', 'protocol: udp, localPorts: 80')), ON_BLUE1));
    expect(await rig.fragments('blue2', 'blue1', udp(1, 80))).toBe(2);
    expect(await rig.passes('blue2', 'blue1', udp(1, 80))).toBe(false);
    expect(await rig.fragments('blue2', 'blue1', udp(1, 81))).toBe(3);
  });
});

describe('a change of many rules under traffic', () => {
  it('loses nothing that is allowed before and after it, and delivers nothing that is denied once it is confirmed', async () => {
    const OUT = '{name: out, direction: outbound, action: allow, priority: 60000, stateful: true}';
    const IN = '{name: in, direction: inbound, action: allow, priority: 60000, protocol: udp, localPorts: 9}';
    const rules = (odd: boolean) =>
      Array.from(
        { length: 60 },
        (_, i) =>
          `{direction: inbound, action: deny, priority: ${2 * i + (odd ? 1 : 2)}, protocol: udp, localPorts: ${100 + 2 * i + (odd ? 1 : 0)}}`,
      ).join(', ');
    const of = (odd: boolean) => acl(`${OUT}, ${IN}, ${rules(odd)}`, '{inbound: deny, outbound: deny}');
    rig = await AclRig.open(yaml(of(false), ON_BLUE1));
    await rig.passes('blue1', 'blue2', udp(4000, 53));
    for (const odd of [true, false, true, false]) {
      const transport = odd ? udp(1, 9) : udp(53, 4000);
      const { sent, came } = await rig.stream('blue2', 'blue1', transport, rig.apply(of(odd)));
      expect(sent).toBeGreaterThan(3);
      expect(came, odd ? 'allowed' : 'an answer').toBe(sent);
      expect(await rig.passes('blue2', 'blue1', udp(1, odd ? 101 : 100))).toBe(false);
    }
  });
});
