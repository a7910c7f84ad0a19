/** Copies of frames for the ports that monitor others: what a mirror record says, of frames in and out of one port. */
import type { MirrorRecord, PolicyRecord } from '../../src/policy/records.ts';
import type { Effect } from './oracle.ts';

/** What one host has seen: the frame that a port sent into it, if one did, and what came of it. */
export interface Seen {
  readonly sent?: { readonly host: string; readonly port: string; readonly frame: Uint8Array };
  readonly effects: readonly Effect[];
}

/** A copy for each destination, one however many reasons there are; of a frame without a VLAN tag. */
export function* copies(host: string, records: readonly PolicyRecord[], seen: Seen): Iterable<Effect> {
  const served = new Set<string>();
  for (const mirror of records) {
    if (mirror.kind !== 'mirror' || !('port' in mirror.output)) continue;
    const { port } = mirror.output;
    const frame = framesOf(host, mirror, seen)[0];
    if (!frame || served.has(port)) continue;
    served.add(port);
    yield { to: 'port', host, port, frame };
  }
}

function framesOf(host: string, { source, direction }: MirrorRecord, { sent, effects }: Seen): Uint8Array[] {
  const from = direction !== 'to' && sent?.host === host && sent.port === source ? [sent.frame] : [];
  const to = effects.flatMap((e) =>
    direction !== 'from' && e.to === 'port' && e.host === host && e.port === source ? [e.frame] : [],
  );
  return [...from, ...to];
}
