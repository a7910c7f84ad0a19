/** What the parts come to; with real hosts it is tested in lab/compliance.test.ts. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Host, isKind } from '../../model/kinds.ts';
import type { HostStatus } from '../../stream/feed.ts';
import type { Drift, HostReport } from '../../stream/report.ts';
import { complianceOf, complianceOfHost } from './compliance.ts';
import { type Level, worst } from './compliance-level.ts';
import { FABRIC, type World, world } from './fixture.ts';

let fabric: World;
beforeAll(async () => {
  fabric = await world([
    ...FABRIC,
    'kind: VirtualMachine\nname: vm1\nhost: h1\nvnics: [{ name: eth0, vmNetwork: Mgmt }]',
  ]);
});

const host = (): Host => {
  const object = fabric.controller.network.fact('Host/h1');
  if (!isKind(object, 'Host')) throw new Error('no host');
  return object;
};
const report = (more: Partial<HostReport> = {}): HostReport => ({
  version: '1',
  engine: 'softswitch',
  nics: host().nics.map(({ name, mac, speedMbps }) => ({ name, mac, speedMbps, link: true })),
  switches: [],
  drift: [],
  repaired: [],
  findings: [],
  ...more,
});
const status = (more: Partial<HostStatus> = {}): HostStatus => ({
  host: 'h1',
  connected: true,
  touched: 3,
  outcome: { revision: 3, ok: true, findings: [] },
  report: report(),
  ...more,
});
const of = (given: HostStatus | undefined) => {
  const { level, reasons } = complianceOfHost(fabric.controller.network, host(), given);
  return [level, ...reasons];
};

describe('a host', () => {
  it('is as good as what is known of it', () => {
    expect(of(status())).toEqual(['full']);
    expect(of(undefined)).toEqual(['unknown', 'The agent is not connected.']);
    expect(of(status({ connected: false, since: 0 }))).toEqual([
      'unknown',
      'The agent is not connected since 1970-01-01T00:00:00.000Z.',
    ]);
    expect(of(status({ outcome: { revision: 2, ok: true, findings: [] } }))).toEqual([
      'partial',
      'Revision 2 is in force, and 3 is wanted.',
    ]);
    const message = 'The table is full.';
    const findings = [{ code: 'flow-invalid', severity: 'error', path: '', message, remedy: '' }] as const;
    expect(of(status({ outcome: { revision: 3, ok: false, findings } }))).toEqual([
      'none',
      'Revision 3 could not be put in force: The table is full.',
    ]);
    expect(of(status({ report: report({ findings }) }))).toEqual([
      'unknown',
      'The agent could not look at the host: The table is full.',
    ]);
    expect(of(status({ report: report({ nics: [] }) }))).toEqual([
      'partial',
      'Host/h1, NICs: The machine has no NIC a.',
      'Host/h1, NICs: The machine has no NIC b.',
    ]);
  });

  it('is never fully compliant while anything differs, and says so in the words of the agent', () => {
    const { network } = fabric.controller;
    const ports = [...network.records()].flatMap(({ record }) =>
      record.kind === 'port' ? [`vnic/${record.id}`] : [],
    );
    const drift: fc.Arbitrary<Drift> = fc
      .record({
        what: fc.constantFrom<Drift['what']>(
          'switch-missing',
          'switch-extra',
          'port-missing',
          'port-changed',
          'flow-extra',
          'other',
        ),
        switch: fc.constantFrom('L', 'Other'),
        port: fc.option(fc.constantFrom(...ports, 'uplink/L', 'provider/App', 'vnic/unknown'), {
          nil: undefined,
        }),
        object: fc.constantFrom(
          '',
          'HostSwitch/h1/L',
          'VirtualMachine/vm1',
          'VirtualMachine/away',
          'VmSubnet/a/b',
        ),
        count: fc.integer({ min: 1, max: 9 }),
      })
      .map(({ port, ...rest }) => ({
        ...rest,
        words: 'It differs.',
        ...(port === undefined ? {} : { port }),
      }));
    fc.assert(
      fc.property(drift, (one) => {
        const [level, ...reasons] = of(status({ report: report({ drift: [one] }) }));
        expect(['partial', 'none']).toContain(level);
        expect(reasons.join()).toContain('It differs.');
      }),
      { numRuns: 300 },
    );
  });
});

describe('an object', () => {
  it('is as good as its parts on the hosts', () => {
    const { network } = fabric.controller;
    const level = (
      key: 'HostSwitch/h1/L' | 'LogicalSwitch/L' | 'VirtualMachine/vm1' | 'LogicalNetwork/App',
      drift: Drift[],
    ) =>
      complianceOf(
        network,
        network.fact(key)!,
        new Map([
          ['h1', status({ report: report({ drift }) })],
          ['h2', status({ host: 'h2' })],
        ]),
      )?.level;
    const flow: Drift = {
      what: 'flow-missing',
      switch: 'L',
      object: 'VirtualMachine/vm1',
      words: 'x',
      count: 1,
    };
    const uplink: Drift = {
      what: 'port-missing',
      switch: 'L',
      port: 'uplink/L',
      object: 'HostSwitch/h1/L',
      words: 'x',
      count: 1,
    };
    expect(
      (['HostSwitch/h1/L', 'LogicalSwitch/L', 'VirtualMachine/vm1', 'LogicalNetwork/App'] as const).map(
        (key) => [level(key, []), level(key, [flow]), level(key, [uplink])],
      ),
    ).toEqual([
      ['full', 'full', 'partial'],
      ['full', 'full', 'partial'],
      ['full', 'partial', 'full'],
      [undefined, undefined, undefined],
    ]);
  });

  it('is partially compliant where some of it is, and unknown only where nothing is wrong for certain', () => {
    const cases: [Level[], Level][] = [
      [[], 'full'],
      [['full', 'full'], 'full'],
      [['full', 'none'], 'partial'],
      [['none', 'none'], 'none'],
      [['full', 'unknown'], 'unknown'],
      [['partial', 'unknown'], 'partial'],
    ];
    for (const [levels, result] of cases) expect(worst(levels)).toBe(result);
  });
});

describe('what is worth knowing of a part and no fault', () => {
  const vm1 = (vnics?: HostReport['vnics']) => {
    const found = complianceOfHost(
      fabric.controller.network,
      host(),
      status({ report: report(vnics ? { vnics } : {}) }),
    );
    return found.parts.find(({ object }) => object === 'VirtualMachine/vm1');
  };
  const id = () => {
    const records = [...fabric.controller.network.records()].map(({ record }) => record);
    const port = records.find((record) => record.kind === 'port' && record.owner === 'vm');
    return port?.kind === 'port' ? port.id : '';
  };

  it('is that no hypervisor has plugged in a vNIC', () => {
    expect(vm1()).not.toHaveProperty('note');
    expect(vm1([{ id: id(), plugged: true, link: true }])).not.toHaveProperty('note');
    expect(vm1([{ id: id(), plugged: false, link: false }])).toMatchObject({
      level: 'full',
      note: expect.stringContaining('Not plugged'),
    });
  });
});
