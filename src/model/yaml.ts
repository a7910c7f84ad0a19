import {
  Composer,
  CST,
  type Document,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  Parser,
  parseDocument,
} from 'yaml';
import type { ErrorCode } from '../base/codes.ts';
import { type Finding, finding, type SourcePosition } from '../base/error.ts';
import { pathOfSteps, type Steps } from './shape.ts';

/**
 * YAML 1.2 (and so JSON) to plain values, for input that nobody trusts. Only what describes data is accepted: no
 * anchors and aliases, no tags, no merge keys, no directives, every key once, nesting and number of values bounded.
 * The text is read token by token, so that what is forbidden is seen before anything is built from it.
 */

/** Nesting of lists and groups within a document. */
const MAX_DEPTH = 32;
const MAX_DOCUMENTS = 100_000;
/** Tokens of one document: some 100,000 lines. Bounds the memory that one document takes. */
const MAX_TOKENS = 500_000;
/** Errors of syntax, and things that are forbidden: after so many the rest of the text is not looked at any more. */
const MAX_ERRORS = 100;
/** Columns of indentation. Deeper nesting than MAX_DEPTH does not need more. */
const MAX_INDENT = 1024;

/** One document of a stream. */
export interface YamlDocument {
  /** The value; undefined when there are findings, or nothing but comments. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** Where the field at these steps stands, or, when it is not there, what it would be in. */
  locate(steps: Steps): SourcePosition;
}

// Duplicate keys are found here and not by the library, which compares each with each.
const OPTIONS = {
  version: '1.2',
  schema: 'core',
  merge: false,
  uniqueKeys: false,
  prettyErrors: false,
} as const;

/** Reads the documents of a text one after the other. Never throws; stops after a finding about the whole text. */
export function* readYaml(text: string, file: string): Generator<YamlDocument> {
  const lines = new Lines(text, file);
  const composer = new Composer(OPTIONS);
  const guard = new Guard(lines);
  let count = 0;
  try {
    for (const document of compose(text, composer, guard)) {
      count += 1;
      if (count > MAX_DOCUMENTS) {
        yield refuse(
          lines,
          document.range?.[0] ?? 0,
          finding(
            'input-too-large',
            '',
            `There are more than ${MAX_DOCUMENTS.toLocaleString('en')} documents.`,
            'Split the file and apply the parts one after the other.',
          ),
        );
        return;
      }
      yield readDocument(document, guard.take(document.range[2]), lines);
    }
    // What is wrong outside of every document.
    const rest = [
      ...guard.take(Number.POSITIVE_INFINITY),
      ...composer.streamInfo().errors.map((e) => lines.place(syntaxFinding(e), e.pos[0])),
    ];
    if (rest.length > 0)
      yield { value: undefined, findings: rest, locate: () => lines.position(text.length) };
  } catch (error) {
    const last = refuse(lines, guard.offset, refusal(error));
    const earlier = error instanceof Refusal ? error.earlier : [];
    yield { ...last, findings: [...earlier, ...last.findings] };
  }
}

/** Thrown by the guard: no more of this text is read. */
class Refusal extends Error {
  readonly finding: Finding;
  /** What was found before it, and counts too. */
  readonly earlier: readonly Finding[];
  constructor(what: Finding, earlier: readonly Finding[] = []) {
    super(what.message);
    this.finding = what;
    this.earlier = earlier;
  }
}

function refusal(error: unknown): Finding {
  if (error instanceof Refusal) return error.finding;
  if (error instanceof RangeError) return tooDeep().finding;
  return finding(
    'yaml-syntax',
    '',
    `The document cannot be read as YAML from here on: ${error instanceof Error ? error.message : String(error)}.`,
    'Correct the text.',
  );
}

function tooDeep(): Refusal {
  return new Refusal(
    finding(
      'yaml-forbidden',
      '',
      `The document is nested deeper than ${MAX_DEPTH} levels.`,
      'Write it flatter; no object of Netloom is nested that deep.',
    ),
  );
}

function refuse(lines: Lines, offset: number, what: Finding): YamlDocument {
  const source = lines.position(offset);
  return { value: undefined, findings: [{ ...what, source }], locate: () => source };
}

function syntaxFinding({ code, message }: { code: string; message: string }): Finding {
  if (code === 'RESOURCE_EXHAUSTION') return tooDeep().finding;
  const remedy =
    code === 'BLOCK_AS_IMPLICIT_KEY'
      ? 'Correct the indentation; text that contains a colon and a space goes in quotes.'
      : 'Correct the YAML here.';
  return finding('yaml-syntax', '', `${message.slice(0, 200)}.`, remedy);
}

