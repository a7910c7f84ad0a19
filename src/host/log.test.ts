import { describe, expect, it } from 'vitest';
import { warning } from '../base/error.ts';
import { Log, type LogOptions } from './log.ts';

const trouble = warning('controller-unreachable', '', 'The stream\nhas ended.', 'It tries again.');

function logged(options: Partial<LogOptions>): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const log = new Log({
    format: 'text',
    isJournal: false,
    wall: () => Date.UTC(2026, 0, 2, 3, 4, 5),
    write: (line) => lines.push(line),
    ...options,
  });
  return { log, lines };
}

describe('the log', () => {
  it('says what goes on being wrong once, and when it is over', () => {
    const { log, lines } = logged({});
    for (let i = 0; i < 3; i++) log.standing('controller', [trouble], 'It is back.');
    for (let i = 0; i < 3; i++) log.standing('controller', [], 'It is back.');
    expect(lines).toEqual([
      '2026-01-02T03:04:05.000Z warning[controller-unreachable] The stream has ended. It tries again.\n',
      '2026-01-02T03:04:05.000Z It is back.\n',
    ]);
  });

  it('tells the journal how grave it is, and leaves the time to it', () => {
    const { log, lines } = logged({ isJournal: true });
    log.info('begins');
    log.finding(trouble);
    expect(lines.map((line) => line.slice(0, 4))).toEqual(['<6>b', '<4>w']);
  });

  it('writes one object a line for programs', () => {
    const { log, lines } = logged({ format: 'json' });
    log.finding(trouble);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'warning',
      code: 'controller-unreachable',
      message: 'The stream\nhas ended.',
      remedy: 'It tries again.',
    });
  });
});
