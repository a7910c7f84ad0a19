/**
 * How long a connection is remembered without a packet, by what is known of it, in milliseconds: the default timeout
 * policy of Open vSwitch's userspace datapath (lib/conntrack-tp.c).
 */
const SECOND = 1000;

export const TIMEOUT = {
  /** One side has sent a SYN, or a connection that was there before us was picked up. */
  TCP_FIRST: 30 * SECOND,
  TCP_OPENING: 30 * SECOND,
  TCP_ESTABLISHED: 24 * 3600 * SECOND,
  /** One side has sent a FIN. */
  TCP_CLOSING: 15 * 60 * SECOND,
  /** Both have. */
  TCP_FIN_WAIT: 45 * SECOND,
  TCP_CLOSED: 30 * SECOND,
  /** UDP and every protocol that is neither TCP nor ICMP: one packet, several, an answer. */
  OTHER_FIRST: 60 * SECOND,
  OTHER_MULTIPLE: 60 * SECOND,
  OTHER_ANSWERED: 30 * SECOND,
  ICMP_FIRST: 60 * SECOND,
  ICMP_ANSWERED: 30 * SECOND,
} as const;
