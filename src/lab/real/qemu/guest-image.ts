/** The RAM disk that guests of a lab live in: busybox, the drivers of their NICs, and the programs that are asked for. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from '../run.ts';
import { type CpioEntry, cpio } from './cpio.ts';
import { type GuestNic, guestTable } from './guest-config.ts';
import { COMMAND_LOOP, DHCP_SCRIPT, initScript } from './guest-init.ts';
import type { Kernel } from './kernel.ts';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'];

/** What all guests have in common. `tools`: paths of programs of this machine, which come with their libraries. */
export async function guestImage(kernel: Kernel, tools: readonly string[] = []): Promise<Uint8Array> {
  const busybox = BUSYBOX.find((path) => existsSync(path));
  if (busybox === undefined) throw new Error('no busybox (apt-get install busybox-static)');
  const files = new Map<string, Uint8Array>();
  for (const tool of tools) {
    files.set(`bin/${basename(tool)}`, readFileSync(tool));
    for (const library of await librariesOf(tool)) files.set(library.slice(1), readFileSync(library));
  }
  const folders = ['bin', 'proc', 'sys', 'dev', 'modules', 'etc', 'etc/netloom', 'tmp'];
  for (const path of files.keys()) {
    const parts = path.split('/').slice(0, -1);
    for (const i of parts.keys()) folders.push(parts.slice(0, i + 1).join('/'));
  }
  return gzipSync(
    cpio([
      ...[...new Set(folders)].map((path) => ({ type: 'directory', path }) as const),
      program('bin/busybox', readFileSync(busybox)),
      program('init', initScript(kernel.modules)),
      program('etc/netloom/dhcp', DHCP_SCRIPT),
      program('etc/netloom/commands', COMMAND_LOOP),
      ...kernel.modules.map((name) =>
        plain(`modules/${name}.ko`, readFileSync(`${kernel.folder}/${name}.ko`)),
      ),
      ...[...files].map(([path, content]) => program(path, content)),
    ]),
    { level: 1 },
  );
}

/** The RAM disk of one guest: what all have, and after it what it alone is told. Linux takes archives one after another. */
export function guestDisk(image: Uint8Array, nics: readonly GuestNic[]): Uint8Array {
  const own = cpio([plain('etc/netloom/nics', guestTable(nics))]);
  return Buffer.concat([image, new Uint8Array(-image.length & 3), own]);
}

function program(path: string, content: Uint8Array | string): CpioEntry {
  return { type: 'file', path, content: Buffer.from(content), executable: true };
}

function plain(path: string, content: Uint8Array | string): CpioEntry {
  return { type: 'file', path, content: Buffer.from(content) };
}

/** Paths of the libraries that a program is loaded with, and of what loads them. */
async function librariesOf(program: string): Promise<string[]> {
  const text = await run('ldd', program).catch(() => '');
  return [...text.matchAll(/(\/\S+) \(0x/gu)].map(([, path = '']) => path);
}
