import { writeFileSync } from 'node:fs';
import { finding, NetloomError } from '../base/error.ts';

/** Writes the file that an option named; `option` is for the words when it cannot be. */
export function writeOutput(file: string, content: string | Uint8Array, option: string): void {
  try {
    writeFileSync(file, content);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new NetloomError(
      [finding('value-invalid', option, `${file} cannot be written: ${why}.`, 'Choose another file.')],
      { cause: thrown },
    );
  }
}
