/** A whole DHCP message as layers: the message, and the zeros that bring it to the size of BOOTP's. */
import { byteOption, DHCP, DHCP_OPTION, type DhcpOption, dhcpOptionsLength } from './dhcp.ts';
import type { DhcpLayer, Layer } from './layer.ts';

/** For the end of a frame, behind its UDP layer. */
export function dhcpLayers(message: Omit<DhcpLayer, 'layer'>): readonly Layer[] {
  const length = dhcpLength(message.type === undefined ? [] : [message.type], message.options ?? []);
  const padding = Math.max(0, DHCP.MINIMUM - length);
  return [
    { layer: 'dhcp', ...message },
    ...(padding ? [{ layer: 'data', bytes: new Uint8Array(padding) } as const] : []),
  ];
}

function dhcpLength(types: readonly number[], options: readonly DhcpOption[]): number {
  const all = [...types.map((type) => byteOption(DHCP_OPTION.MESSAGE_TYPE, type)), ...options];
  return DHCP.OPTIONS + dhcpOptionsLength(all);
}
