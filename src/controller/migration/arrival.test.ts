/** A VM with several vNICs that its hypervisor moves, with hosts that say what is plugged in. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { VNIC, vmVnicOwner } from '../../allocate/scopes.ts';
import { FakeClock } from '../../base/clock.ts';
import { NetloomError } from '../../base/error.ts';
import { parseDocuments } from '../../model/input.ts';
import { isKind, type VirtualMachine } from '../../model/kinds.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { HelloSchema, ReportSchema } from '../../stream/gen/policy_pb.ts';
import { PROTOCOL_VERSION } from '../../stream/messages.ts';
import { writeReport } from '../../stream/report.ts';
import { Controller } from '../controller.ts';
import { arrived, toMove } from './arrival.ts';

const WHO = { author: 'test', migrates: true } as const;

/** "shop" with its three vNICs is prepared to move from host1 to host2. */
async function prepared() {
  const file = new URL('../../../examples/migration.yaml', import.meta.url);
  const objects = parseDocuments(readFileSync(file), 'migration').objects.map(({ object }) => object);
  const controller = await Controller.open({
    store: createMemoryStore(),
    clock: new FakeClock(),
    uuid: randomUUID,
  });
  await controller.apply(
    objects.map((object) => ({ object })),
    WHO,
  );
  const shop = () => {
    const vm = controller.network.get('VirtualMachine/shop')?.object;
    if (vm && isKind(vm, 'VirtualMachine')) return vm;
    throw new Error('there is no shop');
  };
  const change = (fields: Partial<VirtualMachine>) =>
    controller.apply([{ object: { ...shop(), ...fields } }], WHO);
  await change({ migration: { source: 'host1', destination: 'host2' } });
  const idOf = (name: string) => controller.network.allocation(VNIC, vmVnicOwner('shop', name)) ?? '';
  const agents = new Map(
    ['host1', 'host2'].map((host) => [
      host,
      controller.feed.connect(create(HelloSchema, { host, protocolVersion: PROTOCOL_VERSION })),
    ]),
  );
  /** The host says that the links of these vNICs are up. */
  const up = (host: string, ...names: readonly string[]) => {
    const vnics = names.map((name) => ({ id: idOf(name), plugged: true, link: true }));
    const nothing = {
      version: '',
      engine: '',
      nics: [],
      switches: [],
      drift: [],
      repaired: [],
      findings: [],
    };
    agents.get(host)?.report(create(ReportSchema, { report: writeReport({ ...nothing, vnics }) }));
  };
  const names = (ids: ReadonlySet<string>) =>
    shop().vnics.flatMap(({ name }) => (ids.has(idOf(name)) ? [name] : []));
  return { controller, shop, change, up, names };
}

const PATIENT = { patience: 60_000, signal: new AbortController().signal };

describe('what the hypervisor has to move', () => {
  it('is what runs on the source, and nothing while a host does not say', async () => {
    const { controller, up, names } = await prepared();
    expect(toMove(controller, 'shop').size).toBe(0);
    up('host1', 'front', 'till');
    expect(toMove(controller, 'shop').size).toBe(0);
    up('host2');
    expect(names(toMove(controller, 'shop'))).toEqual(['front', 'till']);
    up('host1');
    expect(toMove(controller, 'shop').size).toBe(0);
    await controller.close();
  });

  it('has moved when that is up on the destination; what was down at the source is not waited for', async () => {
    const { controller, up } = await prepared();
    up('host2');
    up('host1', 'front', 'till');
    let over = false;
    const done = arrived(controller, 'shop', toMove(controller, 'shop'), PATIENT).then(() => (over = true));
    up('host1', 'till');
    up('host2', 'front');
    await new Promise(setImmediate);
    expect(over).toBe(false);
    up('host2', 'front', 'till');
    await done;
    await controller.close();
  });

  it('is not what the VM has lost on its way', async () => {
    const { controller, shop, change, up } = await prepared();
    up('host2');
    up('host1', 'front', 'till');
    const done = arrived(controller, 'shop', toMove(controller, 'shop'), PATIENT);
    await change({ vnics: shop().vnics.filter(({ name }) => name !== 'till') });
    up('host2', 'front');
    await done;
    await controller.close();
  });

  it('is named when it does not come', async () => {
    const { controller, up } = await prepared();
    up('host2');
    up('host1', 'front', 'office', 'till');
    const ids = toMove(controller, 'shop');
    up('host2', 'office');
    const thrown = await arrived(controller, 'shop', ids, { ...PATIENT, patience: 1 }).catch(
      (e: unknown) => e,
    );
    expect(NetloomError.from(thrown).code).toBe('vm-not-arrived');
    expect(NetloomError.from(thrown).message).toMatch(/from host1 to host2: no link of front, till there/);
    await controller.close();
  });
});
