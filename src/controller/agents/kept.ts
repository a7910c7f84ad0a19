/** The join tokens and certificates of all hosts, as the controller keeps them: read at any time, and written in turn. */
import type { Clock } from '../../base/clock.ts';
import type { SecretWrite } from '../../store/contract.ts';
import type { Controller } from '../controller.ts';
import { hostsOf } from '../fabric/compare.ts';
import {
  type CertificateRecord,
  certificatesIn,
  type JoinTokenRecord,
  ownerOf,
  tokensIn,
} from './records.ts';
import { noHostHere } from './words.ts';

export class KeptIdentities {
  readonly #controller: Controller;
  readonly #clock: Clock;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(controller: Controller, clock: Clock) {
    this.#controller = controller;
    this.#clock = clock;
  }

  /** Wall-clock milliseconds. */
  get now(): number {
    return this.#clock.wall();
  }

  hosts(): string[] {
    return hostsOf(this.#controller.network).map(({ name }) => name);
  }

  /** Throws `not-found`. */
  checkHost(host: string): void {
    if (!this.#controller.network.get(ownerOf(host))) throw noHostHere(host);
  }

  tokensOf(host: string): JoinTokenRecord[] {
    return tokensIn(host, this.#controller.secrets.of(ownerOf(host)));
  }

  /** The latest first. */
  certificatesOf(host: string): CertificateRecord[] {
    return certificatesIn(host, this.#controller.secrets.of(ownerOf(host)));
  }

  /** One commit; durable when it resolves. */
  async write(author: string, message: string, secrets: readonly SecretWrite[]): Promise<void> {
    await this.#controller.apply([], { author, message, secrets });
  }

  /** One at a time, so that what is decided on is what there is when it is written. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}
