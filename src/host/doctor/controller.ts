/** The controller: is it reached, do the clocks agree, is the certificate good? */
import { type Check, failed, ok, unknown, warned } from './check.ts';

export interface ControllerFacts {
  readonly url: string;
  /** Why a connection did not come about; undefined: it did. */
  readonly trouble: string | undefined;
  /** By how much the clock of the host is ahead of the controller's, milliseconds; undefined: it did not say. */
  readonly ahead: number | undefined;
  /** Life of the certificate and this moment, milliseconds since 1970; undefined without one. */
  readonly certificate: { readonly from: number; readonly until: number } | undefined;
  readonly now: number;
}

/** Certificates are judged by the clock, and logs are compared by it. */
const SKEW_WARNED_MS = 5_000;
const SKEW_FAILED_MS = 5 * 60_000;
const DAY_MS = 86_400_000;

export function judgeController(facts: ControllerFacts): Check[] {
  return [reach(facts), clock(facts), ...certificate(facts)];
}

function reach({ url, trouble }: ControllerFacts): Check {
  if (trouble === undefined) return ok('controller', `The controller at ${url} answers.`);
  return failed(
    'controller',
    `The controller at ${url} is not reached: ${trouble}.`,
    'See whether it is up, and whether name, route and firewall lead there. The host goes on with the policy that it has.',
  );
}

function clock({ ahead }: ControllerFacts): Check {
  const name = 'clock';
  if (ahead === undefined)
    return unknown(
      name,
      'The controller does not say what time it is.',
      'See that both have their time from the same source.',
    );
  const seconds = Math.round(Math.abs(ahead) / 1000);
  const words = `The clock is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} the controller's.`;
  const remedy = 'Let both have their time from the network: timedatectl set-ntp true';
  if (Math.abs(ahead) >= SKEW_FAILED_MS) return failed(name, words, remedy);
  if (Math.abs(ahead) >= SKEW_WARNED_MS) return warned(name, words, remedy);
  return ok(name, "The clock agrees with the controller's.");
}

function* certificate({ certificate: own, now }: ControllerFacts): Generator<Check> {
  if (!own) return;
  const name = 'certificate';
  const until = new Date(own.until).toISOString().slice(0, 10);
  const again = 'Make a new token with "netloom host token HOST" and run "netloom agent join TOKEN".';
  if (now < own.from)
    yield failed(name, 'The certificate is not good yet: the clock is behind.', 'Set the clock.');
  else if (now >= own.until) yield failed(name, `The certificate was good until ${until}.`, again);
  else if (now >= own.from + ((own.until - own.from) * 5) / 6)
    yield warned(
      name,
      `The certificate is good until ${until}, and should have been renewed.`,
      `See why the controller is not reached; after that day: ${again}`,
    );
  else
    yield ok(
      name,
      `The certificate is good until ${until}${own.until - now < 7 * DAY_MS ? ', and about to be renewed' : ''}.`,
    );
}
