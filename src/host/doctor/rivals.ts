/** Others on the host who have their hands on what is Netloom's, or have what it needs. */
import { type Check, failed, ok, warned } from './check.ts';

export interface BridgeFact {
  readonly name: string;
  /** It is marked as Netloom's. */
  readonly isOurs: boolean;
  /** Targets of OpenFlow controllers: `tcp:10.0.0.1:6653`. */
  readonly controllers: readonly string[];
  /** Names of the interfaces on it. */
  readonly interfaces: readonly string[];
}

export interface RivalFacts {
  readonly bridges: readonly BridgeFact[];
  /** Targets that the database is told to listen on or to connect to: `ptcp:6640`. */
  readonly managers: readonly string[];
  /** NICs that the policy gives to a switch of ours. */
  readonly wantedNics: readonly string[];
  /** NIC -> what else has it: a Linux bridge or bond. */
  readonly masters: ReadonlyMap<string, string>;
}

export function judgeRivals({ bridges, managers, wantedNics, masters }: RivalFacts): Check[] {
  const checks: Check[] = [];
  for (const { name, isOurs, controllers, interfaces } of bridges) {
    if (isOurs && controllers.length > 0)
      checks.push(
        failed(
          'other-controllers',
          `Another controller works on our bridge ${name}: ${controllers.join(', ')}.`,
          `Take it away: ovs-vsctl del-controller ${name}`,
        ),
      );
    const taken = isOurs ? [] : interfaces.filter((each) => wantedNics.includes(each));
    if (taken.length > 0)
      checks.push(
        failed(
          'foreign-bridges',
          `The bridge ${name}, which is not ours, has ${taken.join(', ')}.`,
          `Take it out, or leave it out of the host's switches: ovs-vsctl del-port ${name} ${taken[0]}`,
        ),
      );
  }
  for (const nic of wantedNics) {
    const master = masters.get(nic);
    if (master !== undefined && master !== 'ovs-system')
      checks.push(
        failed(
          'foreign-bridges',
          `NIC ${nic} belongs to ${master}.`,
          `Take it out: ip link set ${nic} nomaster`,
        ),
      );
  }
  const open = managers.filter((target) => /^p?(tcp|ssl):/.test(target));
  if (open.length > 0)
    checks.push(
      warned(
        'database-open',
        `The database of Open vSwitch is open to the network: ${open.join(', ')}.`,
        'Whoever gets there rules the host. If nothing needs it: ovs-vsctl del-manager',
      ),
    );
  return checks.length > 0 ? checks : [ok('rivals', 'Nobody else works on our bridges and NICs.')];
}
