/** How the layers between stations and bridges are written: LLC and SNAP, LLDP, LACP. */
import { write16, write24 } from './bytes.ts';
import type { Header } from './header.ts';
import { LACP, LACP_SUBTYPE, LACP_TLVS, writeLacpSide } from './lacp.ts';
import type { LacpLayer, LlcLayer, LldpLayer, SnapLayer } from './layer.ts';
import { announced } from './layer.ts';
import { LLC, LLC_SAP, LLC_UNNUMBERED, llcControlSize, SNAP } from './llc.ts';
import { LLDP_LIMITS, lldpLength, writeLldp } from './lldp.ts';
import { optionProblem } from './option.ts';

export function llcHeader(l: LlcLayer): Header {
  const control = l.control ?? LLC_UNNUMBERED;
  const size = llcControlSize(control);
  if (size === 1 && control > 0xff)
    throw new RangeError(`the LLC control field ${control} has one byte, and does not fit it`);
  return {
    size: LLC.CONTROL + size,
    write({ bytes, at, next }) {
      const usual = next?.layer === 'snap' ? LLC_SAP.SNAP : 0;
      bytes[at + LLC.DSAP] = l.dsap ?? usual;
      bytes[at + LLC.SSAP] = l.ssap ?? usual;
      bytes[at + LLC.CONTROL] = control;
      if (size === 2) bytes[at + LLC.CONTROL + 1] = control >>> 8;
    },
  };
}

export function snapHeader(l: SnapLayer): Header {
  return {
    size: SNAP.SIZE,
    write({ bytes, at, next }) {
      write24(bytes, at + SNAP.ORGANIZATION, l.organization ?? 0);
      write16(bytes, at + SNAP.PROTOCOL, l.proto ?? announced('snap', next));
    },
  };
}

export function lldpHeader(l: LldpLayer): Header {
  const tlvs = l.options ?? [];
  for (const tlv of tlvs) {
    const problem = optionProblem(tlv, LLDP_LIMITS);
    if (problem) throw new RangeError(`LLDP ${problem}`);
  }
  return { size: lldpLength(tlvs), write: ({ bytes, at }) => writeLldp(bytes, at, tlvs) };
}

export function lacpHeader(l: LacpLayer): Header {
  return {
    size: LACP.SIZE,
    write({ bytes, at }) {
      bytes[at + LACP.SUBTYPE] = LACP_SUBTYPE;
      bytes[at + LACP.VERSION] = l.version ?? 1;
      for (const tlv of LACP_TLVS) {
        bytes[at + tlv.at] = tlv.type;
        bytes[at + tlv.at + 1] = tlv.length;
      }
      writeLacpSide(bytes, at + LACP.ACTOR, {
        ...(l.actor === undefined ? {} : { system: l.actor }),
        systemPriority: l.actorpriority ?? 0,
        key: l.actorkey ?? 0,
        portPriority: l.actorportpriority ?? 0,
        port: l.actorport ?? 0,
        state: l.actorstate ?? 0,
      });
      writeLacpSide(bytes, at + LACP.PARTNER, {
        ...(l.partner === undefined ? {} : { system: l.partner }),
        systemPriority: l.partnerpriority ?? 0,
        key: l.partnerkey ?? 0,
        portPriority: l.partnerportpriority ?? 0,
        port: l.partnerport ?? 0,
        state: l.partnerstate ?? 0,
      });
      write16(bytes, at + LACP.MAX_DELAY, l.maxdelay ?? 0);
    },
  };
}
