/** `netloom vm connect` and `netloom vm disconnect`. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { JsonObject } from '../../base/json.ts';
import type { ChangeSummary } from '../../controller/change.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';
import type { Explanation } from '../explanation-text.ts';

interface ChangeOptions extends ServerOptions {
  readonly dryRun?: boolean;
  readonly message?: string;
}

interface ConnectOptions extends ChangeOptions {
  readonly network: string;
  readonly subnet?: string;
  readonly classification?: string;
  readonly explain?: boolean;
  readonly output: 'text' | 'json' | 'yaml';
}

export function connectCommand({ terminal, finish }: Context): Command {
  const made = command('connect', 'Connect a vNIC of a VM to a VM network', [
    ['netloom vm connect test02 --network AAA', 'the only vNIC of test02'],
    ['netloom vm connect test02/eth1 --network AAA --subnet test', 'one of several, on a subnet'],
    ['netloom vm connect test02 --network AAA --explain', 'everything that is missing, at once'],
    [
      'netloom vm connect test02 --network AAA --explain -o yaml',
      'objects that would repair it, to be edited and applied',
    ],
  ])
    .argument('<vm[/vnic]>', 'VM, and which of its vNICs if it has several')
    .requiredOption('--network <name>', 'VM network to connect it to')
    .option('--subnet <name>', 'subnet of the network; not needed where there is only one')
    .option('--classification <name>', 'port classification; left out, it keeps the one that it has')
    .option('--explain', 'list everything that stands in the way, and change nothing');
  return withServer(withOutput(withChange(made), 'text', 'json', 'yaml')).action(
    async (target: string, options: ConnectOptions) => {
      const { Client } = await import('../client.ts');
      const { explanationText, explanationYaml } = await import('../explanation-text.ts');
      const client = Client.of(options, terminal);
      const { path, name, vnic } = await find(client, target);
      const to = {
        ...vnic,
        vmNetwork: options.network,
        ...(options.subnet === undefined ? {} : { subnet: options.subnet }),
        ...(options.classification === undefined ? {} : { classification: options.classification }),
      };
      if (options.explain) {
        const explanation = await client.post<Explanation>(`${path}/explain`, to);
        if (!explanation.connects) finish(1);
        if (options.output === 'json') return terminal.out(`${JSON.stringify(explanation, null, 2)}\n`);
        if (options.output === 'yaml') return terminal.out(await explanationYaml(explanation));
        return terminal.out(await explanationText(name, options.network, explanation, terminal.colours));
      }
      let summary: ChangeSummary;
      try {
        summary = await client.post<ChangeSummary>(`${path}/connect`, { ...to, ...changeOf(options) });
      } catch (thrown) {
        finish(1);
        return refused(terminal, thrown, client, path, vnic.vnic);
      }
      await report(summary, options.output, terminal);
    },
  );
}

export function disconnectCommand({ terminal }: Context): Command {
  const made = command('disconnect', 'Disconnect a vNIC of a VM: it is plugged in nowhere then', [
    ['netloom vm disconnect test02', 'the only vNIC of test02'],
    ['netloom vm disconnect test02/eth1 --dry-run', 'show what that would come to'],
  ]).argument('<vm[/vnic]>', 'VM, and which of its vNICs if it has several');
  return withServer(withOutput(withChange(made), 'text', 'json', 'yaml')).action(
    async (target: string, options: ChangeOptions & Pick<ConnectOptions, 'output'>) => {
      const { Client } = await import('../client.ts');
      const client = Client.of(options, terminal);
      const { path, vnic } = await find(client, target);
      const summary = await client.post<ChangeSummary>(`${path}/disconnect`, {
        ...vnic,
        ...changeOf(options),
      });
      await report(summary, options.output, terminal);
    },
  );
}

function withChange(made: Command): Command {
  return made
    .option('--dry-run', 'show what would change, and change nothing')
    .option('-m, --message <text>', 'why, for the journal');
}

function changeOf({ dryRun, message }: ChangeOptions): object {
  return {
    dryRun: dryRun === true,
    requestId: randomUUID(),
    ...(message === undefined ? {} : { message }),
  };
}

type Client = import('../client.ts').Client;
type Terminal = Context['terminal'];

/** `test02`, `red:web` or `test02/eth1`: the address of the VM, and what is said of the vNIC. */
async function find(
  client: Client,
  target: string,
): Promise<{ path: string; name: string; vnic: { readonly vnic?: string } }> {
  const { objectPath } = await import('../../api/paths.ts');
  const { findKey } = await import('../objects.ts');
  const slash = target.lastIndexOf('/');
  const key = await findKey(client, 'VirtualMachine', slash < 0 ? target : target.slice(0, slash));
  const vnic = slash < 0 ? {} : { vnic: target.slice(slash + 1) };
  return { path: objectPath(key), name: target, vnic };
}

/** Says why it was refused, and where the vNIC still is. */
async function refused(
  terminal: Terminal,
  thrown: unknown,
  client: Client,
  path: string,
  vnic: string | undefined,
): Promise<void> {
  const { reportError } = await import('../report.ts');
  const { vnicWords } = await import('../explanation-text.ts');
  reportError(terminal, thrown);
  const vm = await client.get<JsonObject>(path).catch(() => undefined);
  const where = vm && vnicWords(vm, vnic);
  if (where) terminal.err(`${where} --explain lists everything that is missing at once.\n`);
}

async function report(
  summary: ChangeSummary,
  output: 'text' | 'json' | 'yaml',
  terminal: Terminal,
): Promise<void> {
  const { changeText } = await import('../change-text.ts');
  const { reportFindings } = await import('../report.ts');
  reportFindings(terminal, summary.findings);
  if (output === 'json') return terminal.out(`${JSON.stringify(summary, null, 2)}\n`);
  if (output === 'yaml') {
    const { stringify } = await import('yaml');
    return terminal.out(stringify(summary, { aliasDuplicateObjects: false }));
  }
  return terminal.out(changeText(summary, terminal.colours));
}
