/** The vNICs of a host, as its agent has them. */
import type { Agent } from '../../agent/agent.ts';
import { portsOf } from '../../agent/ports.ts';
import type { PluggedVnic } from '../engine.ts';
import type { PortStatus } from './status.ts';

/** By name. `vnics`: what is plugged in for those of VMs. */
export function portStatus(
  agent: Pick<Agent, 'records' | 'port'>,
  vnics: readonly PluggedVnic[],
): PortStatus[] {
  const plugged = new Map(vnics.map((vnic) => [vnic.id, vnic]));
  const ports: PortStatus[] = [];
  for (const record of agent.records().values()) {
    if (record.kind !== 'port') continue;
    const [wanted] = portsOf(record);
    const number = wanted && agent.port(wanted.port)?.number;
    const { id, name, owner } = record;
    ports.push({
      name,
      id,
      owner,
      switch: record.switch,
      ...(number === undefined ? {} : { number }),
      ...(owner === 'vm' ? (plugged.get(id) ?? { plugged: false, link: false }) : {}),
    });
  }
  return ports.sort((a, b) => (a.name < b.name ? -1 : 1));
}
