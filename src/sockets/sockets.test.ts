/** Ports over real sockets, with a real switch between them. */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { NetloomError } from '../base/error.ts';
import { parseFlow } from '../flow/parse.ts';
import { ip } from '../packet/address.ts';
import { fromHex, toHex } from '../packet/bytes.ts';
import { SoftSwitch } from '../softswitch/switch.ts';
import { openDatagram } from './datagram-port.ts';
import { FrameReader } from './framing.ts';
import type { SocketPort } from './port.ts';
import { connectStream, listenStream } from './stream-port.ts';
import { TunnelSocket } from './tunnel-socket.ts';

vi.setConfig({ testTimeout: 30_000 });
const directory = mkdtempSync(join(tmpdir(), 'netloom-sockets-'));
const A = '02000000000a';
const B = '02000000000b';
const undo: (() => unknown)[] = [];
let names = 0;

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
afterAll(() => rmSync(directory, { recursive: true }));

function path(): string {
  return join(directory, `${names++}.sock`);
}

async function newSwitch(...flows: readonly string[]): Promise<SoftSwitch> {
  const sw = new SoftSwitch({ now: () => performance.now() });
  undo.push(() => sw.close());
  const add = (flows.length > 0 ? flows : ['priority=0,actions=normal']).map(parseFlow);
  await sw.applyFlows({ add, remove: [] });
  return sw;
}

async function vif(sw: SoftSwitch, name: string) {
  await sw.setPort({ type: 'vif', name, id: name, vlan: { mode: 'trunk', trunks: [] } });
  return (deliver: Parameters<SoftSwitch['attach']>[2], batch: Parameters<SoftSwitch['attach']>[3]) =>
    sw.attach(name, undefined, deliver, batch);
}

/** A port that listens, and the words that it said. */
async function listening(sw: SoftSwitch, name: string) {
  const said: string[] = [];
  const file = path();
  const port = await listenStream(file, await vif(sw, name), { tell: (what) => said.push(what) });
  undo.push(() => port.close());
  return { port, file, said };
}

/** The other end of a stream. */
class Peer {
  readonly frames: string[] = [];
  readonly socket: Socket;
  constructor(socket: Socket) {
    this.socket = socket;
    const reader = new FrameReader();
    socket.on('error', () => {});
    socket.on('data', (piece: Buffer) => {
      reader.read(piece, ({ bytes, at, length, count }) => {
        for (let i = 0; i < count; i++) this.frames.push(toHex(bytes, at[i]!, at[i]! + length[i]!));
      });
    });
    undo.push(() => socket.destroy());
  }

  static async at(file: string): Promise<Peer> {
    const socket = connect(file);
    await once(socket, 'connect');
    return new Peer(socket);
  }

  send(...frames: readonly string[]): void {
    this.socket.write(Buffer.concat(frames.map(framed)));
  }
}

