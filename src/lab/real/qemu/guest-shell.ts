/**
 * Commands in a guest, by the shell on its second serial line, which QEMU has as a UNIX socket. One client at a time: who
 * comes second waits until the first has gone.
 */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { finding, NetloomError } from '../../../base/error.ts';

export interface ShellOptions {
  /** Told what the command prints, as it comes. */
  readonly onOutput: (text: string) => void;
  /** Nothing may take longer, in milliseconds; absent: until the command ends, or `signal` says so. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** Ends what an earlier client has left running. */
const INTERRUPT = '\u0003';
/** Milliseconds until the shell is asked again whether it listens. */
const ASK_EVERY_MS = 500;

/** Runs a command to its end; its exit code. Throws `hypervisor` when the guest does not answer. */
export async function runInGuest(
  socket: string,
  command: readonly string[],
  { onOutput, limit, signal }: ShellOptions,
): Promise<number> {
  const limits = [...(signal ? [signal] : []), ...(limit === undefined ? [] : [AbortSignal.timeout(limit)])];
  const stop = AbortSignal.any(limits);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const fail = (words: string) =>
    reject(
      new NetloomError([
        finding('hypervisor', '', `The guest at ${socket}: ${words}.`, 'Its console is in console.log.'),
      ]),
    );
  const line = connect(socket);
  const [hello, mark] = [randomUUID(), randomUUID()];
  const greeting = new MarkedOutput(hello, () => {});
  const reader = new MarkedOutput(mark, onOutput);
  let isListening = false;
  // Whatever comes right behind an interrupt may be lost with it, so the command waits until the shell has answered.
  const ask = () => line.write(`\n${markedCommand(hello, ['true'])}`);
  const again = setInterval(() => {
    line.write(INTERRUPT);
    ask();
  }, ASK_EVERY_MS);
  stop.addEventListener('abort', () => fail('no end of the command in time'), { once: true });
  if (stop.aborted) fail('no time for the command');
  line.setEncoding('utf8');
  line.on('connect', ask);
  line.on('data', (text: string) => {
    if (isListening) {
      const code = reader.read(text);
      if (code !== undefined) resolve(code);
    } else if (greeting.read(text) !== undefined) {
      isListening = true;
      clearInterval(again);
      line.write(markedCommand(mark, command));
    }
  });
  line.on('error', (error) => fail(error.message));
  line.on('close', () => fail('QEMU has closed the line'));
  try {
    return await promise;
  } finally {
    clearInterval(again);
    line.destroy();
  }
}

/**
 * A line for the guest's shell that prints the mark, what the command prints, and the mark with the exit code. The mark is
 * put together by the shell, so that what only repeats the line does not have it.
 */
export function markedCommand(mark: string, command: readonly string[]): string {
  const [a, b] = [mark.slice(0, 8), mark.slice(8)];
  const words = command.map(quoted).join(' ');
  return `echo ${a}''${b}; ${words} </dev/null 2>&1; code=$?; echo; echo ${a}''${b} $code\n`;
}

/** A word as a POSIX shell takes it, whatever is in it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Finds what a command printed between the marks. */
export class MarkedOutput {
  readonly #mark: string;
  readonly #onOutput: (text: string) => void;
  #begun = false;
  #held = '';

  constructor(mark: string, onOutput: (text: string) => void) {
    this.#mark = mark;
    this.#onOutput = onOutput;
  }

  /** Takes what has come; the exit code once the command has ended. */
  read(text: string): number | undefined {
    this.#held += text;
    if (!this.#begun) {
      const begin = this.#held.indexOf(`${this.#mark}\n`);
      if (begin < 0) return undefined;
      this.#begun = true;
      this.#held = this.#held.slice(begin + this.#mark.length + 1);
    }
    const end = this.#held.indexOf(`\n${this.#mark} `);
    if (end < 0) {
      // What may be the beginning of the mark is kept.
      const sure = this.#held.length - this.#mark.length - 2;
      if (sure > 0) {
        this.#onOutput(this.#held.slice(0, sure));
        this.#held = this.#held.slice(sure);
      }
      return undefined;
    }
    const code = /^(\d+)\n/u.exec(this.#held.slice(end + this.#mark.length + 2))?.[1];
    if (code === undefined) return undefined;
    if (end > 0) this.#onOutput(this.#held.slice(0, end));
    // What comes now is of another command.
    this.#begun = false;
    this.#held = '';
    return Number(code);
  }
}
