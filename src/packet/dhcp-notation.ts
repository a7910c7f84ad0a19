/**
 * How DHCP options stand in the text notation: `lease=3600`, `dns=10.0.0.1+10.0.0.2`, and `o77=0a0b` for an option
 * that has no name here or whose data do not have the form of its name. To add a name: a line in dhcp-options.ts.
 */
import { DHCP_VALUE } from './dhcp-options.ts';
import { type OptionNotation, optionNotation } from './option.ts';
import { UINT16 } from './values.ts';

/** The client identifier stands as its bytes: it means nothing to anybody but the client. */
const { clientId, ...named } = DHCP_VALUE;

/** An MTU that may not be told can be written all the same: tests make bad messages. */
export const DHCP_NOTATION: OptionNotation = optionNotation(
  Object.values({ ...named, mtu: { ...named.mtu, ...UINT16 } }),
  { lowest: 1, highest: 254, longest: 255 },
);
