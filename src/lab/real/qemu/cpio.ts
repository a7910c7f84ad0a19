/** Archives that Linux takes as an initial RAM disk: cpio in the format "newc" (Documentation/driver-api/early-userspace/buffer-format.rst of Linux). Pure. */

export type CpioEntry =
  | { readonly type: 'directory'; readonly path: string }
  | {
      readonly type: 'file';
      readonly path: string;
      readonly content: Uint8Array;
      readonly executable?: boolean;
    };

const MODES = { directory: 0o040755, file: 0o100644, executable: 0o100755 } as const;
const TRAILER = 'TRAILER!!!';
const encoder = new TextEncoder();

/** The archive. Directories come before what is in them; paths have no `/` at the beginning. */
export function cpio(entries: readonly CpioEntry[]): Uint8Array {
  const pieces = entries.flatMap((entry, i) => {
    const content = entry.type === 'file' ? entry.content : new Uint8Array();
    const mode = entry.type === 'file' && entry.executable ? MODES.executable : MODES[entry.type];
    return member(i + 1, mode, entry.path, content);
  });
  return Buffer.concat([...pieces, ...member(0, 0, TRAILER, new Uint8Array())]);
}

function member(inode: number, mode: number, path: string, content: Uint8Array): Uint8Array[] {
  const name = encoder.encode(`${path}\0`);
  const links = 1;
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const head = encoder.encode(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [head, name, padding(head.length + name.length), content, padding(content.length)];
}

/** Everything begins at a multiple of four bytes. */
function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}
