import type { Command } from 'commander';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';
import type { Told } from '../counted-text.ts';

interface Options extends ServerOptions {
  readonly acl?: string;
  readonly output: 'table' | 'json' | 'yaml';
}

interface Entry {
  readonly time: string;
  readonly host?: string;
  readonly port: string;
  readonly acl: string;
  readonly rule: string;
  readonly direction: string;
  readonly verdict: string;
  readonly frame: string;
}

/** As the API gives it: numbers that JSON may not hold are text. */
interface Counter {
  readonly host?: string;
  readonly acl: string;
  readonly rule: string;
  readonly direction: string;
  readonly verdict: string;
  readonly packets: string;
  readonly bytes: string;
}

export function aclCommand(context: Context): Command {
  return command('acl', 'See what port ACLs let pass and what they deny', [
    ['netloom acl counters', 'how often each rule has decided'],
    ['netloom acl log', 'the frames about which rules with log have decided'],
  ])
    .addCommand(countersCommand(context))
    .addCommand(logCommand(context));
}

function countersCommand({ terminal }: Context): Command {
  const made = command('counters', 'List how often each rule of the port ACLs has decided, host by host', [
    ['netloom acl counters', 'of all port ACLs'],
    ['netloom acl counters --acl red:web -o json', 'of one, for a program'],
  ]).option('--acl <key>', 'only this port ACL');
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(async (options: Options) => {
    const { Client } = await import('../client.ts');
    const { missingText } = await import('../counted-text.ts');
    const { printed } = await import('../printed.ts');
    const { table } = await import('../table.ts');
    const client = Client.of(options, terminal);
    const { items, ...told } = await client.get<Told<Counter>>('/api/v1/acl-counters');
    terminal.err(missingText(told));
    const shown = items.filter(({ acl }) => options.acl === undefined || acl === options.acl);
    const rows = shown.map((c) => [c.acl, c.rule, c.direction, c.verdict, c.host ?? '', c.packets, c.bytes]);
    const titles = ['PORT ACL', 'RULE', 'DIRECTION', 'VERDICT', 'HOST', 'PACKETS', 'BYTES'];
    const words = () =>
      table(titles, rows, terminal.colours) || 'There are none: no vNIC has such a port ACL.\n';
    terminal.out(printed(shown, options.output, words));
  });
}

function logCommand({ terminal }: Context): Command {
  const made = command('log', 'List what rules of port ACLs with log have decided, the newest last', [
    ['netloom acl log', 'of all port ACLs'],
    ['netloom acl log --acl red:web', 'of one'],
  ]).option('--acl <key>', 'only this port ACL');
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(async (options: Options) => {
    const { Client } = await import('../client.ts');
    const { moment } = await import('../moment.ts');
    const { missingText } = await import('../counted-text.ts');
    const { printed } = await import('../printed.ts');
    const { table } = await import('../table.ts');
    const client = Client.of(options, terminal);
    const { items, ...told } = await client.get<Told<Entry>>('/api/v1/acl-log');
    terminal.err(missingText(told));
    const shown = items.filter(({ acl }) => options.acl === undefined || acl === options.acl);
    // What a frame carries is for programs: it would make the table very wide.
    const rows = shown.map(({ time, port, acl, rule, direction, verdict, frame }) => [
      moment(time),
      port,
      acl,
      rule,
      direction,
      verdict,
      frame.replace(/\/data\(.*\)$/, ''),
    ]);
    const titles = ['TIME', 'VNIC', 'PORT ACL', 'RULE', 'DIRECTION', 'VERDICT', 'FRAME'];
    const words = () =>
      table(titles, rows, terminal.colours) ||
      'There is nothing: no rule with log: true has decided about a frame since the agents were started.\n';
    terminal.out(printed(shown, options.output, words));
  });
}
