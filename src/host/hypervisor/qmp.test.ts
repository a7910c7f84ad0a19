import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followLinks } from './follow-links.ts';
import { afterEvent, type LinkState, linkStateOf } from './link-follower.ts';
import { QmpClient, type QmpEvent } from './qmp.ts';
import { QmpLines, readMessage } from './qmp-messages.ts';

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}\r\n';

describe('lines of QMP', () => {
  it('are the same however the bytes are cut', () => {
    const whole = new TextEncoder().encode(
      '{"return": {}}\r\n\r\n{"event": "STOP", "data": {"ü": 1}}\r\n{"half',
    );
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 6 }), (cuts) => {
        const lines = new QmpLines();
        const places = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const read = places.slice(1).flatMap((end, i) => lines.read(whole.subarray(places[i], end)) ?? ['?']);
        expect(read).toEqual(['{"return": {}}', '{"event": "STOP", "data": {"ü": 1}}']);
      }),
    );
  });

  it('have an end: one that is too long is refused', () => {
    const lines = new QmpLines();
    const piece = new Uint8Array(1 << 20).fill(0x61);
    const answers = Array.from({ length: 6 }, () => lines.read(piece));
    expect(answers.at(0)).toEqual([]);
    expect(answers.at(-1)).toBeUndefined();
  });

  it('are read for what they are, and whatever they are', () => {
    expect(readMessage(GREETING)).toEqual({ type: 'greeting' });
    expect(readMessage('{"return": {"status": "running"}, "id": 7}')).toEqual({
      type: 'return',
      id: 7,
      value: { status: 'running' },
    });
    expect(readMessage('{"id": 7, "error": {"class": "GenericError", "desc": "no such"}}')).toEqual({
      type: 'error',
      id: 7,
      words: 'no such',
    });
    const time = '{"seconds": 1000000000, "microseconds": 250000}';
    expect(readMessage(`{"timestamp": ${time}, "event": "STOP"}`)).toEqual({
      type: 'event',
      event: 'STOP',
      data: {},
      at: 1_000_000_000_250,
    });
    for (const line of ['', 'HTTP/1.1 400', '[]', 'null', '{}', '{"error": 1}'])
      expect(readMessage(line), line).toMatchObject({ type: 'unreadable' });
    fc.assert(fc.property(fc.string(), (line) => void readMessage(line)));
    fc.assert(fc.property(fc.json(), (line) => void readMessage(line)));
  });
});

describe('the link of a machine', () => {
  const event = (name: string, status?: string): QmpEvent => ({
    event: name,
    data: status === undefined ? {} : { status },
    at: 0,
  });
  const linksIn = (begin: LinkState, ...events: readonly QmpEvent[]) => {
    let state = begin;
    return events.map((each) => {
      state = afterEvent(state, each);
      return state.link;
    });
  };

  it('goes down on the source when the machine stops to be moved', () => {
    const events = [event('MIGRATION', 'setup'), event('MIGRATION', 'active'), event('STOP')];
    expect(linksIn(linkStateOf('running', undefined), ...events)).toEqual(['up', 'up', 'down']);
    const state = { moving: true, link: 'down' } as const;
    expect(linksIn(state, event('MIGRATION', 'device'), event('MIGRATION', 'completed'))).toEqual([
      'down',
      'down',
    ]);
  });

  it('comes back on the source when the migration fails', () => {
    const stopped = { moving: true, link: 'down' } as const;
    expect(linksIn(stopped, event('MIGRATION', 'failed'), event('RESUME'))).toEqual(['down', 'up']);
    expect(linksIn(stopped, event('RESUME'), event('MIGRATION', 'cancelled'))).toEqual(['up', 'up']);
  });

  it('is down on the destination until the machine runs there', () => {
    const waiting = linkStateOf('inmigrate', undefined);
    expect(waiting.link).toBe('down');
    const events = [event('MIGRATION', 'active'), event('RESUME'), event('MIGRATION', 'completed')];
    expect(linksIn(waiting, ...events)).toEqual(['down', 'up', 'up']);
  });

  it('stays up when the machine is paused for another reason', () => {
    expect(linksIn(linkStateOf('running', 'completed'), event('MIGRATION', 'none'), event('STOP'))).toEqual([
      'up',
      'up',
    ]);
    // Also after it has come here.
    const here = [event('RESUME'), event('MIGRATION', 'completed'), event('STOP')];
    expect(linksIn(linkStateOf('inmigrate', 'active'), ...here)).toEqual(['up', 'up', 'up']);
    expect(linksIn(linkStateOf('running', 'completed'), event('STOP'))).toEqual(['up']);
    expect(linkStateOf('paused', undefined).link).toBe('up');
    expect(linkStateOf('postmigrate', 'completed').link).toBe('down');
  });
});

