/**
 * Sessions of "netloom login", one for each server, in a file that nobody else reads:
 * XDG_STATE_HOME/netloom/sessions.json, ~/.local/state/netloom/sessions.json.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isPrivate, writePrivateFile } from '../base/private-file.ts';
import type { Terminal } from './terminal.ts';

type Sessions = Readonly<Record<string, string>>;

export function readSession(url: URL, env: Terminal['env']): string | undefined {
  return readAll(env)[url.origin];
}

/** Without a session, the one of the server is forgotten. */
export function writeSession(url: URL, env: Terminal['env'], session?: string): void {
  const { [url.origin]: _before, ...others } = readAll(env);
  const all: Sessions = session === undefined ? others : { ...others, [url.origin]: session };
  const file = fileOf(env);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writePrivateFile(file, `${JSON.stringify(all)}\n`);
}

function readAll(env: Terminal['env']): Sessions {
  const file = fileOf(env);
  try {
    // One that others can read is none any more.
    if (!isPrivate(file)) return {};
    const value = JSON.parse(readFileSync(file, 'utf8')) as unknown;
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter(([, session]) => typeof session === 'string'));
  } catch {
    return {};
  }
}

function fileOf(env: Terminal['env']): string {
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'netloom', 'sessions.json');
}
