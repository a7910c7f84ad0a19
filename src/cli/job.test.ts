import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApi, type TestApi, TOKEN } from '../api/fixture.ts';
import { NetloomError } from '../base/error.ts';
import type { Job } from '../controller/jobs/job.ts';
import type { Effect } from '../controller/plan/effect.ts';
import { effectsText } from './effects-text.ts';
import { readEvents } from './events.ts';
import { testTerminal } from './fixture.ts';
import { progressLine, stepLine } from './job-text.ts';
import { main } from './main.ts';
import { sinceText } from './since.ts';

const { colours } = testTerminal();
/** When the clock of the server starts. */
const START = '2026-01-01T00:00:00Z';

describe('commands about jobs and revisions', () => {
  let api: TestApi;
  let url: string;
  beforeAll(async () => {
    api = await openApi();
    url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => api.close());

  async function run(args: readonly string[], input = '', isWatched = false) {
    const drawn: string[] = [];
    const terminal = {
      ...testTerminal({ NETLOOM_TOKEN: TOKEN, NETLOOM_SERVER: url }, input),
      isWatched,
      redraw: (line = '') => void drawn.push(line),
    };
    const code = await main(args, terminal);
    return { code, drawn, ...terminal.written };
  }
  const group = (name: string, more = '') => `{kind: HostGroup, name: ${name}${more}}\n`;

  it('apply follows its job where somebody watches, and with --wait', async () => {
    const quiet = await run(['apply', '-f', '-'], group('a'));
    expect([quiet.code, quiet.err]).toEqual([0, '']);
    const waiting = await run(['apply', '-f', '-', '--wait'], group('b'));
    expect(waiting.code).toBe(0);
    expect(waiting.err.split('\n').map((line) => line.trim().split(/ +/).slice(0, 2).join(' '))).toEqual([
      'check done',
      'allocate done',
      'compile done',
      'commit done',
      'hosts done',
      '',
    ]);
    const watched = await run(['apply', '-f', '-'], group('c'), true);
    const withoutTimes = (text: string) => text.replaceAll(/ +\d+ ms/g, '');
    expect(withoutTimes(watched.err)).toBe(withoutTimes(waiting.err));
    expect(watched.drawn.at(-1)).toBe('');
    // What is for programs has no words in between.
    const json = await run(['apply', '-f', '-', '-o', 'json'], group('d'));
    expect(JSON.parse(json.out)).toMatchObject({ revision: 4, job: 4 });
  });

  it('a change that is refused names its job, which says why and can be tried again', async () => {
    const { code, err } = await run(['apply', '-f', '-'], group('child', ', parent: late'));
    expect(code).toBe(1);
    const job = /Job (\d+) has failed/.exec(err)?.[1] ?? '';
    const shown = await run(['job', 'get', job]);
    expect(shown.out).toMatch(/State +failed/);
    expect(shown.out).toMatch(/check +failed .*There is no host group "late"/);
    expect(shown.out).toContain(`"netloom job retry ${job}" tries it again`);
    expect((await run(['job', 'log', job])).out).toMatch(/error +HostGroup\/child.parent: There is no/);
    expect((await run(['job', 'watch', job])).code).toBe(1);
    expect((await run(['job', 'retry', job])).code).toBe(1);
    await run(['apply', '-f', '-'], group('late'));
    const again = await run(['job', 'retry', job]);
    expect([again.code, again.out]).toEqual([0, expect.stringMatching(/succeeded/)]);
    expect((await run(['job', 'cancel', job])).err).toContain('job-state');
  });

  it('job list shows what passes its filters, in every form', async () => {
    const failed = await run(['job', 'list', '--state', 'failed', '--since', START]);
    expect(failed.out.split('\n')[0]).toMatch(/^JOB +STATE +BEGAN +WHO +WHAT +RESULT$/);
    expect(failed.out).toMatch(/failed .* operator +Apply HostGroup\/child +There is no host group/);
    const json = await run(['job', 'list', '--object', 'HostGroup/a', '-o', 'json']);
    expect((JSON.parse(json.out) as Job[]).map(({ title }) => title)).toEqual(['Apply HostGroup/a']);
    expect((await run(['job', 'list', '--kind', 'dance'])).err).toBe('There are none.\n');
    expect((await run(['job', 'list', '--state', 'dancing'])).code).toBe(1);
    expect((await run(['job', 'get', '-o', 'yaml'])).out).toMatch(/^id: \d+\n/);
  });

  it('diff, rollback and history tell the same story', async () => {
    const before = api.controller.revision;
    await run(['apply', '-f', '-', '-m', 'third floor'], group('a', ', description: x'));
    const diff = await run(['diff', String(before)]);
    expect(diff.out).toContain('~ HostGroup/a\n      description: nothing -> x');
    const yaml = await run(['diff', String(before), String(before + 1), '-o', 'yaml']);
    expect(yaml.out).toContain('description: x');
    const dry = await run(['rollback', String(before), '--dry-run']);
    expect(dry.out).toContain('Dry run, nothing was changed: 1 to update.');
    expect(api.controller.revision).toBe(before + 1);
    expect((await run(['rollback', String(before)])).out).toContain('description: x -> nothing');
    expect((await run(['diff', String(before)])).out).toBe(
      `Nothing differs between revision ${before} and ${before + 2}.\n`,
    );
    const history = await run(['history', '--since', START, '--by', 'operator', '--limit', '2']);
    expect(history.out).toContain(`Roll back to revision ${before}`);
    expect(history.out).toContain('third floor');
    expect((await run(['history', '--by', 'nobody'])).out).toBe('There are no changes.\n');
    expect((await run(['rollback', '999'])).err).toContain('not-found');
    expect((await run(['history', '--since', 'soon'])).err).toContain('is not a time');
  });
});

describe('events', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  async function read(...chunks: readonly Uint8Array[]) {
    const events: string[] = [];
    for await (const { event, data } of readEvents(ReadableStream.from(chunks)))
      events.push(`${event} ${data}`);
    return events;
  }

  it('come out whole, however the bytes are cut', async () => {
    const all = bytes('event: a\nid: 1\ndata: grüße\n\n: alive\n\ndata: x\ndata: y\n\nevent: cut');
    for (let at = 0; at <= all.length; at++) {
      expect(await read(all.subarray(0, at), all.subarray(at))).toEqual(['a grüße', 'message x\ny']);
    }
  });
});

