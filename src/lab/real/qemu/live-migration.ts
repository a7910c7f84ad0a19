/** A machine of QEMU goes from one host to another, by QMP: its memory goes over, it stops here and goes on there. */
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { finding, NetloomError } from '../../../base/error.ts';
import type { JsonObject, JsonValue } from '../../../base/json.ts';
import { followLinks } from '../../../host/hypervisor/follow-links.ts';
import { QmpClient, type QmpEvent } from '../../../host/hypervisor/qmp.ts';
import { TapLinks } from '../../../host/hypervisor/tap-links.ts';

/** One end of the migration: a QEMU that runs, and the taps of its NICs. */
export interface MigrationEnd {
  /** Network namespace of the taps; absent: that of this process. */
  readonly namespace?: string;
  readonly qmp: string;
  /** A second QMP socket, for who follows the links. */
  readonly links: string;
  readonly taps: readonly string[];
}

export interface MigrationOptions {
  /** Where the destination listens: an address of its namespace that the source reaches. */
  readonly address: string;
  /**
   * Whether the machine goes on while its memory is copied. Where QEMU emulates the processor it must not: before version 9.0
   * it may forget what the machine writes meanwhile ("physmem: Fix migration dirty bitmap coherency with TCG memory access").
   */
  readonly goesOn: boolean;
  /** Ends QEMU at the destination for good, so that the machine may run at the source; what it said last. */
  readonly discard: () => Promise<string>;
  /** Milliseconds until the machine is to be there; default two minutes. */
  readonly limit?: number;
  /** Told what both ends say. */
  readonly onEvent?: (end: 'source' | 'destination', event: QmpEvent) => void;
}

/** What the migration came to, as QEMU tells it. Milliseconds, and milliseconds since 1970. */
export interface MigrationFigures {
  /** How long the machine stood still: from `STOP` on the source to `RESUME` on the destination. */
  readonly downtimeMs: number;
  /** From the order to move to `RESUME`. */
  readonly totalMs: number;
  readonly stoppedAt: number;
  readonly resumedAt: number;
}

const LIMIT_MS = 120_000;
/** Milliseconds; QEMU says no to it until it has done with the migration that came to nothing. */
const TAKE_BACK_LIMIT_MS = 10_000;
const TAKE_BACK_EVERY_MS = 50;
/** Bytes a second: what QEMU has of its own accord makes a machine that stands still wait. */
const MOST_BANDWIDTH = 1e11;

/**
 * Moves the machine. The taps of the destination are down until it runs there, and those of the source from the moment when
 * it stops (decision 0016). Throws `hypervisor` when it does not come to run there; it then runs where it was.
 */
export async function migrateLive(
  source: MigrationEnd,
  destination: MigrationEnd,
  { address, goesOn, discard, limit = LIMIT_MS, onEvent }: MigrationOptions,
): Promise<MigrationFigures> {
  await using stack = new AsyncDisposableStack();
  const [sent, loaded, resumed] = [waiting(), waiting(), waiting()];
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  let [stoppedAt, resumedAt, sourceEnded, isGivenUp] = [Number.NaN, Number.NaN, false, false];
  const follow = async (end: 'source' | 'destination', { namespace, taps, links }: MigrationEnd) => {
    const tapLinks = stack.adopt(new TapLinks(taps, namespace), async (each) => void (await each.close()));
    const { client } = await followLinks(links, {
      setLinks: (link) => tapLinks.set(link),
      onEvent: (event) => {
        onEvent?.(end, event);
        if (end === 'source' && event.event === 'STOP') stoppedAt = event.at;
        if (end === 'destination' && event.event === 'RESUME') {
          resumedAt = event.at;
          resumed.resolve();
        }
        if (event.event !== 'MIGRATION') return;
        const { status } = event.data;
        if (status === 'completed') (end === 'source' ? sent : loaded).resolve();
        if (status === 'failed' || status === 'cancelled')
          failed.reject(new Error(`the migration has ${status} at the ${end}`));
      },
    });
    stack.defer(() => client.close());
    client.closed.then(() => {
      sourceEnded ||= end === 'source';
      failed.reject(new Error(`QEMU at the ${end} has ended`));
    });
    return tapLinks;
  };
  const sourceLinks = await follow('source', source);
  await follow('destination', destination);
  const there = stack.adopt(await QmpClient.connect(destination.qmp), (client) => client.close());
  const here = stack.adopt(await QmpClient.connect(source.qmp), (client) => client.close());

  const beganAt = Date.now();
  const carryOut = async () => {
    const name = isIP(address) === 6 ? `[${address}]` : address;
    await there.execute('migrate-incoming', { uri: `tcp:${name}:0` });
    const port = listeningPort(await there.execute('query-migrate'));
    if (port === undefined) throw new Error('the destination does not say where it listens');
    await here.execute('migrate-set-parameters', { 'max-bandwidth': MOST_BANDWIDTH });
    if (!goesOn) {
      await here.execute('stop');
      // It stops before it is being moved, which to who follows the links is another reason.
      await sourceLinks.set('down');
    }
    await here.execute('migrate', { uri: `tcp:${name}:${port}` });
    await Promise.all([sent.promise, loaded.promise]);
    // What has stood still comes as such, and what has not goes on already.
    if (!isGivenUp) await there.execute('cont');
    await resumed.promise;
  };
  const timer = setTimeout(() => failed.reject(new Error('it takes too long')), limit);
  try {
    await Promise.race([resumed.promise, carryOut(), failed.promise]);
  } catch (thrown) {
    isGivenUp = true;
    const told = await here.execute('query-migrate').catch(() => null);
    const words = memberOf(told, 'error-desc') ?? (thrown instanceof Error ? thrown.message : thrown);
    const said = await discard();
    const goesOnHere = await takeBack(here, () => sourceEnded);
    if (goesOnHere) await sourceLinks.set('up');
    throw refused(`${words}${said && `; QEMU at the destination said: ${said}`}`, goesOnHere);
  } finally {
    clearTimeout(timer);
  }
  const since = (time: number) => Math.round(resumedAt - time);
  return { downtimeMs: since(stoppedAt), totalMs: since(beganAt), stoppedAt, resumedAt };
}

function waiting(): PromiseWithResolvers<void> {
  return Promise.withResolvers<void>();
}

/** The machine goes on at the source, which may have sent all of it already; whether it does. */
async function takeBack(here: QmpClient, hasEnded: () => boolean): Promise<boolean> {
  await here.execute('migrate_cancel').catch(() => {});
  for (const deadline = performance.now() + TAKE_BACK_LIMIT_MS; ; await sleep(TAKE_BACK_EVERY_MS)) {
    try {
      await here.execute('cont');
      return true;
    } catch {
      if (hasEnded() || performance.now() > deadline) return false;
    }
  }
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

function refused(words: string, goesOnHere: boolean): NetloomError {
  return new NetloomError([
    finding(
      'hypervisor',
      '',
      `The machine was not moved: ${words}.`,
      goesOnHere
        ? 'It runs where it was. Try again, or abort the migration.'
        : 'It does not run where it was either. Make it anew, and see what its qemu.log says.',
    ),
  ]);
}
