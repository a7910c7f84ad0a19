/**
 * Port ACLs in random worlds: the softswitch with the flows of the pipeline does what the oracle says from the records
 * (acl.ts), whatever network a port is on.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Family, ip, isIpv4, prefix } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import { toHex } from '../../src/packet/bytes.ts';
import { formatFrame, parseNotation } from '../../src/packet/notation.ts';
import type { AclRecord, AclRule, AclVerdict, PortRecord } from '../../src/policy/records.ts';
import { exampleWorld, MAC_OF } from './examples.ts';
import { arbitraryFrame, type Sent, sentIn } from './frames.ts';
import { RealWorld } from './harness.ts';
import { type Effect, Oracle, type World } from './oracle.ts';
import { arbitraryWorld } from './topology.ts';

const RUNS = Number(process.env.ORACLE_RUNS ?? 40);
/** Milliseconds; far more than they need, on a machine that is busy otherwise. */
const TIMEOUT = 60_000 + 600 * RUNS;

/** Values that frames of the tests have, and some that they do not. */
const PREFIXES = {
  4: [
    '10.0.0.0/8',
    '10.0.0.0/24',
    '10.0.1.0/24',
    '10.0.8.0/24',
    '10.0.0.0/29',
    '10.0.0.2/32',
    '192.0.2.0/24',
  ],
  6: ['fd00::/16', 'fd00::/64', 'fd00::/125', 'fe80::/10', 'ff00::/8', '2001:db8::/32'],
} as const;
const PORT_RANGES = [
  { from: 0, to: 1023 },
  { from: 53, to: 53 },
  { from: 67, to: 68 },
  { from: 1024, to: 65_535 },
  { from: 546, to: 5000 },
] as const;

const someOf = <T>(values: readonly T[]) =>
  fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 });

function ruleOf(isStateful: boolean): fc.Arbitrary<AclRule> {
  return fc
    .record({
      direction: fc.constantFrom('inbound' as const, 'outbound' as const),
      action: fc.constantFrom<AclVerdict>('allow', 'deny'),
      family: fc.constantFrom<Family | undefined>(undefined, 4, 6),
      protocol: fc.constantFrom(undefined, undefined, 1, 6, 17, 17, 58, 47),
      addresses: fc.tuple(someOf([0, 1, 2, 3, 4, 5]), someOf([0, 1, 2, 3, 4, 5])),
      ports: fc.tuple(someOf(PORT_RANGES), someOf(PORT_RANGES)),
      icmpType: someOf([0, 3, 8, 128, 129]),
      stateful: fc.boolean(),
    })
    .map(({ direction, action, family, protocol, addresses, ports, icmpType, stateful }) => {
      const at = (n: number | undefined) =>
        n === undefined || family === undefined
          ? undefined
          : prefix(PREFIXES[family][n] ?? PREFIXES[family][0]);
      const [local, remote] = [at(addresses[0]), at(addresses[1])];
      const [localPorts, remotePorts] = protocol === 6 || protocol === 17 ? ports : [];
      const isIcmp = (protocol === 1 && family === 4) || (protocol === 58 && family === 6);
      return {
        name: '',
        direction,
        action,
        priority: 1,
        ...(family && { family }),
        ...(protocol && { protocol }),
        ...(local && { local }),
        ...(remote && { remote }),
        ...(localPorts && { localPorts }),
        ...(remotePorts && { remotePorts }),
        ...(isIcmp && icmpType !== undefined && { icmpType }),
        stateful: isStateful && stateful && action === 'allow' && protocol !== 47,
        log: false,
      };
    });
}

const verdict = fc.constantFrom<AclVerdict | undefined>(undefined, 'allow', 'deny');

/** Three ACLs; each rule has a priority of its own. */
function aclsOf(isStateful: boolean): fc.Arbitrary<AclRecord[]> {
  const acl = fc.record({
    rules: fc.array(ruleOf(isStateful), { maxLength: 5 }),
    inbound: verdict,
    outbound: verdict,
  });
  return fc.tuple(acl, acl, acl).map((all) =>
    all.map(({ rules, inbound, outbound }, n) => ({
      kind: 'acl',
      id: `acl${n}`,
      number: n + 1,
      rules: rules.map((rule, i) => ({ ...rule, name: `r${i}`, priority: 10 * i + 1 })),
      ...(inbound && { inbound }),
      ...(outbound && { outbound }),
      origin: '',
    })),
  );
}

