/** Commands in the documents, in the examples and in the help of commands are ones that there are, with their options. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { testTerminal } from '../../src/cli/fixture.ts';
import { programOf } from '../../src/cli/main.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const program = programOf({ terminal: testTerminal(), finish: () => {} });

interface Line {
  readonly where: string;
  readonly words: readonly string[];
}

/** Words as a shell splits them, up to a comment, a pipe, a redirection or the next command. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [, quoted, bare] of line.matchAll(/(?:"([^"]*)"|([^\s"]+))(?=\s|$|[;)])/g)) {
    if (bare !== undefined && /^(?:#|\||&|;|>|<|2>)/.test(bare)) break;
    words.push(quoted ?? bare ?? '');
    if (bare?.endsWith(';')) break;
  }
  return words;
}

/** Lines that are a command, or begin with one. In YAML and shell they stand in comments. */
function linesOf(file: string): Line[] {
  const lines = readFileSync(`${root}${file}`, 'utf8').split('\n');
  return lines.flatMap((line, i) => {
    const match = /^\s*(?:[#$]\s+)*(?:npx )?netloom (?=[a-z-])(.*)$/.exec(line);
    return match ? [{ where: `${file}:${i + 1}`, words: wordsOf(match[1]!) }] : [];
  });
}

function* commandsIn(outer: Command, path = ''): Generator<readonly [string, Command]> {
  for (const inner of outer.commands) {
    const name = `${path}${inner.name()}`;
    yield [name, inner];
    yield* commandsIn(inner, `${name} `);
  }
}

/** The examples under the help of each command. */
function helpLines(): Line[] {
  return [...commandsIn(program)].flatMap(([name, inner]) => {
    let text = '';
    inner.configureOutput({ writeOut: (part) => (text += part) });
    inner.outputHelp();
    return [...text.matchAll(/^ {2}\$ netloom (.*?)(?: {2,}# .*)?$/gm)].map(([, line]) => ({
      where: `netloom ${name} --help`,
      words: wordsOf(line!),
    }));
  });
}

/** What is wrong with a command line; undefined: nothing that can be seen without running it. */
function wrongWith(words: readonly string[]): string | undefined {
  const rest = [...words];
  let command = program;
  for (let next = inner(command, rest[0]); next; next = inner(command, rest[0])) {
    command = next;
    rest.shift();
  }
  if (command === program) return 'there is no such command';
  if (command.commands.length > 0) return rest[0]?.startsWith('-') ? undefined : 'it says no inner command';
  let given = 0;
  while (rest.length > 0) {
    const word = rest.shift()!;
    if (!/^--?[a-z0-9]/i.test(word)) {
      given += 1;
      continue;
    }
    if (word === '--help') return undefined;
    const option = command.options.find((o) => o.long === word || o.short === word);
    if (!option) return `it has no option ${word}`;
    // An option of several values takes all up to the next one; --ping takes two.
    if (option.long === '--ping') rest.splice(0, 2);
    else if (option.variadic) while (rest[0] !== undefined && !rest[0].startsWith('-')) rest.shift();
    else if (option.required) rest.shift();
  }
  const { registeredArguments: all } = command;
  const least = all.filter(({ required }) => required).length;
  if (given < least) return `it lacks its ${all[given]?.name()}`;
  if (given > all.length && !all.at(-1)?.variadic) return `it takes ${all.length} arguments, not ${given}`;
  return undefined;
}

function inner(outer: Command, name: string | undefined): Command | undefined {
  return outer.commands.find((each) => each.name() === name);
}

describe('a command in a document', () => {
  const files = [
    'README.md',
    ...globSync(['docs/*.md', 'examples/*.yaml', 'examples/*/*.{yaml,sh}'], { cwd: root }).sort(),
  ];
  const lines = [...files.flatMap(linesOf), ...helpLines()];

  it('is one that there is, with options and arguments that it has', () => {
    expect(lines.length).toBeGreaterThan(150);
    const wrong = lines.flatMap(({ where, words }) => {
      const why = wrongWith(words);
      return why === undefined ? [] : [`${where}: netloom ${words.join(' ')}: ${why}`];
    });
    expect(wrong).toEqual([]);
  });

  it('would be noticed if it were not', () => {
    expect(wrongWith(wordsOf('get vm --outputt json'))).toBe('it has no option --outputt');
    expect(wrongWith(wordsOf('gett vm'))).toBe('there is no such command');
    expect(wrongWith(wordsOf('pool shwo "CA Pool"'))).toBe('it says no inner command');
    expect(wrongWith(wordsOf('undo'))).toBe('it lacks its revision');
    expect(wrongWith(wordsOf('undo 1 2'))).toBe('it takes 1 arguments, not 2');
    expect(wrongWith(wordsOf('try f.yaml --ping a b --ping a c   # why'))).toBeUndefined();
  });
});
