/** What goes through one place of a port: counted where frames enter and leave the switch, outside of the flow cache. */
import type { IpAddress } from '../../packet/address.ts';
import type { FrameBatch } from '../batch.ts';

/** One way. Numbers: a switch that sends 100 Gbit/s for a week has not used up what they can hold. */
interface Way {
  packets: number;
  bytes: number;
}

export interface Tally {
  readonly received: Way;
  readonly sent: Way;
}

export function newTally(): Tally {
  return { received: { packets: 0, bytes: 0 }, sent: { packets: 0, bytes: 0 } };
}

export function countFrame(way: Way, frame: Uint8Array): void {
  way.packets++;
  way.bytes += frame.length;
}

export function countBatch(way: Way, { count, length }: FrameBatch): void {
  way.packets += count;
  for (let i = 0; i < count; i++) way.bytes += length[i]!;
}

/** Counts what is delivered. */
export function counted(
  way: Way,
  deliver: (frame: Uint8Array, destination: IpAddress | undefined) => void,
): (frame: Uint8Array, destination: IpAddress | undefined) => void {
  return (frame, destination) => {
    countFrame(way, frame);
    deliver(frame, destination);
  };
}

export function countedBatch(
  way: Way,
  deliver: ((batch: FrameBatch) => void) | undefined,
): ((batch: FrameBatch) => void) | undefined {
  return (
    deliver &&
    ((batch) => {
      countBatch(way, batch);
      deliver(batch);
    })
  );
}
