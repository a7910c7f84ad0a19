/**
 * Whoever asks, at work: names are read, objects are seen, and answers are told as it is for this principal. Routes go
 * to the controller through here, so that each of them keeps the tenants apart in the same way.
 */
import type { FastifyRequest } from 'fastify';
import { seenError, seenSummary } from '../access/answers.ts';
import type { Principal } from '../access/principal.ts';
import { mayWrite } from '../access/roles.ts';
import type { View } from '../access/view.ts';
import { ownKeyOf, readAgain, readWrites, type Written } from '../access/writes.ts';
import type { NetloomError } from '../base/error.ts';
import type { Change, ChangeSummary } from '../controller/change.ts';
import type { ChangeOptions } from '../controller/change-options.ts';
import type { Controller } from '../controller/controller.ts';
import type { KindName, ObjectKey } from '../model/definition.ts';
import { kindOf, splitObjectKey } from '../model/kinds.ts';
import { principalOf, viewOf } from './access.ts';
import { keyOfParams } from './paths.ts';
import { refusal } from './problem.ts';

type Params = Readonly<Record<string, string>>;

export class Actor {
  readonly view: View;
  readonly principal: Principal;
  readonly #controller: Controller;

  constructor(request: FastifyRequest, controller: Controller) {
    this.#controller = controller;
    this.principal = principalOf(request);
    this.view = viewOf(request, controller);
  }

  /** Who, for the journal. */
  get author(): string {
    return this.principal.name;
  }

  /** How a change is to be made, out of a body and a query. */
  options(
    body: {
      readonly dryRun?: boolean;
      readonly message?: string | undefined;
      readonly requestId?: string | undefined;
    },
    query: { readonly wait?: 'hosts' | undefined } = {},
  ): ChangeOptions {
    const { dryRun = false, message, requestId } = body;
    // A request id is its sender's: that another tenant used the same must not be seen. Names have no colon, so no
    // text that the administrator sends is one of a tenant's.
    const own = `${this.view.tenant ?? ''}:`;
    return {
      author: this.author,
      dryRun,
      ...(this.view.tenant === undefined ? {} : { tenant: this.view.tenant }),
      ...(query.wait === undefined ? {} : { wait: query.wait }),
      ...(message === undefined ? {} : { message }),
      ...(requestId === undefined ? {} : { requestId: own + requestId }),
    };
  }

  /** The key of the object that an address means. Throws `not-found` where there is none, or none to be seen. */
  find(kind: KindName, params: Params): ObjectKey {
    return this.#seen(keyOfParams(kind, params), (name) => this.view.resolve(kind, name));
  }

  /** The same for an object that is to be changed: one that is nobody's is not there to be changed by a tenant. */
  findOwn(kind: KindName, params: Params): ObjectKey {
    return this.#seen(keyOfParams(kind, params), (name) => {
      const key = this.view.own(kind, name);
      return this.view.owns(key) ? key : undefined;
    });
  }

  /** The key that a change deletes; where nothing is seen, one of nothing, which the controller then says. */
  keyToDelete(typed: ObjectKey): ObjectKey {
    return ownKeyOf(this.view, typed);
  }

  /** The key that an address means for a write, whether there is such an object or not. */
  keyToWrite(kind: KindName, params: Params): ObjectKey {
    return this.view.own(kind, splitObjectKey(keyOfParams(kind, params))!.key);
  }

  /** Refuses a role that never writes objects of the kind, whatever they are. */
  checkWrites(kind: KindName): void {
    const { role } = this.principal;
    if (mayWrite(role, kind)) return;
    throw refusal(
      'forbidden',
      '',
      `The role ${role} does not write objects of the kind ${kindOf(kind).title}.`,
      'Ask somebody whose role allows it.',
    );
  }

  /** Objects that are to be written, out of a body. */
  read(values: readonly unknown[]): Written[] {
    return readWrites(this.view, this.#controller.network, values);
  }

  /** Changes that were asked for once, as this principal may ask for them now. */
  readAgain(changes: readonly Change[]): readonly Change[] {
    return readAgain(this.view, this.#controller.network, changes);
  }

  /** Makes a change, and tells what it came to, or what is wrong with it, as it is for this principal. */
  async change(work: () => Promise<ChangeSummary>): Promise<ChangeSummary> {
    return seenSummary(this.view, await this.told(work));
  }

  /** Does something, and tells what is wrong with it as it is for this principal. */
  async told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw seenError(this.view, thrown);
    }
  }

  #seen(typed: ObjectKey, resolve: (name: string) => ObjectKey | undefined): ObjectKey {
    const key = resolve(splitObjectKey(typed)!.key);
    if (key !== undefined && this.view.sees(key)) return key;
    throw noObject(typed);
  }
}

export function noObject(key: ObjectKey): NetloomError {
  const { plural } = kindOf(splitObjectKey(key)!.kind);
  return refusal('not-found', key, `There is no ${key}.`, `"netloom get ${plural}" lists what there is.`);
}
