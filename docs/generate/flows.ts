/** Flows as the switches of a host have them, with the words that explain them. */
import { formatFlow } from '../../src/flow/text.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { TABLES } from '../../src/pipeline/tables.ts';
import { inExample } from './labs.ts';
import { fenced } from './markdown.ts';

/** One flow of a switch, as text. */
export interface FlowLine {
  readonly table: number;
  readonly priority: number;
  /** In the notation of ovs-ofctl, without the cookie. */
  readonly flow: string;
  readonly words: string;
  /** The object that the rule came from; empty for a rule that is always there. */
  readonly origin: string;
}

/** What the engine of a host reports, by table, the highest priority first. */
export async function dump(lab: Lab, host: string): Promise<FlowLine[]> {
  const lines: FlowLine[] = [];
  const { soft, agent } = lab.fabric.hosts.get(host)!;
  for (const [name, soft_switch] of soft.switches) {
    for (const { flow } of await soft_switch.dumpFlows()) {
      const { words = '', origin = '' } = agent.explain(name, flow) ?? {};
      const { table, priority } = flow;
      lines.push({ table, priority, flow: formatFlow({ ...flow, cookie: 0n }), words, origin });
    }
  }
  return lines.sort(
    (a, b) =>
      a.table - b.table || b.priority - a.priority || (a.flow < b.flow ? -1 : a.flow > b.flow ? 1 : 0),
  );
}

/** `# words [origin]`, and the flow below it. */
export function explained({ flow, words, origin }: FlowLine, sign = ''): string {
  return `# ${words}${origin ? `  [${origin}]` : ''}\n${sign}${flow}`;
}

/** The flows that came and went between two dumps. */
export function difference(before: readonly FlowLine[], after: readonly FlowLine[]): string {
  const had = new Set(before.map(({ flow }) => flow));
  const has = new Set(after.map(({ flow }) => flow));
  return [
    ...before.filter(({ flow }) => !has.has(flow)).map((line) => explained(line, '- ')),
    ...after.filter(({ flow }) => !had.has(flow)).map((line) => explained(line, '+ ')),
  ].join('\n');
}

const examples = new Map<string, Promise<FlowLine[]>>();

/** Tables that another example shows better than blue-red, and what has happened there. */
const SHOWN: Readonly<
  Record<string, { readonly example: string; readonly after?: (lab: Lab) => Promise<unknown> }>
> = {
  acl: { example: 'acl' },
  'acl-state': { example: 'acl' },
  'acl-rules': { example: 'acl' },
  'acl-allow': { example: 'acl' },
  'acl-log': { example: 'acl' },
  'known-vlan': { example: 'acl' },
  'private-vlan': { example: 'private-vlan' },
  migration: {
    example: 'migration',
    after: ({ controller }) =>
      controller.migrations.migrate('shop', { destination: 'host2', until: 'prepared' }, { author: 'docs' }),
  },
};

/** All flows of one table on host1 of examples/blue-red.yaml, or of the example in `SHOWN`. */
export async function flowsOfTable(name: string): Promise<string> {
  const { example, after } = SHOWN[name] ?? { example: 'blue-red' };
  const flows =
    examples.get(example) ??
    inExample(example, async (lab) => {
      await after?.(lab);
      return dump(lab, 'host1');
    });
  examples.set(example, flows);
  const number = TABLES.findIndex((table) => table.name === name);
  if (number < 0)
    throw new Error(`there is no table ${name}; there are ${TABLES.map((t) => t.name).join(', ')}`);
  const lines = (await flows).filter(({ table }) => table === number);
  return fenced(lines.map((line) => explained(line)).join('\n'), 'sh');
}
