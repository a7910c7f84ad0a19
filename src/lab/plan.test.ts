/**
 * What a dry run says of interruptions, against pings that run while the change is made, in real time: a change that
 * interrupts nobody loses none of them, others lose about as many as they say.
 */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Effect } from '../controller/plan/effect.ts';
import type { PingReport } from '../guest/ping.ts';
import { parseDocuments } from '../model/input.ts';
import { isKind, type ModelObject, type VirtualMachine } from '../model/kinds.ts';
import { ip } from '../packet/address.ts';
import { Lab } from './lab.ts';

const author = { author: 'test' };
const INTERVAL = 5;
const COUNT = 120;

const PROFILES = `
kind: PortClassification
name: free
---
kind: VirtualPortProfile
name: free
security: { macSpoofing: true, dhcpGuard: false }
`;

function objects(text: string | Uint8Array): ModelObject[] {
  const parsed = parseDocuments(typeof text === 'string' ? Buffer.from(text) : text, 'test');
  expect(parsed.findings).toEqual([]);
  return parsed.objects.map(({ object }) => object);
}

const example = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url));

describe('a plan', () => {
  let lab: Lab;
  beforeAll(async () => {
    const base = objects(example).map((object) =>
      object.kind === 'LogicalSwitch'
        ? { ...object, classifications: [{ classification: 'free', profile: 'free' }] }
        : object,
    );
    lab = await Lab.open({ objects: [...objects(PROFILES), ...base], time: 'real' });
    await lab.ready();
    expect(await lab.ping('blue2', 'blue1')).toMatchObject({ verdict: 'answered' });
  });
  afterAll(() => lab.close());

  const machine = (name: string): VirtualMachine => {
    const vm = lab.controller.network.get(`VirtualMachine/${name}`)?.object;
    if (!isKind(vm, 'VirtualMachine')) throw new Error(`no ${name}`);
    return vm;
  };

  /** Makes the change in the middle of a stream of pings from blue2; what was planned, and what became of the pings. */
  async function during(
    changes: Parameters<Lab['controller']['apply']>[0],
    address = '10.0.0.5',
  ): Promise<{ plan: readonly Effect[]; report: PingReport }> {
    const { effects: plan } = await lab.controller.apply(changes, { ...author, dryRun: true });
    const { nic } = [...lab.fabric.machines.values()].find(({ port }) => port.name === 'blue2/eth0')!;
    const options = { count: COUNT, interval: INTERVAL, timeout: 300 };
    const report = new Promise<PingReport>((resolve) => void nic.ping(ip(address), options, resolve));
    await setTimeout((COUNT * INTERVAL) / 3);
    const done = await lab.controller.apply(changes, { ...author, wait: 'hosts' });
    expect(done.effects).toEqual(plan);
    return { plan, report: await report };
  }

  const ofBlue1 = (plan: readonly Effect[]) => plan.filter(({ subject }) => subject === 'vNIC blue1/eth0');

  it('of guards that change tells them, and loses no frame', async () => {
    const blue1 = machine('blue1');
    const vnics = blue1.vnics.map((vnic) => ({ ...vnic, classification: 'free' }));
    const { plan, report } = await during([{ object: { ...blue1, vnics } }]);
    expect(ofBlue1(plan)).toMatchObject([
      { host: 'host1', change: 'changes', interruption: { milliseconds: 0 }, vnics: [] },
    ]);
    expect(plan[0]!.guards).toContainEqual({
      guard: 'other MAC addresses',
      before: 'forbidden',
      after: 'allowed',
    });
    expect(report.received).toBe(COUNT);
  });

  it('of a machine that is added beside others loses no frame of theirs', async () => {
    const blue1 = machine('blue1');
    const vnics = blue1.vnics.map((vnic) => ({ ...vnic, addresses: [ip('10.0.0.33')] }));
    const { plan, report } = await during([{ object: { ...blue1, name: 'blue3', vnics } }]);
    expect(plan.filter(({ subject }) => subject.startsWith('vNIC'))).toMatchObject([
      { subject: 'vNIC blue3/eth0', change: 'appears', interruption: { milliseconds: 0 } },
    ]);
    expect(report.received).toBe(COUNT);
  });

  it('of an address beside the one that it has, and of what goes with its lease, loses no frame', async () => {
    const blue1 = machine('blue1');
    const vnics = blue1.vnics.map((vnic) => ({ ...vnic, addresses: [ip('10.0.0.5'), ip('10.0.0.66')] }));
    const [pool] = objects(
      '{kind: IpPool, name: p, vmNetwork: Blue, subnet: Blue subnet, from: 10.0.0.100, to: 10.0.0.110, dns: [10.0.0.53]}',
    );
    const { plan, report } = await during([{ object: { ...blue1, vnics } }, { object: pool! }]);
    expect(ofBlue1(plan)).toMatchObject([
      { text: 'addresses 10.0.0.5/24 -> 10.0.0.5/24, 10.0.0.66/24', interruption: { milliseconds: 0 } },
    ]);
    expect(report.received).toBe(COUNT);
  });

  it('of a machine that is moved without migration says about how many frames are lost', async () => {
    const { plan, report } = await during([{ object: { ...machine('blue1'), host: 'host2' } }]);
    expect(ofBlue1(plan)).toMatchObject([
      { host: 'host1', text: 'moves to host2', vnics: ['blue1/eth0'] },
      { host: 'host2', text: 'comes from host1', vnics: [] },
    ]);
    const { milliseconds } = ofBlue1(plan)[0]!.interruption;
    expect(COUNT - report.received).toBeLessThanOrEqual(milliseconds! / INTERVAL);
    expect(await lab.ping('blue2', 'blue1')).toMatchObject({ verdict: 'answered' });
  });

  it('of another address says that the old one is no longer there', async () => {
    const blue1 = machine('blue1');
    const vnics = blue1.vnics.map((vnic) => ({ ...vnic, addresses: [ip('10.0.0.44')] }));
    const { plan, report } = await during([{ object: { ...blue1, vnics } }]);
    expect(ofBlue1(plan)).toMatchObject([
      {
        text: 'addresses 10.0.0.5/24, 10.0.0.66/24 -> 10.0.0.44/24',
        interruption: { milliseconds: 5000 },
        vnics: ['blue1/eth0'],
      },
    ]);
    expect(report.received).toBeGreaterThan(0);
    expect(report.received).toBeLessThan(COUNT);
    await lab.ready();
    expect(await lab.ping('blue2', '10.0.0.44')).toMatchObject({ verdict: 'answered' });
  });

  it('of a machine that is deleted says that it is for good', async () => {
    const { plan, report } = await during([{ delete: 'VirtualMachine/blue1' }], '10.0.0.44');
    expect(ofBlue1(plan)).toMatchObject([{ change: 'goes', interruption: { milliseconds: null } }]);
    expect(report.received).toBeGreaterThan(0);
    expect(report.received).toBeLessThan(COUNT);
    expect(await lab.ping('blue2', '10.0.0.44')).toMatchObject({ verdict: 'lost' });
  });
});
