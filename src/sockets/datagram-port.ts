/**
 * A port over UDP in the wire format of QEMU's `-netdev dgram`: a datagram is a frame, and nothing else.
 *
 *     const port = await openDatagram(local, remote, (...ends) => sw.attach('vm1', undefined, ...ends));
 *     qemu-system-x86_64 … -netdev dgram,id=n1,local.type=inet,local.host=127.0.0.1,local.port=5002,\
 *                                        remote.type=inet,remote.host=127.0.0.1,remote.port=5001
 *
 * Only the peer is listened to. Whether it is there, UDP does not say: the link is always up.
 */
import type { Socket } from 'node:dgram';
import { ETHERNET } from '../packet/ethernet.ts';
import { newCounters, type Plug, type SocketPort } from './port.ts';
import { closeUdp, openUdp, takesMore, type UdpAddress } from './udp.ts';

/** Throws NetloomError (listen-failed). */
export async function openDatagram(local: UdpAddress, remote: UdpAddress, plug: Plug): Promise<SocketPort> {
  const socket = await openUdp(local);
  // From now on the kernel takes datagrams of this peer only.
  await connectTo(socket, remote);
  const counters = newCounters();
  const send = (frame: Uint8Array) => {
    if (!takesMore(socket)) {
      counters.dropped++;
      return;
    }
    socket.send(frame, (error) => {
      if (error) {
        counters.dropped++;
        return;
      }
      counters.sent++;
      counters.sentBytes += frame.length;
    });
  };
  const attachment = plug(send, ({ bytes, at, length, count }) => {
    // The memory of a batch is lent, and a datagram may have to wait.
    for (let i = 0; i < count; i++) send(bytes.slice(at[i]!, at[i]! + length[i]!));
  });
  socket.on('message', (frame) => {
    if (frame.length < ETHERNET.SIZE) {
      counters.refused++;
      return;
    }
    counters.received++;
    counters.receivedBytes += frame.length;
    // Not as a Buffer, whose slice() is no copy.
    attachment.receive(new Uint8Array(frame.buffer, frame.byteOffset, frame.length));
  });
  return {
    counters,
    isConnected: true,
    close() {
      attachment.detach();
      return closeUdp(socket);
    },
  };
}

function connectTo(socket: Socket, { host, port }: UdpAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.connect(port, host, (error?: Error | null) => (error ? reject(error) : resolve()));
  });
}
