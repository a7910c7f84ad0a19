/** Hosts on the policy records of a file, for commands that need neither a server nor a controller. */

import { readRecords } from '../lab/by-hand/read.ts';
import { handSource } from '../lab/by-hand/source.ts';
import { LiveNetwork } from '../lab/live-network.ts';
import { readBytes } from './input.ts';
import { reportFindings } from './report.ts';
import type { Terminal } from './terminal.ts';

/** Opens the network and waits until its guests are ready. Throws all that is wrong with the file, at its lines. */
export async function openPolicy(file: string, terminal: Terminal, capture = false): Promise<LiveNetwork> {
  const { bytes, name } = await readBytes(file, terminal);
  const written = readRecords(bytes, name);
  reportFindings(terminal, written.warnings);
  const network = new LiveNetwork(handSource(written), { capture });
  try {
    await network.fabric.start();
    await network.ready();
    return network;
  } catch (thrown) {
    await network.close();
    throw thrown;
  }
}
