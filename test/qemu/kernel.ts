/**
 * A RAM disk for guests of tests: busybox and the drivers for virtio, on the kernel that labs use too.
 *
 *     node test/qemu/kernel.ts         fetches the kernel
 *     node test/qemu/kernel.ts DIR     and puts it there with a RAM disk: vmlinuz, initrd.gz
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type CpioEntry, cpio } from '../../src/lab/real/qemu/cpio.ts';
import { fetchKernel, type Kernel } from '../../src/lab/real/qemu/kernel.ts';

/**
 * Makes the initial RAM disk in `directory`: the guest has eth0 with the address that `netloom.address=` on the kernel
 * command line says, prints "guest ready", and then is a shell on its serial line.
 */
export function makeInitrd(kernel: Kernel, directory: string): string {
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
  if (busybox === undefined) throw new Error('no busybox');
  const program = (path: string, content: Uint8Array): CpioEntry => ({
    type: 'file',
    path,
    content,
    executable: true,
  });
  const archive = cpio([
    ...['bin', 'proc', 'sys', 'dev', 'modules'].map((path) => ({ type: 'directory', path }) as const),
    program('bin/busybox', readFileSync(busybox)),
    program('init', Buffer.from(initScript(kernel.modules))),
    ...kernel.modules.map((name) =>
      program(`modules/${name}.ko`, readFileSync(join(kernel.folder, `${name}.ko`))),
    ),
  ]);
  const file = resolve(directory, 'initrd.gz');
  writeFileSync(file, gzipSync(archive, { level: 1 }));
  return file;
}

function initScript(modules: readonly string[]): string {
  return `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in ${modules.join(' ')}; do insmod /modules/$module.ko; done
stty -echo
for word in $(cat /proc/cmdline); do
  case $word in netloom.address=*) ip addr add \${word#*=} dev eth0 ;; esac
done
ip link set lo up
ip link set eth0 up
echo guest ready
export PS1=
exec sh
`;
}

if (import.meta.main) {
  const kernel = await fetchKernel();
  const [directory] = process.argv.slice(2);
  if (directory === undefined) console.log(kernel.image);
  else {
    mkdirSync(directory, { recursive: true });
    copyFileSync(kernel.image, join(directory, 'vmlinuz'));
    console.log(makeInitrd(kernel, directory));
  }
}
