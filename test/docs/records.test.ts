/** docs/records.md, for those who come from SCVMM: every command, option, kind and field that it names exists. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../../docs/generate/markdown.ts';
import { testTerminal } from '../../src/cli/fixture.ts';
import { programOf } from '../../src/cli/main.ts';
import { KIND_NAMES } from '../../src/model/definition.ts';
import { findKind, kindOf } from '../../src/model/kinds.ts';
import { KIND_ORDER } from '../../src/policy/order.ts';

interface Place {
  readonly properties?: Readonly<Record<string, Place>>;
  readonly items?: Place;
}

const page = readFileSync(`${ROOT}docs/records.md`, 'utf8');
const tables = page.slice(page.indexOf('<!-- cmdlets'));
const codes = [...tables.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
const program = programOf({ terminal: testTerminal(), finish: () => {} });

/** What is wrong with `netloom policy get HOST lookup -o wide`; undefined when nothing is. */
function wrongCommand(line: string): string | undefined {
  let command: Command = program;
  const words = line.split(' ').slice(1);
  while (command.commands.length > 0) {
    const next = command.commands.find((each) => each.name() === words[0]);
    if (!next) return `${line}: there is no command ${words[0]}`;
    command = next;
    words.shift();
  }
  const given: string[] = [];
  while (words.length > 0) {
    const word = words.shift()!;
    const option = command.options.find((each) => each.short === word || each.long === word);
    if (!word.startsWith('-')) given.push(word);
    else if (!option) return `${line}: there is no option ${word}`;
    else if (option.required) {
      const value = words.shift();
      const choices = option.argChoices;
      if (value === undefined || (choices && !choices.includes(value))) return `${line}: ${word} ${value}`;
    }
  }
  const parameters = command.registeredArguments;
  const least = parameters.filter((each) => each.required).length;
  const most = parameters.some((each) => each.variadic) ? given.length : parameters.length;
  if (given.length < least || given.length > most) return `${line}: ${given.length} arguments`;
  const choices = parameters.at(-1)?.argChoices;
  const chosen = choices ? given.slice(parameters.length - 1) : [];
  const bad = chosen.filter((each) => !choices!.includes(each));
  return bad.length > 0 ? `${line}: ${bad}` : undefined;
}

/** What is wrong with `VirtualMachine.vnics.trunk`. */
function wrongField(path: string): string | undefined {
  const [name, ...fields] = path.split('.');
  const kind = KIND_NAMES.find((each) => each === name);
  if (!kind) return `${path}: there is no kind ${name}`;
  const schema = z.toJSONSchema(kindOf(kind).schema, { io: 'input', unrepresentable: 'any' });
  let place = schema as Place | undefined;
  for (const field of fields) place = (place?.items ?? place)?.properties?.[field];
  return place ? undefined : path;
}

describe('the tables of cmdlets', () => {
  it('name commands, kinds, fields and records that there are', () => {
    const wrong = codes.flatMap((code) => {
      if (code.startsWith('netloom ')) return wrongCommand(code) ?? [];
      if (/^[A-Z]/.test(code)) return wrongField(code) ?? [];
      const record = /^\{ kind: (\w+) \}$/.exec(code)?.[1];
      return record !== undefined && !KIND_ORDER.some((kind) => kind === record) ? code : [];
    });
    expect(wrong).toEqual([]);
    expect(codes.length).toBeGreaterThan(60);
    for (const [, kind] of tables.matchAll(/`netloom get ([a-z-]+)`/g)) expect(findKind(kind!)).toBeDefined();
  });

  it('would be found wrong (the test can fail)', () => {
    expect(wrongCommand('netloom policy set HOST')).toContain('no command set');
    expect(wrongCommand('netloom policy get HOST routes')).toContain('routes');
    expect(wrongCommand('netloom policy get')).toContain('0 arguments');
    expect(wrongCommand('netloom vm migrate VM --host H')).toContain('no option --host');
    expect(wrongField('VirtualMachine.vnics.vlan')).toBe('VirtualMachine.vnics.vlan');
    expect(wrongField('Switch.name')).toContain('no kind Switch');
  });
});
