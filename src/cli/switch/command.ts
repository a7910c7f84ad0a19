/** `netloom switch`: from the file to the end of the switch. */
import { systemClock } from '../../base/clock.ts';
import { readBytes } from '../input.ts';
import type { Terminal } from '../terminal.ts';
import { captureTo } from './capture.ts';
import { readSwitch } from './read.ts';
import { buildSwitch, runSwitch } from './running.ts';
import { portsText, statusOf, statusText } from './words.ts';

interface Options {
  readonly check?: true;
  readonly capture?: string;
  readonly output: 'text' | 'json';
}

export async function switchFrom(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { bytes, name } = await readBytes(file, terminal);
  const plan = readSwitch(bytes, name);
  // What is said on the way goes beside the one thing that a program wants to read.
  const say = options.output === 'json' ? terminal.err : terminal.out;
  if (options.check) {
    await (await buildSwitch(plan)).sw.close();
    say(portsText(plan, terminal.colours));
    say('\nThe file is in order; nothing was opened.\n');
    return;
  }
  const interrupted = terminal.interrupted();
  const running = await runSwitch(plan, (port, what) => terminal.err(`${port}: ${what}\n`));
  try {
    if (options.capture !== undefined) {
      const names = new Map(running.ports.map(({ number, spec }) => [number, spec.name]));
      captureTo(options.capture, running.sw, names, () => systemClock.wall());
    }
    const stopTelling = terminal.onStatusRequest(() => {
      void statusOf(running).then((status) => terminal.err(statusText(status, terminal.errorColours)));
    });
    say(portsText(plan, terminal.colours));
    say('\nReady. Ctrl-C ends it.\n');
    await interrupted;
    stopTelling();
    terminal.err('Stopping.\n');
    if (options.output === 'json') terminal.out(`${JSON.stringify(await statusOf(running), null, 2)}\n`);
  } finally {
    await running.close();
  }
}
