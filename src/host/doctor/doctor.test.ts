import { describe, expect, it } from 'vitest';
import { host1Records } from '../../pipeline/fixture.ts';
import type { Check } from './check.ts';
import { judgeConnections } from './connections.ts';
import { type ControllerFacts, judgeController } from './controller.ts';
import { fabricOf } from './fabric.ts';
import { judgeOpenVswitch, type OpenVswitchFacts } from './open-vswitch.ts';
import { judgeNic, judgeOwnAddress, judgePaths, type NicFact } from './paths.ts';
import { judgePrivileges } from './privileges.ts';
import { judgeRivals, type RivalFacts } from './rivals.ts';

const verdicts = (checks: readonly Check[]) =>
  Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));

const socket = { path: '/run/db.sock', mode: 0o750, isOpenToUs: true };
const ovs: OpenVswitchFacts = {
  version: '3.3.0',
  packageVersion: undefined,
  database: socket,
  bridges: [],
  isDatabaseRunning: true,
  isSwitchRunning: true,
  hasModule: true,
  datapathTypes: ['netdev', 'system'],
  interfaceTypes: ['gre', 'vxlan', 'geneve'],
};

describe('Open vSwitch, as the doctor sees it', () => {
  it('is fine', () => {
    expect(verdicts(judgeOpenVswitch(ovs))).toEqual({
      'ovs-daemons': 'ok',
      'ovs-sockets': 'ok',
      'ovs-version': 'ok',
      datapath: 'ok',
      tunnels: 'ok',
    });
  });

  it.each([
    ['2.17.3', undefined, 'failed'],
    ['3.0.5', undefined, 'warning'],
    ['3.0.6', undefined, 'ok'],
    ['3.1.0', undefined, 'warning'],
    ['3.1.0', '3.1.0-2', 'warning'],
    ['3.1.0', '3.1.0-2+deb12u1', 'ok'],
    ['3.1.4', undefined, 'ok'],
    ['3.10.0', undefined, 'ok'],
    [undefined, undefined, 'unknown'],
  ])('of version %s (package %s): %s', (version, packageVersion, verdict) => {
    expect(verdicts(judgeOpenVswitch({ ...ovs, version, packageVersion }))['ovs-version']).toBe(verdict);
  });

  it.each([
    ['a daemon that is away', { isSwitchRunning: false }, { 'ovs-daemons': 'failed', datapath: 'unknown' }],
    ['a socket that is not there', { database: { ...socket, mode: undefined } }, { 'ovs-sockets': 'failed' }],
    [
      'a socket that we may not open',
      { database: { ...socket, isOpenToUs: false } },
      { 'ovs-sockets': 'failed' },
    ],
    [
      'a socket that everybody may open',
      { bridges: [{ ...socket, mode: 0o777 }] },
      { 'ovs-sockets': 'failed' },
    ],
    ['no kernel module', { hasModule: false }, { datapath: 'warning' }],
    ['no Geneve', { interfaceTypes: ['gre', 'vxlan'] }, { tunnels: 'failed' }],
  ] satisfies [string, Partial<OpenVswitchFacts>, Record<string, string>][])(
    'tells of %s',
    (_, change, expected) => {
      expect(verdicts(judgeOpenVswitch({ ...ovs, ...change }))).toMatchObject(expected);
    },
  );
});

