import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryMatch } from '../../test/support/flow-arbitraries.ts';
import { brokenFrame, POOL, switchFrame } from '../../test/support/switch-frames.ts';
import { flowOf } from '../flow/actions.ts';
import { entriesOf } from '../flow/match.ts';
import { mac } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import type { LacpLayer } from '../packet/layer.ts';
import { MAC_AGEING_MS, MacTable } from './bridge/mac-learning.ts';
import { FlowTable, newRule } from './flows/table.ts';
import { hashSymmetric } from './frame/hash.ts';
import { readField, WORD } from './frame/key.ts';
import { Packet } from './frame/packet.ts';
import { Team } from './team/bond.ts';
import { hearLacp } from './team/team-frames.ts';

describe('flow table', () => {
  const limits = { tables: 1, ports: [1], values: POOL, reserved: false };
  const rules = fc
    .array(arbitraryMatch(limits), { minLength: 1, maxLength: 40 })
    .map((matches) => matches.map((match, priority) => newRule(flowOf({ table: 0, priority, match }))));

  it('finds what going through all rules finds, also after removals', () => {
    let hits = 0;
    fc.assert(
      fc.property(
        rules,
        fc.array(fc.oneof(switchFrame, brokenFrame), { maxLength: 8 }),
        fc.nat(),
        (all, frames, seed) => {
          const table = new FlowTable();
          for (const rule of all) table.add(rule);
          const kept = all.filter((_, i) => (seed >> (i % 16)) & 1);
          for (const rule of all) if (!kept.includes(rule)) table.remove(rule);
          for (const bytes of frames) {
            const { key } = Packet.read(bytes);
            key[WORD.IN_PORT] = 1;
            const best = kept.findLast((rule) =>
              entriesOf(rule.flow.match).every(([name, m]) => (readField(key, name) & m.mask) === m.value),
            );
            if (best) hits++;
            expect(table.lookup(key)).toBe(best);
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(hits).toBeGreaterThan(20);
  });
});

describe('multipath hash', () => {
  it('is the same in both directions', () => {
    fc.assert(
      fc.property(switchFrame, fc.nat(0xffff), (bytes, basis) => {
        const packet = Packet.read(bytes);
        const back = packet.clone();
        const swap = (
          a: 'eth_src' | 'ip_src' | 'ipv6_src' | 'tcp_src' | 'udp_src',
          b: 'eth_dst' | 'ip_dst' | 'ipv6_dst' | 'tcp_dst' | 'udp_dst',
        ) => {
          back.set(a, packet.get(b));
          back.set(b, packet.get(a));
        };
        swap('eth_src', 'eth_dst');
        swap('ip_src', 'ip_dst');
        swap('ipv6_src', 'ipv6_dst');
        swap('tcp_src', 'tcp_dst');
        swap('udp_src', 'udp_dst');
        expect(hashSymmetric(back.key, basis)).toBe(hashSymmetric(packet.key, basis));
      }),
    );
  });
});

describe('address learning', () => {
  it('forgets after 300 seconds of silence, and not before', () => {
    const table = new MacTable();
    expect(table.learn(2, 7, 1, 0)).toEqual({ changed: true });
    expect(table.lookup(2, 7, MAC_AGEING_MS - 1)).toBe(1);
    expect(table.lookup(2, 8, 0)).toBeUndefined();
    expect(table.learn(2, 7, 1, MAC_AGEING_MS - 1)).toEqual({ changed: false });
    expect(table.lookup(2, 7, MAC_AGEING_MS)).toBe(1);
    expect(table.lookup(2, 7, 2 * MAC_AGEING_MS)).toBeUndefined();
    expect(table.size).toBe(0);
  });

  it('follows an address that moves, and forgets those of a port that goes', () => {
    const table = new MacTable();
    table.learn(2, 7, 1, 0);
    expect(table.learn(2, 7, 5, 1)).toEqual({ changed: true });
    expect(table.lookup(2, 7, 1)).toBe(5);
    table.removePort(5);
    expect(table.lookup(2, 7, 1)).toBeUndefined();
  });

  it('does not learn group addresses', () => {
    const table = new MacTable();
    table.learn(0xffffffffffff, 0, 1, 0);
    table.learn(0x01005e000001, 0, 1, 0);
    expect(table.size).toBe(0);
  });

  it('is bounded, and a full table forgets the quietest', () => {
    const table = new MacTable(3);
    for (const mac of [10, 20, 30]) table.learn(mac, 0, 1, mac);
    table.learn(10, 0, 1, 40);
    table.learn(50, 0, 1, 50);
    expect(table.size).toBe(3);
    expect([10, 20, 30, 50].map((mac) => table.lookup(mac, 0, 50))).toEqual([1, undefined, 1, 1]);
  });

  it('does not believe a gratuitous ARP that comes back over a team at once', () => {
    const table = new MacTable();
    table.learn(2, 0, 1, 0, { isGratuitous: true, byTeam: false });
    table.learn(2, 0, 9, 100, { isGratuitous: true, byTeam: true });
    expect(table.lookup(2, 0, 100)).toBe(1);
    table.learn(2, 0, 9, 6000, { isGratuitous: true, byTeam: true });
    expect(table.lookup(2, 0, 6000)).toBe(9);
  });
});

describe('team', () => {
  const GROUP = 0xffffffffffff;
  const packets = fc.sample(switchFrame, { numRuns: 200, seed: 7 }).map((bytes) => Packet.read(bytes));
  const up = (team: Team, ...nics: string[]) => {
    for (const nic of team.nics) team.setLink(nic, nics.includes(nic), 0);
    return team;
  };

  const LACP = {
    system: mac('02:00:00:00:00:01'),
    systemPriority: 1,
    key: 1,
    active: true,
    fast: true,
  };
  /** With a partner that has agreed on every member, if the team has LACP. */
  const agreed = (team: Team) => {
    for (const { name, actor } of team.lacp?.status() ?? []) {
      const answer: LacpLayer = {
        layer: 'lacp',
        actor: mac('02:00:00:00:00:02'),
        actorstate: 0x3d,
        partner: actor.system,
        partnerpriority: actor.systemPriority,
        partnerkey: actor.key,
        partnerportpriority: actor.portPriority,
        partnerport: actor.port,
      };
      hearLacp(team, name, frame({ layer: 'eth' }, answer), 0);
    }
    return team;
  };

  it('LACP: nothing goes either way before a partner has agreed; balance-tcp needs it', () => {
    const key = packets[0]!.key;
    const off = up(new Team(['a', 'b'], 'balance-tcp', undefined), 'a', 'b');
    expect([off.choose(key), off.admit('a', 2), off.whyNone]).toEqual([undefined, 'drop', 'team-not-agreed']);
    for (const mode of ['active-backup', 'balance-slb', 'balance-tcp'] as const) {
      const team = up(new Team(['a', 'b'], mode, LACP), 'a', 'b');
      expect([team.lacpStatus, team.choose(key), team.admit('a', 2)]).toEqual([
        'configured',
        undefined,
        'drop',
      ]);
      agreed(team);
      expect([team.lacpStatus, team.admit('a', GROUP), team.admit('b', GROUP)]).toEqual([
        'negotiated',
        'accept',
        'accept',
      ]);
      expect(['a', 'b']).toContain(team.choose(key));
      // Silence for three periods, and nobody is there any more.
      team.lacp?.poll(3000);
      team.elect();
      expect([team.choose(key), team.admit('a', 2)]).toEqual([undefined, 'drop']);
    }
  });

  it('active-backup: one carries all, another takes over, and keeps it', () => {
    const team = up(new Team(['a', 'b'], 'active-backup', undefined), 'a', 'b');
    const used = () => new Set(packets.map(({ key }) => team.choose(key)));
    expect(used()).toEqual(new Set(['a']));
    expect([team.admit('a', 2), team.admit('b', 2), team.admit('b', GROUP)]).toEqual([
      'accept',
      'drop',
      'drop',
    ]);
    team.setLink('a', false, 0);
    expect(used()).toEqual(new Set(['b']));
    team.setLink('a', true, 0);
    expect(used()).toEqual(new Set(['b']));
    up(team);
    expect(used()).toEqual(new Set([undefined]));
  });

  it.each(['balance-slb', 'balance-tcp'] as const)(
    '%s: uses all members, and a failure moves only its own flows',
    (mode) => {
      const lacp = mode === 'balance-tcp' ? LACP : undefined;
      const team = agreed(up(new Team(['a', 'b', 'c'], mode, lacp), 'a', 'b', 'c'));
      const before = packets.map(({ key }) => team.choose(key));
      if (mode === 'balance-tcp') expect(new Set(before)).toEqual(new Set(['a', 'b', 'c']));
      const sources = packets.map((p) => `${p.get('eth_src')} ${p.get('vlan_vid')}`);
      if (mode === 'balance-slb') {
        for (const [i, source] of sources.entries()) expect(before[i]).toBe(before[sources.indexOf(source)]);
      }
      team.setLink('b', false, 0);
      for (const [i, { key }] of packets.entries()) {
        if (before[i] === 'b') expect(['a', 'c']).toContain(team.choose(key));
        else expect(team.choose(key)).toBe(before[i]);
      }
    },
  );

  it('balance-slb takes group frames from one member only', () => {
    const team = up(new Team(['a', 'b'], 'balance-slb', undefined), 'a', 'b');
    expect([team.admit('a', GROUP), team.admit('b', GROUP)]).toEqual(['unless-moved', 'drop']);
    expect([team.admit('a', 2), team.admit('b', 2)]).toEqual(['unless-moved', 'unless-moved']);
  });

  it('a single NIC is no team: it takes everything', () => {
    const team = up(new Team(['a'], 'balance-slb', undefined), 'a');
    expect([team.admit('a', GROUP), team.isTeam]).toEqual(['accept', false]);
  });
});
