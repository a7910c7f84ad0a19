/** Trunks, hybrid ports, priorities and mirrors in a world that a person can follow: oracle and softswitch, one by one. */
import { describe, expect, it } from 'vitest';
import { ip, mac } from '../../src/packet/address.ts';
import { parseNotation } from '../../src/packet/notation.ts';
import { parseFrame } from '../../src/packet/parse.ts';
import type { Attachment, MirrorRecord, PolicyRecord, PortRecord } from '../../src/policy/records.ts';
import { RealWorld } from './harness.ts';
import { type Effect, Oracle, type World } from './oracle.ts';

interface Machine {
  readonly host: 1 | 2;
  readonly attachment: Attachment;
  readonly priority?: boolean;
}

const vlan = (id: number): Attachment => ({ type: 'vlan', vlan: id });
const MACHINES: Readonly<Record<string, Machine>> = {
  a10: { host: 1, attachment: vlan(10) },
  b10: { host: 2, attachment: vlan(10), priority: true },
  a20: { host: 1, attachment: vlan(20), priority: true },
  b30: { host: 2, attachment: vlan(30) },
  trunk: { host: 1, attachment: { type: 'trunk', native: 10, tagged: [20], untagged: [] } },
  hybrid: { host: 2, attachment: { type: 'trunk', native: 50, tagged: [], untagged: [10, 20] } },
  probe: { host: 1, attachment: { type: 'monitor' } },
};
const NAMES = Object.keys(MACHINES);
const macOf = (name: string) => mac(`00:1d:d8:b7:1c:0${NAMES.indexOf(name)}`);
const ALL = 'ff:ff:ff:ff:ff:ff';

function portOf(name: string, { attachment, priority }: Machine): PortRecord {
  const { tagged: [vid] = [] } = attachment.type === 'trunk' ? attachment : {};
  const own = { prefixLength: 24, dns: [] };
  const last = NAMES.indexOf(name);
  return {
    kind: 'port',
    id: name,
    name,
    owner: 'vm',
    switch: 'Main',
    mac: macOf(name),
    addresses: [
      { ...own, address: ip(`10.0.0.${last}`) },
      ...(vid === undefined ? [] : [{ ...own, address: ip(`10.0.20.${last}`), vlan: vid }]),
    ],
    attachment,
    security: {
      macSpoofing: false,
      dhcpGuard: true,
      routerGuard: true,
      guestSpecifiedAddresses: false,
      priorityTagging: priority === true,
    },
    mtu: 1500,
    origin: '',
  };
}

function world(mirrors: readonly MirrorRecord[] = []): World {
  const uplink = { nics: ['nic1'], teaming: 'switch-independent', balancing: 'dynamic', mtu: 1500 } as const;
  const hosts = ([1, 2] as const).map((n) => {
    const records: PolicyRecord[] = [
      { kind: 'switch', name: 'Main', type: 'external', uplink, origin: '' },
      ...(n === 1 ? mirrors : []),
      ...Object.entries(MACHINES).flatMap(([name, m]) => (m.host === n ? [portOf(name, m)] : [])),
    ];
    return { host: `host${n}`, records };
  });
  const physical = [{ name: 'wire', uplinks: hosts.map(({ host }) => ({ host, switch: 'Main' })) }];
  return { hosts, physical };
}

/** `trunk 20p5`: the port, and the tag that it sees. */
function told(effects: readonly Effect[]): string[] {
  return effects
    .map((effect) => {
      const who = effect.to === 'port' ? effect.port : effect.to;
      const [tag] = parseFrame(effect.frame).vlans;
      return tag ? `${who} ${tag.vid}${tag.pcp > 0 ? `p${tag.pcp}` : ''}` : who;
    })
    .sort();
}

type Frame = readonly [from: string, frame: string, heard: readonly string[]];

/** Both say the same, of one frame after the other. */
async function holds(where: World, frames: readonly Frame[]): Promise<void> {
  const [oracle, real] = [new Oracle(where), await RealWorld.of(where)];
  for (const [from, text, heard] of frames) {
    const bytes = parseNotation(text);
    for (const answers of [oracle, real]) {
      const effects =
        from === 'outside'
          ? answers.sendFromOutside('wire', bytes)
          : answers.send(`host${MACHINES[from]!.host}`, from, bytes);
      expect(told(effects), `${from}: ${text}, ${answers === oracle ? 'oracle' : 'softswitch'}`).toEqual(
        [...heard].sort(),
      );
    }
  }
}

