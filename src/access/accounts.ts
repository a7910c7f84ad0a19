/**
 * Accounts: who a request is from, and what proves it. Users are objects of the model; what proves that somebody is one
 * (passwords, tokens) is kept beside them by the store, sessions are kept in memory.
 *
 *     local token   the file in the data directory         -> the operator of this machine, administrator
 *     session       name and password, then a cookie       -> the user
 *     API token     nlt_…                                  -> its owner, with the token's role, which may be less
 */
import type { Clock } from '../base/clock.ts';
import { finding, NetloomError, throwIfErrors } from '../base/error.ts';
import { originOf } from '../base/origin.ts';
import type { ChangeSummary } from '../controller/change.ts';
import type { Controller } from '../controller/controller.ts';
import type { ObjectKey } from '../model/definition.ts';
import type { Role } from '../model/kinds/user.ts';
import { isKind, type User } from '../model/kinds.ts';
import { hashSecret, sameSecret } from './credentials.ts';
import { codeRefused, OneTimeCode } from './one-time-code.ts';
import { Busy, checkPassword, hashPassword, passwordFindings } from './passwords.ts';
import { LOCAL_OPERATOR, type Principal } from './principal.ts';
import { type Refusal, Refusals } from './refusals.ts';
import { type Session, Sessions } from './sessions.ts';
import { Throttle } from './throttle.ts';
import { type ApiTokens, createApiTokens } from './tokens.ts';

const PASSWORD = 'password';

export interface AccountsOptions {
  readonly controller: Controller;
  readonly clock: Clock;
  /** The local token. Whoever brings it is the administrator. */
  readonly token: string;
}

/** What a login gives: the secret goes into the cookie, and is nowhere else. */
export interface Login {
  readonly principal: Principal;
  readonly session: Session;
  readonly secret: string;
}

export class Accounts {
  readonly #controller: Controller;
  readonly #clock: Clock;
  readonly #localHash: string;
  readonly #sessions = new Sessions();
  // An account is never locked for longer than a minute, or anybody could lock out anybody.
  readonly #byUser = new Throttle({ free: 5, first: 1000, longest: 60_000 });
  readonly #byAddress = new Throttle({ free: 20, first: 1000, longest: 15 * 60_000 });
  /** Makes the first administrator. */
  readonly setup: OneTimeCode;
  /** Logs the browser of the local operator in. */
  readonly link: OneTimeCode;
  readonly tokens: ApiTokens;
  /** Failed logins and denied requests. */
  readonly refusals: Refusals;

  constructor({ controller, clock, token }: AccountsOptions) {
    if (token.length < 32) throw new Error('the token is too short to be a secret');
    this.#controller = controller;
    this.#clock = clock;
    this.refusals = new Refusals(clock);
    this.#localHash = hashSecret(token);
    this.setup = new OneTimeCode(clock);
    this.link = new OneTimeCode(clock);
    this.tokens = createApiTokens(controller, clock);
    // At once: whoever gets the name or the account back later does not get these sessions with it.
    controller.watch(({ objects }) => {
      for (const { kind, key, after } of objects) {
        if (kind === 'User' && (after === null || after.disabled === true))
          this.#sessions.end(({ user }) => user === `User/${key}`);
      }
    });
  }

