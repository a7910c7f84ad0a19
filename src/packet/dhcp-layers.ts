/** A whole DHCP message as layers: the message, and the zeros that bring it to the size of BOOTP's. */
import { byteOption, DHCP, DHCP_OPTION, dhcpOptionsLength } from './dhcp.ts';
import type { DhcpLayer, Layer } from './layer.ts';

/** For the end of a frame, behind its UDP layer. */
export function dhcpLayers(message: Omit<DhcpLayer, 'layer'>): readonly Layer[] {
  const { type, options = [] } = message;
  const all = type === undefined ? options : [byteOption(DHCP_OPTION.MESSAGE_TYPE, type), ...options];
  const missing = Math.max(0, DHCP.MINIMUM - DHCP.OPTIONS - dhcpOptionsLength(all));
  const padding: Layer[] = missing > 0 ? [{ layer: 'data', bytes: new Uint8Array(missing) }] : [];
  return [{ layer: 'dhcp', ...message }, ...padding];
}
