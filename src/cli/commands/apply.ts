import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { ChangeSummary } from '../../controller/change.ts';
import type { Parsed } from '../../model/input.ts';
import type { Client } from '../client.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly file: readonly string[];
  readonly dryRun?: boolean;
  readonly message?: string;
  readonly output: 'text' | 'json';
}

export function applyCommand({ terminal }: Context): Command {
  const made = command('apply', 'Create and change objects as files say, all of them or none', [
    ['netloom apply -f campus.yaml', 'apply a file'],
    ['netloom apply -f site.yaml -f tenants/ -m "third floor"', 'several files and folders as one change'],
    ['netloom apply -f campus.yaml --dry-run', 'show what would change, and change nothing'],
    ['netloom get vm blue1 -o yaml | netloom apply -f -', 'from standard input'],
  ])
    .requiredOption('-f, --file <file...>', 'file or folder of YAML or JSON; - is standard input')
    .option('--dry-run', 'show what would change, and change nothing')
    .option('-m, --message <text>', 'why, for the journal');
  return withServer(withOutput(made, 'text', 'json')).action(async (options: Options) => {
    const { readFiles, throwInput, withPlaces } = await import('../input.ts');
    const { Client } = await import('../client.ts');
    const { changeText } = await import('../change-text.ts');
    const { reportFindings } = await import('../report.ts');
    const parsed = await readFiles(options.file, terminal);
    if (parsed.findings.some((f) => f.severity === 'error')) {
      throwInput([...parsed.findings, ...(await whatElse(parsed, () => Client.of(options, terminal)))]);
    }
    reportFindings(terminal, parsed.findings);
    const client = Client.of(options, terminal);
    const summary = await withPlaces(parsed, () =>
      client.post<ChangeSummary>('/api/v1/apply', {
        objects: objectsOf(parsed),
        dryRun: options.dryRun === true,
        requestId: randomUUID(),
        ...(options.message === undefined ? {} : { message: options.message }),
      }),
    );
    reportFindings(terminal, summary.findings);
    terminal.out(
      options.output === 'json'
        ? `${JSON.stringify(summary, null, 2)}\n`
        : changeText(summary, terminal.colours),
    );
  });
}

function objectsOf(parsed: Parsed): object[] {
  return parsed.objects.map(({ object, expectedRevision }) =>
    expectedRevision === undefined ? object : { ...object, meta: { revision: expectedRevision } },
  );
}

/** What the server has against those objects that could be read: everything is said in one go. */
async function whatElse(parsed: Parsed, client: () => Client) {
  const { NetloomError } = await import('../../base/error.ts');
  const { withoutMissing } = await import('../../model/input.ts');
  const { locateFindings } = await import('../input.ts');
  if (parsed.objects.length === 0) return [];
  try {
    await client().post('/api/v1/apply', { objects: objectsOf(parsed), dryRun: true });
    return [];
  } catch (thrown) {
    // What is wrong with the input is told without a server, too.
    if (
      !(thrown instanceof NetloomError) ||
      thrown.code === 'server-unreachable' ||
      thrown.code === 'token-missing'
    )
      return [];
    const objects = parsed.objects.map(({ object }) => object);
    return locateFindings(withoutMissing(thrown.findings, objects, parsed.refused), parsed);
  }
}
