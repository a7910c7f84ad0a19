/** Changes that came to nothing, asked for again. */
import type { JsonObject } from '../../base/json.ts';
import type { ObjectKey } from '../../model/definition.ts';
import type { Commit, HistoryFilter } from '../../store/contract.ts';
import type { Change, ChangeSummary } from '../change.ts';
import type { Net } from '../revisions.ts';
import type { JobBook, Retrier, RunningJob } from './book.ts';
import type { ChangeJobOptions } from './change-jobs.ts';
import { changesOf, keyOf, messageOf, releaseOf, revisionOf } from './change-specs.ts';

type Options = ChangeJobOptions & { readonly message?: string };
type Answer = Promise<ChangeSummary>;
/** The objects that a request is about. */
type KeysOf = readonly ObjectKey[] | Promise<readonly ObjectKey[]>;

/** What can be asked of a controller; see there. */
interface Changes {
  readonly revision: number;
  history(filter: HistoryFilter): Promise<readonly Commit[]>;
  diff(from: number, to: number): Promise<Net>;
  apply(changes: readonly Change[], options: Options): Answer;
  undo(revision: number, options: Options): Answer;
  rollback(revision: number, options: Options): Answer;
  release(pool: ObjectKey, addresses: readonly string[] | undefined, options: Options): Answer;
}

/** Says how each kind of change is asked for again. */
export function registerRetries(book: JobBook, controller: Changes): void {
  const again =
    (
      keysOf: (request: JsonObject) => KeysOf,
      ask: (request: JsonObject, options: Options, by: Retrier) => Answer,
    ) =>
    async (request: JsonObject, by: Retrier, retryOf: number): Promise<RunningJob> => {
      const { initiator, tenant, check } = by;
      for (const key of await keysOf(request)) check(key);
      const { promise, resolve } = Promise.withResolvers<RunningJob>();
      const options = {
        author: initiator,
        retryOf,
        onJob: resolve,
        ...(tenant === undefined ? {} : { tenant }),
        ...messageOf(request),
      };
      const answer = ask(request, options, by);
      // What came of it stands in the job.
      answer.catch(() => {});
      return promise;
    };
  const apply = again(
    (request) => changesOf(request).map(keyOf),
    (request, options, { rewrite = (changes) => changes }) =>
      controller.apply(rewrite(changesOf(request)), options),
  );
  book.onRetry('apply', apply);
  book.onRetry('delete', apply);
  const undo = again(
    async (request) => {
      const [commit] = await controller.history({ limit: 1, before: revisionOf(request) + 1 });
      return (commit?.objects ?? []).map(({ kind, key }) => `${kind}/${key}` as ObjectKey);
    },
    (request, options) => controller.undo(revisionOf(request), options),
  );
  book.onRetry('undo', undo);
  const rollback = again(
    async (request) => {
      const net = await controller.diff(controller.revision, revisionOf(request));
      return net.objects.map(({ kind, key }) => `${kind}/${key}` as ObjectKey);
    },
    (request, options) => controller.rollback(revisionOf(request), options),
  );
  book.onRetry('rollback', rollback);
  const release = again(
    (request) => [releaseOf(request).pool],
    (request, options) => {
      const { pool, addresses } = releaseOf(request);
      return controller.release(pool, addresses, options);
    },
  );
  book.onRetry('release', release);
}
