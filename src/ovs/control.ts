/**
 * Questions to ovs-vswitchd on its control socket, as `ovs-appctl` puts them: JSON-RPC 1.0 with words in and text out
 * (ovs-appctl(8)). For what neither the database nor OpenFlow tells; nothing is changed this way.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { Connection } from './ovsdb/connection.ts';

/** Milliseconds. */
const PATIENCE = 5_000;

/** The control socket of the ovs-vswitchd that runs there; undefined when none has written down its process id. */
export async function controlSocketIn(runDirectory: string): Promise<string | undefined> {
  const text = await readFile(join(runDirectory, 'ovs-vswitchd.pid'), 'utf8').catch(() => '');
  const pid = /^(\d+)\s*$/.exec(text)?.[1];
  return pid === undefined ? undefined : join(runDirectory, `ovs-vswitchd.${pid}.ctl`);
}

/** What ovs-vswitchd answers; undefined when it does not answer, or does not know the command. */
export async function askControl(
  socket: string,
  clock: Clock,
  command: string,
  ...words: readonly string[]
): Promise<string | undefined> {
  const connection = new Connection({
    socket,
    clock,
    onConnect: () => {},
    onHeard: () => {},
    onNotification: () => {},
    onEnd: () => {},
  });
  try {
    const answer = await connection.request(command, words, PATIENCE);
    return typeof answer === 'string' ? answer : undefined;
  } catch {
    return undefined;
  } finally {
    connection.close();
  }
}

/** `Check pkt length action: Yes` of `dpif/show-dp-features`, a line each, as a table from lower-case words. */
export function readFeatures(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').flatMap((line) => {
    const read = /^([^:]+): *(.*\S) *$/.exec(line);
    return read ? [[read[1]!.toLowerCase(), read[2]!] as const] : [];
  });
  return new Map(lines);
}
