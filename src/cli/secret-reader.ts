/** Passwords: typed without being shown, or lines of standard input. Never from the command line, which everybody sees. */

/** Bytes of standard input that are looked at. */
const MAXIMUM = 16 * 1024;

const ENTER = /[\r\n]/;
const [INTERRUPT, END, BACKSPACE, DELETE, CLEAR] = ['\u0003', '\u0004', '\b', '\u007f', '\u0015'];

export function secretReader(
  stdin: NodeJS.ReadStream,
  stderr: NodeJS.WriteStream,
): (prompt: string) => Promise<string | undefined> {
  let lines: string[] | undefined;
  return async (prompt) => {
    if (stdin.isTTY) {
      stderr.write(prompt);
      return typed(stdin).finally(() => stderr.write('\n'));
    }
    lines ??= await linesOf(stdin);
    return lines.shift();
  };
}

async function linesOf(stdin: NodeJS.ReadStream): Promise<string[]> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stdin as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > MAXIMUM) break;
  }
  const lines = Buffer.concat(chunks).toString('utf8').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** What is typed until Enter. */
function typed(stdin: NodeJS.ReadStream): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text: string[] = [];
    const done = (result: string | undefined) => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      for (const letter of chunk.toString('utf8')) {
        if (ENTER.test(letter)) return done(text.join(''));
        if (letter === END) return done(undefined);
        if (letter === INTERRUPT) {
          done(undefined);
          process.kill(process.pid, 'SIGINT');
          return;
        }
        if (letter === BACKSPACE || letter === DELETE) text.pop();
        else if (letter === CLEAR) text = [];
        else text.push(letter);
      }
    };
    stdin.setRawMode(true);
    stdin.on('data', onData);
    stdin.resume();
  });
}
