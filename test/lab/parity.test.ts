/**
 * Every example on Open vSwitch, with guests that are Linux: who reaches whom is what the whole data centre in one process
 * says of the same file, pair by pair, by both versions of IP, and to the gateways. docs/lab.md lists what may differ.
 */
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { itWithNamespaces } from '../ovs/open-vswitch.ts';
import { networkWithSwitches } from '../support/switch-types.ts';
import { withTeams } from '../support/teams.ts';
import { LAB_TOOLS, type LabUnderTest, serveOnce, withRealLab } from './lab-under-test.ts';
import {
  answeredIn,
  differences,
  type Reachability,
  reachabilityInProcess,
  reachabilityInReality,
} from './reachability.ts';

const example = (file: string) => readFileSync(new URL(`../../examples/${file}`, import.meta.url), 'utf8');

/** The story of AAA and BBB as it stands at its end, but with test02 on the other host. */
function story(first: string, second: string): string {
  const files = ['fabric', '1-network', '2-subnet', '3-pool', '4-second-network'];
  const all = files.map((file) => example(`aaa-bbb/${file}.yaml`)).join('---\n');
  const vnic = 'vmNetwork: TDIv2, subnet: 10.10.0.0/16, classification: own addresses';
  return all
    .replace(vnic, `vmNetwork: ${first}`)
    .replace(vnic, `vmNetwork: ${second}`)
    .replace('name: test02\nhost: host16', 'name: test02\nhost: host15');
}

const by = (encapsulation: string, text: string) =>
  text.replace('encapsulation: nvgre', `encapsulation: ${encapsulation}`);

const CASES: Readonly<Record<string, string>> = {
  'blue-red.yaml with teams by LACP': withTeams(),
  'campus.yaml': example('campus.yaml'),
  'dual-stack.yaml': example('dual-stack.yaml'),
  'dual-stack.yaml by VXLAN': by('vxlan', example('dual-stack.yaml')),
  'dual-stack.yaml by Geneve': by('geneve', example('dual-stack.yaml')),
  'acl.yaml': example('acl.yaml'),
  'qos.yaml': example('qos.yaml'),
  'vlan-modes.yaml': example('vlan-modes.yaml'),
  'private-vlan.yaml': example('private-vlan.yaml'),
  'tenants.yaml': example('tenants.yaml'),
  'migration.yaml': example('migration.yaml'),
  'aaa-bbb, on two networks with the same addresses': story('AAA', 'BBB'),
  'aaa-bbb, on one network': story('AAA', 'AAA'),
  'an external switch': networkWithSwitches('external'),
  'an internal switch': networkWithSwitches('internal'),
  'a private switch': networkWithSwitches('private'),
};

/** Who reaches whom on the softswitch. */
async function expected(text: string): Promise<Reachability> {
  const { objects, findings } = parseDocuments(text, 'example');
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  const inProcess = await Lab.open({ objects: objects.map(({ object }) => object) });
  try {
    await inProcess.ready();
    return await reachabilityInProcess(inProcess);
  } finally {
    await inProcess.close();
  }
}

/** TCP, by the rules of acl.yaml: who may connect to which port, and nobody else; answers pass by their connection. */
async function connectsByRules(lab: LabUnderTest): Promise<void> {
  const machines = { web1: '10.0.1.10', app1: '10.0.2.10', db1: '10.0.3.10' };
  const ports = [22, 5432, 8080];
  for (const machine of Object.keys(machines)) for (const port of ports) await serveOnce(lab, machine, port);
  const attempts = Object.keys(machines).flatMap((from) =>
    Object.entries(machines).flatMap(([to, address]) =>
      from === to
        ? []
        : ports.map((port) => ({ from, to: `${to}:${port}`, path: `/dev/tcp/${address}/${port}` })),
    ),
  );
  const connected = await Promise.all(
    attempts.map(async ({ from, to, path }) => {
      const { code } = await lab.inside(from, 'timeout', '8', 'bash', '-c', `: < ${path}`);
      return code === 0 ? [`${from} > ${to}`] : [];
    }),
  );
  expect(connected.flat()).toEqual(['web1 > app1:8080', 'app1 > db1:5432']);
}

/** Mbit/s that arrive of 50 that a machine of qos.yaml sends to "sink". */
async function arriving(lab: LabUnderTest, from: string): Promise<number> {
  await serveOnce(lab, 'sink');
  const sending = ['-u', '-b', '50M', '-l', '1400', '-t', '3', '-J'];
  const { out } = await lab.inside(from, 'iperf3', '-c', '10.1.0.21', ...sending);
  const { end } = JSON.parse(out) as {
    readonly end: { readonly sum_received: { readonly bits_per_second: number } };
  };
  return end.sum_received.bits_per_second / 1e6;
}

/** A maximum is one on Open vSwitch too, whatever its datapath; without one, more arrives. */
async function hasItsMaximum(lab: LabUnderTest): Promise<void> {
  const capped = await arriving(lab, 'capped');
  expect(capped).toBeGreaterThan(0);
  // What its bucket holds at the beginning is over and above.
  expect(capped).toBeLessThan(13);
  expect(await arriving(lab, 'gold')).toBeGreaterThan(capped);
}

/** What else is asked of some of them while they are up. */
const FURTHER: Readonly<Record<string, (lab: LabUnderTest) => Promise<void>>> = {
  'acl.yaml': connectsByRules,
  'qos.yaml': hasItsMaximum,
};

// Side by side: most of the time goes by in waiting for answers that must not come.
describe.concurrent('on real hosts, who reaches whom is as on the softswitch', () => {
  for (const [name, text] of Object.entries(CASES)) {
    itWithNamespaces(
      name,
      async ({ signal }) => {
        const wanted = await expected(text);
        expect(answeredIn(wanted)).toBeGreaterThan(0);
        await withRealLab(
          text,
          async (lab) => {
            expect(differences(wanted, await reachabilityInReality(lab.name, wanted.keys()))).toEqual([]);
            await FURTHER[name]?.(lab);
          },
          signal,
        );
      },
      300_000,
      [...LAB_TOOLS, 'iperf3', 'python3'],
    );
  }
});