const frame = (from: string, to: string, tags: string, address: string) =>
  `eth(src=${macOf(from)},dst=${to})${tags}/ipv4(src=${address},dst=10.0.0.99)/icmp()`;
const own = (name: string) => `10.0.0.${NAMES.indexOf(name)}`;

describe('a trunk', () => {
  it('carries its VLANs and no other, with the addresses that are used in each', () =>
    holds(world(), [
      ['trunk', frame('trunk', ALL, '', own('trunk')), ['a10', 'b10', 'hybrid', 'outside 10']],
      ['trunk', frame('trunk', ALL, '/vlan(vid=20)', '10.0.20.4'), ['a20', 'hybrid', 'outside 20']],
      ['trunk', frame('trunk', ALL, '/vlan(vid=20)', own('trunk')), []],
      ['trunk', frame('trunk', ALL, '', '10.0.20.4'), []],
      ['trunk', frame('trunk', ALL, '/vlan(vid=30)', own('trunk')), []],
      ['trunk', frame('trunk', ALL, '/vlan(vid=20)/vlan(vid=20)', '10.0.20.4'), []],
      ['outside', frame('b30', ALL, '/vlan(vid=20)', '10.0.20.9'), ['a20', 'trunk 20', 'hybrid']],
      ['outside', frame('b30', ALL, '/vlan(vid=30)', '10.0.20.9'), ['b30']],
    ]));
});

describe('a hybrid port', () => {
  it('hears VLANs without their tag, and speaks in its native one', () =>
    holds(world(), [
      ['a10', frame('a10', macOf('hybrid'), '', own('a10')), ['hybrid', 'outside 10', 'trunk']],
      ['b30', frame('b30', macOf('hybrid'), '', own('b30')), ['outside 30']],
      ['hybrid', frame('hybrid', ALL, '', own('hybrid')), ['outside 50']],
      ['hybrid', frame('hybrid', ALL, '/vlan(vid=10)', own('hybrid')), []],
    ]));
});

describe('a priority', () => {
  it('stays where it may be set, and is seen where it may be', () =>
    holds(world(), [
      ['a20', frame('a20', ALL, '/vlan(vid=0,pcp=5)', own('a20')), ['trunk 20p5', 'hybrid', 'outside 20p5']],
      ['a10', frame('a10', ALL, '/vlan(vid=0,pcp=5)', own('a10')), ['trunk', 'b10', 'hybrid', 'outside 10']],
      ['trunk', frame('trunk', ALL, '/vlan(vid=20,pcp=5)', '10.0.20.4'), ['a20', 'hybrid', 'outside 20']],
      [
        'outside',
        frame('b30', ALL, '/vlan(vid=10,pcp=3)', own('b30')),
        ['a10', 'b10 0p3', 'hybrid', 'trunk'],
      ],
    ]));
});

describe('a mirror', () => {
  const mirror = (source: string, direction: MirrorRecord['direction']): MirrorRecord => {
    return { kind: 'mirror', source, switch: 'Main', direction, output: { port: 'probe' }, origin: '' };
  };
  const toAll = (from: string) => frame(from, ALL, '', own(from));

  it('copies what its port sends, what it gets, or both, and one frame once', async () => {
    const others = ['b10', 'hybrid', 'outside 10', 'trunk'];
    await holds(world([mirror('a10', 'from')]), [
      ['a10', toAll('a10'), [...others, 'probe']],
      ['b10', toAll('b10'), ['a10', 'hybrid', 'outside 10', 'trunk']],
    ]);
    await holds(world([mirror('a10', 'to')]), [
      ['a10', toAll('a10'), others],
      ['b10', toAll('b10'), ['a10', 'hybrid', 'outside 10', 'trunk', 'probe']],
    ]);
    await holds(world([mirror('a10', 'both'), mirror('trunk', 'both')]), [
      ['a10', toAll('a10'), [...others, 'probe']],
    ]);
  });

  it('copies what the guards drop, and lets nothing in from where the copies go', () =>
    holds(world([mirror('a10', 'both')]), [
      ['a10', frame('a10', ALL, '', '10.0.0.77'), ['probe']],
      ['probe', toAll('probe'), []],
      ['b30', toAll('b30'), ['outside 30']],
    ]));
});
