/** Follows a machine of QEMU by its QMP socket, and has the links of its taps say where it runs (link-follower.ts). */
import type { JsonObject, JsonValue } from '../../base/json.ts';
import { afterEvent, type LinkState, linkStateOf } from './link-follower.ts';
import { QmpClient, type QmpEvent } from './qmp.ts';

export interface FollowOptions {
  /** Takes the links up or down; called one after the other, in order. */
  readonly setLinks: (link: LinkState['link']) => Promise<void>;
  /** Told what QEMU says, as it comes. */
  readonly onEvent?: (event: QmpEvent) => void;
  /** Told what `setLinks` threw: a tap may be gone. */
  readonly onTrouble?: (error: Error) => void;
}

export interface LinkFollower {
  readonly client: QmpClient;
  /** Settles when QEMU has ended, or has closed the socket, and the last change of the links is done. */
  readonly done: Promise<void>;
}

/**
 * Sets the links as they are to be now, and keeps following; the answer comes when they are. `client.close()` ends it, and
 * leaves the links as they are. Throws `hypervisor` when QEMU does not answer.
 */
export async function followLinks(socket: string, options: FollowOptions): Promise<LinkFollower> {
  const { setLinks, onEvent, onTrouble = () => {} } = options;
  let state: LinkState | undefined;
  let events = 0;
  let work: Promise<void> = Promise.resolve();
  const set = (link: LinkState['link']) => {
    work = work.then(() => setLinks(link)).catch(onTrouble);
    return work;
  };
  const client = await QmpClient.connect(socket, {
    onEvent: (event) => {
      onEvent?.(event);
      events += 1;
      if (!state) return;
      const before = state;
      state = afterEvent(before, event);
      if (state.link !== before.link) void set(state.link);
    },
  });
  try {
    // Without it, QEMU does not say that a migration begins.
    await client.execute('migrate-set-capabilities', {
      capabilities: [{ capability: 'events', state: true }],
    });
    // Two questions are one look only if nothing has happened between them.
    let seen: number;
    do {
      seen = events;
      const migration = text(await client.execute('query-migrate'), 'status');
      state = linkStateOf(text(await client.execute('query-status'), 'status') ?? '', migration);
    } while (seen !== events);
    await set(state.link);
  } catch (thrown) {
    client.close();
    throw thrown;
  }
  return { client, done: client.closed.then(() => work) };
}

/** A member of what a command returned, if it is text. */
function text(value: JsonValue, name: string): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const member = (value as JsonObject)[name];
  return typeof member === 'string' ? member : undefined;
}
