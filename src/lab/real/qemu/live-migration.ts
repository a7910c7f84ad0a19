/** A live migration between two machines of QEMU, by QMP: the memory goes over, the machine stops here and goes on there. */
import { isIP } from 'node:net';
import { finding, NetloomError } from '../../../base/error.ts';
import type { JsonObject, JsonValue } from '../../../base/json.ts';
import { followLinks } from '../../../host/hypervisor/follow-links.ts';
import { QmpClient, type QmpEvent } from '../../../host/hypervisor/qmp.ts';
import { TapLinks } from '../../../host/hypervisor/tap-links.ts';

/** One end of the migration: a QEMU that runs, and the taps of its NICs. */
export interface MigrationEnd {
  readonly namespace: string;
  readonly qmp: string;
  /** A second QMP socket, for who follows the links. */
  readonly links: string;
  readonly taps: readonly string[];
}

export interface MigrationOptions {
  /** Where the destination listens: an address of its namespace that the source reaches. */
  readonly address: string;
  /** Milliseconds until the machine is to be there; default two minutes. */
  readonly limit?: number;
  /** Told what both ends say. */
  readonly onEvent?: (end: 'source' | 'destination', event: QmpEvent) => void;
}

/** What the migration came to, as QEMU tells it. Milliseconds, and milliseconds since 1970. */
export interface MigrationFigures {
  /** How long the machine stood still, from its stop on the source to the end of what the source sent. */
  readonly downtimeMs: number;
  readonly totalMs: number;
  /** `STOP` on the source, `RESUME` on the destination. */
  readonly stoppedAt: number;
  readonly resumedAt: number;
}

const LIMIT_MS = 120_000;

/**
 * Moves the machine. The taps of the destination are down until it runs there, and those of the source from the moment when
 * it stops (decision 0016). Throws `hypervisor` when QEMU does not do it; the machine then runs where it was.
 */
export async function migrateLive(
  source: MigrationEnd,
  destination: MigrationEnd,
  { address, limit = LIMIT_MS, onEvent }: MigrationOptions,
): Promise<MigrationFigures> {
  await using stack = new AsyncDisposableStack();
  const ended = Promise.withResolvers<string>();
  const arrived = Promise.withResolvers<void>();
  let [stoppedAt, resumedAt] = [Number.NaN, Number.NaN];
  const follow = async (end: 'source' | 'destination', { namespace, taps, links }: MigrationEnd) => {
    const tapLinks = stack.adopt(new TapLinks(taps, namespace), async (each) => void (await each.close()));
    const { client } = await followLinks(links, {
      setLinks: (link) => tapLinks.set(link),
      onEvent: (event) => {
        onEvent?.(end, event);
        if (end === 'source' && event.event === 'STOP') stoppedAt = event.at;
        if (end === 'destination' && event.event === 'RESUME') {
          resumedAt = event.at;
          arrived.resolve();
        }
        if (end === 'source' && event.event === 'MIGRATION' && isOver(event.data.status))
          ended.resolve(String(event.data.status));
      },
    });
    stack.defer(() => client.close());
    client.closed.then(() => ended.resolve('failed: QEMU has ended'));
  };
  await follow('source', source);
  await follow('destination', destination);
  const there = stack.adopt(await QmpClient.connect(destination.qmp), (client) => client.close());
  const here = stack.adopt(await QmpClient.connect(source.qmp), (client) => client.close());

  const name = isIP(address) === 6 ? `[${address}]` : address;
  await there.execute('migrate-incoming', { uri: `tcp:${name}:0` });
  const port = listeningPort(await there.execute('query-migrate'));
  if (port === undefined) throw refused('the destination does not say where it listens');
  await here.execute('migrate', { uri: `tcp:${name}:${port}` });
  const timer = setTimeout(() => ended.resolve('failed: it takes too long'), limit);
  try {
    const status = await ended.promise;
    if (status !== 'completed') {
      await here.execute('migrate_cancel').catch(() => {});
      const words = memberOf(await here.execute('query-migrate').catch(() => null), 'error-desc');
      throw refused(typeof words === 'string' ? words : `the migration has ${status}`);
    }
    await Promise.race([arrived.promise, there.closed]);
  } finally {
    clearTimeout(timer);
  }
  const told = await here.execute('query-migrate');
  const figure = (member: string) => Number(memberOf(told, member) ?? Number.NaN);
  return { downtimeMs: figure('downtime'), totalMs: figure('total-time'), stoppedAt, resumedAt };
}

function isOver(status: JsonValue | undefined): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** Of `query-migrate` on a destination: `"socket-address": [{ "type": "inet", "port": "40001", … }]`. */
function listeningPort(told: JsonValue): string | undefined {
  const [first] = [memberOf(told, 'socket-address')].flat();
  const port = memberOf(first ?? null, 'port');
  return typeof port === 'string' ? port : undefined;
}

function memberOf(value: JsonValue, name: string): JsonValue | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)[name]
    : undefined;
}

function refused(words: string): NetloomError {
  return new NetloomError([
    finding(
      'hypervisor',
      '',
      `The machine was not moved: ${words}.`,
      'It runs where it was. Its log, qemu.log, may say more; try again, or abort the migration.',
    ),
  ]);
}