/** Which of them a port has, by number of the port. */
const chains = fc.array(fc.subarray(['acl0', 'acl1', 'acl2']), { minLength: 1, maxLength: 6 });

function withAcls(
  { hosts, ...world }: World,
  acls: readonly AclRecord[],
  of: readonly (readonly string[])[],
): World {
  const ids = [
    ...new Set(hosts.flatMap(({ records }) => records.flatMap((r) => (r.kind === 'port' ? [r.id] : [])))),
  ];
  const judged = (port: PortRecord): PortRecord => {
    const own = of[ids.indexOf(port.id) % of.length] ?? [];
    return own.length > 0 ? { ...port, acls: own } : port;
  };
  return {
    ...world,
    hosts: hosts.map(({ host, records }) => ({
      host,
      records: [...acls, ...records.map((record) => (record.kind === 'port' ? judged(record) : record))],
    })),
  };
}

function sendIn(where: Oracle | RealWorld, { from, frame: bytes }: Sent): Effect[] {
  switch (from.type) {
    case 'port':
      return where.send(from.host, from.port, bytes);
    case 'outside':
      return where.sendFromOutside(from.network, bytes);
    case 'fabric':
      return where.sendOverFabric(from.outer, bytes);
  }
}

function lines(effects: readonly Effect[]): string[] {
  return effects
    .map(
      ({ frame: bytes, ...rest }) =>
        `${JSON.stringify(Object.entries(rest).sort())} ${formatFrame(bytes)} ${toHex(bytes)}`,
    )
    .sort();
}

describe('random port ACLs', () => {
  it(`oracle == softswitch (${RUNS} runs)`, { timeout: TIMEOUT }, async () => {
    const frames = fc.array(arbitraryFrame, { minLength: 1, maxLength: 30, size: 'max' });
    let forbidden = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryWorld, aclsOf(false), chains, frames, async (plain, acls, of, plans) => {
        const world = withAcls(plain, acls, of);
        const [oracle, open] = [new Oracle(world), new Oracle(plain)];
        const real = await RealWorld.of(world);
        for (const plan of plans) {
          const sent = sentIn(world, plan);
          const expected = lines(sendIn(oracle, sent));
          expect(
            lines(sendIn(real, sent)),
            `${JSON.stringify(sent.from)} ${formatFrame(sent.frame)}`,
          ).toEqual(expected);
          if (lines(sendIn(open, sent)).length > expected.length) forbidden++;
        }
      }),
      { numRuns: RUNS },
    );
    // The positive control: without ACLs, more would have come.
    expect(forbidden).toBeGreaterThan(RUNS / 10);
  });

  it('with one more rule that denies, nothing comes that did not come without it', {
    timeout: TIMEOUT,
  }, async () => {
    const frames = fc.array(arbitraryFrame, { minLength: 1, maxLength: 15, size: 'max' });
    let fewer = 0;
    await fc.assert(
      fc.asyncProperty(
        arbitraryWorld,
        aclsOf(false),
        chains,
        fc.record({
          direction: fc.constantFrom('inbound' as const, 'outbound' as const),
          protocol: fc.constantFrom(undefined, 1, 17, 58),
        }),
        fc.nat(60),
        frames,
        async (plain, acls, of, { direction, protocol }, priority, plans) => {
          const deny: AclRule = {
            name: 'more',
            direction,
            ...(protocol && { protocol }),
            action: 'deny',
            priority: 10 * Math.floor(priority / 10) + 2,
            stateful: false,
            log: false,
          };
          const denied = acls.map((acl) => ({ ...acl, rules: [...acl.rules, deny] }));
          const before = await RealWorld.of(withAcls(plain, acls, of));
          const after = await RealWorld.of(withAcls(plain, denied, of));
          for (const plan of plans) {
            const sent = sentIn(plain, plan);
            const [came, comes] = [lines(sendIn(before, sent)), lines(sendIn(after, sent))];
            expect(comes.filter((line) => !came.includes(line))).toEqual([]);
            if (comes.length < came.length) fewer++;
          }
        },
      ),
      { numRuns: Math.ceil(RUNS / 3) },
    );
    expect(fewer).toBeGreaterThan(0);
  });
});

