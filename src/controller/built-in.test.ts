import { expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { parseDocuments } from '../model/input.ts';
import { createMemoryStore } from '../store/memory.ts';
import { Controller } from './controller.ts';

const BY = { author: 'test' };
const SWITCH = `
kind: LogicalSwitch
name: Main
classifications: [{ classification: High bandwidth, profile: High bandwidth }]
`;

const changes = (text: string) => parseDocuments(text, 'test').objects.map(({ object }) => ({ object }));

async function opened(): Promise<Controller> {
  let next = 0;
  const uuid = () => `00000000-0000-4000-8000-${String(next++).padStart(12, '0')}`;
  return Controller.open({ store: createMemoryStore(), clock: new FakeClock(), uuid });
}

it('what is built in is there from the start, and can be named', async () => {
  const controller = await opened();
  const names = controller.network.list('PortClassification').map(({ object, held }) => [object, held]);
  expect(names).toHaveLength(10);
  expect(names.every(([, held]) => held === undefined)).toBe(true);
  await controller.apply(changes(SWITCH), BY);
  await expect(controller.apply(changes(SWITCH.replaceAll('High', 'Hihg')), BY)).rejects.toThrow(
    /"Hihg bandwidth"/,
  );
  await controller.close();
});

it('what is built in cannot be deleted, but another may stand in its place', async () => {
  const controller = await opened();
  const key = 'VirtualPortProfile/High bandwidth';
  const weight = () => {
    const profile = controller.network.fact(key);
    return profile?.kind === 'VirtualPortProfile' ? profile.bandwidth.minimumWeight : undefined;
  };
  await expect(controller.apply([{ delete: key }], BY)).rejects.toThrow(/is built in/);
  expect(weight()).toBe(5);
  const own = '{ kind: VirtualPortProfile, name: High bandwidth, bandwidth: { minimumWeight: 50 } }';
  await controller.apply([...changes(SWITCH), ...changes(own)], BY);
  expect(weight()).toBe(50);
  await controller.apply([{ delete: key }], BY);
  expect(weight()).toBe(5);
  await controller.close();
});
