/** UDP sockets that are opened with a clear answer, and never keep more waiting than they should. */
import { createSocket, type Socket } from 'node:dgram';
import { finding, NetloomError } from '../base/error.ts';
import { type IpAddress, isIpv4 } from '../packet/address.ts';
import { codeOf } from './unix-listener.ts';

export interface UdpAddress {
  readonly host: IpAddress;
  /** 1..65535; 0 for a local one: any that is free. */
  readonly port: number;
}

/** Bytes that may wait because the network does not take them; more are dropped. */
const MOST_WAITING = 1 << 20;

/** A socket bound to a local address. Throws NetloomError (listen-failed). */
export async function openUdp(local: UdpAddress): Promise<Socket> {
  const socket = createSocket({
    type: isIpv4(local.host) ? 'udp4' : 'udp6',
    // Destinations are addresses; looking each of them up costs a turn of the event loop.
    lookup: (address, _options, done) => done(null, address, isIpv4(local.host) ? 4 : 6),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(local.port, local.host, () => {
        socket.off('error', reject);
        resolve();
      });
    });
  } catch (thrown) {
    socket.close();
    const { host, port } = local;
    const place = `${isIpv4(host) ? host : `[${host}]`}:${port}`;
    const [why, remedy] = WHY[codeOf(thrown) ?? ''] ?? [
      thrown instanceof Error ? thrown.message : String(thrown),
      'Choose another address.',
    ];
    throw new NetloomError(
      [finding('listen-failed', '', `${place} (UDP) cannot be listened on: ${why}.`, remedy)],
      { cause: thrown },
    );
  }
  // What a datagram meets on its way is told to whoever sent it, or is no matter of ours.
  socket.on('error', () => {});
  return socket;
}

const WHY: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  EADDRINUSE: [
    'another socket has it',
    'Stop the other program, or choose another port. A vxlan device of the kernel has port 4789 of all addresses.',
  ],
  EADDRNOTAVAIL: ['this machine does not have the address', 'Use an address of this machine.'],
  EACCES: ['ports below 1024 are not for everybody', 'Choose a port from 1024 on.'],
};

/** Whether there is room for one more. */
export function takesMore(socket: Socket): boolean {
  return socket.getSendQueueSize() <= MOST_WAITING;
}

export function closeUdp(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}
