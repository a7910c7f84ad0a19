/** Programs in a namespace, and what passes on an interface while they run: as tcpdump and dumpcap see it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCapture } from '../../src/packet/capture.ts';
import { inNamespace } from './open-vswitch.ts';

/** Programs that go on until they are stopped. */
export class Programs {
  readonly #running: ChildProcess[] = [];
  /** A directory for their files, gone with them. */
  readonly directory = mkdtempSync(join(tmpdir(), 'netloom-live-'));

  start(namespace: string, ...command: readonly string[]): ChildProcess {
    const [tool = '', ...args] = [...inNamespace(namespace), ...command];
    const program = spawn(tool, args, { stdio: 'ignore', cwd: this.directory });
    this.#running.push(program);
    return program;
  }

  async stop(): Promise<void> {
    for (const program of this.#running.splice(0).reverse()) await end(program, 'SIGTERM');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Both are Wireshark's kin, but write different files: pcap, and pcapng. */
export type CaptureTool = 'tcpdump' | 'dumpcap';

const ARGUMENTS: Readonly<Record<CaptureTool, (nic: string, file: string) => readonly string[]>> = {
  // As root, or it could not write the file.
  tcpdump: (nic, file) => ['-Z', 'root', '-U', '--immediate-mode', '-i', nic, '-w', file],
  dumpcap: (nic, file) => ['-q', '-i', nic, '-w', file],
};
/** What they print once they listen. */
const READY: Readonly<Record<CaptureTool, string>> = { tcpdump: 'listening on', dumpcap: 'File:' };

/**
 * The frames on an interface while `act` runs, read from the tool's file by our own reader.
 * Throws when the file is not whole.
 */
export async function framesDuring(
  namespace: string,
  nic: string,
  tool: CaptureTool,
  act: () => Promise<void>,
): Promise<readonly Uint8Array[]> {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-wire-'));
  const file = join(folder, 'wire');
  const [command = '', ...args] = [...inNamespace(namespace), tool, ...ARGUMENTS[tool](nic, file)];
  const listener = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    await says(listener, READY[tool]);
    await act();
    // What has been sent is there already; its way into the file is not done at once.
    await sleep(300);
    await end(listener, 'SIGINT');
    const capture = readCapture(readFileSync(file));
    if (capture.problem !== undefined) throw new Error(`the file of ${tool}: ${capture.problem}`);
    return capture.packets.map(({ frame }) => frame.slice());
  } finally {
    await end(listener, 'SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

function says(program: ChildProcess, text: string): Promise<void> {
  let said = '';
  return new Promise((resolve, reject) => {
    program.stderr?.on('data', (chunk) => {
      said += String(chunk);
      if (said.includes(text)) resolve();
    });
    program.once('error', reject);
    program.once('exit', () => reject(new Error(`it ended: ${said}`)));
  });
}

async function end(program: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null || program.pid === undefined) return;
  const ended = new Promise<void>((resolve) => program.once('exit', () => resolve()));
  program.kill(signal);
  const force = setTimeout(() => program.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(force);
}
