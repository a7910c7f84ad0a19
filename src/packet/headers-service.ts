/** How what UDP carries is written, besides DHCPv4 and VXLAN: DHCPv6, BFD, Geneve. */
import { BFD, BFD_STATE, BFD_VERSION } from './bfd.ts';
import { write16, write24, write32 } from './bytes.ts';
import { DHCP6, dhcp6OptionsLength, writeDhcp6Options } from './dhcp6.ts';
import { GENEVE, GENEVE_FLAG, GENEVE_LIMITS, geneveOptionsLength, writeGeneveOptions } from './geneve.ts';
import type { Header } from './header.ts';
import { announced, type BfdLayer, DEFAULT, type Dhcp6Layer, type GeneveLayer } from './layer.ts';
import { optionProblem } from './option.ts';

export function dhcp6Header(l: Dhcp6Layer): Header {
  const options = l.options ?? [];
  for (const option of options) {
    const problem = optionProblem(option, { lowest: 0, highest: 0xffff, longest: 0xffff });
    if (problem) throw new RangeError(`DHCPv6 ${problem}`);
  }
  return {
    size: DHCP6.OPTIONS + dhcp6OptionsLength(options),
    write({ bytes, at }) {
      bytes[at + DHCP6.TYPE] = l.type ?? DEFAULT.dhcp6Type;
      write24(bytes, at + DHCP6.XID, l.xid ?? 0);
      writeDhcp6Options(bytes, at + DHCP6.OPTIONS, options);
    },
  };
}

/** Before sessions are up, packets go once a second at most (RFC 5880, 6.8.3). */
const ONE_SECOND = 1_000_000;

export function bfdHeader(l: BfdLayer): Header {
  const auth = l.auth ?? new Uint8Array(0);
  const size = BFD.SIZE + auth.length;
  if (size > 255) throw new RangeError(`a BFD packet has at most 255 bytes; this one would have ${size}`);
  return {
    size,
    write({ bytes, at }) {
      bytes[at + BFD.VERSION_DIAG] = (BFD_VERSION << 5) | (l.diag ?? 0);
      bytes[at + BFD.STATE_FLAGS] = ((l.state ?? BFD_STATE.DOWN) << 6) | (l.flags ?? 0);
      bytes[at + BFD.MULTIPLIER] = l.multiplier ?? 3;
      bytes[at + BFD.LENGTH] = size;
      write32(bytes, at + BFD.MINE, l.mine ?? 1);
      write32(bytes, at + BFD.YOURS, l.yours ?? 0);
      write32(bytes, at + BFD.DESIRED_TX, l.tx ?? ONE_SECOND);
      write32(bytes, at + BFD.REQUIRED_RX, l.rx ?? ONE_SECOND);
      write32(bytes, at + BFD.REQUIRED_ECHO_RX, l.echo ?? 0);
      bytes.set(auth, at + BFD.SIZE);
    },
  };
}

export function geneveHeader(l: GeneveLayer): Header {
  const options = l.options ?? [];
  for (const option of options) {
    const problem = optionProblem(option, GENEVE_LIMITS);
    if (problem) throw new RangeError(`Geneve ${problem}`);
  }
  const length = geneveOptionsLength(options);
  if (length > 252) throw new RangeError(`Geneve options have at most 252 bytes; these have ${length}`);
  return {
    size: GENEVE.SIZE + length,
    write({ bytes, at, next }) {
      bytes[at + GENEVE.LENGTH] = length / 4;
      bytes[at + GENEVE.FLAGS] =
        (l.control ? GENEVE_FLAG.CONTROL : 0) | (l.critical ? GENEVE_FLAG.CRITICAL : 0);
      write16(bytes, at + GENEVE.PROTOCOL, l.proto ?? announced('geneve', next));
      write24(bytes, at + GENEVE.VNI, l.vni ?? 0);
      writeGeneveOptions(bytes, at + GENEVE.SIZE, options);
    },
  };
}
