import type { Command } from 'commander';
import { type Context, command } from '../context.ts';
import { connectCommand, disconnectCommand } from './vm-connect.ts';
import { migrateCommand, migrationsCommand } from './vm-migrate.ts';
import { plugInfoCommand } from './vm-plug-info.ts';

export function vmCommand(context: Context): Command {
  return command('vm', 'Connect, plug in, disconnect and move virtual machines', [
    ['netloom vm connect test02 --network AAA', 'connect its vNIC to a VM network'],
    ['netloom vm connect test02 --network AAA --explain', 'list everything that stands in the way'],
    ['netloom vm disconnect test02', 'plug its vNIC in nowhere'],
    ['netloom vm migrate test02 --to host15', 'move it to another host, without a frame lost'],
    ['netloom vm plug-info test02', 'what its hypervisor has to know'],
  ])
    .addCommand(connectCommand(context))
    .addCommand(disconnectCommand(context))
    .addCommand(migrateCommand(context))
    .addCommand(migrationsCommand(context))
    .addCommand(plugInfoCommand(context));
}
