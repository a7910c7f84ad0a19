import type { Reference } from '../definition.ts';
import { subnetKey } from './vm-subnet.ts';

/** What vNICs of VMs and of hosts have in common. */
interface AnyVnic {
  readonly vmNetwork: string;
  readonly subnet?: string;
  readonly classification?: string;
}

/** The objects that a vNIC names. A subnet given as a prefix is a row of a site, not an object. */
export function vnicReferences(vnic: AnyVnic, path: string): Reference[] {
  const references: Reference[] = [{ path: `${path}.vmNetwork`, kind: 'VmNetwork', key: vnic.vmNetwork }];
  if (vnic.subnet !== undefined && !isSitePrefix(vnic.subnet)) {
    references.push({
      path: `${path}.subnet`,
      kind: 'VmSubnet',
      key: subnetKey(vnic.vmNetwork, vnic.subnet),
    });
  }
  if (vnic.classification !== undefined) {
    references.push({ path: `${path}.classification`, kind: 'PortClassification', key: vnic.classification });
  }
  return references;
}

/** Whether a vNIC's `subnet` is the prefix of a site's subnet; names have no slash. */
export function isSitePrefix(subnet: string): boolean {
  return subnet.includes('/');
}
