/**
 * Two hosts with a cable between them, and a machine on each: network namespaces and veth pairs. What connects the machines
 * is the contender's business.
 *
 *     vm1: eth0 --- tap0 :host1: nic1 ------- nic1 :host2: tap0 --- eth0 :vm2
 */
import { inNamespace, run } from '../../../src/lab/real/run.ts';
import { prepareEnd } from '../../../src/lab/real/wires.ts';
import { Stage } from './stage.ts';

/** Bytes of IP packet; the network between the hosts has room for any encapsulation. */
const MACHINE_MTU = 1500;
export const UNDERLAY_MTU = 1600;

export const NIC = 'nic1';
export const TAP = 'tap0';
/** Where Netloom finds taps (docs/hypervisors.md). */
export const QUARANTINE = 'nlplug0';

export interface Machine {
  readonly namespace: string;
  readonly mac: string;
  readonly address: string;
}

export interface Host {
  readonly namespace: string;
  /** From 1 on. */
  readonly number: number;
  /** The network namespace of its machine. */
  readonly machine: string;
}

/** Who connects the machines. */
export interface Contender {
  readonly name: string;
  /** Why it cannot run here; undefined when it can. */
  readonly missing: string | undefined;
  connect(hosts: TwoHosts): Promise<Connected>;
}

export interface Connected {
  /** In the order of their hosts. */
  readonly machines: readonly Machine[];
  /** Process ids of the switches; none where the kernel is the switch. */
  readonly switches: readonly number[];
  /** Ends what is not a program of the stage. */
  close?(): Promise<void>;
}

export interface TwoHosts {
  readonly stage: Stage;
  readonly hosts: readonly [Host, Host];
}

/** Builds both hosts, has them connected, and takes everything away again. */
export async function withTwoHosts<T>(
  contender: Contender,
  use: (connected: Connected) => Promise<T>,
): Promise<T> {
  const stage = new Stage();
  let connected: Connected | undefined;
  try {
    const hosts = [await host(stage, 1), await host(stage, 2)] as const;
    await cable([hosts[0].namespace, NIC], [hosts[1].namespace, NIC], UNDERLAY_MTU);
    connected = await contender.connect({ stage, hosts });
    return await use(connected);
  } finally {
    await connected?.close?.();
    await stage.close();
  }
}

/** A host with its machine, without a cable yet. */
export async function host(stage: Stage, number: number): Promise<Host> {
  const [namespace, machine] = [
    await stage.namespace(`host${number}`),
    await stage.namespace(`machine${number}`),
  ];
  await cable([namespace, TAP], [machine, 'eth0'], MACHINE_MTU);
  return { namespace, number, machine };
}

type End = readonly [namespace: string, device: string];

/** A veth pair, both ends up. */
export async function cable(a: End, b: End, mtu: number): Promise<void> {
  const end = ([namespace, device]: End) => [device, 'mtu', `${mtu}`, 'netns', namespace];
  await run('ip', 'link', 'add', ...end(a), 'type', 'veth', 'peer', 'name', ...end(b));
  for (const [namespace, device] of [a, b]) await run('ip', '-n', namespace, 'link', 'set', device, 'up');
}

/**
 * Gives a machine its addresses. `offload`: it leaves checksums and segmentation to its NIC, which a switch in the kernel
 * passes on as they are, and one in user space cannot.
 */
export async function configure({ namespace, mac, address }: Machine, offload: boolean): Promise<void> {
  if (!offload) await prepareEnd({ in: namespace, name: 'eth0' });
  await run('ip', '-n', namespace, 'link', 'set', 'eth0', 'address', mac);
  await run('ip', '-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
}

/** Addresses where the contender does not give them. */
export function plainMachine({ machine, number }: Host): Machine {
  return { namespace: machine, mac: `02:00:00:00:00:0${number}`, address: `10.0.0.${number}` };
}

/** Address of a host in the network between them, where the contender does not give it. */
export function hostAddress({ number }: Host): string {
  return `192.168.4.${number}`;
}

/** Whether the first machine gets an answer from the second. */
export async function reaches(from: string, address: string): Promise<boolean> {
  const ping = ['ping', '-n', '-q', '-c', '1', '-W', '1', address];
  return run(...inNamespace(from, ...ping)).then(
    () => true,
    () => false,
  );
}
