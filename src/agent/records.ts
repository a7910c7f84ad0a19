/** Looking things up in the policy of a host. */
import type { PolicyRecord, PortRecord, SubnetRecord } from '../policy/records.ts';

/** By record key (`recordKey`). */
export type Records = ReadonlyMap<string, PolicyRecord>;

/** The port of the vNIC with this id. */
export function portWithId(records: Records, id: string): PortRecord | undefined {
  const record = records.get(`port/${id}`);
  return record?.kind === 'port' ? record : undefined;
}

export function subnetWithVsid(records: Records, vsid: number): SubnetRecord | undefined {
  const record = records.get(`subnet/${vsid}`);
  return record?.kind === 'subnet' ? record : undefined;
}

/** The virtual subnet that a port is on. */
export function subnetOf(records: Records, { attachment }: PortRecord): SubnetRecord | undefined {
  return attachment.type === 'virtual' ? subnetWithVsid(records, attachment.vsid) : undefined;
}
