import type { Command } from 'commander';
import { type Context, command } from '../context.ts';
import { type LabOptions, openLabHardware, withLab } from '../lab-options.ts';

interface CaptureOptions extends LabOptions {
  readonly write?: string;
  readonly count?: string;
}

export function labCaptureCommand({ terminal, finish }: Context): Command {
  const made = command('capture', 'Show the frames at a place of a lab, or write them to a file', [
    ['netloom lab capture blue1/eth0', 'what a VM sends and gets, a line for each frame'],
    ['netloom lab capture host1/nic1 -w wire.pcap', 'the wire, tunnels and all, for Wireshark'],
    ['netloom lab capture Fabric -c 10', 'ten frames of a physical network'],
  ])
    .argument('<place>', 'VM/NIC, HOST/NIC or a physical network')
    .option('-w, --write <file>', 'write a capture file; a line for each frame is shown without it')
    .option('-c, --count <number>', 'end after so many frames');
  return withLab(made).action(async (place: string, options: CaptureOptions, self: Command) => {
    if (options.count !== undefined && !/^[1-9]\d{0,8}$/.test(options.count))
      self.error('error: the count is a number from 1');
    const { spawn } = await import('node:child_process');
    const { resolve } = await import('node:path');
    const { captureCommand, openCapture } = await import('../../lab/real/capture.ts');
    const { PcapStream } = await import('../../lab/real/pcap-stream.ts');
    const { checkTool } = await import('../../lab/real/requirements.ts');
    const { formatFrame } = await import('../../packet/notation.ts');
    checkTool('tcpdump', 'tcpdump');
    const { plan } = await openLabHardware(options);
    const point = await openCapture(plan, place);
    const file = options.write === undefined ? undefined : resolve(options.write);
    const limit = options.count === undefined ? [] : ['-c', options.count];
    const [tool = '', ...args] = [...captureCommand(point, file), ...limit];
    const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const interrupted = terminal.interrupted().then(() => child.kill('SIGINT'));
    const stream = new PcapStream();
    let first: number | undefined;
    child.stdout.on('data', (piece: Buffer) => {
      for (const { time, frame } of stream.push(piece)) {
        first ??= time;
        terminal.out(`${(time - first).toFixed(6).padStart(12)}  ${formatFrame(frame)}\n`);
      }
    });
    let said = '';
    child.stderr.on('data', (text) => (said += String(text)));
    try {
      const code = await new Promise<number | null>((done, failed) => {
        child.once('error', failed);
        child.once('close', done);
      });
      if (code !== 0) terminal.err(said);
      else if (file !== undefined)
        terminal.err(`${/^\d+ packets? captured$/m.exec(said)?.[0] ?? 'Captured'} to ${file}.\n`);
      finish(code === 0 ? 0 : 1);
    } finally {
      await point.close();
    }
    void interrupted;
  });
}
