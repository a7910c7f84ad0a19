import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Clock, FakeClock } from '../base/clock.ts';
import { parseDocuments } from '../model/input.ts';
import { isKind } from '../model/kinds.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import { Controller } from './controller.ts';

const FILE = new URL('../../examples/aaa-bbb/', import.meta.url);
const EXAMPLE = ['fabric', '1-network', '2-subnet', '3-pool'].flatMap((name) =>
  parseDocuments(readFileSync(new URL(`${name}.yaml`, FILE)), name).objects.map(({ object }) => object),
);
const directory = mkdtempSync(join(tmpdir(), 'netloom-pool-'));
afterAll(() => rmSync(directory, { recursive: true }));

const SCOPE = 'ip/AAA/test';
const author = { author: 'test' };

/** A machine on AAA. */
function machine(name: string) {
  const { objects } = parseDocuments(
    `{ kind: VirtualMachine, name: ${name}, host: host16, vnics: [{ vmNetwork: AAA }] }`,
    name,
  );
  return objects.map(({ object }) => ({ object }));
}

/** A clock whose wall somebody sets while time goes on as it does. */
class SetClock implements Clock {
  readonly clock = new FakeClock();
  ahead = 0;
  now = () => this.clock.now();
  wall = () => this.clock.wall() + this.ahead;
  after = (delay: number, run: () => void) => this.clock.after(delay, run);
}

describe('the quarantine of an address', () => {
  it('outlives the controller, and no setting of the wall clock shortens it while that runs', async () => {
    const time = new SetClock();
    const open = async () => {
      const store = await openSqliteStore({ directory });
      return Controller.open({ store, clock: time, uuid: randomUUID });
    };
    let controller = await open();
    await controller.apply(
      EXAMPLE.map((object) => ({ object })),
      author,
    );
    await controller.apply(machine('a'), author);
    await controller.apply([{ delete: 'VirtualMachine/a' }], author);
    const left = controller.network.inactive(SCOPE, controller.time);
    expect(left).toMatchObject([{ value: '10.10.1.100', owner: 'VirtualMachine/a/eth0' }]);

    time.clock.advance(100_000);
    await controller.close();
    controller = await open();
    expect(controller.network.inactive(SCOPE, controller.time)).toEqual(left);
    await controller.apply(machine('b'), author);
    expect(controller.network.allocation(SCOPE, 'VirtualMachine/b/eth0')).toBe('10.10.1.101');

    time.ahead = 400 * 24 * 3_600_000;
    await controller.apply(machine('c'), author);
    expect(controller.network.allocation(SCOPE, 'VirtualMachine/c/eth0')).toBe('10.10.1.102');

    // Positive control: when the time has really passed, the address is given out.
    time.clock.advance(200_000);
    await controller.apply(machine('d'), author);
    expect(controller.network.allocation(SCOPE, 'VirtualMachine/d/eth0')).toBe('10.10.1.100');
    await controller.close();
  });

  it('is left by no change that fails, and ended by no dry run', async () => {
    const store = await openSqliteStore({ directory: mkdtempSync(join(directory, 'second-')) });
    const controller = await Controller.open({ store, clock: new FakeClock(), uuid: randomUUID });
    await controller.apply(
      EXAMPLE.map((object) => ({ object })),
      author,
    );
    await controller.apply([...machine('a'), ...machine('b')], author);
    await controller.apply([{ delete: 'VirtualMachine/a' }], author);
    const state = () => ({
      rows: controller.network.allocations(),
      inactive: controller.network.inactive(SCOPE, controller.time),
      pool: controller.network.poolUse('IpPool/VmSubnet/AAA/test/CA Pool', controller.time),
    });
    const before = state();
    const pool = controller.network.get('IpPool/VmSubnet/AAA/test/CA Pool')?.object;
    if (!isKind(pool, 'IpPool')) throw new Error('there is no pool');
    const full = { object: { ...pool, reserved: [`${pool.from}-${pool.to}`] as const } };
    for (const changes of [
      [{ delete: 'VirtualMachine/b' as const }, full, ...machine('c')],
      [{ delete: 'VirtualMachine/b' as const }, { delete: 'VmNetwork/AAA' as const }],
    ]) {
      await expect(controller.apply(changes, author)).rejects.toThrow();
      expect(state()).toEqual(before);
    }
    await controller.apply(machine('a'), { ...author, dryRun: true });
    await controller.release('IpPool/VmSubnet/AAA/test/CA Pool', undefined, { ...author, dryRun: true });
    expect(state()).toEqual(before);
    await controller.close();
  });
});
