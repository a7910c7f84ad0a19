import { writeFileSync } from 'node:fs';
import { finding, NetloomError } from '../base/error.ts';

export function writePcap(file: string, bytes: Uint8Array): void {
  try {
    writeFileSync(file, bytes);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new NetloomError(
      [finding('value-invalid', '--pcap', `${file} cannot be written: ${why}.`, 'Choose another file.')],
      { cause: thrown },
    );
  }
}