describe('times', () => {
  it('are said as people do, or exactly', () => {
    const now = Date.UTC(2026, 0, 8);
    expect(sinceText('90m', now)).toBe('2026-01-07T22:30:00.000Z');
    expect(sinceText('7d', now)).toBe('2026-01-01T00:00:00.000Z');
    expect(sinceText('2026-01-01T01:00:00+01:00', now)).toBe('2026-01-01T00:00:00.000Z');
    expect(() => sinceText('soon', now)).toThrow(NetloomError);
  });
});

describe('a job in one line', () => {
  const job = (progress?: Job['progress']): Job => ({
    id: 1,
    kind: 'apply',
    title: 'Apply it',
    initiator: 'ann',
    state: 'running',
    createdAt: START,
    objects: [],
    objectCount: 0,
    steps: [{ name: 'hosts', state: 'running' }],
    log: [],
    findings: [],
    cancellable: false,
    retryable: false,
    ...(progress ? { progress } : {}),
  });

  it('is a bar that grows from nothing to all', () => {
    const bars = [0, 1, 2].map((done) => progressLine(job({ done, total: 2, what: 'hosts' })));
    expect(bars).toEqual([
      '  hosts  [>                       ] 0 of 2 hosts',
      '  hosts  [============>           ] 1 of 2 hosts',
      '  hosts  [========================] 2 of 2 hosts',
    ]);
    expect(progressLine(job())).toBe('  hosts …');
  });

  it('is the step with its time and its words', () => {
    const times = { startedAt: '2026-01-01T00:00:00.000Z', endedAt: '2026-01-01T00:00:01.500Z' };
    expect(stepLine({ name: 'hosts', state: 'succeeded', message: '2 of 2', ...times }, colours)).toBe(
      '  hosts         done         1.5 s  2 of 2',
    );
    expect(stepLine({ name: 'check', state: 'skipped' }, colours)).toBe('  check         left out');
  });
});

describe('effects', () => {
  const effect = (number: number): Effect => ({
    host: 'host1',
    subject: `vNIC vm${number}/eth0`,
    change: 'changes',
    text: 'VLAN 5 -> VLAN 6',
    interruption: { milliseconds: 1000, why: 'It moves.' },
    vnics: [`vm${number}/eth0`],
    guards: [{ guard: 'DHCP guard', before: 'on', after: 'off' }],
    management: number === 0,
  });

  it('are shown with each reason once, their guards, and the hosts that may be out of reach', () => {
    const text = effectsText([effect(0), effect(1)], 2, colours);
    expect(text).toMatch(/host1 +vNIC vm1\/eth0 +VLAN 5 -> VLAN 6 +about 1 s\n/);
    expect(text.match(/about 1 s: It moves\./g)).toHaveLength(1);
    expect(text).toContain('host1: vNIC vm0/eth0: DHCP guard: on -> off');
    expect(text).toMatch(/Management: .*: host1\./);
    expect(effectsText([], 0, colours)).toBe('');
  });

  it('are counted where there are too many', () => {
    const many = Array.from({ length: 100 }, (_, n) => effect(n));
    expect(effectsText(many, 5000, colours)).toContain('and 4960 more effects, 60 with an interruption');
  });
});
