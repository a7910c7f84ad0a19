/**
 * Frames at a place of a lab, by tcpdump there:
 *
 *     VM/NIC, VM          the cable of a vNIC, on the machine's side of the host: frames as the VM sends and gets them
 *     HOST/NIC            the wire: tunnels in their outer headers, VLANs with their tags
 *     HOST/INTERFACE      any other interface of the host, a host vNIC for example
 *     NETWORK             a physical network as a whole: each frame that comes into its switch, once
 */
import { randomBytes } from 'node:crypto';
import { finding, NetloomError } from '../../base/error.ts';
import { vsctl } from './ovs-daemons.ts';
import { fabricPlace } from './physical-switches.ts';
import type { LabPlan } from './plan.ts';
import { attempt, inNamespace } from './run.ts';
import { hostCalled, nowhere, splitPlace, type Where, whereIs } from './where.ts';
import { prepareEnd } from './wires.ts';

export interface CapturePoint {
  readonly namespace: string;
  readonly device: string;
  /** Takes away what was made for it. */
  close(): Promise<void>;
}

/** Throws `not-found` where there is no such place. */
export async function openCapture(plan: LabPlan, place: string): Promise<CapturePoint> {
  const { where, nic } = placeOf(plan, place);
  switch (where.type) {
    case 'machine': {
      const { machine } = where;
      const found = machine.nics.find(({ name }) => nic === undefined || name === nic);
      if (!found)
        throw nowhere(
          place,
          machine.nics.map(({ name }) => `${machine.key}/${name}`),
        );
      return on(hostCalled(plan, machine.host).namespace, found.tap);
    }
    case 'host': {
      const { name, namespace, nics } = where.host;
      const places = nics.map((each) => `${name}/${each.name}`);
      if (nic === undefined) throw whichNic(name, places);
      if (!(await attempt('ip', '-n', namespace, 'link', 'show', 'dev', nic))) throw nowhere(place, places);
      return on(namespace, nic);
    }
    case 'network':
      return mirrored(plan, where.network.bridge);
  }
}

/** A name of its own comes first: names of networks and VMs have no slash. */
function placeOf(plan: LabPlan, place: string): { where: Where; nic: string | undefined } {
  const [name, nic] = splitPlace(place);
  return { where: whereIs(plan, name), nic };
}

function whichNic(host: string, places: readonly string[]): NetloomError {
  return new NetloomError([
    finding('value-invalid', '', `${host} has more than one interface.`, `Say which: ${places.join(', ')}.`),
  ]);
}

function on(namespace: string, device: string): CapturePoint {
  return { namespace, device, close: async () => {} };
}

/** A port of the physical switch that gets a copy of everything. */
async function mirrored(plan: LabPlan, bridge: string): Promise<CapturePoint> {
  const device = `cap${randomBytes(4).toString('hex')}`;
  const fabric = fabricPlace(plan);
  await vsctl(
    fabric,
    ...['--', 'add-port', bridge, device],
    ...['--', 'set', 'Interface', device, 'type=internal'],
    ...['--', '--id=@port', 'get', 'Port', device],
    ...['--', '--id=@mirror', 'create', 'Mirror', `name=${device}`, 'select_all=true', 'output_port=@port'],
    ...['--', 'add', 'Bridge', bridge, 'mirrors', '@mirror'],
  );
  const close = async () => {
    await vsctl(
      fabric,
      ...['--', '--id=@mirror', 'get', 'Mirror', device],
      ...['--', 'remove', 'Bridge', bridge, 'mirrors', '@mirror'],
      ...['--', '--if-exists', 'del-port', device],
    );
  };
  try {
    await prepareEnd({ in: plan.fabric, name: device, silent: true });
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return { namespace: plan.fabric, device, close };
}

/** tcpdump at that place; frames go to the file, or as a capture file to standard output. */
export function captureCommand(
  { namespace, device }: CapturePoint,
  file: string | undefined,
): readonly string[] {
  // Written frame by frame, as root who it is already; whole frames; nothing on standard output but frames.
  return inNamespace(
    namespace,
    ...['tcpdump', '--immediate-mode', '-U', '-n', '-s', '0', '-Z', 'root', '-i', device, '-w', file ?? '-'],
  );
}
