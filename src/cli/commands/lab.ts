import type { Command } from 'commander';
import { type Context, command } from '../context.ts';
import { labCaptureCommand } from './lab-capture.ts';
import { labFailCommand } from './lab-fail.ts';
import { labFollowCommand, labRelayCommand } from './lab-inside.ts';
import { labExecCommand, labPingCommand, labStatusCommand } from './lab-look.ts';
import { labDownCommand, labUpCommand } from './lab-up.ts';

export function labCommand(context: Context): Command {
  return command(
    'lab',
    'A described data centre on this machine: hosts with Open vSwitch, in network namespaces',
    [
      ['netloom lab up examples/blue-red.yaml', 'hosts, cables, agents, VMs (as root)'],
      ['netloom lab ping blue1 blue2', 'a real ping between two VMs'],
      ['netloom lab exec blue1 -- ip address', 'a command in a VM'],
      ['netloom lab down', 'take everything away'],
    ],
  )
    .addCommand(labUpCommand(context))
    .addCommand(labStatusCommand(context))
    .addCommand(labExecCommand(context))
    .addCommand(labPingCommand(context))
    .addCommand(labCaptureCommand(context))
    .addCommand(labFailCommand(context))
    .addCommand(labDownCommand(context))
    .addCommand(labFollowCommand(context), { hidden: true })
    .addCommand(labRelayCommand(context), { hidden: true });
}
