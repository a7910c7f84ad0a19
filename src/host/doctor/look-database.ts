/** What the database of Open vSwitch says of the switch and of who else is on it. Nothing is written. */
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { openDatabase } from '../../ovs/ovsdb/client.ts';
import { MARK } from '../../ovs/ports/names.ts';
import type { BridgeFact } from './rivals.ts';

export interface DatabaseFacts {
  readonly version: string | undefined;
  readonly datapathTypes: readonly string[];
  readonly interfaceTypes: readonly string[];
  readonly bridges: readonly (BridgeFact & { readonly datapathType: string })[];
}

/** Milliseconds that the database has to answer. */
const PATIENCE = 5_000;

/** Undefined where the database does not answer. */
export async function lookIntoDatabase(
  runDirectory: string,
  { clock, random }: { readonly clock: Clock; readonly random: () => number },
): Promise<DatabaseFacts | undefined> {
  const database = openDatabase({ socket: join(runDirectory, 'db.sock'), clock, random });
  try {
    await database.whenCurrent(PATIENCE);
    const [root] = database.rows('Open_vSwitch').values();
    const ports = database.rows('Port');
    const interfaces = database.rows('Interface');
    const bridges = [...database.rows('Bridge').values()].map((bridge) => ({
      name: bridge.name,
      isOurs: [MARK.switch, MARK.team, MARK.plug].some((mark) => bridge.external_ids.has(mark)),
      controllers: bridge.controller.map((uuid) => `Controller ${uuid}`),
      datapathType: bridge.datapath_type,
      interfaces: bridge.ports.flatMap((port) =>
        (ports.get(port)?.interfaces ?? []).flatMap((uuid) => interfaces.get(uuid)?.name ?? []),
      ),
    }));
    return {
      version: root?.ovs_version ?? undefined,
      datapathTypes: root?.datapath_types ?? [],
      interfaceTypes: root?.iface_types ?? [],
      bridges,
    };
  } catch {
    return undefined;
  } finally {
    database.close();
  }
}
