import { type Command, Option } from 'commander';
import type { LiveNetwork } from '../../lab/live-network.ts';
import { type Context, command, withOutput } from '../context.ts';
import type { Terminal } from '../terminal.ts';

interface Options {
  readonly policy?: string;
  readonly ping?: readonly (readonly [from: string, to: string])[];
  readonly pcap?: string;
  readonly output: 'table' | 'json';
}

/** Between the two values of an option that takes two, which commander does not know. */
const SEPARATOR = '\u0000';

export function tryCommand({ terminal }: Context): Command {
  const ping = new Option('--ping <ends>', 'ping from one to the other; can be repeated').argParser(
    (value: string, before: [string, string][] = []): [string, string][] => {
      const [from = '', to = ''] = value.split(SEPARATOR);
      return [...before, [from, to]];
    },
  );
  ping.flags = '--ping <from> <to>';
  const made = command(
    'try',
    'Build the network of a file in this process, ping with real frames, and forget it',
    [
      ['netloom try examples/blue-red.yaml', 'who reaches whom'],
      ['netloom try examples/blue-red.yaml --ping blue1 blue2 --ping blue1 red2', 'these only'],
      ['netloom try examples/blue-red.yaml --pcap frames.pcapng', 'and keep the frames for Wireshark'],
      ['netloom try --policy examples/blue-red-by-hand.yaml', 'from policy records, without a controller'],
    ],
  )
    .argument('[file]', 'YAML or JSON; - is standard input')
    .addOption(ping)
    .option(
      '--policy <file>',
      'instead: the policy records of hosts, as "netloom policy get -o yaml" prints them',
    )
    .option(
      '--pcap <file>',
      'write every frame on a physical cable or at a vNIC to this file, with the rules it met',
    );
  return withOutput(made, 'table', 'json').action(
    async (file: string | undefined, options: Options, self: Command) => {
      if ((file === undefined) === (options.policy === undefined)) {
        self.error('error: give a file with objects, or one with policy records by --policy');
      }
      const { somePairs } = await import('../pairs.ts');
      const lab = await openOne(file, options, terminal);
      try {
        const pings = [];
        for (const [from, to] of options.ping ?? somePairs(lab)) pings.push(await lab.ping(from, to));
        if (options.pcap !== undefined) {
          const { writeOutput } = await import('../output-file.ts');
          writeOutput(options.pcap, lab.pcap(), '--pcap');
        }
        if (options.output === 'json') return terminal.out(`${JSON.stringify(pings, null, 2)}\n`);
        const { pingTable } = await import('../ping-text.ts');
        if (pings.length === 0) return terminal.err('There are no two ends to ping between.\n');
        return terminal.out(pingTable(pings, terminal.colours));
      } finally {
        await lab.close();
      }
    },
  );
}

/** Of the two files, the one that is given. */
async function openOne(
  file: string | undefined,
  { policy = '', pcap }: Options,
  terminal: Terminal,
): Promise<LiveNetwork> {
  const capture = pcap !== undefined;
  if (file === undefined) {
    const { openPolicy } = await import('../open-policy.ts');
    return openPolicy(policy, terminal, capture);
  }
  const { openLab } = await import('../open-lab.ts');
  return openLab(file, terminal, capture);
}

/** Makes one value of the two that follow each --ping, or returns undefined where there are not two. */
export function joinPings(args: readonly string[]): string[] | undefined {
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [arg, from, to] = [args[i]!, args[i + 1], args[i + 2]];
    if (arg !== '--ping') {
      joined.push(arg);
      continue;
    }
    if (from === undefined || to === undefined || from.startsWith('-') || to.startsWith('-'))
      return undefined;
    joined.push(`--ping=${from}${SEPARATOR}${to}`);
    i += 2;
  }
  return joined;
}
