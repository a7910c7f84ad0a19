/** The host's own stack, as what the management of the host is moved in: read and changed with iproute2. */

import { NetloomError } from '../../base/error.ts';
import { type IpCall, ip, ipJson } from '../../base/iproute2.ts';
import { type InterfaceSettings, mayFail, readSettings } from './network.ts';

export interface HostNetwork {
  /** Addresses and routes of every interface. Throws `host-tool-failed`. */
  settings(): Promise<ReadonlyMap<string, InterfaceSettings>>;
  /** Carries the calls out, all of them, and throws `host-tool-failed` with the first that had to succeed and did not. */
  carryOut(calls: readonly IpCall[]): Promise<void>;
}

/** That of this process, or of a network namespace with a name. */
export function hostNetwork(namespace?: string): HostNetwork {
  const where = namespace === undefined ? [] : ['-n', namespace];
  return {
    settings: async () => {
      const [addresses, routes4, routes6] = await Promise.all([
        ipJson([...where, 'address', 'show']),
        ipJson([...where, '-4', 'route', 'show', 'table', 'main']),
        ipJson([...where, '-6', 'route', 'show', 'table', 'main']),
      ]);
      return readSettings(addresses, routes4, routes6);
    },
    carryOut: async (calls) => {
      let failure: NetloomError | undefined;
      for (const call of calls) {
        try {
          await ip([...where, ...call]);
        } catch (thrown) {
          if (!mayFail(call)) failure ??= NetloomError.from(thrown);
        }
      }
      if (failure) throw failure;
    },
  };
}
