import { randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { NetloomError } from '../base/error.ts';
import { type Connection, connected, disconnected, repairOf, vnicOf } from '../model/connect.ts';
import type { ObjectKey } from '../model/definition.ts';
import { parseInputs } from '../model/input.ts';
import { isKind, type ModelObject, type VirtualMachine } from '../model/kinds.ts';
import { createMemoryStore } from '../store/memory.ts';
import { Controller } from './controller.ts';

const FOLDER = fileURLToPath(new URL('../../examples/aaa-bbb/', import.meta.url));
const { objects: READ } = parseInputs(
  globSync('*.yaml', { cwd: FOLDER })
    .sort()
    .map((file) => ({ file, text: readFileSync(`${FOLDER}${file}`) })),
);
const ALL: readonly ModelObject[] = READ.map(({ object }) => object);
const KEYS = READ.map(({ key }) => key);

async function open(without: readonly ObjectKey[] = []): Promise<Controller> {
  const controller = await Controller.open({
    store: createMemoryStore(),
    clock: new FakeClock(),
    uuid: randomUUID,
  });
  const kept = ALL.filter((_, i) => !without.includes(KEYS[i]!));
  await controller.apply(
    kept.map((object) => ({ object })),
    { author: 'test' },
  );
  return controller;
}

function machine(controller: Controller): VirtualMachine {
  const object = controller.network.get('VirtualMachine/test01')?.object;
  if (!isKind(object, 'VirtualMachine')) throw new Error('there is no test01');
  return object;
}

function explain(controller: Controller, to: Connection) {
  const vm = machine(controller);
  const there = connected(vm, vnicOf(vm, undefined), to);
  const networks = controller.network
    .list('LogicalNetwork')
    .flatMap(({ object }) => (isKind(object, 'LogicalNetwork') ? [object] : []));
  return controller.explain(there, (found, read) =>
    repairOf(found, read, there, vnicOf(there, undefined), networks),
  );
}

async function connect(controller: Controller, to: Connection): Promise<string | undefined> {
  const vm = machine(controller);
  try {
    await controller.apply([{ object: connected(vm, vnicOf(vm, undefined), to) }], { author: 'test' });
    return undefined;
  } catch (thrown) {
    if (thrown instanceof NetloomError) return thrown.findings[0].message;
    throw thrown;
  }
}

/** What the story of AAA is made of, and what else a vNIC needs. */
const PARTS: readonly ObjectKey[] = [
  'VmNetwork/AAA',
  'VmSubnet/AAA/test',
  'IpPool/VmSubnet/AAA/test/CA Pool',
  'IpPool/NetworkSite/TDIv2/Rack 1/PA Pool',
];

describe('what stands in the way of connecting a vNIC', () => {
  it('is said in the order in which it would fail', async () => {
    const controller = await open(PARTS);
    const lacks = await explain(controller, { vmNetwork: 'AAA', subnet: 'test', classification: 'gold' });
    expect(lacks.map(({ finding, repair }) => [finding.code, repair?.kind])).toEqual([
      ['reference-missing', 'PortClassification'],
      ['reference-missing', 'VmNetwork'],
      ['reference-missing', 'VmSubnet'],
      ['pool-missing', 'IpPool'],
      ['classification-not-offered', undefined],
      ['pool-missing', 'IpPool'],
    ]);
    expect(controller.revision).toBe(1);
  });

  it('is nothing where nothing is missing, and what it costs where there is no repair', async () => {
    const controller = await open();
    expect(await explain(controller, { vmNetwork: 'AAA' })).toEqual([]);
    const lacks = await explain(controller, { vmNetwork: 'AAA', subnet: '10.0.0.0/8' });
    expect(lacks.map(({ finding, repair }) => [finding.code, repair])).toEqual([
      ['subnet-missing', undefined],
    ]);
  });

  it('fails one by one as it is said, and the repairs do away with it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.subarray([...PARTS]),
        fc.option(fc.constantFrom('test', 'other')),
        async (gone, subnet) => {
          // Without its network, the subnet cannot be there, and so on down.
          const inside = gone.some((key) => key.startsWith('VmNetwork/'))
            ? PARTS.slice(0, 3)
            : gone.some((key) => key.startsWith('VmSubnet/'))
              ? PARTS.slice(1, 3)
              : [];
          const controller = await open([...gone, ...inside]);
          const to = { vmNetwork: 'AAA', ...(subnet === null ? {} : { subnet }) };
          const lacks = await explain(controller, to);
          for (const { finding, repair } of lacks) {
            expect(await connect(controller, to)).toBe(finding.message);
            expect(machine(controller).vnics[0]?.vmNetwork).toBe('TDIv2');
            if (repair) await controller.apply([{ object: repair }], { author: 'test' });
          }
          expect(lacks.every(({ repair }) => repair)).toBe(true);
          expect(await connect(controller, to)).toBeUndefined();
          const [address] = [...controller.network.holders(`ip/AAA/${subnet ?? 'test'}`).values()].filter(
            (owner) => owner === 'VirtualMachine/test01/eth0',
          );
          if (subnet !== null || inside.length < 2) expect(address).toBeDefined();
        },
      ),
      { numRuns: 20 },
    );
  });

  it('tells a full pool from a missing one', async () => {
    const controller = await open();
    const pool = controller.network.get('IpPool/VmSubnet/AAA/test/CA Pool')!.object;
    if (!isKind(pool, 'IpPool')) throw new Error('no pool');
    await controller.apply([{ object: { ...pool, reserved: [`${pool.from}-${pool.to}` as const] } }], {
      author: 'test',
    });
    const lacks = await explain(controller, { vmNetwork: 'AAA' });
    expect(lacks.map(({ finding, repair }) => [finding.code, repair])).toEqual([
      ['pool-exhausted', undefined],
    ]);
  });
});

describe('a vNIC that is disconnected', () => {
  it('is plugged in nowhere, keeps its MAC address, gives its address back, and gets it again', async () => {
    const controller = await open();
    await connect(controller, { vmNetwork: 'AAA' });
    const owner = 'VirtualMachine/test01/eth0';
    const ports = () =>
      [...controller.network.records()].filter(
        ({ record }) => record.kind === 'port' && record.name === 'test01/eth0',
      );
    const held = () => ({
      mac: controller.network.allocation('mac', owner),
      address: controller.network.allocation('ip/AAA/test', owner),
      ports: ports().length,
      domains: [...controller.network.records()].filter(({ record }) => record.kind === 'domain').length,
    });
    const before = held();
    expect(before).toMatchObject({ address: '10.10.1.100', ports: 1, domains: 1 });
    const vm = machine(controller);
    await controller.apply([{ object: disconnected(vm, vnicOf(vm, 'eth0')) }], { author: 'test' });
    expect(held()).toEqual({ mac: before.mac, address: undefined, ports: 0, domains: 0 });
    await connect(controller, { vmNetwork: 'AAA' });
    expect(held()).toEqual(before);
    expect(machine(controller).vnics[0]).not.toHaveProperty('connected');
  });

  it('is named, or the only one', async () => {
    const vm = machine(await open());
    expect(vnicOf(vm, undefined).name).toBe('eth0');
    expect(() => vnicOf(vm, 'eth9')).toThrow('has no vNIC "eth9". Name "eth0".');
    const two = { ...vm, vnics: [...vm.vnics, { ...vm.vnics[0]!, name: 'eth1' }] };
    expect(() => vnicOf(two, undefined)).toThrow('has 2 vNICs, so it is not clear which one is meant.');
    expect(() => vnicOf({ ...vm, vnics: [] }, undefined)).toThrow('Give the VM a vNIC first.');
  });
});
