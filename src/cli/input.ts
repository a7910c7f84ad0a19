/** Files on the command line: read, parsed, and findings about their objects shown at their lines. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import { MAX_INPUT_BYTES } from '../model/decode.ts';
import { type Input, type Parsed, parseInputs } from '../model/input.ts';
import type { Terminal } from './terminal.ts';

/** Objects of files (`-`: standard input; a directory: the .yaml, .yml and .json files in it). */
export async function readFiles(names: readonly string[], terminal: Terminal): Promise<Parsed> {
  const inputs: Input[] = [];
  const unreadable: Finding[] = [];
  for (const name of names) {
    if (name === '-') {
      inputs.push({ file: 'standard input', text: await terminal.readInput(MAX_INPUT_BYTES) });
      continue;
    }
    try {
      for (const file of filesOf(name)) inputs.push({ file, text: readFile(file) });
    } catch (thrown) {
      unreadable.push(cannotRead(name, thrown));
    }
  }
  const parsed = parseInputs(inputs);
  return { ...parsed, findings: [...unreadable, ...parsed.findings] };
}

/** One file (`-`: standard input) as it is, and what to call it. Throws NetloomError. */
export async function readBytes(
  name: string,
  terminal: Terminal,
): Promise<{ readonly bytes: Uint8Array; readonly name: string }> {
  if (name === '-') return { bytes: await terminal.readInput(MAX_INPUT_BYTES), name: 'standard input' };
  try {
    return { bytes: readFile(name), name };
  } catch (thrown) {
    throw new NetloomError([cannotRead(name, thrown)], { cause: thrown });
  }
}

/** Throws what is wrong with the input, if anything is. */
export function throwInput(findings: readonly Finding[]): void {
  const [first, ...rest] = findings.filter((f) => f.severity === 'error');
  if (first) throw new NetloomError([first, ...rest]);
}

function filesOf(name: string): string[] {
  if (!statSync(name).isDirectory()) return [name];
  const files = readdirSync(name).filter((file) => /\.(?:ya?ml|json)$/i.test(file));
  return files.sort().map((file) => join(name, file));
}

function readFile(file: string): Uint8Array {
  const { size } = statSync(file);
  if (size <= MAX_INPUT_BYTES) return readFileSync(file);
  const mebibytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
  throw new NetloomError([
    finding(
      'input-too-large',
      '',
      `${file} has ${mebibytes(size)}; at most ${mebibytes(MAX_INPUT_BYTES)} are read.`,
      'Split the file and apply the parts one after the other.',
    ),
  ]);
}

function cannotRead(name: string, thrown: unknown): Finding {
  if (thrown instanceof NetloomError) return thrown.findings[0];
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  const why =
    code === 'ENOENT'
      ? 'does not exist'
      : code === 'EACCES'
        ? 'may not be read by you'
        : `cannot be read (${thrown instanceof Error ? thrown.message : String(thrown)})`;
  return finding('input-unreadable', '', `${name} ${why}.`, 'Check the name of the file.');
}

/** Findings of a controller with the places in the input of the fields that they are about. */
export function locateFindings(findings: readonly Finding[], parsed: Parsed): Finding[] {
  const byKey = new Map<string, Parsed['objects'][number]>(parsed.objects.map((o) => [o.key, o]));
  return findings.map((found) => {
    if (found.source) return found;
    // Names may contain dots, so the key of a path is the longest beginning that is one.
    for (let end = found.path.length; end > 0; end = found.path.lastIndexOf('.', end - 1)) {
      const object = byKey.get(found.path.slice(0, end));
      if (object) return { ...found, source: object.position(found.path.slice(end + 1)) };
    }
    return found;
  });
}

/** Runs something with objects of the input; what it throws comes with places in the input. */
export async function withPlaces<T>(parsed: Parsed, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (thrown) {
    if (!(thrown instanceof NetloomError)) throw thrown;
    const [first, ...rest] = locateFindings(thrown.findings, parsed);
    throw new NetloomError([first!, ...rest], { cause: thrown });
  }
}
