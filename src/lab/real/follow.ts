/**
 * Machines as the controller's objects have them: what comes is made, what goes is taken away, what is on another host now
 * moves there. One program of a lab does this at a time.
 */
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

/** Follows until the controller is gone; the answer is when it is. */
export async function follow(options: FollowOptions): Promise<void> {
  for await (const _change of options.controller.changes()) await catchUp(options);
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
        await controller.abortMove(machine.key, first?.message ?? words).catch(() => {});
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
