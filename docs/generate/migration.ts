/** The steps of a migration, as the records that each host gets, gets anew and loses. */
import type { Lab } from '../../src/lab/lab.ts';
import type { PolicyRecord } from '../../src/policy/records.ts';
import { recordText } from '../../src/policy/text.ts';
import { inExample } from './labs.ts';
import { fenced } from './markdown.ts';

const WHO = { author: 'docs' };
const VM = 'there';
const HOSTS = ['host1', 'host2', 'host3'];

type Records = ReadonlyMap<string, ReadonlyMap<string, PolicyRecord>>;

/** "there" of examples/migration.yaml moves from host2, where it is alone, to host3, which has been emptied before. */
export function migrationSteps(): Promise<string> {
  return inExample('migration', async (lab) => {
    const { controller, fabric } = lab;
    await controller.apply([{ delete: 'VirtualMachine/far' }, { delete: 'VirtualMachine/back' }], WHO);
    await fabric.settled();
    const lines: string[] = [];
    for (const [title, until] of [
      ['prepare', 'prepared'],
      ['switch over', 'switched-over'],
      ['finish', 'finished'],
    ] as const) {
      const before = recordsOf(lab);
      const destination = until === 'prepared' ? { destination: 'host3' } : {};
      await controller.migrations.migrate(VM, { ...destination, until }, WHO);
      lines.push(title, ...HOSTS.flatMap((host) => changesOf(host, before, recordsOf(lab))), '');
    }
    return fenced(lines.join('\n').trimEnd());
  });
}

function recordsOf({ fabric }: Lab): Records {
  return new Map([...fabric.hosts].map(([host, { agent }]) => [host, new Map(agent.records())]));
}

function changesOf(host: string, before: Records, after: Records): string[] {
  const [had, has] = [before.get(host) ?? new Map(), after.get(host) ?? new Map()];
  const lines: string[] = [];
  for (const [key, record] of has) {
    const old = had.get(key);
    if (!old) lines.push(`+ ${words(record)}`);
    else if (recordText(old) !== recordText(record)) lines.push(`~ ${words(record)}`);
  }
  for (const [key, record] of had) if (!has.has(key)) lines.push(`- ${words(record)}`);
  return lines.sort().map((line, i) => `  ${i === 0 ? host.padEnd(7) : ' '.repeat(7)}${line}`);
}

function words(record: PolicyRecord): string {
  switch (record.kind) {
    case 'port':
      return `port ${record.name}${record.migration ? `: ${record.migration}` : ''}`;
    case 'lookup':
      return `lookup record ${record.ca} -> ${record.pa}${record.standby ? `, perhaps ${record.standby}` : ''}`;
    case 'provider':
      return `provider address ${record.pa}`;
    case 'domain':
      return `routing domain ${record.name}`;
    case 'subnet':
      return `subnet ${record.name}, VSID ${record.vsid}`;
    case 'route':
      return `route ${record.prefix}`;
    default:
      return record.kind;
  }
}
