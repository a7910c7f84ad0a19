/** The fabric: does what tunnels need fit through the path to every provider address, and is our own ours alone? */
import { type Check, failed, ok, unknown, warned } from './check.ts';

export interface PathFact {
  /** Provider address of this host, and of the other one. */
  readonly from: string;
  readonly to: string;
  /** Bytes of IP packet that have to fit. */
  readonly needed: number;
  /** The largest that came back, not fragmented; undefined: none did. */
  readonly fits: number | undefined;
}

/** `total`: how many there are; probing thousands would take its time, so of many some are probed. */
export function judgePaths(facts: readonly PathFact[], total: number): Check[] {
  const checks = facts.map(judgePath);
  const bad = checks.filter(({ verdict }) => verdict !== 'ok');
  if (total === 0) return [ok('path-mtu', 'No other host is on our networks yet.')];
  if (bad.length > 0) return bad;
  const some = total > facts.length ? `${facts.length} of ${total}` : `${total}`;
  const needed = Math.max(...facts.map((fact) => fact.needed));
  return [
    ok(
      'path-mtu',
      `Packets of ${needed} bytes fit to ${some} other provider address${total === 1 ? '' : 'es'}.`,
    ),
  ];
}

function judgePath({ from, to, needed, fits }: PathFact): Check {
  const name = 'path-mtu';
  if (fits === undefined)
    return failed(
      name,
      `${to} does not answer ${from}.`,
      'See whether that host is up, has its provider address, and whether the fabric (VLAN, router, firewall for ICMP) lets it through.',
    );
  if (fits >= needed) return ok(name, `Packets of ${needed} bytes fit from ${from} to ${to}.`);
  return failed(
    name,
    `Only packets of ${fits} bytes fit from ${from} to ${to}; ${needed} are needed.`,
    'Raise the MTU of the switches, routers and NICs between them, or lower the mtu of the physical network, and guests get less.',
  );
}

export interface OwnAddressFact {
  readonly address: string;
  /** Whether this host has the address on an interface. */
  readonly isHere: boolean;
  /** MAC addresses of others that answer for it; undefined: it could not be asked. */
  readonly others: readonly string[] | undefined;
}

export function judgeOwnAddress({ address, isHere, others }: OwnAddressFact): Check {
  const name = 'provider-address';
  if (others && others.length > 0)
    return failed(
      name,
      `The provider address ${address} is used by ${others.join(', ')} as well.`,
      'Give the other machine another address, or take the address out of the pool.',
    );
  if (!isHere)
    return failed(
      name,
      `The host has no interface with its provider address ${address}.`,
      'See "netloom agent status" for what the agent could not do.',
    );
  if (others === undefined)
    return unknown(
      name,
      `The host has its provider address ${address}; whether another one has it, too, could not be asked.`,
      'Install arping (IPv4); for IPv6 look at the neighbours of the fabric router.',
    );
  return ok(name, `The provider address ${address} is this host's alone.`);
}

export interface NicFact {
  readonly name: string;
  /** Undefined where there is no such NIC. */
  readonly mtu: number | undefined;
  readonly link: boolean;
  /** The driver leaves checksums of what is sent to a card that is not there (veth, tap). */
  readonly leavesChecksums: boolean;
  /** Frames are switched in user space. */
  readonly isUserspace: boolean;
  /** Bytes of IP packet that the policy wants to fit. */
  readonly needed: number;
}

export function judgeNic({ name: nic, mtu, link, leavesChecksums, isUserspace, needed }: NicFact): Check[] {
  if (mtu === undefined)
    return [
      failed(
        'nic',
        `There is no NIC ${nic}, which the policy gives to a switch.`,
        'Correct the NICs of the host in its description.',
      ),
    ];
  const checks: Check[] = [];
  if (!link)
    checks.push(
      failed('nic', `NIC ${nic} has no link.`, 'Look at the cable and at the port of the physical switch.'),
    );
  if (mtu < needed)
    checks.push(
      failed(
        'nic',
        `NIC ${nic} has an MTU of ${mtu}; ${needed} are needed.`,
        `ip link set ${nic} mtu ${needed}, and the same in the network configuration of the host.`,
      ),
    );
  if (isUserspace && leavesChecksums)
    checks.push(
      warned(
        'nic',
        `NIC ${nic} leaves checksums to its card, and a switch in user space does not: what the host itself sends by it has wrong ones.`,
        `ethtool -K ${nic} tx off`,
      ),
    );
  return checks.length > 0 ? checks : [ok('nic', `NIC ${nic} has a link and an MTU of ${mtu}.`)];
}
