/**
 * A Linux kernel for guests: that of Debian's package linux-image-cloud-amd64, taken out of it and installed nowhere,
 * and an initial RAM disk made of busybox and the drivers for virtio.
 *
 *     node test/qemu/kernel.ts         fetches the kernel
 *     node test/qemu/kernel.ts DIR     and puts it there with a RAM disk: vmlinuz, initrd.gz
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

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
];
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'netloom', 'kernel');
const LIMIT = 120_000;

/** Directory with `vmlinuz` and `modules/`. Fetched when it is not there; throws when that is not possible. */
export function fetchKernel(): string {
  const wanted = join(CACHE, 'cloud-amd64');
  if (existsSync(join(wanted, 'vmlinuz'))) return wanted;
  mkdirSync(CACHE, { recursive: true });
  const draft = mkdtempSync(join(CACHE, 'draft-'));
  try {
    download(draft);
    const archive = readdirSync(draft).find((file) => file.endsWith('.deb'));
    if (archive === undefined) throw new Error('apt-get download has left no package');
    const tar = execFileSync('dpkg-deb', ['--fsys-tarfile', join(draft, archive)], {
      maxBuffer: 1 << 30,
      timeout: LIMIT,
    });
    const files = ['./boot/vmlinuz-*', ...MODULES.map((module) => `*/kernel/${module}.ko`)];
    execFileSync('tar', ['-x', '-C', draft, '--wildcards', ...files], { input: tar, timeout: LIMIT });
    const ready = join(draft, 'ready');
    mkdirSync(join(ready, 'modules'), { recursive: true });
    const [kernel = ''] = readdirSync(join(draft, 'boot'));
    copyFileSync(join(draft, 'boot', kernel), join(ready, 'vmlinuz'));
    const version = kernel.replace('vmlinuz-', '');
    for (const module of MODULES) {
      const name = `${module.split('/').at(-1)}.ko`;
      const from = join(draft, 'lib/modules', version, 'kernel', `${module}.ko`);
      copyFileSync(from, join(ready, 'modules', name));
    }
    try {
      renameSync(ready, wanted);
    } catch (error) {
      // Another test was faster.
      if (!existsSync(join(wanted, 'vmlinuz'))) throw error;
    }
    return wanted;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function download(directory: string): void {
  const apt = (...args: string[]) =>
    execFileSync('apt-get', args, { cwd: directory, stdio: 'pipe', timeout: LIMIT });
  const one = () => {
    // The package of this name has no files; it depends on the one that has.
    const text = execFileSync('apt-cache', ['depends', 'linux-image-cloud-amd64'], { encoding: 'utf8' });
    const name = /linux-image-\d\S*-cloud-amd64/.exec(text)?.[0];
    if (name === undefined) throw new Error('apt knows no linux-image-cloud-amd64');
    apt('download', name);
  };
  try {
    one();
  } catch {
    // Its lists are old, or were never fetched.
    apt('update', '-qq');
    one();
  }
}

/**
 * Makes the initial RAM disk in `directory`: the guest has eth0 with the address that `netloom.address=` on the kernel
 * command line says, prints "guest ready", and then is a shell on its serial line.
 */
export function makeInitrd(kernel: string, directory: string): string {
  const root = join(directory, 'initrd');
  for (const folder of ['bin', 'proc', 'sys', 'dev', 'modules'])
    mkdirSync(join(root, folder), { recursive: true });
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  copyFileSync(busybox, join(root, 'bin/busybox'));
  chmodSync(join(root, 'bin/busybox'), 0o755);
  const names = MODULES.map((module) => `${module.split('/').at(-1)}.ko`);
  for (const name of names) copyFileSync(join(kernel, 'modules', name), join(root, 'modules', name));
  writeFileSync(
    join(root, 'init'),
    `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in ${names.join(' ')}; do insmod /modules/$module; done
stty -echo
for word in $(cat /proc/cmdline); do
  case $word in netloom.address=*) ip addr add \${word#*=} dev eth0 ;; esac
done
ip link set lo up
ip link set eth0 up
echo guest ready
export PS1=
exec sh
`,
    { mode: 0o755 },
  );
  const file = resolve(directory, 'initrd.gz');
  execFileSync('sh', ['-c', `find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 > '${file}'`], {
    cwd: root,
  });
  rmSync(root, { recursive: true });
  return file;
}

if (import.meta.main) {
  const kernel = fetchKernel();
  const [directory] = process.argv.slice(2);
  if (directory === undefined) console.log(kernel);
  else {
    mkdirSync(directory, { recursive: true });
    copyFileSync(join(kernel, 'vmlinuz'), join(directory, 'vmlinuz'));
    console.log(makeInitrd(kernel, directory));
  }
}
