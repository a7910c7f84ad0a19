/**
 * The architecture as a test: which layer may import which, and no cycles. Imports go down only.
 * To add a layer, give it a row and say what it may know; the reasons stand in ARCHITECTURE.md.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../../src');

/** What a layer may import besides itself and base. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  packet: [],
  model: ['packet'],
  policy: ['packet'],
  flow: ['packet'],
  allocate: ['packet', 'model'],
  compile: ['packet', 'model', 'policy', 'allocate'],
  pipeline: ['packet', 'policy', 'flow'],
  guest: ['packet'],
  store: [],
  stream: ['policy'],
  softswitch: ['packet', 'flow'],
  sockets: ['packet', 'flow', 'softswitch'],
  agent: ['packet', 'policy', 'flow', 'pipeline', 'stream'],
  ovs: ['packet', 'flow'],
  identity: [],
  host: ['packet', 'policy', 'flow', 'stream', 'agent', 'ovs', 'identity'],
  controller: ['packet', 'model', 'policy', 'allocate', 'compile', 'store', 'stream', 'identity'],
  lab: [
    'packet',
    'model',
    'policy',
    'flow',
    'pipeline',
    'guest',
    'softswitch',
    'agent',
    'stream',
    'controller',
    'store',
    'host',
    'ovs',
    'identity',
  ],
  access: ['model', 'store', 'controller'],
  api: ['packet', 'model', 'policy', 'store', 'controller', 'access', 'identity'],
  cli: [
    'packet',
    'model',
    'policy',
    'flow',
    'store',
    'softswitch',
    'sockets',
    'controller',
    'access',
    'lab',
    'api',
    'stream',
    'ovs',
    'host',
    'identity',
  ],
};

/** The core is pure: nothing in it touches the machine, the clock or chance. */
const PURE = ['packet', 'model', 'allocate', 'compile', 'policy', 'flow', 'pipeline', 'softswitch', 'guest'];
const IMPURE =
  /\b(Date\.now|new Date\(\)|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|process\.|randomUUID|randomBytes)\b/;
/** Functions of bytes and nothing else may be taken from node: itself. */
const PURE_NODE_MODULES = ['node:crypto', 'node:net', 'node:util'];

interface Source {
  readonly file: string;
  readonly layer: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const sources: Source[] = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.ts$/.test(entry.name))
  .map((entry) => {
    const path = join(entry.parentPath, entry.name);
    const file = relative(SRC, path);
    const text = readFileSync(path, 'utf8');
    const imports = [
      ...text.matchAll(
        /^\s*(?:import|export)\b[^;'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|^import\s+['"]([^'"]+)['"]/gm,
      ),
    ].map((m) => (m[1] ?? m[2] ?? m[3])!);
    return { file, layer: file.split('/')[0]!, text, imports };
  });
/** Tests, and what stands beside the sources for tests alone. */
const FOR_TESTS = /(\.test|-suite|\bfixture)\.ts$/;
const production = sources.filter((s) => !FOR_TESTS.test(s.file));

const local = (source: Source) =>
  source.imports
    .filter((i) => i.startsWith('.'))
    .map((i) => relative(SRC, resolve(SRC, dirname(source.file), i)));

describe('layers', () => {
  it('has a rule for every folder of src', () => {
    expect([...new Set(sources.map((s) => s.layer))].filter((layer) => !(layer in MAY_IMPORT))).toEqual([]);
  });

  it('import downwards only', () => {
    const wrong = production.flatMap((source) =>
      local(source)
        .map((target) => target.split('/')[0]!)
        .filter(
          (layer) => layer !== source.layer && layer !== 'base' && !MAY_IMPORT[source.layer]?.includes(layer),
        )
        .map((layer) => `${source.file} imports ${layer}/`),
    );
    expect([...new Set(wrong)]).toEqual([]);
  });

  it('stay inside src', () => {
    expect(
      production.flatMap((s) =>
        local(s)
          .filter((t) => t.startsWith('..'))
          .map((t) => `${s.file} imports ${t}`),
      ),
    ).toEqual([]);
  });

  it('need nothing that is for tests', () => {
    expect(
      production.flatMap((s) =>
        local(s)
          .filter((target) => FOR_TESTS.test(target))
          .map((target) => `${s.file} imports ${target}`),
      ),
    ).toEqual([]);
  });

  it('have no import cycles', () => {
    const graph = new Map(production.map((s) => [s.file, local(s)]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file)) {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
        return;
      }
      if (done.has(file)) return;
      for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of graph.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it('keep the core free of effects', () => {
    const wrong = production
      .filter((s) => PURE.includes(s.layer))
      .flatMap((s) => {
        const code = s.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
        const modules = s.imports.filter((i) => i.startsWith('node:') && !PURE_NODE_MODULES.includes(i));
        return [...modules, ...(IMPURE.exec(code) ?? [])].slice(0, 1).map((what) => `${s.file}: ${what}`);
      });
    expect(wrong).toEqual([]);
  });

  it('would notice a wrong import, a cycle and an effect (the test can fail)', () => {
    expect(MAY_IMPORT.policy).not.toContain('model');
    expect(IMPURE.test('const t = Date.now();')).toBe(true);
    expect(production.some((s) => local(s).length > 0)).toBe(true);
  });
});
