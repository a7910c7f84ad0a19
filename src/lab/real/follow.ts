/**
 * Machines as the controller's objects have them: what comes is made, what goes is taken away, what is on another host now
 * moves there. One program of a lab does this at a time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { NetloomError } from '../../base/error.ts';
import type { ControllerAccess } from './controller-access.ts';
import { readMachines, writeMachines } from './place.ts';
import type { HostPlan, LabPlan } from './plan.ts';
import type { LabMachine, VmDriver } from './vm-driver.ts';

/** What is to be done with one machine. */
export type Step =
  | { readonly do: 'create'; readonly machine: LabMachine }
  | { readonly do: 'destroy'; readonly machine: LabMachine }
  /** As `machine`, from where it is. */
  | { readonly do: 'move'; readonly machine: LabMachine; readonly from: string }
  /** It is made anew: its NICs or their addresses are others. */
  | { readonly do: 'replace'; readonly machine: LabMachine; readonly old: LabMachine };

/** From the machines that there are to those that there are to be; those that go come first. */
export function stepsTo(wanted: readonly LabMachine[], present: readonly LabMachine[]): Step[] {
  const old = new Map(present.map((machine) => [machine.key, machine]));
  const keys = new Set(wanted.map(({ key }) => key));
  const gone = present.filter(({ key }) => !keys.has(key));
  return [
    ...gone.map((machine): Step => ({ do: 'destroy', machine })),
    ...wanted.flatMap((machine): Step[] => {
      const before = old.get(machine.key);
      if (!before) return [{ do: 'create', machine }];
      if (!isDeepStrictEqual(shape(machine), shape(before))) return [{ do: 'replace', machine, old: before }];
      return before.host === machine.host ? [] : [{ do: 'move', machine, from: before.host }];
    }),
  ];
}

/** What a machine is made of, wherever it runs. What else a port record says is the switch's business. */
function shape({ nics }: LabMachine): object {
  return nics.map(({ name, tap, adapter, port }) => ({
    name,
    tap,
    adapter,
    id: port.id,
    mac: port.mac,
    mtu: port.mtu,
    addresses: port.addresses.map(({ address, prefixLength, vlan }) => [address, prefixLength, vlan ?? null]),
  }));
}

export interface FollowOptions {
  readonly plan: LabPlan;
  readonly driver: VmDriver;
  readonly controller: ControllerAccess;
  /** Told of each step, and of what went wrong. */
  readonly tell: (words: string) => void;
}

/** Milliseconds between two looks at whether the machines run. */
const LOOK_EVERY_MS = 1_000;

/** Follows until the controller is gone; the answer is when it is. */
export async function follow(options: FollowOptions): Promise<void> {
  const ended = new Set<string>();
  const changes = options.controller.changes()[Symbol.asyncIterator]();
  for (let change = nextOf(changes); ; ) {
    const came = await Promise.race([change, sleep(LOOK_EVERY_MS, undefined)]);
    if (came?.done) return;
    if (came) {
      change = nextOf(changes);
      await catchUp(options);
    }
    await lookAfter(readMachines(options.plan.name), options, ended);
  }
}

function nextOf(changes: AsyncIterator<void>): Promise<IteratorResult<void>> {
  const next = changes.next();
  // It may fail while something else is done; who waits for it hears of that.
  next.catch(() => {});
  return next;
}

/** What it takes to tell of machines that have ended. */
interface Looking {
  readonly driver: Pick<VmDriver, 'whyEnded'>;
  readonly controller: Pick<ControllerAccess, 'isMoving' | 'abortMove'>;
  readonly tell: (words: string) => void;
}

/**
 * Tells of machines that have ended by themselves, each once: `ended` are those that it has told of. A migration waits for a
 * machine that has ended until it is told.
 */
export async function lookAfter(
  machines: readonly LabMachine[],
  { driver, controller, tell }: Looking,
  ended: Set<string>,
): Promise<void> {
  for (const machine of machines) {
    const { key } = machine;
    const why = driver.whyEnded(machine);
    if (why === undefined) ended.delete(key);
    else if (!ended.has(key)) {
      ended.add(key);
      tell(`${key} does not run any more: ${why}.`);
      await abortMove(controller, key, `"${key}" does not run any more: ${why}.`);
    }
  }
}

/** Where the machine is not being moved there is nothing to end. */
async function abortMove(controller: Looking['controller'], machine: string, reason: string): Promise<void> {
  try {
    if (await controller.isMoving(machine)) await controller.abortMove(machine, reason);
  } catch {
    // The controller is away, or somebody was faster.
  }
}

/** Makes the machines as they are to be now. A step that fails is told, and tried again with the next change. */
export async function catchUp({ plan, driver, controller, tell }: FollowOptions): Promise<void> {
  const wanted = await controller.machines();
  const present = new Map(readMachines(plan.name).map((machine) => [machine.key, machine]));
  for (const step of stepsTo(wanted, [...present.values()])) {
    const { machine } = step;
    try {
      await carryOut(step, plan, driver);
      if (step.do === 'destroy') present.delete(machine.key);
      else present.set(machine.key, machine);
      writeMachines(plan.name, [...present.values()]);
      tell(`${wordsOf(step)}.`);
    } catch (thrown) {
      const words = thrown instanceof Error ? thrown.message : String(thrown);
      tell(`${wordsOf(step)}, but: ${words}`);
      // It runs where it was, so everything is to be as before.
      if (step.do === 'move') {
        const [first] = thrown instanceof NetloomError ? thrown.findings : [];
        await abortMove(controller, machine.key, first?.message ?? words);
      }
    }
  }
}

async function carryOut(step: Step, plan: LabPlan, driver: VmDriver): Promise<void> {
  const { machine } = step;
  switch (step.do) {
    case 'create':
      return driver.create(machine, hostOf(plan, machine.host));
    case 'destroy':
      return driver.destroy(machine, hostOf(plan, machine.host));
    case 'move':
      return driver.move(machine, hostOf(plan, step.from), hostOf(plan, machine.host));
    case 'replace':
      await driver.destroy(step.old, hostOf(plan, step.old.host));
      return driver.create(machine, hostOf(plan, machine.host));
  }
}

function hostOf({ hosts }: LabPlan, name: string): HostPlan {
  const host = hosts.find((each) => each.name === name);
  if (!host) throw new Error(`The host ${name} is not in the lab; a lab has the hosts that it came up with.`);
  return host;
}

function wordsOf(step: Step): string {
  const { key, host } = step.machine;
  switch (step.do) {
    case 'create':
      return `${key} is made on ${host}`;
    case 'destroy':
      return `${key} is taken away`;
    case 'move':
      return `${key} moves from ${step.from} to ${host}`;
    case 'replace':
      return `${key} is made anew on ${host}`;
  }
}
