/** `netloom switch` as a user runs it; the machines are sockets here (test/qemu has real ones). */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { FrameReader } from '../../src/sockets/framing.ts';
import { SwitchProcess } from '../support/switch-process.ts';
import { until } from '../support/until.ts';
import { netloom } from './program.ts';

const directory = mkdtempSync(join(tmpdir(), 'netloom-switch-'));
const running: SwitchProcess[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const each of running.splice(0)) await each.kill();
});
afterAll(() => rmSync(directory, { recursive: true }));

const at = (name: string) => join(directory, name);

async function start(name: string, file: object, ...options: readonly string[]): Promise<SwitchProcess> {
  const started = await SwitchProcess.start(directory, name, file, undefined, ...options);
  running.push(started);
  return started;
}

/** A machine, as far as a switch can tell. */
class Machine {
  readonly got: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new FrameReader();
    socket.on('data', (piece: Buffer) => {
      reader.read(piece, ({ bytes, at: start, length, count }) => {
        for (let i = 0; i < count; i++) {
          const frame = bytes.subarray(start[i]! + 14, start[i]! + length[i]!);
          this.got.push(new TextDecoder().decode(frame).replaceAll('\0', ''));
        }
      });
    });
  }

  static async at(path: string): Promise<Machine> {
    const socket = connect(path);
    sockets.push(socket);
    // A switch that is killed resets it.
    socket.on('error', () => {});
    await once(socket, 'connect');
    return new Machine(socket);
  }

  /** A frame with a text in it, to everybody. */
  send(text: string): void {
    const frame = Buffer.alloc(64);
    frame.writeUInt32BE(60);
    frame.fill(0xff, 4, 10);
    frame.set([2, 0, 0, 0, 0, 1, 0x88, 0xb5], 10);
    frame.write(text, 18);
    this.#socket.write(frame);
  }
}

const TWO = {
  ports: [
    { name: 'vm1', stream: { listen: 'vm1.sock' } },
    { name: 'vm2', stream: { listen: 'vm2.sock' } },
  ],
};

it('carries frames, tells how it does, and leaves nothing behind', async () => {
  const started = await start('two', TWO);
  expect(started.netdev('vm1').slice(0, 2)).toEqual([
    '-netdev',
    `stream,id=n1,server=off,addr.type=unix,addr.path=${at('vm1.sock')}`,
  ]);
  expect(started.netdev('vm1')[3]).not.toBe(started.netdev('vm2')[3]);
  const [one, two] = [await Machine.at(at('vm1.sock')), await Machine.at(at('vm2.sock'))];
  await started.says(/vm1: connected[\s\S]*vm2: connected|vm2: connected[\s\S]*vm1: connected/);
  one.send('hello');
  await until('a frame at vm2', () => two.got.length === 1);
  expect(two.got).toEqual(['hello']);
  expect(await started.ask()).toMatch(/1 +vm1 +up +1 +0 +0 +0\n *2 +vm2 +up +0 +1 +0 +0/);
  const { code, status } = await started.end();
  expect(code).toBe(0);
  expect(status).toMatchObject({
    name: 'two',
    ports: [
      { number: 1, name: 'vm1', connected: true, received: 1, receivedBytes: 60, sent: 0 },
      { number: 2, name: 'vm2', connected: true, received: 0, sent: 1, sentBytes: 60, dropped: 0 },
    ],
    flows: [{ flow: 'table=0,priority=0,actions=NORMAL', packets: 1, bytes: 60 }],
  });
  expect([existsSync(at('vm1.sock')), existsSync(at('vm2.sock'))]).toEqual([false, false]);
});

it('refuses sockets that somebody has, all of them at once, and takes those of a switch that was killed', async () => {
  const first = await start('first', TWO);
  const second = await netloom(['switch', at('first.json')], { directory });
  expect(second.code).toBe(1);
  expect(
    second.err.match(/error\[listen-failed\] vm\d: vm\d.sock .*another program listens there/g),
  ).toHaveLength(2);
  await Machine.at(at('vm1.sock'));
  await first.says(/vm1: connected/);
  await first.kill();
  expect(existsSync(at('vm1.sock'))).toBe(true);
  const third = await start('third', TWO);
  expect((await third.end()).code).toBe(0);
});

it('opens nothing when it is only to check, and says everything that is wrong', async () => {
  writeFileSync(at('check.json'), JSON.stringify(TWO));
  const good = await netloom(['switch', 'check.json', '--check'], { directory });
  expect(good).toMatchObject({ code: 0, err: '' });
  expect(good.out).toContain('nothing was opened');
  expect(existsSync(at('vm1.sock'))).toBe(false);
  const input = JSON.stringify({ ports: [{ name: 'a' }], flows: ['actions=nonsense'] });
  const bad = await netloom(['switch', '-', '--check'], { directory, input });
  expect(bad).toMatchObject({ code: 1, out: '' });
  expect(bad.err).toMatch(
    /standard input:1:\d+: error\[field-missing\] ports\[0\][\s\S]*error\[flow-invalid\] flows\[0\]/,
  );
});

it('keeps every frame with the rules that it met', async () => {
  const flows = ['priority=5,dl_type=0x88b5,actions=resubmit(,1)', 'table=1,actions=normal'];
  const started = await start('captured', { ...TWO, flows }, '--capture', at('all.pcapng'));
  const [one, two] = [await Machine.at(at('vm1.sock')), await Machine.at(at('vm2.sock'))];
  await started.says(/vm1: connected[\s\S]*vm2: connected|vm2: connected[\s\S]*vm1: connected/);
  one.send('watched');
  await until('a frame at vm2', () => two.got.length === 1);
  await started.end();
  const bytes = readFileSync(at('all.pcapng'), 'latin1');
  const remark = [
    'in by vm1',
    'table 0: table=0,priority=5,dl_type=0x88b5,actions=resubmit(,1)',
    'table 1: table=1,priority=32768,actions=NORMAL',
    'out by vm2',
  ];
  expect(bytes.split(remark.join('\n'))).toHaveLength(3);
  expect(bytes.split('watched')).toHaveLength(3);
});
