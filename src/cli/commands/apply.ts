import type { Command } from 'commander';
import type { Parsed } from '../../model/input.ts';
import type { Client } from '../client.ts';
import { type Context, command } from '../context.ts';
import { type ChangeOptions, withChange } from '../submit-change.ts';

interface Options extends ChangeOptions {
  readonly file: readonly string[];
}

export function applyCommand(context: Context): Command {
  const { terminal } = context;
  const made = command('apply', 'Create and change objects as files say, all of them or none', [
    ['netloom apply -f campus.yaml', 'apply a file'],
    ['netloom apply -f site.yaml -f tenants/ -m "third floor"', 'several files and folders as one change'],
    ['netloom apply -f campus.yaml --dry-run', 'show what would change, and change nothing'],
    ['netloom apply -f campus.yaml --wait', 'and wait until the hosts have it in force'],
    ['netloom get vm blue1 -o yaml | netloom apply -f -', 'from standard input'],
  ]).requiredOption('-f, --file <file...>', 'file or folder of YAML or JSON; - is standard input');
  return withChange(made).action(async (options: Options) => {
    const { readFiles, throwInput, withPlaces } = await import('../input.ts');
    const { Client } = await import('../client.ts');
    const { reportFindings } = await import('../report.ts');
    const { submitChange } = await import('../submit-change.ts');
    const parsed = await readFiles(options.file, terminal);
    if (parsed.findings.some((f) => f.severity === 'error')) {
      throwInput([...parsed.findings, ...(await whatElse(parsed, () => Client.of(options, terminal)))]);
    }
    reportFindings(terminal, parsed.findings);
    const client = Client.of(options, terminal);
    const body = { objects: objectsOf(parsed) };
    await submitChange(client, '/api/v1/apply', body, options, context, (post) => withPlaces(parsed, post));
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
