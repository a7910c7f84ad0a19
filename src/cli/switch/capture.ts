/**
 * Every frame of a running switch in a pcapng file: as it came in, with a remark which rules it met and what came of it,
 * and as it went out. While a switch is watched, no frame takes the short way through the flow cache.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { finding, NetloomError } from '../../base/error.ts';
import { formatFlow } from '../../flow/text.ts';
import { PcapngWriter } from '../../packet/pcapng.ts';
import type { SwitchEvent } from '../../softswitch/events.ts';
import type { SoftSwitch } from '../../softswitch/switch.ts';

interface Captured {
  readonly port: number;
  readonly frame: Uint8Array;
}

/** Throws NetloomError when the file cannot be written. `wall`: milliseconds since 1970. */
export function captureTo(
  file: string,
  sw: SoftSwitch,
  ports: ReadonlyMap<number, string>,
  wall: () => number,
): void {
  const writer = new PcapngWriter();
  const ids = new Map([...ports].map(([number, name]) => [number, writer.interface(name)]));
  try {
    writeFileSync(file, writer.take());
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new NetloomError(
      [finding('value-invalid', '--capture', `${file} cannot be written: ${why}.`, 'Choose another file.')],
      { cause: thrown },
    );
  }
  let came: Captured | undefined;
  let left: Captured[] = [];
  let remarks: string[] = [];
  const write = ({ port, frame }: Captured, remark: string) => {
    const id = ids.get(port);
    if (id !== undefined) writer.packet(id, BigInt(Math.round(wall() * 1000)) * 1000n, frame, remark);
  };
  const observe = (event: SwitchEvent) => {
    switch (event.type) {
      case 'frame-in':
        came = { port: event.port, frame: event.frame };
        remarks.push(`in by ${event.name}`);
        break;
      case 'match':
        remarks.push(
          event.flow ? `table ${event.table}: ${formatFlow(event.flow)}` : `table ${event.table}: no match`,
        );
        break;
      case 'output':
        left.push({ port: event.port, frame: event.frame });
        remarks.push(`out by ${event.name}`);
        break;
      case 'drop':
        remarks.push(`dropped: ${event.reason}`);
        break;
      case 'done': {
        const remark = remarks.join('\n');
        if (came) write(came, remark);
        for (const each of left) write(each, remark);
        [came, left, remarks] = [undefined, [], []];
        appendFileSync(file, writer.take());
        break;
      }
    }
  };
  sw.observe(observe);
}
