/** How a change is asked for. */
import type { SecretWrite } from '../store/contract.ts';
import type { ChangeJobOptions } from './jobs/change-jobs.ts';

export interface ChangeOptions extends ChangeJobOptions {
  /** Why, for the journal. */
  readonly message?: string;
  /** Makes it safe to send the same change again. */
  readonly requestId?: string;
  /** Passwords and tokens of users that are set or removed in the same commit. */
  readonly secrets?: readonly SecretWrite[];
  /** The change is a step of a migration (migration/migrations.ts); no other may write what it writes. */
  readonly migrates?: true;
  /** Nothing is made that the changes do not say (fabric/automatic.ts). */
  readonly exact?: true;
}
