/**
 * THE pipeline: every table, in the order in which a frame meets them. Read it from top to bottom and you know what
 * Netloom does with a frame. Position in this list is the table's number in the switch; nothing else writes a number.
 *
 *                        +-- from a vNIC ----> spoof-guard -> guest-guard -> acl -> services --+-> route -> neighbour -> answer
 *     frame -> classify -+-- from a tunnel -------------------------------+             |                          |
 *                        +-- from the uplink or a provider interface -+   +-> forward <-+--------------------------+
 *                                                                     |        |
 *                                              (vNIC on a VLAN) ------+-> bridge   +-> flood, or (migration ->) fabric -> router-error
 *                                      (vNIC on a private VLAN) ------+-> private-vlan
 *
 * To add a table: put it here where a frame should meet it, say what a frame that matches nothing comes to (the miss is
 * always "drop" in the switch; a table that lets frames on has a rule of priority 0 in base.ts that says so), and let
 * a feature put rules into it. docs/pipeline.md shows each table with real rules; its test tells what to regenerate.
 */
export interface Table {
  readonly name: string;
  /** What the table decides, in one sentence. */
  readonly purpose: string;
  /** What becomes of a frame that no rule matches, in words that finish "dropped: ". */
  readonly miss: string;
}

const PIPELINE = [
  {
    name: 'classify',
    purpose: 'Tells by the port where the frame comes from, and which network and routing domain it is in.',
    miss: 'it came in by a port that has no policy, or through a tunnel from a provider address that is not expected for its VSID',
  },
  {
    name: 'spoof-guard',
    purpose:
      'Lets a vNIC send only from its own MAC and IP addresses, in its own VLANs, and only IPv4, IPv6 and ARP.',
    miss: 'its source address, VLAN tag or protocol is not one that this vNIC may send',
  },
  {
    name: 'guest-guard',
    purpose:
      'Stops what a guest may not be: a DHCP server, a router, the owner of an address that is not its own.',
    miss: 'the guest may not send it',
  },
  {
    name: 'acl',
    purpose:
      'Which port ACL judges the frame next: of a vNIC that has sent it, or that it is to be delivered to.',
    miss: 'nothing does: one rule takes every frame',
  },
  {
    name: 'acl-state',
    purpose: 'Tells by connection tracking whether a packet is an answer.',
    miss: 'nothing does: one rule takes every frame',
  },
  {
    name: 'acl-rules',
    purpose: 'The rules of all port ACLs, by the number of the ACL.',
    miss: 'the port ACL is not known here',
  },
  {
    name: 'acl-allow',
    purpose: 'What port ACLs let pass: remembers its connection where that is asked for, and leads on.',
    miss: 'nothing does: one rule takes every frame',
  },
  {
    name: 'acl-log',
    purpose:
      'Reports to the agent what a rule of a port ACL has decided, some packets a second of each port.',
    miss: 'nobody asked for it',
  },
  {
    name: 'services',
    purpose: 'Answers in the switch what needs no other machine: DHCP, ARP, neighbour and router discovery.',
    miss: 'nobody outside needs it',
  },
  {
    name: 'route',
    purpose:
      'The distributed router: answers ping, and finds the subnet of the destination inside the routing domain.',
    miss: 'the routing domain has no route to its destination',
  },
  {
    name: 'neighbour',
    purpose: 'Finds the MAC address of a customer address; answers into a register, sends nothing.',
    miss: 'no machine of the subnet has that address',
  },
  {
    name: 'answer',
    purpose:
      'Uses what `neighbour` found: makes the ARP or ND answer, or puts the MAC address on the routed packet.',
    miss: 'it is no question that may be answered (RFC 4861, 7.1.1)',
  },
  {
    name: 'forward',
    purpose:
      'Finds where a MAC address of the virtual subnet is: a port of this switch or a provider address.',
    miss: 'no vNIC of the virtual subnet has the destination MAC address',
  },
  {
    name: 'migration',
    purpose:
      'For a machine that moves: delivers while the link of its port is up, and passes on to the other host otherwise.',
    miss: 'neither the port of the machine nor the way to its other host has a link',
  },
  {
    name: 'fabric',
    purpose: 'Sends what fits the tunnel to the host that `forward` has found.',
    miss: 'the host has no tunnel for the routing domain',
  },
  {
    name: 'router-error',
    purpose: 'Asks the agent for an ICMP error to the sender: too big, or time to live used up.',
    miss: 'its sender is no vNIC of this host',
  },
  {
    name: 'flood',
    purpose:
      'Copies broadcast and multicast to every member of the virtual subnet, once to each host that has one.',
    miss: 'the virtual subnet has no members here',
  },
  {
    name: 'bridge',
    purpose: 'Networks without virtualization: plain learning switch, by VLAN.',
    miss: 'nothing does: one rule takes every frame',
  },
  {
    name: 'known-vlan',
    purpose:
      'VLANs with port ACLs: to known ports by way of their ACLs, and outside; in place of the learning switch.',
    miss: 'the VLAN has no ports here',
  },
  {
    name: 'private-vlan',
    purpose:
      'Private VLANs: isolated ports reach promiscuous ones only, those of a community one another as well.',
    miss: 'the private VLAN has no ports here',
  },
] as const satisfies readonly Table[];

export const TABLES: readonly Table[] = PIPELINE;
export type TableName = (typeof PIPELINE)[number]['name'];

const NUMBERS = new Map<string, number>(PIPELINE.map((table, number) => [table.name, number]));

/** Number of the table in the switch. */
export function tableNumber(name: TableName): number {
  return NUMBERS.get(name)!;
}

/** The table with this number; undefined for a number that the pipeline does not use. */
export function tableAt(number: number): Table | undefined {
  return TABLES[number];
}
