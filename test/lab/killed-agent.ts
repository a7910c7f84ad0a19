/** An agent that is killed at a certain system call while it applies a change. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { until } from '../support/until.ts';
import type { FaultRig } from './fault-rig.ts';

interface Trap {
  /** Settles when nothing is watched any more, as there is nothing left. */
  readonly ended: Promise<unknown>;
  remove(): Promise<void>;
}

/**
 * Has a process killed when one of the threads that it has enters its nth such system call from now on (strace(1), tampering;
 * it counts for each thread). Not what the process starts: that would be killed in its place.
 */
async function killedAt(pid: number, call: string, nth: number, signal: AbortSignal): Promise<Trap> {
  const threads = readdirSync(`/proc/${pid}/task`);
  const strace = spawn(
    'strace',
    [
      ...threads.flatMap((thread) => ['-p', thread]),
      ...['-e', `trace=${call}`, '-e', `inject=${call}:signal=SIGKILL:when=${nth}`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = once(strace, 'exit');
  let said = '';
  strace.stderr.on('data', (text) => (said += String(text)));
  const remove = async () => {
    strace.kill('SIGINT');
    await ended;
  };
  const watches = () => {
    if (strace.exitCode !== null) throw new Error(`strace has ended: ${said}`);
    return (said.match(/ attached$/gm) ?? []).length === threads.length;
  };
  try {
    await until('strace watches all threads', watches, { signal });
  } catch (error) {
    await remove();
    throw error;
  }
  return { ended, remove };
}

/** A change of the policy, and the flows that host1 has by it. */
export interface Change {
  readonly policy: string;
  readonly flows: readonly string[];
}

/** Makes the change and has the agent of host1 killed at its nth such call. Whether it has survived, as it makes fewer. */
export async function survives(
  rig: FaultRig,
  call: string,
  nth: number,
  { policy, flows }: Change,
): Promise<boolean> {
  const pid = rig.pidOf('agent', 'host1');
  const decided = new AbortController();
  const signal = AbortSignal.any([decided.signal, rig.signal]);
  const trap = await killedAt(pid, call, nth, rig.signal);
  const saysAll = async () => {
    await rig.change(policy);
    await rig.hasFlows('host1', flows, signal);
    // It has more to say than to the switch: to the disk, and to the controller that it is done.
    await rig.settles('host1', signal);
    return true;
  };
  const said = saysAll();
  try {
    // A change that is refused, or never in force, is a failure; one that the killed agent does not make is none.
    return await Promise.race([trap.ended.then(() => false), said]);
  } finally {
    decided.abort();
    await said.catch(() => {});
    await trap.remove();
    await rig.comes(
      'it runs, or nothing of it',
      () => existsSync(`/proc/${pid}`) || rig.isGone('agent', 'host1'),
    );
  }
}
