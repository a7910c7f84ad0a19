/** The ports half of the engine (src/ovs/ports) on a real Open vSwitch in a network namespace of its own. */
import { systemClock } from '../../src/base/clock.ts';
import type { Finding } from '../../src/base/error.ts';
import { HostPorts, type HostPortsOptions } from '../../src/ovs/ports/host-ports.ts';
import { untilIsSo } from '../support/until.ts';
import { FaultyDatabase } from './faulty-database.ts';
import { command, Namespaces } from './namespaces.ts';
import { type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';

type More = Partial<Pick<HostPortsOptions, 'afXdp' | 'datapathType' | 'clock' | 'run'>> & {
  /** Of the namespace; default `host`. */
  readonly name?: string;
};

export interface PortRig {
  readonly namespaces: Namespaces;
  /** Where the switch is. */
  readonly namespace: string;
  readonly ovs: OpenVswitch;
  readonly database: FaultyDatabase;
  readonly ports: HostPorts;
  readonly troubles: readonly Finding[];
  /** Runs `ip` in the namespace of the switch. */
  ip(...args: readonly string[]): Promise<string>;
  /** Another life of the agent on the same switch. */
  again(): Promise<HostPorts>;
}

/** Builds it, lets the test use it, and takes everything down again. */
export async function withPorts(
  use: (rig: PortRig) => Promise<void>,
  { name = 'host', ...more }: More = {},
): Promise<void> {
  const namespaces = new Namespaces();
  const ends: (() => Promise<unknown>)[] = [() => namespaces.remove()];
  try {
    const namespace = await namespaces.add(name);
    const ovs = await startOpenVswitch({ namespace });
    ends.push(() => ovs.stop());
    const troubles: Finding[] = [];
    const open = async () => {
      const socket = `${ovs.directory}/db.sock`;
      const database = new FaultyDatabase({ socket, clock: systemClock, random: Math.random });
      const ports = await HostPorts.open({
        database,
        clock: systemClock,
        datapathType: 'netdev',
        afXdp: false,
        run: (tool, args) => command(...['ip', 'netns', 'exec', namespace], tool, ...args),
        onTrouble: (trouble) => troubles.push(trouble),
        ...more,
      });
      ends.push(async () => {
        await ports.close();
        database.close();
      });
      return { database, ports };
    };
    const ip = (...args: readonly string[]) => command('ip', '-n', namespace, ...args);
    const first = await open();
    await use({
      namespaces,
      namespace,
      ovs,
      ...first,
      troubles,
      ip,
      again: async () => (await open()).ports,
    });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** Waits until something holds; fails with what it was last, when that takes too long. */
export function eventually<T>(look: () => Promise<T> | T, isSo: (value: T) => boolean): Promise<T> {
  return untilIsSo('what it should be', look, isSo);
}
