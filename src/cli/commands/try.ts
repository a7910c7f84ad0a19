import { type Command, Option } from 'commander';
import { type Context, command, withOutput } from '../context.ts';

interface Options {
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
    ],
  )
    .argument('<file>', 'YAML or JSON; - is standard input')
    .addOption(ping)
    .option(
      '--pcap <file>',
      'write every frame on a physical cable or at a vNIC to this file, with the rules it met',
    );
  return withOutput(made, 'table', 'json').action(async (file: string, options: Options) => {
    const { openLab } = await import('../open-lab.ts');
    const { somePairs } = await import('../pairs.ts');
    const lab = await openLab(file, terminal, options.pcap !== undefined);
    try {
      const pings = [];
      for (const [from, to] of options.ping ?? somePairs(lab)) pings.push(await lab.ping(from, to));
      if (options.pcap !== undefined) {
        const { writePcap } = await import('../pcap-file.ts');
        writePcap(options.pcap, lab.pcap());
      }
      if (options.output === 'json') return terminal.out(`${JSON.stringify(pings, null, 2)}\n`);
      const { pingTable } = await import('../ping-text.ts');
      if (pings.length === 0) return terminal.err('There are no two ends to ping between.\n');
      return terminal.out(pingTable(pings, terminal.colours));
    } finally {
      await lab.close();
    }
  });
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
