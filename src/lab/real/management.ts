/**
 * The network that hosts reach the controller by: a bridge of the kernel in a namespace, where a relay passes connections on
 * to the socket that the controller listens on. The controller itself stays in the machine's own network, where users are.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { CONTROLLER_ADDRESS, MANAGEMENT_NIC, MANAGEMENT_PREFIX_LENGTH } from './names.ts';
import type { HostPlan, LabPlan } from './plan.ts';
import { run } from './run.ts';
import { addCable, addNamespace } from './wires.ts';

const BRIDGE = 'br0';
const MTU = 1500;

export async function makeManagement({ management }: LabPlan): Promise<void> {
  await addNamespace(management);
  await run('ip', '-n', management, 'link', 'add', BRIDGE, 'type', 'bridge');
  await run('ip', '-n', management, 'link', 'set', BRIDGE, 'up');
  await setAddress(management, BRIDGE, CONTROLLER_ADDRESS);
}

/** Cables a host to it. */
export async function cableToManagement({ management }: LabPlan, host: HostPlan): Promise<void> {
  const port = host.managementPort;
  await addCable(
    { in: host.namespace, name: MANAGEMENT_NIC },
    { in: management, name: port, silent: true },
    MTU,
  );
  await run('ip', '-n', management, 'link', 'set', port, 'master', BRIDGE);
  await setAddress(host.namespace, MANAGEMENT_NIC, host.managementAddress);
}

async function setAddress(namespace: string, device: string, address: string): Promise<void> {
  await run('ip', '-n', namespace, 'address', 'add', `${address}/${MANAGEMENT_PREFIX_LENGTH}`, 'dev', device);
}

/**
 * Passes every connection to `port` on to the socket, bytes as they are; what is encrypted stays so. The answer comes when it
 * listens. A socket that nobody listens on ends the connection, and the other side tries again.
 */
export function relay(port: number, socket: string): Promise<Server> {
  const server = createServer((from) => {
    const to = createConnection(socket);
    join(from, to);
    join(to, from);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: CONTROLLER_ADDRESS }, () => resolve(server));
  });
}

function join(a: Socket, b: Socket): void {
  a.pipe(b);
  // The other side hears of an end that was no orderly one as well.
  a.on('error', () => b.destroy());
  a.on('close', () => b.destroy());
}
