/** What `netloom agent` does: join, run, look. */
import { statSync } from 'node:fs';
import { guardedClock, systemClock } from '../base/clock.ts';
import { finding, NetloomError } from '../base/error.ts';
import { bootNonce } from '../host/boot-nonce.ts';
import { HostDaemon } from '../host/daemon.ts';
import type { Check } from '../host/doctor/check.ts';
import { examine } from '../host/doctor/doctor.ts';
import { join as joinController } from '../host/enrolment.ts';
import { Identity } from '../host/identity.ts';
import { Log } from '../host/log.ts';
import { openHostEngine } from '../host/open-engine.ts';
import { probeController } from '../host/probe.ts';
import { readCredentials, writeCredentials } from '../host/state/credentials-file.ts';
import { openStateDirectory, readState } from '../host/state/files.ts';
import { lockState } from '../host/state/lock.ts';
import { POLICY_FILE, readPolicy } from '../host/state/policy-file.ts';
import { askStatus } from '../host/status/socket.ts';
import type { AgentStatus } from '../host/status/status.ts';
import { readCertificate } from '../identity/certificates.ts';
import type { Credentials } from '../identity/credentials.ts';
import { readJoinToken } from '../identity/join-token.ts';
import {
  type OvsOptions,
  ovsRunDirectory,
  type RunOptions,
  type StateOptions,
  stateDirectory,
} from './agent-options.ts';
import type { Terminal } from './terminal.ts';
import { version } from './version.ts';

/** No join token is longer, in bytes. */
const MAX_TOKEN = 4096;

/** What this machine is, once it has joined. */
export interface Joined {
  readonly host: string;
  readonly controllerUrl: string;
  readonly certificate: { readonly expires: string };
}

export async function join(
  token: string,
  options: StateOptions & { readonly force?: boolean },
  terminal: Terminal,
): Promise<Joined> {
  // Every user of this machine can read the command line (proc(5)), and may be faster with the token than this is.
  if (token !== '-') process.title = 'netloom agent join';
  const directory = stateDirectory(options, terminal.env);
  openStateDirectory(directory);
  const release = lockState(directory);
  try {
    const known = options.force ? undefined : readCredentials(directory);
    if (known) throw joinedAlready(known);
    const text = token === '-' ? new TextDecoder().decode(await terminal.readInput(MAX_TOKEN)) : token;
    // What cannot be right is said before anything is sent.
    readJoinToken(text);
    const credentials = await joinController(text);
    writeCredentials(directory, credentials);
    const { host, controllerUrl, certificate } = credentials;
    return {
      host,
      controllerUrl,
      certificate: { expires: new Date(readCertificate(certificate).until).toISOString() },
    };
  } finally {
    release();
  }
}

/** Until the end is asked for. */
export async function runAgent(options: RunOptions, terminal: Terminal): Promise<void> {
  const directory = stateDirectory(options, terminal.env);
  const runDirectory = ovsRunDirectory(options, terminal.env);
  const interrupted = terminal.interrupted();
  openStateDirectory(directory);
  const release = lockState(directory);
  const log = new Log({
    format: options.logFormat,
    write: (line) => terminal.err(line),
    wall: () => Date.now(),
    isJournal: terminal.env.JOURNAL_STREAM !== undefined && !terminal.isWatched,
  });
  // It runs on timers, and what one of them throws must not end all the others.
  const clock = guardedClock(systemClock, (thrown) => log.finding(NetloomError.from(thrown).findings[0]));
  try {
    const credentials = readCredentials(directory);
    if (!credentials) throw notJoined(directory);
    const nonce = bootNonce();
    const identity = new Identity({
      directory,
      credentials,
      bootNonce: nonce,
      clock,
      onTrouble: (trouble) =>
        log.standing('certificate', trouble ? [trouble] : [], 'The certificate was renewed.'),
    });
    const daemon = new HostDaemon({
      host: credentials.host,
      directory,
      version: version(),
      bootNonce: nonce,
      clock,
      random: Math.random,
      log,
      openEngine: (onTrouble) =>
        openHostEngine({
          runDirectory,
          clock,
          random: Math.random,
          ...(options.datapath === undefined ? {} : { datapathType: options.datapath }),
          afXdp: options.afxdp,
          onTrouble,
        }),
      controller: identity.link(),
    });
    await daemon.start();
    identity.start();
    await interrupted;
    identity.stop();
    await daemon.stop();
  } finally {
    release();
  }
}

/** What the agent that runs says of itself. Throws `agent-not-joined`, `agent-not-running`. */
export async function status(options: StateOptions, terminal: Terminal): Promise<AgentStatus> {
  const directory = stateDirectory(options, terminal.env);
  if (isMissing(directory)) throw notJoined(directory);
  return askStatus(directory);
}

function isMissing(directory: string): boolean {
  try {
    return statSync(directory, { throwIfNoEntry: false }) === undefined;
  } catch {
    // Whoever may not look into it is told so when asking.
    return false;
  }
}

export async function doctor(
  options: StateOptions & OvsOptions,
  terminal: Terminal,
): Promise<readonly Check[]> {
  const directory = stateDirectory(options, terminal.env);
  const credentials = readCredentials(directory);
  const content = credentials && readState(directory, POLICY_FILE);
  const policy = content === undefined ? undefined : readPolicy(credentials?.host ?? '', content);
  return examine({
    runDirectory: ovsRunDirectory(options, terminal.env),
    clock: systemClock,
    random: Math.random,
    ...(policy && 'policy' in policy ? { policy: policy.policy } : {}),
    ...(credentials ? { controller: () => controllerFacts(credentials) } : {}),
  });
}

async function controllerFacts(credentials: Credentials) {
  const { from, until } = readCertificate(credentials.certificate);
  const { trouble, time } = await probeController(credentials);
  const now = Date.now();
  // What the controller says is cut to the second.
  const ahead = time === undefined ? undefined : now - time;
  return {
    url: credentials.controllerUrl,
    trouble,
    ahead: ahead !== undefined && ahead >= 0 && ahead < 1000 ? 0 : ahead,
    certificate: { from, until },
    now,
  };
}

function joinedAlready({ host, controllerUrl }: Credentials): NetloomError {
  return new NetloomError([
    finding(
      'agent-joined',
      '',
      `This machine is host ${host} of the controller at ${controllerUrl} already.`,
      'Nothing is to be done if that is right. To join anew with this token, say --force.',
    ),
  ]);
}

function notJoined(directory: string): NetloomError {
  return new NetloomError([
    finding(
      'agent-not-joined',
      directory,
      'This machine has not joined a controller.',
      'Make a token with "netloom host token HOST" at the controller, and run "netloom agent join TOKEN" here.',
    ),
  ]);
}
