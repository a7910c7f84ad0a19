/** Errors as RFC 9457 problem details, every one of them, with all findings. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CODES, type ErrorCode } from '../base/codes.ts';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import { jobOfError } from '../controller/jobs/change-jobs.ts';
import { KIND_NAMES } from '../model/definition.ts';
import { kindOf } from '../model/kinds.ts';
import { nearest } from '../model/suggest.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export interface Problem {
  /** Where the code is explained: `docs/errors.md#conflict`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** The first finding in one sentence. */
  readonly detail: string;
  /** Every reason, errors before warnings. */
  readonly findings: readonly Finding[];
  /** The job that ended with this. */
  readonly job?: number;
}

export function problemOf(error: NetloomError, status: number = error.status): Problem {
  const [first] = error.findings;
  const job = jobOfError(error);
  return {
    type: `docs/errors.md#${first.code}`,
    title: CODES[first.code].title,
    status,
    detail: `${first.message} ${first.remedy}`.trim(),
    findings: limited(error.findings),
    ...(job === undefined ? {} : { job }),
  };
}

/** More findings than this help nobody; the rest is counted. */
const MAX_FINDINGS = 500;

function limited(findings: readonly Finding[]): readonly Finding[] {
  if (findings.length <= MAX_FINDINGS) return findings;
  const more = `There are ${findings.length - MAX_FINDINGS} more findings.`;
  const rest = finding('input-unreadable', '', more, 'Correct the first ones and try again.');
  return [...findings.slice(0, MAX_FINDINGS), rest];
}

/** A NetloomError with one finding, for what is wrong with a request. */
export function refusal(code: ErrorCode, path: string, message: string, remedy: string): NetloomError {
  return new NetloomError([finding(code, path, message, remedy)]);
}

export interface ProblemOptions {
  /** Told of defects: errors that nobody foresaw. */
  readonly onDefect?: ((error: NetloomError) => void) | undefined;
}

/** Every error, thrown anywhere on the way of a request, goes out as a problem and nothing else. */
export function installProblems(app: FastifyInstance, options: ProblemOptions): void {
  app.setErrorHandler((thrown: FastifyError | Error, request, reply) => {
    const error = fromThrown(thrown);
    if (error.code === 'internal') {
      options.onDefect?.(error);
      return sendProblem(reply, defect());
    }
    // RFC 9110, 13.1.1: what fails because of If-Match is a failed precondition, and no other conflict.
    const precondition = request.headers['if-match'] !== undefined && error.code === 'conflict';
    return sendProblem(reply, error, precondition ? 412 : error.status);
  });
  app.setNotFoundHandler((request, reply) => sendProblem(reply, noSuchAddress(request)));
}

export function sendProblem(
  reply: FastifyReply,
  error: NetloomError,
  status: number = error.status,
): FastifyReply {
  const problem = problemOf(error, status);
  return reply.code(status).type(PROBLEM_TYPE).send(JSON.stringify(problem));
}

/** Nothing of the inside goes out: what went wrong stands in the log. */
function defect(): NetloomError {
  return refusal(
    'internal',
    '',
    'Something went wrong that should not have.',
    'This is a defect of Netloom; please report it with the log.',
  );
}

/** Fastify's own errors in our words. */
function fromThrown(thrown: FastifyError | Error): NetloomError {
  if (thrown instanceof NetloomError) return thrown;
  if (thrown.cause instanceof NetloomError) return thrown.cause;
  const code = 'code' in thrown ? thrown.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return refusal(
        'input-too-large',
        '',
        'The body is larger than this address takes.',
        'Send less at a time; only apply takes up to 32 MiB.',
      );
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_EMPTY_TYPE':
      return refusal(
        'media-type',
        '',
        'The body is not said to be JSON.',
        'Send JSON with the header Content-Type: application/json.',
      );
    // Node's word for a client that went away in the middle of it: nobody reads the answer, and nothing is to report.
    case 'ECONNRESET':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return refusal(
        'input-unreadable',
        '',
        'The body has not the length that was announced.',
        'Send it again, as a whole.',
      );
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_INVALID_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return badAddress();
    default:
      return NetloomError.from(thrown);
  }
}

export function badAddress(): NetloomError {
  return refusal(
    'not-found',
    '',
    'There is nothing at this address.',
    'Write each name percent-encoded, with single slashes between them; /api/reference lists the addresses.',
  );
}

function noSuchAddress(request: FastifyRequest): NetloomError {
  const path = request.url.split('?')[0]!.slice(0, 200);
  const word = path.split('/')[3] ?? '';
  const plurals = KIND_NAMES.map((kind) => kindOf(kind).plural);
  const guess = plurals.includes(word) ? undefined : nearest(word, plurals);
  return refusal(
    'not-found',
    '',
    `There is no ${request.method} ${path}.`,
    guess ? `Did you mean /api/v1/${guess}?` : 'See /api/reference for what there is.',
  );
}
