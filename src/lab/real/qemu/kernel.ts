/**
 * A Linux kernel for guests: that of Debian's package, taken out of it and installed nowhere, with the drivers that guests
 * need. It is kept in the user's cache.
 */

import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** `cloud`: small, for virtual hardware alone. `full`: with drivers of real cards, which legacy adapters are. */
export type KernelFlavour = 'cloud' | 'full';

/** Each after those that it needs. */
const MODULES = [
  'drivers/virtio/virtio_ring',
  'drivers/virtio/virtio',
  'drivers/virtio/virtio_pci_modern_dev',
  'drivers/virtio/virtio_pci_legacy_dev',
  'drivers/virtio/virtio_pci',
  'net/core/failover',
  'drivers/net/net_failover',
  'drivers/net/virtio_net',
  'net/llc/llc',
  'net/802/stp',
  'net/802/garp',
  'net/802/mrp',
  'net/8021q/8021q',
];
const CARDS = ['drivers/net/ethernet/intel/e1000/e1000', 'drivers/net/ethernet/dec/tulip/tulip'];
const FLAVOURS = {
  cloud: { package: 'linux-image-cloud-amd64', pattern: /linux-image-\d\S*-cloud-amd64/u, modules: MODULES },
  full: {
    package: 'linux-image-amd64',
    pattern: /linux-image-\d[^\s-]*-\d+-amd64/u,
    modules: [...MODULES, ...CARDS],
  },
} as const;
const LIMIT_MS = 300_000;
const execute = promisify(execFile);

export interface Kernel {
  /** The kernel itself. */
  readonly image: string;
  /** Drivers to load, each after those that it needs: their names, and the folder with their files (`NAME.ko`). */
  readonly modules: readonly string[];
  readonly folder: string;
}

/** Fetches the kernel when it is not there. Throws when that is not possible. */
export async function fetchKernel(flavour: KernelFlavour = 'cloud'): Promise<Kernel> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'netloom', 'kernel');
  // The list of drivers is part of the name: an older version may have left less there.
  const wanted = join(cache, `${flavour}-${FLAVOURS[flavour].modules.length}`);
  if (!existsSync(join(wanted, 'vmlinuz'))) await fill(cache, wanted, flavour);
  return {
    image: join(wanted, 'vmlinuz'),
    modules: readFileSync(join(wanted, 'modules.list'), 'utf8').split('\n').filter(Boolean),
    folder: join(wanted, 'modules'),
  };
}

async function fill(cache: string, wanted: string, flavour: KernelFlavour): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, 'draft-'));
  try {
    await download(draft, flavour);
    const archive = readdirSync(draft).find((file) => file.endsWith('.deb'));
    if (archive === undefined) throw new Error('apt-get download has left no package');
    const root = join(draft, 'root');
    await execute('dpkg-deb', ['--extract', join(draft, archive), root], { timeout: LIMIT_MS });
    const [kernel = ''] = readdirSync(join(root, 'boot')).filter((file) => file.startsWith('vmlinuz-'));
    const modules = join(root, 'lib/modules', kernel.replace('vmlinuz-', ''), 'kernel');
    const ready = join(draft, 'ready');
    mkdirSync(join(ready, 'modules'), { recursive: true });
    copyFileSync(join(root, 'boot', kernel), join(ready, 'vmlinuz'));
    const names: string[] = [];
    for (const module of FLAVOURS[flavour].modules) {
      const from = join(modules, `${module}.ko`);
      // A kernel may have it built in.
      if (!existsSync(from)) continue;
      const name = module.slice(module.lastIndexOf('/') + 1);
      names.push(name);
      copyFileSync(from, join(ready, 'modules', `${name}.ko`));
    }
    writeFileSync(join(ready, 'modules.list'), names.join('\n'));
    try {
      renameSync(ready, wanted);
    } catch (error) {
      // Somebody else was faster.
      if (!existsSync(join(wanted, 'vmlinuz'))) throw error;
    }
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function download(directory: string, flavour: KernelFlavour): Promise<void> {
  const { package: meta, pattern } = FLAVOURS[flavour];
  const one = async () => {
    // The package of this name has no files; it depends on the one that has.
    const { stdout } = await execute('apt-cache', ['depends', meta]);
    const name = pattern.exec(stdout)?.[0];
    if (name === undefined) throw new Error(`apt knows no ${meta}`);
    await execute('apt-get', ['download', name], { cwd: directory, timeout: LIMIT_MS });
  };
  try {
    await one();
  } catch {
    // Its lists are old, or were never fetched.
    await execute('apt-get', ['update', '-qq'], { timeout: LIMIT_MS });
    await one();
  }
}
