/** The agent of real hosts: how they join, what they carry, and what passes while an agent is killed or Open vSwitch begins anew. */
import { describe, expect } from 'vitest';
import type { Check } from '../../src/host/doctor/check.ts';
import { LIMIT, UNPRIVILEGED, withWorld } from './agent-world.ts';
import { command } from './namespaces.ts';
import { itWithNamespaces } from './open-vswitch.ts';

describe('real hosts', () => {
  itWithNamespaces(
    'join, carry the traffic of machines, and lose no packet while their agent is killed and begins again',
    () =>
      withWorld(async (world) => {
        expect(await world.run('host1', ['agent', 'status', '--state', world.state('host1')])).toMatchObject({
          code: 1,
        });
        for (const host of ['host1', 'host2'] as const) {
          expect(await world.join(host)).toMatchObject({ code: 0, err: '' });
          await world.agent(host);
        }
        await world.plug('host1', 'blue1', '00:1d:d8:b7:1c:02', '10.0.0.5/24');
        await world.plug('host2', 'blue2', '00:1d:d8:b7:1c:03', '10.0.0.7/24');
        expect(await world.pings('blue1', '10.0.0.7', 10)).toBeGreaterThan(8);

        const pings = world.pings('blue1', '10.0.0.7', 1000);
        for (const host of ['host1', 'host2', 'host1', 'host2']) {
          await world.kill(host, host === 'host1' ? 'SIGKILL' : 'SIGTERM');
          await world.agent(host);
        }
        expect(await pings).toBe(1000);

        const first = await world.until('host1', ({ ports }) => ports.length > 0);
        expect(first).toMatchObject({ host: 'host1', drift: [], troubles: [] });
        expect(first.ports.map(({ name, plugged }) => [name, plugged])).toEqual([
          ['blue1/eth0', true],
          ['red1/eth0', false],
        ]);
        const doctor = await world.run(
          'host2',
          [
            'agent',
            'doctor',
            '-o',
            'json',
            '--state',
            world.state('host2'),
            '--ovs-rundir',
            world.ovs.get('host2')?.directory ?? '',
          ],
          UNPRIVILEGED,
        );
        const checks = JSON.parse(doctor.out) as Check[];
        expect(checks.filter(({ verdict }) => verdict === 'failed')).toEqual([]);
        expect(checks).toContainEqual(
          expect.objectContaining({
            name: 'path-mtu',
            verdict: 'ok',
            words: expect.stringContaining('1500'),
          }),
        );

        // A path that carries less than the fabric needs is found, with the size that fits.
        await command('ip', '-n', world.namespaces.name('host1'), 'link', 'set', 'nic1', 'mtu', '1450');
        const ill = await world.run('host2', [
          'agent',
          'doctor',
          '--state',
          world.state('host2'),
          '--ovs-rundir',
          world.ovs.get('host2')?.directory ?? '',
        ]);
        expect(ill.code).toBe(1);
        expect(ill.out).toContain('1500 are needed');
        await command('ip', '-n', world.namespaces.name('host1'), 'link', 'set', 'nic1', 'mtu', '1500');

        // As after a boot, while no controller is there: nothing passes until the last policy is in force again.
        const ovs = world.ovs.get('host1');
        await world.kill('ctl', 'SIGKILL');
        await world.kill('host1', 'SIGKILL');
        await ovs?.crash();
        await ovs?.restart();
        expect(await world.pings('blue1', '10.0.0.7', 10)).toBe(0);
        world.logs.delete('host1');
        await world.agent('host1', { isAlone: true });
        await expect.poll(() => world.pings('blue1', '10.0.0.7', 10), { timeout: LIMIT }).toBe(10);
        expect(world.logs.get('host1')).toContain('The policy on the disk is of revision');

        // And its agent sets everything again when Open vSwitch alone begins anew.
        await ovs?.crash();
        await ovs?.restart();
        await expect.poll(() => world.pings('blue1', '10.0.0.7', 10), { timeout: LIMIT }).toBe(10);
        await expect.poll(() => world.logs.get('host1')).toContain('Open vSwitch was started anew');
      }),
    300_000,
    ['ethtool', 'setpriv'],
  );
});
