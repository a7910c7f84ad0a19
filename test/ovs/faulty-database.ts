/** A connection to a real database that fails where a test says so: nobody can make a real one fail between two steps. */
import { NetloomError } from '../../src/base/error.ts';
import { Database } from '../../src/ovs/ovsdb/client.ts';
import { switchSilent, unreachable } from '../../src/ovs/ovsdb/errors.ts';

/** `unwritten`: the server is gone before. `silent`: it is written, and nobody says that it is done. */
export type Fault = 'unwritten' | 'silent';

export class FaultyDatabase extends Database {
  /** What becomes of the next transactions, in this order; after them all is well. */
  readonly faults: Fault[] = [];

  override async transact(...args: Parameters<Database['transact']>): ReturnType<Database['transact']> {
    const fault = this.faults.shift();
    if (fault === 'unwritten') throw new NetloomError([unreachable('db.sock', 'it hung up')]);
    const results = await super.transact(...args);
    if (fault === 'silent') throw switchSilent(10);
    return results;
  }
}