function framed(frame: string): Buffer {
  const bytes = Buffer.from(frame, 'hex');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function frame(to: string, from: string, text = ''): string {
  return `${to}${from}88b5${Buffer.from(text.padEnd(46, '.')).toString('hex')}`;
}

/** Waits until it holds; the time limit of the test is the limit. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

describe('a port over a stream', () => {
  it('carries frames both ways, in order, as many as were written', async () => {
    const sw = await newSwitch();
    const [left, right] = [await listening(sw, 'left'), await listening(sw, 'right')];
    const [a, b] = [await Peer.at(left.file), await Peer.at(right.file)];
    await until(() => left.port.isConnected && right.port.isConnected);
    b.send(frame(A, B, 'learn me'));
    await until(() => a.frames.length === 1);
    const many = Array.from({ length: 5000 }, (_, i) => frame(B, A, `number ${i}`));
    a.send(...many);
    await until(() => b.frames.length === many.length);
    expect(b.frames).toEqual(many);
    expect(left.port.counters).toMatchObject({ received: 5000, receivedBytes: 5000 * 60, sent: 1 });
    expect(right.port.counters).toMatchObject({ received: 1, sent: 5000, sentBytes: 5000 * 60, dropped: 0 });
  });

  it('changes frames on their way: a tag pushed, and taken off again', async () => {
    const sw = await newSwitch(
      'in_port=1,actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2',
      'in_port=2,dl_vlan=5,actions=strip_vlan,output:1',
    );
    const [left, right] = [await listening(sw, 'left'), await listening(sw, 'right')];
    const [a, b] = [await Peer.at(left.file), await Peer.at(right.file)];
    await until(() => left.port.isConnected && right.port.isConnected);
    const sent = Array.from({ length: 300 }, (_, i) => frame(B, A, `${i}`));
    a.send(...sent);
    await until(() => b.frames.length === sent.length);
    const tagged = sent.map((text) => `${text.slice(0, 24)}81000005${text.slice(24)}`);
    expect(b.frames).toEqual(tagged);
    b.send(...tagged);
    await until(() => a.frames.length === sent.length);
    expect(a.frames).toEqual(sent);
  });

  it('has its link up while somebody is there, and takes one peer at a time', async () => {
    const sw = await newSwitch();
    const { port, file, said } = await listening(sw, 'vm');
    expect(port.isConnected).toBe(false);
    const first = await Peer.at(file);
    await until(() => port.isConnected);
    const second = await Peer.at(file);
    await once(second.socket, 'close');
    expect(port.isConnected).toBe(true);
    first.socket.destroy();
    await until(() => !port.isConnected);
    await Peer.at(file);
    await until(() => port.isConnected);
    expect(said).toEqual([
      'connected',
      'a second peer was turned away: a port has one',
      'disconnected',
      'connected',
    ]);
  });

  it('ends a connection that is no stream of frames, says why, and takes the next', async () => {
    const sw = await newSwitch();
    const { port, file, said } = await listening(sw, 'vm');
    const hostile = await Peer.at(file);
    hostile.socket.write('GET / HTTP/1.1\r\n\r\n');
    await once(hostile.socket, 'close');
    await until(() => said.length === 2);
    expect(said[1]).toMatch(/^disconnected: it announced a frame of 1195725856 bytes, and 69632 is the most/);
    await Peer.at(file);
    await until(() => port.isConnected);
  });

  it('drops what a peer does not read, counts it, and goes on when the peer does', async () => {
    const sw = await newSwitch('in_port=1,actions=output:2');
    const [left, right] = [await listening(sw, 'left'), await listening(sw, 'right')];
    const [a, b] = [await Peer.at(left.file), await Peer.at(right.file)];
    await until(() => left.port.isConnected && right.port.isConnected);
    b.socket.pause();
    const big = frame(B, A, 'x'.repeat(1400));
    const { counters } = right.port;
    while (counters.dropped === 0) {
      a.send(...Array.from({ length: 100 }, () => big));
      await until(() => a.socket.writableLength === 0);
    }
    // Twice 256 KiB here, and what the kernel holds.
    expect(counters.sentBytes).toBeLessThan(8 << 20);
    await until(() => left.port.counters.received === counters.sent + counters.dropped);
    b.socket.resume();
    await until(() => b.frames.length === counters.sent);
    a.send(frame(B, A, 'the last'));
    await until(() => b.frames.at(-1) === frame(B, A, 'the last'));
    expect(b.frames.length).toBe(counters.sent);
  });

  it('connects to one that listens, waits for it, and comes back to it', async () => {
    const sw = await newSwitch();
    const file = path();
    const said: string[] = [];
    const port = connectStream(file, await vif(sw, 'link'), { tell: (what) => said.push(what) });
    undo.push(() => port.close());
    await until(() => said.length === 1);
    const peers: Peer[] = [];
    const server = createServer((socket) => peers.push(new Peer(socket)));
    undo.push(() => server.close());
    server.listen(file);
    await until(() => port.isConnected);
    peers[0]?.socket.destroy();
    await until(() => peers.length === 2 && port.isConnected);
    peers[1]?.send(frame(B, A));
    await until(() => port.counters.received === 1);
    expect(said).toEqual(['not there yet: ENOENT', 'connected', 'disconnected', 'connected']);
  });

  it('joins two switches', async () => {
    const [one, two] = [await newSwitch(), await newSwitch()];
    const link = await listening(one, 'link');
    const port = connectStream(link.file, await vif(two, 'link'));
    undo.push(() => port.close());
    const [left, right] = [await listening(one, 'vm'), await listening(two, 'vm')];
    const [a, b] = [await Peer.at(left.file), await Peer.at(right.file)];
    await until(() => [link.port, port, left.port, right.port].every((each) => each.isConnected));
    a.send(frame(B, A, 'hello'));
    await until(() => b.frames.length === 1);
    b.send(frame(A, B, 'hello yourself'));
    await until(() => a.frames.length === 1);
    expect([a.frames, b.frames]).toEqual([[frame(A, B, 'hello yourself')], [frame(B, A, 'hello')]]);
  });
});

describe('a socket file', () => {
  const plug = async () => vif(await newSwitch(), 'vm');
  const refusal = async (file: string) => {
    try {
      const port = await listenStream(file, await plug());
      undo.push(() => port.close());
    } catch (thrown) {
      if (thrown instanceof NetloomError) return thrown.findings;
      throw thrown;
    }
    return [];
  };

  it('is gone when the port is closed', async () => {
    const file = path();
    const port = await listenStream(file, await plug());
    expect(existsSync(file)).toBe(true);
    await port.close();
    expect(existsSync(file)).toBe(false);
  });

  it('of a program that was killed is no hindrance', async () => {
    const file = path();
    const script = `require('node:net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(existsSync(file)).toBe(true);
    expect(await refusal(file)).toEqual([]);
  });

  it('that somebody has is left alone, and so is a file that is none', async () => {
    const sw = await newSwitch();
    const { file, port } = await listening(sw, 'vm');
    expect(await refusal(file)).toMatchObject([
      { code: 'listen-failed', message: expect.stringContaining('another program listens') },
    ]);
    await Peer.at(file);
    await until(() => port.isConnected);
    const other = path();
    writeFileSync(other, 'precious');
    undo.push(() => rmSync(other));
    expect(await refusal(other)).toMatchObject([{ message: expect.stringContaining('which is no socket') }]);
    expect(existsSync(other)).toBe(true);
  });

  it('has a path that is possible', async () => {
    expect(await refusal(join(directory, 'no', 'such.sock'))).toMatchObject([
      { message: expect.stringContaining('its directory does not exist') },
    ]);
    expect(await refusal(join(directory, 'x'.repeat(120)))).toMatchObject([
      { message: expect.stringContaining('at most 107 bytes') },
    ]);
    await expect(async () => connectStream('x'.repeat(120), await plug())).rejects.toThrow(/107 bytes/);
  });
});

/** A UDP socket that keeps what it gets. */
async function udp(address = '127.0.0.1') {
  const socket = createSocket('udp4');
  const got: string[] = [];
  socket.on('message', (message) => got.push(toHex(message)));
  socket.bind(0, address);
  await once(socket, 'listening');
  undo.push(() => socket.close());
  return { socket, got, port: socket.address().port };
}

/** A UDP port that is free at this moment. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

describe('a port over datagrams', () => {
  it('carries a frame in each, and hears its peer only', async () => {
    const sw = await newSwitch();
    const peer = await udp();
    const stranger = await udp();
    const local = { host: ip('127.0.0.1'), port: await freePort() };
    const port = await openDatagram(local, { host: ip('127.0.0.1'), port: peer.port }, await vif(sw, 'vm'));
    undo.push(() => port.close());
    const { file, port: other } = await listening(sw, 'other');
    const b = await Peer.at(file);
    await until(() => other.isConnected);
    stranger.socket.send(fromHex(frame(B, A, 'not me'))!, local.port, local.host);
    peer.socket.send('short', local.port, local.host);
    peer.socket.send(fromHex(frame(B, A, 'me'))!, local.port, local.host);
    await until(() => b.frames.length === 1);
    expect(b.frames).toEqual([frame(B, A, 'me')]);
    b.send(frame(A, B, '1'), frame(A, B, '2'));
    await until(() => peer.got.length === 2);
    expect(peer.got).toEqual([frame(A, B, '1'), frame(A, B, '2')]);
    await until(() => port.counters.sent === 2);
    expect(port.counters).toMatchObject({ received: 1, refused: 1, sent: 2, sentBytes: 120, dropped: 0 });
  });

  it('says why an address cannot be had', async () => {
    const { port } = await udp();
    const remote = { host: ip('127.0.0.1'), port: 9 };
    const open = async (host: string, local: number) =>
      openDatagram({ host: ip(host), port: local }, remote, await vif(await newSwitch(), 'vm'));
    await expect(open('127.0.0.1', port)).rejects.toThrow(/another socket has it/);
    await expect(open('192.0.2.1', 5000)).rejects.toThrow(/this machine does not have the address/);
  });
});

describe('a tunnel port over UDP', () => {
  const tunnel = (encapsulation: 'vxlan' | 'geneve', local: string) =>
    ({ type: 'tunnel', name: 'tun', encapsulation, local: ip(local) }) as const;

  /** A switch with a VM and a tunnel: what the VM sends goes to `remote` with VNI 5001, and back. */
  async function host(
    encapsulation: 'vxlan' | 'geneve',
    local: string,
    remote: string,
    port: number,
  ): Promise<{ peer: Peer; tunnel: SocketPort; sw: SoftSwitch }> {
    const destination = remote.includes(':') ? 'tun_ipv6_dst' : 'tun_dst';
    const sw = await newSwitch(
      `in_port=1,actions=set_field:5001->tun_id,set_field:${remote}->${destination},output:2`,
      'in_port=2,tun_id=5001,actions=output:1',
    );
    const { file, port: vm } = await listening(sw, 'vm');
    await sw.setPort(tunnel(encapsulation, local));
    const socket = await TunnelSocket.open(encapsulation, { host: ip(local), port });
    undo.push(() => socket.close());
    const uplink = socket.underlay(sw, 'tun');
    const peer = await Peer.at(file);
    await until(() => vm.isConnected);
    return { peer, tunnel: uplink, sw };
  }

  it.each(['vxlan', 'geneve'] as const)('joins two switches: %s', async (encapsulation) => {
    const port = await freePort();
    const a = await host(encapsulation, '127.0.0.1', '127.0.0.2', port);
    const b = await host(encapsulation, '127.0.0.2', '127.0.0.1', port);
    a.peer.send(frame(B, A, 'ping'));
    await until(() => b.peer.frames.length === 1);
    b.peer.send(frame(A, B, 'pong'), frame(A, B, 'pong'));
    await until(() => a.peer.frames.length === 2);
    expect([a.peer.frames, b.peer.frames]).toEqual([
      [frame(A, B, 'pong'), frame(A, B, 'pong')],
      [frame(B, A, 'ping')],
    ]);
    expect(a.sw.tunnelDrops('tun').size).toBe(0);
  });

  it('goes over IPv6 too', async () => {
    const port = await freePort();
    const { peer, sw } = await host('vxlan', '::1', '2001:db8::2', port);
    const far = createSocket('udp6').bind(0, '::1');
    await once(far, 'listening');
    undo.push(() => far.close());
    // From somebody at ::1 to itself: in is enough, for there is one address.
    far.send(fromHex(`0800000000138900${frame(A, B, 'six')}`)!, port, '::1');
    await until(() => peer.frames.length === 1);
    expect(peer.frames).toEqual([frame(A, B, 'six')]);
    expect(sw.tunnelDrops('tun').size).toBe(0);
  });

  it('puts what RFC 7348 says before the frame, and nothing else', async () => {
    const far = await udp('127.0.0.2');
    const { peer } = await host('vxlan', '127.0.0.1', '127.0.0.2', far.port);
    peer.send(frame(B, A, 'wrapped'));
    await until(() => far.got.length === 1);
    expect(far.got[0]).toBe(`0800000000138900${frame(B, A, 'wrapped')}`);
  });

  it('sends different flows from different ports, and one flow from one', async () => {
    const far = createSocket('udp4').bind(0, '127.0.0.2');
    await once(far, 'listening');
    undo.push(() => far.close());
    const ports = new Map<string, Set<number>>();
    let got = 0;
    far.on('message', (message, from) => {
      const source = toHex(message, 8 + 6, 8 + 12);
      ports.set(source, (ports.get(source) ?? new Set()).add(from.port));
      got++;
    });
    const { peer } = await host('vxlan', '127.0.0.1', '127.0.0.2', far.address().port);
    const sources = Array.from({ length: 50 }, (_, i) => `0200000000${(i + 16).toString(16)}`);
    for (const source of [...sources, ...sources]) peer.send(frame(B, source));
    await until(() => got === 100);
    expect([...ports.values()].every((each) => each.size === 1)).toBe(true);
    expect(new Set([...ports.values()].flatMap((each) => [...each])).size).toBeGreaterThan(3);
  });

  it('refuses what is no tunnel of ours, and counts why', async () => {
    const port = await freePort();
    const { peer, sw, tunnel: uplink } = await host('vxlan', '127.0.0.1', '127.0.0.2', port);
    const far = await udp('127.0.0.2');
    for (const bad of ['', '0800', `ff00000000138900${frame(A, B)}`]) {
      far.socket.send(fromHex(bad)!, port, '127.0.0.1');
    }
    far.socket.send(fromHex(`0800000000138900${frame(A, B, 'good')}`)!, port, '127.0.0.1');
    await until(() => peer.frames.length === 1);
    expect(peer.frames).toEqual([frame(A, B, 'good')]);
    expect(uplink.counters.received).toBe(4);
    expect([...sw.tunnelDrops('tun')]).toEqual([
      ['outer-truncated', 2n],
      ['tunnel-flags', 1n],
    ]);
  });
});