  /** Whose bearer token it is; undefined when it is nobody's. */
  ofBearer(text: string): Principal | undefined {
    if (sameSecret(text, this.#localHash)) return LOCAL_OPERATOR;
    const found = this.tokens.find(text);
    const user = found && this.#activeUser(found.owner);
    if (!found || !user) return undefined;
    return this.tokens.principalOf(found, user);
  }

  /** Whose session it is. */
  ofSession(secret: string): Principal | undefined {
    const session = this.#sessions.use(secret, this.#clock.now());
    return session && this.#principalOf(session);
  }

  /** Whether what the principal was made from still says the same: for connections that stay open. */
  stillHolds(principal: Principal): boolean {
    const now = this.#again(principal);
    return now !== undefined && now.role === principal.role && now.tenant === principal.tenant;
  }

  /** Logs a user in. Throws `login-failed`, the same for whatever is wrong, or `throttled`. */
  async login(name: string, password: string, from: string): Promise<Login> {
    const key: ObjectKey = `User/${name.normalize('NFC')}`;
    this.#checkPace(key, from);
    const stored = () => this.#controller.secrets.get(key, PASSWORD)?.value;
    const before = stored();
    const right = await unlessBusy(checkPassword(password, before));
    // Looked at after the password, and whatever came of it: how long it takes says nothing.
    const user = this.#activeUser(key);
    // A password that was changed meanwhile opens nothing: its sessions have been ended already.
    if (!right || !user || stored() !== before) throw loginFailed();
    this.#byUser.succeeded(key);
    // When somebody logged in last is good to know, and nobody waits for it.
    this.#controller.noteUse(key, PASSWORD).catch(() => {});
    return this.#open(key, from);
  }

  /** Logs the local operator in with a browser, by the one-time code of a link. */
  loginByLink(code: string, from: string): Login {
    this.link.take(code);
    return this.#open(undefined, from);
  }

  /** Logs a user in whom somebody else has vouched for. Throws `login-failed` where there is no such user. */
  loginAs(user: ObjectKey, from: string): Login {
    if (!this.#activeUser(user)) throw loginFailed();
    return this.#open(user, from);
  }

  /** Sets the password of a user, and ends the user's other sessions. */
  async setPassword(
    user: ObjectKey,
    password: string,
    by: Pick<Principal, 'name' | 'id'>,
  ): Promise<ChangeSummary> {
    const name = user.slice('User/'.length);
    throwIfErrors(passwordFindings(password, name));
    const value = await unlessBusy(hashPassword(password));
    const summary = await this.#controller.apply([], {
      author: by.name,
      message: `password of ${name} set`,
      secrets: [{ owner: user, name: PASSWORD, value }],
    });
    this.#sessions.end((session) => session.user === user && session.id !== by.id);
    return summary;
  }

  /** Whether it is the user's present password; counts as an attempt to log in. */
  async checkOwnPassword(user: ObjectKey, password: string, from: string): Promise<void> {
    this.#checkPace(user, from);
    const stored = this.#controller.secrets.get(user, PASSWORD)?.value;
    if (!(await unlessBusy(checkPassword(password, stored)))) throw loginFailed();
    this.#byUser.succeeded(user);
  }

  /** Makes the first administrator with the one-time code of the start. */
  async claim(code: string, name: string, password: string, from: string): Promise<Login> {
    throwIfErrors(passwordFindings(password, name));
    const giveBack = this.setup.take(code);
    // Somebody was quicker, in another way: the code makes the first one, and no other.
    if (!this.isUnclaimed) throw codeRefused();
    try {
      const user: User = { kind: 'User', name, role: 'administrator', disabled: false };
      const key: ObjectKey = `User/${name}`;
      await this.#controller.apply([{ object: user, expect: 'absent' }], {
        author: name,
        message: 'the first administrator, with the code of the first start',
        secrets: [{ owner: key, name: PASSWORD, value: await unlessBusy(hashPassword(password)) }],
      });
      return this.#open(key, from);
    } catch (thrown) {
      giveBack();
      throw thrown;
    }
  }

  /** Notes what was refused to a principal, or to somebody who says that this is their name. */
  noteRefusal(who: Principal | string | undefined, refusal: Omit<Refusal, 'user'>): void {
    const name = typeof who === 'string' ? who.normalize('NFC') : who?.name;
    // Of names that people type only those that there are: the others may be passwords, in the wrong field.
    const isKnown = typeof who !== 'string' || this.#controller.network.get(`User/${name}`) !== undefined;
    this.refusals.note({ ...refusal, user: isKnown ? name : undefined });
  }

  /** Whether nobody can log in as an administrator yet. */
  get isUnclaimed(): boolean {
    return !this.#controller.network
      .list('User')
      .some(({ object }) => isKind(object, 'User') && object.role === 'administrator');
  }

  /** Sessions of one user, or all of them. */
  sessions(which: (session: Session) => boolean): Session[] {
    return this.#sessions.list(this.#clock.now()).filter(which);
  }

  endSessions(which: (session: Session) => boolean): number {
    return this.#sessions.end(which);
  }

  #open(user: ObjectKey | undefined, from: string): Login {
    const { session, secret } = this.#sessions.open(user, from, this.#clock.now(), this.#clock.wall());
    const principal = this.#principalOf(session);
    if (!principal) throw loginFailed();
    return { principal, session, secret };
  }

  #principalOf({ id, user: key }: Session): Principal | undefined {
    if (key === undefined) return { ...LOCAL_OPERATOR, by: 'session', id };
    const user = this.#activeUser(key);
    return user && { ...ofUser(key as ObjectKey, user), by: 'session', id };
  }

  #again(principal: Principal): Principal | undefined {
    if (principal.by === 'local-token') return principal;
    if (principal.by === 'session') {
      const [session] = this.sessions(({ id }) => id === principal.id);
      return session && this.#principalOf(session);
    }
    const found = this.tokens.again(principal);
    const user = found && this.#activeUser(found.owner);
    return user && this.tokens.principalOf(found, user);
  }

  #activeUser(key: string): User | undefined {
    const user = this.#controller.network.get(key as ObjectKey)?.object;
    return isKind(user, 'User') && !user.disabled ? user : undefined;
  }

  #checkPace(user: string, from: string): void {
    const now = this.#clock.now();
    const origin = originOf(from);
    const wait = Math.max(this.#byUser.wait(user, now), this.#byAddress.wait(origin, now));
    if (wait > 0) throw throttled(wait);
    this.#byUser.attempt(user, now);
    this.#byAddress.attempt(origin, now);
  }
}

/** A user as whoever logs in. */
export function ofUser(
  key: ObjectKey,
  { role, tenant }: User,
): Omit<Principal, 'by' | 'id'> & { role: Role } {
  return { name: key.slice('User/'.length), user: key, role, ...(tenant === undefined ? {} : { tenant }) };
}

async function unlessBusy<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    if (thrown instanceof Busy) throw throttled(1000);
    throw thrown;
  }
}

function loginFailed(): NetloomError {
  return new NetloomError([
    finding(
      'login-failed',
      '',
      'The name and the password do not go together.',
      'Check both; the users of a tenant are called tenant:name.',
    ),
  ]);
}

/** Says how long to wait, for the header Retry-After too. */
export class Throttled extends NetloomError {
  readonly seconds: number;

  constructor(seconds: number) {
    super([
      finding(
        'throttled',
        '',
        `There were too many attempts; this one was not looked at.`,
        `Wait ${seconds} ${seconds === 1 ? 'second' : 'seconds'}, and try again.`,
      ),
    ]);
    this.seconds = seconds;
  }
}

function throttled(milliseconds: number): NetloomError {
  return new Throttled(Math.ceil(milliseconds / 1000));
}
