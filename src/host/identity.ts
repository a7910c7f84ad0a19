/** The certificate of a running agent: renewed at two thirds of its life, and used from the next stream on. */
import type { Clock } from '../base/clock.ts';
import { type Finding, NetloomError } from '../base/error.ts';
import { readCertificate } from '../identity/certificates.ts';
import { type Credentials, renewalDue } from '../identity/credentials.ts';
import type { ControllerLink } from './controller-link.ts';
import { renew, secureTransport } from './enrolment.ts';
import { probeController } from './probe.ts';
import { writeCredentials } from './state/credentials-file.ts';

/** Timers of Node hold 24.8 days; nothing is lost by a look every day. */
const MOST_MS = 24 * 3_600_000;
/** After an attempt that failed: a third of the life is left for it. */
const AGAIN_MS = 10 * 60_000;

export interface IdentityOptions {
  readonly directory: string;
  readonly credentials: Credentials;
  readonly bootNonce: string;
  readonly clock: Clock;
  /** Told when the certificate could not be renewed, and with undefined when it could. */
  readonly onTrouble: (trouble: Finding | undefined) => void;
}

export class Identity {
  readonly #options: IdentityOptions;
  #credentials: Credentials;
  #cancel = () => {};
  #stopped = false;

  constructor(options: IdentityOptions) {
    this.#options = options;
    this.#credentials = options.credentials;
  }

  /** The way to the controller with the credentials of each moment. */
  link(): ControllerLink {
    return {
      url: this.#credentials.controllerUrl,
      transport: secureTransport(() => this.#credentials),
      reachable: async () => (await probeController(this.#credentials)).trouble === undefined,
      certificateUntil: () => readCertificate(this.#credentials.certificate).until,
    };
  }

  /** Renews whenever it is time, until `stop`. */
  start(): void {
    const { clock } = this.#options;
    this.#wait(renewalDue(this.#credentials) - clock.wall());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #wait(delay: number): void {
    if (this.#stopped) return;
    const { clock } = this.#options;
    this.#cancel = clock.after(Math.min(Math.max(delay, 0), MOST_MS), () => {
      if (clock.wall() < renewalDue(this.#credentials)) this.start();
      else void this.#renew();
    });
  }

  async #renew(): Promise<void> {
    const { directory, bootNonce, onTrouble } = this.#options;
    try {
      const renewed = await renew(this.#credentials, bootNonce);
      // On the disk before it is used: the controller may take the old one for gone once it has seen the new one.
      writeCredentials(directory, renewed);
      this.#credentials = renewed;
      onTrouble(undefined);
      this.start();
    } catch (thrown) {
      onTrouble(NetloomError.from(thrown).findings[0]);
      this.#wait(AGAIN_MS);
    }
  }
}
