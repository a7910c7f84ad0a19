/** The mirrors of a switch (flow/mirror.ts) that the policy asks for: one for each destination and direction. */
import type { Mirror } from '../flow/mirror.ts';
import type { MirrorRecord } from '../policy/records.ts';
import { interfaceName } from './ports.ts';

/** Sorted by name, so that the same policy is the same list. `portName`: of the port with this vNIC id. */
export function mirrorsOf(
  switchName: string,
  records: Iterable<MirrorRecord>,
  portName: (id: string) => string = vnicName,
): Mirror[] {
  const byOutput = new Map<string, MirrorRecord[]>();
  for (const record of records) {
    if (record.switch !== switchName) continue;
    const name = outputName(record.output);
    byOutput.set(name, [...(byOutput.get(name) ?? []), record]);
  }
  return [...byOutput]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, [first, ...rest]]) => {
      const all = [first!, ...rest];
      const { output } = first!;
      return {
        name,
        selectSrcPorts: sources(all, 'from', portName),
        selectDstPorts: sources(all, 'to', portName),
        output: 'port' in output ? { port: portName(output.port) } : output,
      };
    });
}

/** `from` a machine is what arrives at its port, `to` it what leaves there. */
function sources(
  mirrors: readonly MirrorRecord[],
  direction: 'from' | 'to',
  portName: (id: string) => string,
): string[] {
  return mirrors
    .filter((mirror) => mirror.direction === direction || mirror.direction === 'both')
    .map((mirror) => portName(mirror.source))
    .sort();
}

function outputName(output: MirrorRecord['output']): string {
  return 'port' in output ? `to port ${output.port}` : `to VLAN ${output.vlan}`;
}

function vnicName(id: string): string {
  return interfaceName('v', id);
}
