/** What the commands of `netloom agent` have in common. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { STATE_DIRECTORY } from '../host/state/files.ts';
import type { Terminal } from './terminal.ts';

export interface StateOptions {
  readonly state?: string;
}

export interface OvsOptions {
  readonly ovsRundir?: string;
}

export interface RunOptions extends StateOptions, OvsOptions {
  readonly datapath?: 'system' | 'netdev';
  readonly afxdp: boolean;
  readonly logFormat: 'text' | 'json';
}

const RUN_DIRECTORY = '/var/run/openvswitch';

export function withState(made: Command): Command {
  return made.option(
    '--state <dir>',
    `state directory of the agent (NETLOOM_AGENT_STATE; default: ${STATE_DIRECTORY})`,
  );
}

export function withOvs(made: Command): Command {
  return made.option(
    '--ovs-rundir <dir>',
    `where the sockets of Open vSwitch are (OVS_RUNDIR; default: ${RUN_DIRECTORY})`,
  );
}

export function stateDirectory({ state }: StateOptions, env: Terminal['env']): string {
  return resolve(state ?? env.NETLOOM_AGENT_STATE ?? STATE_DIRECTORY);
}

export function ovsRunDirectory({ ovsRundir }: OvsOptions, env: Terminal['env']): string {
  return resolve(ovsRundir ?? env.OVS_RUNDIR ?? RUN_DIRECTORY);
}