describe('a client of QMP', () => {
  let directory: string;
  let socket: string;
  let server: Server;
  /** What is at the other end says, line by line: answers to commands, by name. */
  let answers: (command: string, id: number, line: Socket) => void;
  const asked: string[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'netloom-qmp-'));
    socket = join(directory, 'qmp.sock');
    asked.length = 0;
    answers = (_command, id, line) => line.write(`{"return": {}, "id": ${id}}\r\n`);
    server = createServer((line) => {
      line.write(GREETING);
      line.on('error', () => {});
      const lines = new QmpLines();
      line.on('data', (bytes) => {
        for (const each of lines.read(bytes) ?? []) {
          const { execute, id } = JSON.parse(each) as { execute: string; id: number };
          asked.push(execute);
          answers(execute, id, line);
        }
      });
    }).listen(socket);
    await once(server, 'listening');
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true });
  });

  it('agrees on capabilities first, and takes answers in whatever order they come', async () => {
    const client = await QmpClient.connect(socket);
    const held: (() => void)[] = [];
    answers = (command, id, line) => {
      held.unshift(() => line.write(`{"return": "${command}", "id": ${id}}\r\n`));
      if (held.length === 2) for (const each of held) each();
    };
    expect(await Promise.all([client.execute('query-status'), client.execute('query-migrate')])).toEqual([
      'query-status',
      'query-migrate',
    ]);
    expect(asked[0]).toBe('qmp_capabilities');
    client.close();
    await client.closed;
  });

  it('gives QEMU’s own words when it refuses, waits no longer than it is told, and notices the end', async () => {
    const client = await QmpClient.connect(socket, { patience: 50 });
    answers = (command, id, line) => {
      if (command === 'quit') line.destroy();
      if (command === 'stop') line.write(`{"error": {"desc": "not now"}, "id": ${id}}\r\n`);
    };
    await expect(client.execute('stop')).rejects.toThrow('not now');
    await expect(client.execute('query-status')).rejects.toThrow('no answer within 0.05 s: query-status');
    await expect(client.execute('quit')).rejects.toThrow('closed the connection');
    await expect(client.execute('query-status')).rejects.toThrow('closed the connection');
    await client.closed;
  });

  it('says where nobody is, and where somebody else is', async () => {
    await expect(QmpClient.connect(join(directory, 'nobody'))).rejects.toMatchObject({ code: 'hypervisor' });
    answers = (_command, _id, line) => line.write('220 mail.example.org ESMTP\r\n');
    await expect(QmpClient.connect(socket)).rejects.toThrow('not QMP');
  });

  it('lets links follow what happens, also what happens while it first looks', async () => {
    let status = 'running';
    let said = false;
    answers = (command, id, line) => {
      // The migration begins between two questions.
      if (command === 'query-status' && !said) {
        said = true;
        line.write('{"event": "MIGRATION", "data": {"status": "active"}}\r\n');
      }
      const value =
        command === 'query-status'
          ? { status }
          : command === 'query-migrate' && said
            ? { status: 'active' }
            : {};
      line.write(`${JSON.stringify({ return: value, id })}\r\n`);
      if (command === 'cont') line.write('{"event": "RESUME"}\r\n');
      if (command === 'stop') line.write('{"event": "STOP"}\r\n');
    };
    const links: string[] = [];
    const setLinks = async (link: string) => void links.push(link);
    const { client, done } = await followLinks(socket, { setLinks });
    await client.execute('stop');
    await client.execute('query-status');
    await client.execute('cont');
    await client.execute('query-status');
    client.close();
    await done;
    expect(links).toEqual(['up', 'down', 'up']);
    status = 'inmigrate';
    const second = await followLinks(socket, { setLinks });
    expect(links.at(-1)).toBe('down');
    second.client.close();
    await second.done;
  });
});
