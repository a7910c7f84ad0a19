/**
 * NICs of hosts under names that interfaces of Linux can have. A description may call a NIC "Ethernet 01"; in a lab it is
 * Ethernet-01, and the objects that the lab's controller is given say so.
 */
import { type Finding, warning } from '../../base/error.ts';
import { isKind, type ModelObject } from '../../model/kinds.ts';
import { INTERFACE_NAME_LENGTH, plainName } from './names.ts';

export interface Renamed {
  readonly objects: readonly ModelObject[];
  /** A warning, where names are other ones in the lab. */
  readonly findings: readonly Finding[];
}

export function withLinuxNics(objects: readonly ModelObject[]): Renamed {
  const names = new Set<string>();
  const nicName = (name: string): string => {
    const plain = plainName(name, INTERFACE_NAME_LENGTH);
    if (plain !== name) names.add(name);
    return plain;
  };
  const renamed = objects.map((object): ModelObject => {
    if (isKind(object, 'HostSwitch')) return { ...object, nics: object.nics.map(nicName) };
    if (!isKind(object, 'Host')) return object;
    const { managementNic, ...rest } = object;
    const nics = object.nics.map((nic) => ({ ...nic, name: nicName(nic.name) }));
    return {
      ...rest,
      nics,
      ...(managementNic === undefined ? {} : { managementNic: nicName(managementNic) }),
    };
  });
  const pairs = [...names].map((name) => `"${name}" is ${plainName(name, INTERFACE_NAME_LENGTH)}`);
  const words = `Interfaces of Linux cannot be called what some NICs are: in the lab, ${pairs.join(', ')}.`;
  const remedy = 'What you apply to the lab later is to use these names.';
  return { objects: renamed, findings: pairs.length === 0 ? [] : [warning('lab-unfit', '', words, remedy)] };
}
