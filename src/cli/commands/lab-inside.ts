/** What a lab runs by itself; nobody types these. */
import type { Command } from 'commander';
import { type Context, command } from '../context.ts';
import { type LabOptions, openRealLab, withLab } from '../lab-options.ts';

export function labFollowCommand({ terminal }: Context): Command {
  const made = command('follow', 'Make, move and take away VMs as the controller has them', [
    ['netloom lab follow', 'what "netloom lab up" leaves running'],
  ]);
  return withLab(made).action(async (options: LabOptions) => {
    const { follow } = await import('../../lab/real/follow.ts');
    const { setTimeout: sleep } = await import('node:timers/promises');
    const { reportError } = await import('../report.ts');
    const { plan, driverOfVms, controller } = await openRealLab(options);
    const tell = (words: string) => terminal.out(`${new Date().toISOString()} ${words}\n`);
    // A controller that is gone comes back; until somebody ends this program.
    for (;;) {
      try {
        await follow({ plan, driver: driverOfVms, controller, tell });
      } catch (thrown) {
        reportError(terminal, thrown);
      }
      await sleep(1_000);
    }
  });
}

export function labRelayCommand(_context: Context): Command {
  return command('relay', 'Pass connections of agents on to the controller', [
    [
      'netloom lab relay --port 7301 --socket /run/netloom/lab-lab/agents.sock',
      'in the management namespace',
    ],
  ])
    .requiredOption('--port <number>', 'where to listen')
    .requiredOption('--socket <path>', 'where the controller listens')
    .action(async ({ port, socket }: { port: string; socket: string }) => {
      const { relay } = await import('../../lab/real/management.ts');
      await relay(Number(port), socket);
      // The server keeps the program running.
    });
}
