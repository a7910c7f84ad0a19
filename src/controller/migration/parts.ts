/** What migrations need of a controller, and how they say how far they are. */
import type { MigrationPhase } from '../../model/migration.ts';
import type { PolicyFeed } from '../../stream/feed.ts';
import type { Change, ChangeSummary } from '../change.ts';
import type { JobBook } from '../jobs/book.ts';
import type { JobContext } from '../jobs/run.ts';
import type { NetworkView } from '../network.ts';

/** How a step changes a VM: as part of a job, or as a dry run without one. */
interface StepOptions {
  readonly author: string;
  readonly message: string;
  readonly migrates: true;
  readonly job?: JobContext;
  readonly dryRun?: boolean;
}

/** A controller, as far as migrations go. */
export interface Migrating {
  readonly network: NetworkView;
  readonly feed: PolicyFeed;
  readonly jobs: JobBook;
  apply(changes: readonly Change[], options: StepOptions): Promise<ChangeSummary>;
}

export interface MigrationStatus {
  /** Key of the VM: `blue1`, `red:web`. */
  readonly vm: string;
  readonly source: string;
  readonly destination: string;
  readonly phase: MigrationPhase;
  /** The step that comes next. */
  readonly next: 'switch-over' | 'finish';
  /** The commit of the last step. */
  readonly revision: number;
  /** Hosts that have not said yet that they have it in force. */
  readonly waitingFor: readonly string[];
}
