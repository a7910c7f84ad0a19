/** What tells this machine, in this life of it, from a copy of it. */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/**
 * Differs from machine to machine and from boot to boot, and is the same after a restart of the agent: the kernel's boot id.
 * A network namespace that plays a host (netloom lab) is a machine of its own here, so its number goes in too.
 */
export function bootNonce(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return createHash('sha256')
    .update(`${boot} ${readlinkSync('/proc/self/ns/net')}`)
    .digest('hex')
    .slice(0, 32);
}
