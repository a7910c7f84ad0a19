import { CODES, type ErrorCode } from './codes.ts';

/** Where in a source text something stands; line and column count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong (or doubtful), in the user's words. */
export interface Finding {
  readonly code: ErrorCode;
  /** An `error` refuses the change; a `warning` lets it through. */
  readonly severity: 'error' | 'warning';
  /** The field: `VirtualMachine/blue1.vnics[0].address`. Empty where no field is meant. */
  readonly path: string;
  /** What is wrong, naming the value. */
  readonly message: string;
  /** What to do next. */
  readonly remedy: string;
  /** Where the field stands in the user's file, when it came from one. */
  readonly source?: SourcePosition;
}

/** The one error class: at least one finding, all that were seen and not only the first, and the cause. */
export class NetloomError extends Error {
  override readonly name = 'NetloomError';
  readonly findings: readonly [Finding, ...Finding[]];

  constructor(findings: readonly [Finding, ...Finding[]], options?: { cause?: unknown }) {
    super(findings.map(describeFinding).join('\n'), options);
    this.findings = findings;
  }

  get code(): ErrorCode {
    return this.findings[0].code;
  }

  /** HTTP status of the first finding's code. */
  get status(): number {
    return CODES[this.code].status;
  }

  /** The only place that guesses: anything thrown becomes a NetloomError. */
  static from(thrown: unknown): NetloomError {
    if (thrown instanceof NetloomError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new NetloomError(
      [finding('internal', '', message, 'This is a defect of Netloom; please report it with the log.')],
      { cause: thrown },
    );
  }
}

export function finding(code: ErrorCode, path: string, message: string, remedy: string): Finding {
  return { code, severity: 'error', path, message, remedy };
}

export function warning(code: ErrorCode, path: string, message: string, remedy: string): Finding {
  return { code, severity: 'warning', path, message, remedy };
}

/** Throws one NetloomError with every error among the findings; warnings alone do not throw. */
export function throwIfErrors(findings: readonly Finding[]): void {
  const [first, ...rest] = findings.filter((f) => f.severity === 'error');
  if (first) throw new NetloomError([first, ...rest]);
}

/** `campus.yaml:12:5: error[value-invalid] Host/h1.nics[0].mac: … . Remedy …` */
export function describeFinding(f: Finding): string {
  const place = f.source ? `${f.source.file}:${f.source.line}:${f.source.column}: ` : '';
  const path = f.path ? ` ${f.path}:` : '';
  return `${place}${f.severity}[${f.code}]${path} ${f.message} ${f.remedy}`.trimEnd();
}
