/** A program of its own: runs a command in a guest, as `ip netns exec` does in a namespace. SOCKET COMMAND… */
import { NetloomError } from '../../../base/error.ts';
import { runInGuest } from './guest-shell.ts';

const [socket = '', ...command] = process.argv.slice(2);
const stop = new AbortController();
process.on('SIGINT', () => stop.abort());
process.on('SIGTERM', () => stop.abort());
try {
  process.exitCode = await runInGuest(socket, command, {
    onOutput: (text) => void process.stdout.write(text),
    signal: stop.signal,
  });
} catch (thrown) {
  if (!stop.signal.aborted) process.stderr.write(`${NetloomError.from(thrown).message}\n`);
  process.exitCode = 255;
}