it('neighbour advertisements that the guards let pass come before the port ACLs as well', async () => {
  const [own, all] = ['fd00::7', 'ff02::1'];
  const advertisement = (ttl: number) =>
    `eth(src=${MAC_OF.m2},dst=33:33:00:00:00:01)/ipv6(src=${own},dst=${all},ttl=${ttl})/icmpv6(neighbor-advertisement,target=${own},override,tll=${MAC_OF.m2})`;
  const acl: AclRecord = { kind: 'acl', id: 'acl0', number: 1, rules: [], outbound: 'deny', origin: '' };
  const [open, closed] = [exampleWorld(), withAcls(exampleWorld(), [acl], [['acl0']])];
  for (const ttl of [255, 64]) {
    const bytes = parseNotation(advertisement(ttl));
    const [oracle, real] = [new Oracle(closed), await RealWorld.of(closed)];
    expect(lines(real.send('host2', 'six2', bytes)), `${ttl}`).toEqual([]);
    expect(lines(oracle.send('host2', 'six2', bytes)), `${ttl}`).toEqual([]);
    // The positive control.
    const received = lines((await RealWorld.of(open)).send('host2', 'six2', bytes));
    expect(received, `${ttl}`).toContainEqual(expect.stringContaining('six3'));
  }
});

describe('random stateful port ACLs', () => {
  /** On a virtual subnet and on a VLAN. */
  const conversation = fc.record({
    pair: fc.constantFrom(['blue1', 'blue2'] as const, ['web1', 'web2'] as const),
    question: fc.boolean(),
    isEcho: fc.boolean(),
    own: fc.constantFrom(53, 4000),
    other: fc.constantFrom(53, 80),
  });

  it('know answers from questions, as the oracle does', { timeout: TIMEOUT }, async () => {
    const seen = { passed: 0, dropped: 0, answers: 0 };
    await fc.assert(
      fc.asyncProperty(
        aclsOf(true),
        chains,
        fc.array(conversation, { minLength: 2, maxLength: 30, size: 'max' }),
        async (acls, of, packets) => {
          const world = withAcls(exampleWorld(), acls, of);
          const [oracle, real] = [new Oracle(world), await RealWorld.of(world)];
          const ports = world.hosts.flatMap(({ host, records }) =>
            records.flatMap((record) => (record.kind === 'port' ? [{ host, record }] : [])),
          );
          const at = (id: string) => ports.find(({ record }) => record.id === id)!;
          const addressOf = ({ record }: ReturnType<typeof at>) => {
            const own = record.addresses.map(({ address }) => address).find(isIpv4);
            return own ?? ip('10.0.0.5');
          };
          for (const { pair, question, isEcho, own, other } of packets) {
            const [a, b] = pair;
            const [from, to] = question ? [at(a), at(b)] : [at(b), at(a)];
            const [src, dst] = [addressOf(from), addressOf(to)];
            if (!isIpv4(src) || !isIpv4(dst)) throw new Error('IPv4');
            const bytes = frame(
              { layer: 'eth', src: from.record.mac, dst: to.record.mac },
              { layer: 'ipv4', src, dst },
              isEcho
                ? { layer: 'icmp', type: question ? 8 : 0, id: own, seq: 1 }
                : question
                  ? { layer: 'udp', sport: own, dport: other }
                  : { layer: 'udp', sport: other, dport: own },
            );
            const expected = lines(oracle.send(from.host, from.record.id, bytes));
            expect(lines(real.send(from.host, from.record.id, bytes)), formatFrame(bytes)).toEqual(expected);
            const passed = expected.some((line) => line.includes('"to","port"'));
            seen[passed ? 'passed' : 'dropped']++;
            if (passed && !question) seen.answers++;
          }
        },
      ),
      { numRuns: RUNS },
    );
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(RUNS / 5);
  });
});
