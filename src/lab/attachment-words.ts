/** Where a port is connected, in words. */
import type { Attachment } from '../policy/records.ts';

/** `nameOf`: of the virtual subnet with a VSID, where it is known. */
export function attachmentWords(
  attachment: Attachment,
  nameOf: (vsid: number) => string | undefined,
): string {
  switch (attachment.type) {
    case 'vlan':
      return vlanName(attachment.vlan);
    case 'private':
      return `private VLAN ${attachment.primary} (${attachment.mode})`;
    case 'trunk':
      return `${vlanName(attachment.native)}, tagged ${attachment.tagged.join(', ')}`;
    case 'monitor':
      return 'copies of a mirror';
    case 'virtual':
      return `${nameOf(attachment.vsid) ?? ''} (VSID ${attachment.vsid})`;
  }
}

function vlanName(vlan: number): string {
  return vlan === 0 ? 'untagged' : `VLAN ${vlan}`;
}
