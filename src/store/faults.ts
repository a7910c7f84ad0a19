import { finding, NetloomError } from '../base/error.ts';

/** What every call to a closed store gets. */
export function storeClosed(): NetloomError {
  return new NetloomError([
    finding('store-unavailable', '', 'The store is closed.', 'Netloom is stopping; try again when it is up.'),
  ]);
}

/**
 * The data at `place` is not what was stored. Never a reason to start empty: an empty network would be compiled
 * and sent to every host as "delete all".
 */
export function storeCorrupt(place: string, what: string, cause?: unknown): NetloomError {
  return new NetloomError(
    [
      finding(
        'store-corrupt',
        place,
        what,
        'Restore a backup into an empty directory and start with that; keep this directory to learn what happened. ' +
          'Hosts go on with the policy that they have.',
      ),
    ],
    { cause },
  );
}
