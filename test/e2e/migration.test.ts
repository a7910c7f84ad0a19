/** A migration and a failover as an operator makes them, with the real program. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { netloom, Server } from './program.ts';

const root = mkdtempSync(join(tmpdir(), 'netloom-migration-'));
const EXAMPLE = fileURLToPath(new URL('../../examples/migration.yaml', import.meta.url));

describe('netloom vm migrate', () => {
  let server: Server;
  const run = (...args: string[]) => netloom(args, { env: { NETLOOM_DATA: server.data } });
  const reaches = async () => (await run('ping', 'far', 'shop')).code === 0;
  beforeAll(async () => {
    server = await Server.up(join(root, 'data'));
    expect(await run('apply', '-f', EXAMPLE)).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await server.end('SIGTERM');
    rmSync(root, { recursive: true });
  });

  it('says what keeps a VM from a host, all at once, and changes nothing', async () => {
    const refused = await run('vm', 'migrate', 'shop', '--to', 'host4', '--dry-run');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err.match(/error\[network-unreachable\]/g)).toHaveLength(3);
    expect((await run('vm', 'migrate', 'shop', '--to', 'host2', '--dry-run')).out).toContain(
      'nothing was changed',
    );
    expect((await run('vm', 'migrations')).out).toBe('No VM is being moved.\n');
    expect(await run('vm', 'migrate', 'shop', '--abort', '--to', 'host2')).toMatchObject({ code: 2 });
    expect(await run('vm', 'migrate', 'shop', '--until', 'tomorrow')).toMatchObject({ code: 2 });
    const nowhere = await run('vm', 'migrate', 'shop');
    expect(nowhere).toMatchObject({ code: 1, out: '' });
    expect(nowhere.err).toContain('error[migration-step]');
    for (const wrong of [
      ['--reason', 'without --abort'],
      ['--to', 'host2', '--no-move', '--move-patience', '10'],
      ['--to', 'host2', '--move-patience', '86401'],
    ])
      expect(await run('vm', 'migrate', 'shop', ...wrong)).toMatchObject({ code: 2 });
  });

  it('goes step by step, across a restart, and can be aborted', async () => {
    const prepared = await run('vm', 'migrate', 'shop', '--to', 'host2', '--until', 'prepared');
    expect(prepared).toMatchObject({ code: 0 });
    // Followed as a job, step by step: a hypervisor may take longer than any answer is waited for.
    expect(prepared.err).toMatch(/^ {2}prepare +done/m);
    expect(prepared.out).toContain('host2 is prepared for shop');
    expect((await run('vm', 'migrations')).out).toMatch(/^shop +host1 +host2 +prepared +switch-over$/m);
    expect(await reaches()).toBe(true);
    expect((await run('delete', 'vm', 'shop')).err).toContain('error[migration-under-way]');

    await server.end('SIGTERM');
    server = await Server.up(server.data);
    expect((await run('vm', 'migrations')).out).toMatch(/^shop +host1 +host2 +prepared/m);
    expect((await run('vm', 'migrate', 'shop', '--until', 'switched-over')).out).toContain('host1 passes on');
    expect(await reaches()).toBe(true);
    // The file of the operator is out of date now.
    const stale = await run('apply', '-f', EXAMPLE);
    expect(stale).toMatchObject({ code: 1, out: '' });
    expect(stale.err).toContain('error[migration-under-way] VirtualMachine/shop.host');
    expect((await run('vm', 'migrate', 'shop', '--abort', '--reason', 'a test')).out).toContain('as before');
    expect((await run('apply', '-f', EXAMPLE)).out).toContain('Nothing to change.');
    expect(await reaches()).toBe(true);

    expect((await run('vm', 'migrate', 'shop', '--to', 'host3')).out).toBe('shop has moved.\n');
    expect(JSON.parse((await run('get', 'vm', 'shop', '-o', 'json')).out)).toMatchObject({ host: 'host3' });
    expect(await reaches()).toBe(true);
    const jobs = (await run('job', 'list')).out;
    expect(jobs).toMatch(/succeeded .*Migrate shop to host3/);
    expect(jobs).toMatch(/succeeded .*Abort the migration of shop/);
  });

  it('places the VMs of a host elsewhere, and warns of what it cannot know', async () => {
    const alive = await run('host', 'failover', 'host1');
    expect(alive).toMatchObject({ code: 1, out: '' });
    expect(alive.err).toContain('error[host-alive]');
    const left = await run('host', 'failover', 'host1', '--force', '--to', 'host4');
    expect(left.code).toBe(1);
    expect(left.out).toContain('0 VMs placed elsewhere, 1 left.');
    const done = await run('host', 'failover', 'host1', '--force', '-o', 'json');
    expect(done.code).toBe(0);
    expect(done.err).toContain('warning[host-not-fenced]');
    expect(JSON.parse(done.out)).toMatchObject({ placed: [{ vm: 'near', to: 'host2' }], left: [] });
    expect((await run('host', 'failover', 'host1', '--force')).out).toBe('Host host1 has no VMs.\n');
    expect((await run('ping', 'near', 'shop')).code).toBe(0);
  });
});
