import type { DecapsulationDrop, DropReason } from '../softswitch/events.ts';

/** Why a switch drops a frame, for a person. Of what comes out of a tunnel, the reason is shown as it is. */
const WORDS: Readonly<Record<Exclude<DropReason, DecapsulationDrop>, string>> = {
  'no-match': 'no rule is about it',
  'flow-drops': 'a rule drops it',
  'ttl-expired': 'its time to live has run out',
  'resubmit-limit': 'it went from table to table too often',
  'recirculation-limit': 'it went through connection tracking too often',
  meter: 'a meter lets no more through at the moment',
  'no-such-group': 'the group that it should go through does not exist',
  'no-live-bucket': 'no way out of the group is alive',
  'output-to-in-port': 'it would leave where it came in',
  'no-such-port': 'the port that it should leave by does not exist',
  'link-down': 'nothing is connected to the port, or the link is down',
  'vlan-not-allowed': 'its VLAN is not allowed on the port',
  'dead-vlan': 'the port takes no part in the learning switch',
  'reserved-address': 'the destination is reserved for switches (IEEE 802.1Q, 8.6.3)',
  'partial-tag': 'it ends within its VLAN tag',
  'learned-on-in-port': 'the destination is behind the port that it came from',
  'mirror-output': 'the port is there for mirrored frames alone',
  'team-loop': 'it came back by another member of the team',
  'team-inactive-member': 'it came in by a member of the team that is not in use',
  'team-not-agreed': 'no partner has agreed by LACP to take what the team sends',
  'no-tunnel-destination': 'the tunnel was not told where to',
  'tunnel-to-itself': 'the destination host is this host',
  'too-long-for-tunnel': 'it is too long to be encapsulated',
  policed: 'the port sends more than its maximum',
  'over-share': 'the port sends more than its part of the uplink',
  'too-many-frames': 'frames came in faster than they could go out, or went round in a circle',
};

export function dropWords(reason: DropReason): string {
  return isOfTunnel(reason) ? reason : WORDS[reason];
}

function isOfTunnel(reason: DropReason): reason is DecapsulationDrop {
  return !Object.hasOwn(WORDS, reason);
}
