/**
 * Every error code of Netloom, in one table. A code is stable: scripts and people rely on it, so a code is added or
 * retired, never given another meaning. Each has a heading of the same name in docs/errors.md (a test checks this).
 *
 * status: the HTTP status of a response whose first finding has this code.
 * title:  what is wrong, without the particulars.
 */
export const CODES = {
  // input as text
  'input-unreadable': { status: 400, title: 'The file or document cannot be read' },
  'input-too-large': { status: 413, title: 'The input is larger than allowed' },
  'yaml-syntax': { status: 400, title: 'The document is not valid YAML' },
  'yaml-forbidden': { status: 400, title: 'The document uses a YAML feature that is not accepted' },
  'frame-syntax': { status: 400, title: 'The text is not a frame in the one-line notation' },
  // shape
  'kind-unknown': { status: 400, title: 'There is no such kind' },
  'field-unknown': { status: 400, title: 'The kind has no such field' },
  'field-missing': { status: 400, title: 'A required field is missing' },
  'value-invalid': { status: 400, title: 'The value is not one that this field takes' },
  // meaning
  'name-duplicate': { status: 409, title: 'Two objects have the same name' },
  'reference-missing': { status: 422, title: 'The object refers to one that does not exist' },
  'value-duplicate': { status: 409, title: 'A value that must be unique is used twice' },
  'field-conflict': { status: 422, title: 'Fields contradict each other' },
  'group-cycle': { status: 422, title: 'A host group is part of itself' },
  // addresses
  'range-invalid': { status: 422, title: 'The range is not a possible one' },
  overlap: { status: 422, title: 'Two ranges or subnets overlap' },
  'address-outside': { status: 422, title: 'The address is not in the subnet that it belongs to' },
  'address-reserved': { status: 422, title: 'The address has another use in its subnet' },
  'subnet-missing': { status: 422, title: 'There is no subnet to take' },
  'pool-missing': { status: 422, title: 'There is no pool to take an address from' },
  'pool-exhausted': { status: 409, title: 'Every value of the pool is in use' },
  'address-taken': { status: 409, title: 'Somebody else holds the address' },
  // NICs, switches, networks
  'nic-unknown': { status: 422, title: 'The host has no such NIC' },
  'nic-in-use': { status: 422, title: 'The NIC is used already' },
  'nic-unconnected': { status: 422, title: 'The NIC is not cabled to a physical network' },
  'nic-incapable': { status: 422, title: 'The NIC cannot do what is asked of it' },
  'nics-apart': { status: 422, title: 'The NICs of one switch do not reach each other' },
  'vlan-not-carried': { status: 422, title: 'The physical network does not carry the VLAN' },
  'team-not-allowed': { status: 422, title: 'The switch and its team do not go together' },
  'sriov-with-team': { status: 422, title: 'SR-IOV and a team contradict each other' },
  'site-mismatch': { status: 422, title: 'The uplink port profile is not for the site of the host' },
  'profile-not-listed': { status: 422, title: 'The logical switch does not list the uplink port profile' },
  'classification-not-offered': {
    status: 422,
    title: 'The logical switch does not offer the port classification',
  },
  'isolation-not-allowed': { status: 422, title: 'The logical network does not allow this isolation' },
  'virtualization-off': { status: 422, title: 'The uplink does not carry virtualized networks' },
  'network-unreachable': { status: 422, title: 'The logical network does not come to the host' },
  'network-ambiguous': { status: 422, title: 'The logical network comes to the host twice' },
  'network-unused': { status: 422, title: 'Nothing can connect to the logical network' },
  'single-nic': { status: 422, title: 'The switch takes the only NIC of the host' },
  // what a switch refuses
  'flow-invalid': { status: 422, title: 'The flow is not one that a switch takes' },
  'port-invalid': { status: 422, title: 'The port is not one that a switch takes' },
  'no-address': { status: 422, title: 'The machine has no address' },
  // requests
  'token-missing': { status: 401, title: 'The request does not bring the token' },
  'origin-refused': { status: 403, title: 'The request comes from a page of somebody else' },
  'name-refused': { status: 421, title: 'The server is not known by the name that it was called by' },
  'media-type': { status: 415, title: 'The body is not of a type that is read here' },
  'revision-compacted': { status: 410, title: 'The journal no longer reaches back to the revision' },
  'listen-failed': { status: 503, title: 'The address cannot be listened on' },
  'server-unreachable': { status: 503, title: 'There is no answer from the server' },
  // everything else
  'not-found': { status: 404, title: 'There is no such object' },
  conflict: { status: 409, title: 'The object was changed by somebody else in the meantime' },
  'in-use': { status: 409, title: 'Other objects still refer to this one' },
  // the store
  'no-change': { status: 409, title: 'The transaction changes nothing' },
  'store-full': { status: 507, title: 'There is no room left for the data' },
  'store-unavailable': { status: 503, title: 'The data cannot be used at the moment' },
  'store-locked': { status: 503, title: 'Another instance uses the same data' },
  'store-corrupt': { status: 503, title: 'The data is damaged' },
  // controller and agents
  'protocol-version': {
    status: 426,
    title: 'Controller and agent speak different versions of the policy protocol',
  },
  'controller-unreachable': { status: 503, title: 'The agent has lost its controller' },
  'protocol-violation': { status: 400, title: 'The other side broke a rule of the policy protocol' },
  'host-duplicate': { status: 409, title: 'Two machines claim to be the same host' },
  'host-forbidden': { status: 403, title: 'The machine may not speak for this host' },
  'epoch-mismatch': { status: 409, title: 'The host holds the policy of another history of this controller' },
  'revision-ahead': { status: 409, title: 'The host holds a newer policy than the controller has' },
  'policy-mismatch': { status: 409, title: 'The host does not hold the policy that it should' },
  internal: { status: 500, title: 'A defect of Netloom' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof CODES;