describe('what else the doctor judges', () => {
  it('both capabilities are needed, and no others', () => {
    expect(judgePrivileges({ effective: (1n << 12n) | (1n << 13n), uid: 998 }).verdict).toBe('ok');
    expect(judgePrivileges({ effective: 1n << 12n, uid: 998 })).toMatchObject({
      verdict: 'failed',
      words: 'As uid 998, without CAP_NET_RAW (probes of paths and addresses).',
    });
  });

  const rivals: RivalFacts = {
    bridges: [
      { name: 'nlb1', isOurs: true, controllers: [], interfaces: ['eth1'] },
      { name: 'br-int', isOurs: false, controllers: ['tcp:127.0.0.1:6653'], interfaces: ['eth9'] },
    ],
    managers: ['punix:/run/other.sock'],
    wantedNics: ['eth1', 'eth2'],
    masters: new Map([['eth1', 'ovs-system']]),
  };
  it('others may be on the host, but not on what is ours', () => {
    expect(verdicts(judgeRivals(rivals))).toEqual({ rivals: 'ok' });
    const [ours, theirs] = rivals.bridges;
    if (!ours || !theirs) throw new Error('two bridges');
    expect(
      verdicts(
        judgeRivals({
          ...rivals,
          bridges: [
            { ...ours, controllers: ['tcp:10.0.0.1:6653'] },
            { ...theirs, interfaces: ['eth2'] },
          ],
          managers: ['ptcp:6640'],
        }),
      ),
    ).toEqual({ 'other-controllers': 'failed', 'foreign-bridges': 'failed', 'database-open': 'warning' });
    expect(verdicts(judgeRivals({ ...rivals, masters: new Map([['eth2', 'br0']]) }))).toEqual({
      'foreign-bridges': 'failed',
    });
  });

  it('paths have to carry what the fabric needs', () => {
    const path = { from: '10.0.0.1', to: '10.0.0.2', needed: 1600 };
    expect(judgePaths([], 0)).toMatchObject([{ verdict: 'ok' }]);
    expect(judgePaths([{ ...path, fits: 1600 }], 3)).toMatchObject([
      { verdict: 'ok', words: 'Packets of 1600 bytes fit to 1 of 3 other provider addresses.' },
    ]);
    expect(
      judgePaths(
        [
          { ...path, fits: 1500 },
          { ...path, fits: undefined },
        ],
        2,
      ),
    ).toMatchObject([
      {
        verdict: 'failed',
        words: 'Only packets of 1500 bytes fit from 10.0.0.1 to 10.0.0.2; 1600 are needed.',
      },
      { verdict: 'failed', words: '10.0.0.2 does not answer 10.0.0.1.' },
    ]);
  });

  it('a provider address is here and nowhere else', () => {
    const own = { address: '10.0.0.1', isHere: true };
    expect(judgeOwnAddress({ ...own, others: [] }).verdict).toBe('ok');
    expect(judgeOwnAddress({ ...own, others: ['02:00:00:00:00:01'] }).verdict).toBe('failed');
    expect(judgeOwnAddress({ ...own, others: undefined }).verdict).toBe('unknown');
    expect(judgeOwnAddress({ ...own, isHere: false, others: undefined }).verdict).toBe('failed');
  });

  it('NICs are there, with a link, an MTU and checksums', () => {
    const nic: NicFact = {
      name: 'eth1',
      mtu: 1600,
      link: true,
      leavesChecksums: false,
      isUserspace: true,
      needed: 1600,
    };
    const of = (change: Partial<NicFact>) => judgeNic({ ...nic, ...change }).map(({ verdict }) => verdict);
    expect(of({})).toEqual(['ok']);
    expect(of({ mtu: undefined })).toEqual(['failed']);
    expect(of({ mtu: 1500, link: false })).toEqual(['failed', 'failed']);
    expect(of({ leavesChecksums: true })).toEqual(['warning']);
    expect(of({ leavesChecksums: true, isUserspace: false })).toEqual(['ok']);
  });

  it('the controller is reached, clocks agree, the certificate is good', () => {
    const day = 86_400_000;
    const facts: ControllerFacts = {
      url: 'https://c:7301',
      trouble: undefined,
      ahead: 0,
      certificate: { from: 0, until: 30 * day },
      now: day,
    };
    const of = (change: Partial<ControllerFacts>) => verdicts(judgeController({ ...facts, ...change }));
    expect(of({})).toEqual({ controller: 'ok', clock: 'ok', certificate: 'ok' });
    expect(of({ trouble: 'it refuses', ahead: undefined })).toMatchObject({
      controller: 'failed',
      clock: 'unknown',
    });
    expect(of({ ahead: -10_000 }).clock).toBe('warning');
    expect(of({ ahead: 3_600_000 }).clock).toBe('failed');
    expect(of({ now: 26 * day }).certificate).toBe('warning');
    expect(of({ now: 31 * day }).certificate).toBe('failed');
    expect(of({ now: -1 }).certificate).toBe('failed');
  });

  it('there is room for connections', () => {
    const of = (count: number | undefined, most: number | undefined) =>
      judgeConnections({ count, most, isUserspace: false }).verdict;
    expect([of(1, 100), of(80, 100), of(100, 100), of(undefined, 100)]).toEqual([
      'ok',
      'warning',
      'failed',
      'unknown',
    ]);
  });

  it('the fabric is what the policy says', () => {
    const fabric = fabricOf(host1Records());
    expect(fabric.own).toEqual(['192.168.4.11']);
    expect(fabric.paths).toEqual([{ from: '192.168.4.11', to: '192.168.4.22', needed: 1500 }]);
    expect([...fabric.nics.keys()].length).toBeGreaterThan(0);
  });
});
