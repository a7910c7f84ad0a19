/** The generated blocks by name: what `<!-- generated: NAME ARGUMENTS -->` stands for. */
import { readFileSync } from 'node:fs';
import { cookieOf, FEATURES } from '../../src/pipeline/cookies.ts';
import { TABLES } from '../../src/pipeline/tables.ts';
import { flowsOfTable } from './flows.ts';
import { type BlockCall, fenced, ROOT, table } from './markdown.ts';
import { migrationSteps } from './migration.ts';
import { mtus } from './mtu.ts';
import { policy, tryPolicy } from './policy.ts';
import { vnic } from './vnic.ts';
import { spoofedWalk, walk, wire } from './walks.ts';

type Block = (...args: string[]) => string | Promise<string>;

const BLOCKS: Readonly<Record<string, Block>> = {
  /** `tables`: THE list of tables. */
  tables: () =>
    table(
      ['', 'table', 'what it decides', 'a frame that no rule matches is dropped:'],
      TABLES.map(({ name, purpose, miss }, i) => [`${i}`, `[\`${name}\`](#${i}-${name})`, purpose, miss]),
    ),
  /** `flows TABLE`: real flows of one table, each with its words. */
  flows: flowsOfTable,
  /** `cookies`: the features, and the cookies that their flows begin with. */
  cookies: () =>
    table(
      ['feature', 'cookie/mask of its flows'],
      FEATURES.map((feature) => [
        `\`${feature}\``,
        `\`0x${(cookieOf(feature, '') >> 40n).toString(16)}0000000000/0xffffff0000000000\``,
      ]),
    ),
  /** `picture FILE`: the indented part of the comment that a source file opens with. */
  picture,
  /** `migration`: the records of each host, step by step. */
  migration: migrationSteps,
  /** `mtu`: what guests may send, by encapsulation. */
  mtu: mtus,
  /** `policy EXAMPLE HOST [KIND…]`: as `netloom policy get` shows it. */
  policy,
  /** `try-policy FILE`: who reaches whom on the records of a file. */
  'try-policy': tryPolicy,
  /** `walk EXAMPLE FROM TO [STEPS]` */
  walk,
  /** `spoofed-walk ADDRESS TO`: of blue1, which uses an address that is not its own. */
  'spoofed-walk': spoofedWalk,
  /** `wire FROM TO`: an echo request as it leaves host1. */
  wire,
  /** `vnic WHAT [STAGE] [HOST]`: from the life of blue3/eth0. */
  vnic,
};

/** The content of a block. Throws for a name that is none, and where the arguments mean nothing. */
export async function render({ name, args }: BlockCall): Promise<string> {
  const block = BLOCKS[name];
  if (!block) throw new Error(`there is no block ${name}; there are ${Object.keys(BLOCKS).join(', ')}`);
  return await block(...args);
}

function picture(file: string): string {
  const opening = /^(?:import.*\n|\n)*\/\*\*\n([\s\S]*?)\n \*\//.exec(readFileSync(ROOT + file, 'utf8'))?.[1];
  const lines = (opening ?? '').split('\n').map((line) => line.replace(/^ \* ?/, ''));
  const first = lines.findIndex((line) => line.startsWith('    '));
  const last = lines.findLastIndex((line) => line.startsWith('    '));
  if (first < 0) throw new Error(`${file} does not open with a comment that has a picture`);
  return fenced(
    lines
      .slice(first, last + 1)
      .map((line) => line.slice(4))
      .join('\n'),
  );
}