function* compose(text: string, composer: Composer, guard: Guard): Generator<Document.Parsed> {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    guard.look(lexeme);
    for (const token of parser.next(lexeme)) {
      if (token.type === 'error') guard.error('yaml-syntax', token.message);
      yield* composer.next(token) as Generator<Document.Parsed>;
    }
  }
  for (const token of parser.end()) yield* composer.next(token) as Generator<Document.Parsed>;
  yield* composer.end() as Generator<Document.Parsed>;
}

/** Watches the tokens go by. */
class Guard {
  offset = 0;
  readonly #lines: Lines;
  #flowDepth = 0;
  #indicators = 0;
  #tokens = 0;
  #errors = 0;
  #lineStart = true;
  /** The next token is a scalar as it stands, whatever it looks like. */
  #scalar = false;
  #found: { offset: number; finding: Finding }[] = [];

  constructor(lines: Lines) {
    this.#lines = lines;
  }

  /** Throws Refusal for what must not be built at all; remembers what is forbidden. */
  look(lexeme: string): void {
    const type = this.#scalar ? 'text' : CST.tokenType(lexeme);
    this.#scalar = type === 'scalar';
    // These announce what follows and are not part of the text.
    if (type === 'scalar' || type === 'doc-mode' || type === 'flow-error-end') return;
    this.#count(type, lexeme);
    if (this.#flowDepth > MAX_DEPTH + 1 || this.#indicators > MAX_DEPTH + 1) throw tooDeep();
    if (this.#tokens > MAX_TOKENS) {
      throw new Refusal(
        finding(
          'input-too-large',
          '',
          'One document has too many values.',
          'Write one object in each document, with a line of --- between them.',
        ),
      );
    }
    this.#lineStart = type === 'newline';
    this.offset += lexeme.length;
  }

  /**
   * Throws Refusal for one error too many. The library remembers every one of them and goes on, so that a text of
   * nothing but errors costs a thousand times its size.
   */
  error(code: ErrorCode, message: string): void {
    this.#errors += 1;
    if (this.#errors <= MAX_ERRORS) return;
    const what = `${message.slice(0, 200).replace(/\.?$/, '.')} No more of it is read after ${MAX_ERRORS} errors.`;
    const refused = finding(code, '', what, 'Correct the first ones and try again.');
    throw new Refusal(refused, this.take(Number.POSITIVE_INFINITY));
  }

  #count(type: string | null, lexeme: string): void {
    this.#tokens += 1;
    switch (type) {
      case 'doc-start':
      case 'doc-end':
        this.#tokens = 0;
        this.#flowDepth = 0;
        break;
      case 'newline':
        this.#indicators = 0;
        break;
      case 'space':
        if (this.#lineStart && lexeme.length > MAX_INDENT) throw tooDeep();
        break;
      case 'seq-item-ind':
      case 'explicit-key-ind':
        this.#indicators += 1;
        break;
      case 'flow-map-start':
      case 'flow-seq-start':
        this.#flowDepth += 1;
        break;
      case 'flow-map-end':
      case 'flow-seq-end':
        this.#flowDepth -= 1;
        break;
      case 'anchor':
        this.#forbid('an anchor (&)', lexeme);
        break;
      case 'alias':
        this.#forbid('an alias (*)', lexeme);
        break;
      case 'tag':
        this.#forbid('a tag (!)', lexeme);
        break;
      case 'directive-line':
        this.#forbid('a directive (%)', lexeme, 'Remove the line.');
        break;
    }
  }

  #forbid(
    what: string,
    lexeme: string,
    remedy = 'Write the value out, or put it in quotes if it is text.',
  ): void {
    const forbidden = finding(
      'yaml-forbidden',
      '',
      `The document uses ${what}, ${JSON.stringify(lexeme.slice(0, 40))}.`,
      remedy,
    );
    this.error(forbidden.code, forbidden.message);
    this.#found.push({ offset: this.offset, finding: this.#lines.place(forbidden, this.offset) });
  }

  /** What was forbidden before this offset, once. */
  take(end: number): Finding[] {
    const taken = this.#found.filter((f) => f.offset < end).map((f) => f.finding);
    this.#found = this.#found.filter((f) => f.offset >= end);
    return taken;
  }
}

function readDocument(document: Document.Parsed, forbidden: readonly Finding[], lines: Lines): YamlDocument {
  const [start, , end] = document.range;
  const locate = (steps: Steps) => lines.locate(start, end, steps);
  const findings = [...forbidden];
  // What is forbidden often breaks the syntax too; saying it once is enough.
  if (findings.length === 0) {
    for (const error of document.errors.slice(0, MAX_ERRORS)) {
      findings.push(lines.place(syntaxFinding(error), error.pos[0]));
      // How often it is out of stack on the way back says nothing about the text.
      if (error.code === 'RESOURCE_EXHAUSTION') break;
    }
  }
  if (findings.length > 0) return { value: undefined, findings, locate };
  const value = toValue(document.contents, (what, node) =>
    findings.push(lines.place(what, node.range?.[0] ?? start)),
  );
  return { value: findings.length > 0 ? undefined : value, findings, locate };
}

type Report = (what: Finding, node: Node) => void;

/** Names that JavaScript objects have of themselves; a value must not bring its own. */
const POISON: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** The plain value of a node. Nothing but scalars, lists and groups of fields is left by now. */
function toValue(node: Node | null, report: Report, steps: Steps = []): unknown {
  if (node === null) return undefined;
  if (steps.length > MAX_DEPTH) {
    report(tooDeep().finding, node);
    return undefined;
  }
  if (isScalar(node)) return node.value;
  if (isSeq<Node>(node)) return node.items.map((item, i) => toValue(item, report, [...steps, i]));
  if (!isMap<Node, Node | null>(node)) return undefined;
  const fields: Record<string, unknown> = {};
  for (const { key, value } of node.items) {
    const name = keyOf(key);
    if (name === undefined) {
      const what = 'A list or a group of fields is used as the name of a field.';
      report(finding('yaml-forbidden', pathOfSteps('', steps), what, 'Use a text.'), key);
      continue;
    }
    const inner = [...steps, name];
    if (name === '<<' || POISON.has(name)) {
      report(
        finding(
          'yaml-forbidden',
          pathOfSteps('', inner),
          name === '<<' ? 'The document uses a merge key (<<).' : `"${name}" cannot be the name of a field.`,
          name === '<<' ? 'Write the fields out.' : 'Use another name.',
        ),
        key,
      );
    } else if (Object.hasOwn(fields, name)) {
      const what = `The field "${name.slice(0, 60)}" is there twice.`;
      report(finding('yaml-forbidden', pathOfSteps('', inner), what, 'Remove one of the two.'), key);
    } else {
      // A field without anything after its colon is null, as in YAML.
      fields[name] = value === null ? null : toValue(value, report, inner);
    }
  }
  return fields;
}

function keyOf(key: Node): string | undefined {
  return isScalar(key) ? String(key.value) : undefined;
}

/** Where things stand in a text. */
class Lines {
  readonly #text: string;
  readonly #file: string;
  /** Offsets at which lines begin; made when first asked for. */
  #starts: number[] | undefined;
  /**
   * The document that was looked into last. Documents are not kept but read again when somebody wants to know where
   * a field stands: that is rare, and 100,000 of them would take gigabytes.
   */
  #last: { start: number; root: Node | null } | undefined;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  position(offset: number): SourcePosition {
    this.#starts ??= lineStarts(this.#text);
    const line = lineOf(this.#starts, offset);
    return { file: this.#file, line: line + 1, column: offset - (this.#starts[line] ?? 0) + 1 };
  }

  place(what: Finding, offset: number): Finding {
    return { ...what, source: this.position(offset) };
  }

  /** The field's name, or the list's item, or the nearest thing around it, in the document at start..end. */
  locate(start: number, end: number, steps: Steps): SourcePosition {
    // From the beginning of the line, so that the indentation of the first line counts.
    const from = this.#text.lastIndexOf('\n', start - 1) + 1;
    if (this.#last?.start !== start) {
      this.#last = { start, root: parseDocument(this.#text.slice(from, end), OPTIONS).contents };
    }
    let node: Node | null = this.#last.root;
    let offset = node?.range?.[0] ?? start - from;
    for (const step of steps) {
      if (isMap<Node, Node | null>(node)) {
        const pair = node.items.find(({ key }) => keyOf(key) === String(step));
        if (!pair) break;
        offset = pair.key.range?.[0] ?? offset;
        node = pair.value;
      } else if (isSeq<Node>(node)) {
        const item: Node | undefined = node.items[Number(step)];
        if (!item) break;
        offset = item.range?.[0] ?? offset;
        node = item;
      } else break;
    }
    return this.position(from + offset);
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** The last line that begins at or before the offset. */
function lineOf(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
