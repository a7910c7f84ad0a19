/** Numbers of messages (OpenFlow 1.5, 7.1.1, enum ofp_type) and of kinds of multipart messages (7.3.5). */

/** OFPT_…. */
export const TYPE = {
  hello: 0,
  error: 1,
  'echo-request': 2,
  'echo-reply': 3,
  experimenter: 4,
  'features-request': 5,
  'features-reply': 6,
  'get-config-request': 7,
  'get-config-reply': 8,
  'set-config': 9,
  'packet-in': 10,
  'flow-removed': 11,
  'port-status': 12,
  'packet-out': 13,
  'flow-mod': 14,
  'group-mod': 15,
  request: 18,
  reply: 19,
  'barrier-request': 20,
  'barrier-reply': 21,
  'role-request': 24,
  'role-reply': 25,
  'set-async': 28,
  'meter-mod': 29,
  'bundle-control': 33,
  'bundle-add': 34,
} as const;

/** Messages of Nicira's (NXT_…), of type `experimenter`. */
export const NICIRA_TYPE = {
  'set-packet-in-format': 16,
  'ct-flush-zone': 29,
  'packet-in2': 30,
} as const;

/** NX_VENDOR_ID: whose messages, actions and errors Open vSwitch has besides the standard. */
export const NICIRA = 0x00002320;

/** OFPMP_…. */
export const PART = {
  desc: 0,
  flows: 1,
  aggregate: 2,
  'table-stats': 3,
  'port-stats': 4,
  'group-stats': 6,
  groups: 7,
  'group-features': 8,
  'meter-stats': 9,
  meters: 10,
  'meter-features': 11,
  ports: 13,
  'flow-monitor': 16,
} as const;

/** OFPMPF_REPLY_MORE. */
export const MORE = 1;

/** OFPTT_ALL. */
export const ALL_TABLES = 0xff;
/** OFP_NO_BUFFER: a frame stands in the message itself. */
export const NO_BUFFER = 0xffffffff;

/** OFPPR_…. */
export const PORT_REASONS = ['add', 'delete', 'modify'] as const;
/** OFPBCT_…: a request is twice the place in the list, its reply one more. */
export const BUNDLE_ACTIONS = ['open', 'close', 'commit', 'discard'] as const;
/** NXPIF_…. */
export const PACKET_IN_FORMATS: Readonly<Record<'openflow' | 'nxt-packet-in2', number>> = {
  openflow: 0,
  'nxt-packet-in2': 2,
};
