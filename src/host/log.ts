/**
 * The agent's log: one line for each thing that happened, for the journal of systemd or a file. What goes on being wrong is
 * told when it begins, when it changes and when it is over, and not each time that it is noticed.
 */
import { describeFinding, type Finding } from '../base/error.ts';

export type LogFormat = 'text' | 'json';
type Level = 'info' | 'warning' | 'error';

/** Numbers of syslog (RFC 5424, 6.2.1), which the journal reads from the beginning of a line (sd-daemon(3)). */
const PRIORITY: Readonly<Record<Level, number>> = { info: 6, warning: 4, error: 3 };

export interface LogOptions {
  readonly format: LogFormat;
  /** Takes whole lines. */
  readonly write: (line: string) => void;
  /** Wall-clock milliseconds since 1970. */
  readonly wall: () => number;
  /** Lines go to the journal, which notes the time by itself and wants to know how grave it is (JOURNAL_STREAM is set). */
  readonly isJournal: boolean;
}

export class Log {
  readonly #options: LogOptions;
  /** subject -> what was said of it last */
  readonly #standing = new Map<string, string>();

  constructor(options: LogOptions) {
    this.#options = options;
  }

  info(message: string): void {
    this.#line('info', message);
  }

  /**
   * How a subject stands: what is wrong with it, or nothing. Says something only when that has changed: `over` when nothing is
   * wrong any more, `fine` when nothing was from the beginning.
   */
  standing(subject: string, findings: readonly Finding[], over?: string, fine?: string): void {
    const text = findings.map(identityOf).join('\n');
    const before = this.#standing.get(subject);
    if (text === before) return;
    this.#standing.set(subject, text);
    for (const found of findings) this.finding(found);
    const words = before === undefined ? fine : over;
    if (text === '' && words !== undefined) this.info(words);
  }

  finding(found: Finding): void {
    this.#line(found.severity, describeFinding(found), found);
  }

  #line(level: Level, message: string, about?: Finding): void {
    const { format, write, wall, isJournal } = this.#options;
    const time = new Date(wall()).toISOString();
    if (format === 'json') {
      const { code, path, remedy } = about ?? {};
      write(`${JSON.stringify({ time, level, message: about?.message ?? message, code, path, remedy })}\n`);
      return;
    }
    // One thing is one line, whatever a stranger wrote into it.
    const line = message.replace(/\s*\n\s*/g, ' ');
    write(isJournal ? `<${PRIORITY[level]}>${line}\n` : `${time} ${line}\n`);
  }
}

/** Why exactly nobody answers, changes from one attempt to the next. */
function identityOf({ code, path, message }: Finding): string {
  return code.endsWith('-unreachable') ? `${code} ${path}` : `${code} ${path} ${message}`;
}