describe('a link through a tunnel', () => {
  it.each(['vxlan', 'geneve'] as const)(
    'and a tunnel port understand each other: %s',
    async (encapsulation) => {
      const port = await freePort();
      const [one, two] = [
        await newSwitch(),
        await newSwitch(
          'in_port=1,actions=set_field:77->tun_id,set_field:127.0.0.1->tun_dst,output:2',
          'in_port=2,tun_id=77,tun_src=127.0.0.1,actions=output:1',
        ),
      ];
      const [left, right] = [await listening(one, 'vm'), await listening(two, 'vm')];
      const near = await TunnelSocket.open(encapsulation, { host: ip('127.0.0.1'), port });
      undo.push(() => near.close());
      near.link({ remote: ip('127.0.0.2'), vni: 77 }, await vif(one, 'link'));
      await two.setPort({ type: 'tunnel', name: 'tun', encapsulation, local: ip('127.0.0.2') });
      const far = await TunnelSocket.open(encapsulation, { host: ip('127.0.0.2'), port });
      undo.push(() => far.close());
      far.underlay(two, 'tun');
      const [a, b] = [await Peer.at(left.file), await Peer.at(right.file)];
      await until(() => left.port.isConnected && right.port.isConnected);
      a.send(frame(B, A, 'from a link'));
      await until(() => b.frames.length === 1);
      b.send(frame(A, B, 'from a tunnel port'));
      await until(() => a.frames.length === 1);
      expect([a.frames, b.frames]).toEqual([
        [frame(A, B, 'from a tunnel port')],
        [frame(B, A, 'from a link')],
      ]);
      expect(two.tunnelDrops('tun').size).toBe(0);
    },
  );

  /** A learning switch with a VM, and links to these remotes and VNIs. */
  async function host(local: string, port: number, links: readonly (readonly [string, number])[]) {
    const sw = await newSwitch();
    const { file, port: vm } = await listening(sw, 'vm');
    const socket = await TunnelSocket.open('vxlan', { host: ip(local), port });
    undo.push(() => socket.close());
    const ports: SocketPort[] = [];
    for (const [remote, vni] of links) {
      const plug = await vif(sw, `link${ports.length}`);
      ports.push(socket.link({ remote: ip(remote), vni }, plug));
    }
    const peer = await Peer.at(file);
    await until(() => vm.isConnected);
    return { sw, peer, socket, ports };
  }

  it('is a cable between two learning switches', async () => {
    const port = await freePort();
    const a = await host('127.0.0.1', port, [['127.0.0.2', 7]]);
    const b = await host('127.0.0.2', port, [['127.0.0.1', 7]]);
    a.peer.send(frame(B, A, 'ping'));
    await until(() => b.peer.frames.length === 1);
    const tagged = `${A}${B}81000009${frame(A, B, 'pong').slice(24)}`;
    b.peer.send(tagged, frame(A, B, 'pong'));
    await until(() => a.peer.frames.length === 2);
    expect([a.peer.frames, b.peer.frames]).toEqual([[tagged, frame(A, B, 'pong')], [frame(B, A, 'ping')]]);
    await until(() => b.ports[0]!.counters.sent === 2);
    expect(b.ports[0]!.counters).toMatchObject({
      received: 1,
      receivedBytes: 60,
      sentBytes: 124,
      dropped: 0,
    });
  });

  it('takes what its remote sends with its VNI, and nothing else', async () => {
    const port = await freePort();
    const { peer, ports, socket } = await host('127.0.0.1', port, [
      ['127.0.0.2', 7],
      ['127.0.0.2', 8],
    ]);
    const [far, stranger] = [await udp('127.0.0.2'), await udp('127.0.0.3')];
    const datagram = (start: string, text: string) => fromHex(`${start}${frame('ffffffffffff', A, text)}`)!;
    stranger.socket.send(datagram('0800000000000700', 'not from the remote'), port, '127.0.0.1');
    for (const wrong of ['0800000000000900', '0800000000000701', '0000000000000700', '0800010000000700']) {
      far.socket.send(datagram(wrong, 'wrong'), port, '127.0.0.1');
    }
    far.socket.send(fromHex('0800000000000700ffff')!, port, '127.0.0.1');
    far.socket.send(datagram('0800000000000700', 'seven'), port, '127.0.0.1');
    far.socket.send(datagram('0800000000000800', 'eight'), port, '127.0.0.1');
    await until(() => peer.frames.length === 2);
    expect(peer.frames).toEqual([frame('ffffffffffff', A, 'seven'), frame('ffffffffffff', A, 'eight')]);
    expect(ports.map(({ counters }) => [counters.received, counters.refused])).toEqual([
      [1, 1],
      [1, 0],
    ]);
    const again = () => socket.link({ remote: ip('127.0.0.2'), vni: 7 }, () => expect.unreachable());
    expect(again).toThrow(/to 127.0.0.2 with VNI 7 already/);
  });
});
