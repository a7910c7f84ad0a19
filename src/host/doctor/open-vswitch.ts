/** Open vSwitch: is it there, is it running, can it be reached, is it one that is known to be good? */
import { type Check, failed, ok, unknown, warned } from './check.ts';

export interface SocketFact {
  readonly path: string;
  /** Permission bits; undefined where there is no such socket. */
  readonly mode: number | undefined;
  /** Whether this process may connect. */
  readonly isOpenToUs: boolean;
}

export interface OpenVswitchFacts {
  /** `3.1.0`, as the switch says it of itself; undefined where it does not answer. */
  readonly version: string | undefined;
  /** Package of the distribution, `3.1.0-2+deb12u1`; undefined where there is none or nobody knows. */
  readonly packageVersion: string | undefined;
  readonly database: SocketFact;
  /** Of the bridges that are Netloom's. */
  readonly bridges: readonly SocketFact[];
  readonly isDatabaseRunning: boolean;
  readonly isSwitchRunning: boolean;
  /** The kernel has the module `openvswitch`. */
  readonly hasModule: boolean;
  /** `netdev`, `system`: what the switch offers; empty where it does not answer. */
  readonly datapathTypes: readonly string[];
  /** `geneve`, `gre`, `vxlan` …; empty where it does not answer. */
  readonly interfaceTypes: readonly string[];
}

export function judgeOpenVswitch(facts: OpenVswitchFacts): Check[] {
  return [daemons(facts), ...sockets(facts), version(facts), datapath(facts), tunnels(facts)];
}

const START = 'Run: systemctl start openvswitch-switch';

function daemons({ isDatabaseRunning, isSwitchRunning }: OpenVswitchFacts): Check {
  const name = 'ovs-daemons';
  const away = [...(isDatabaseRunning ? [] : ['ovsdb-server']), ...(isSwitchRunning ? [] : ['ovs-vswitchd'])];
  if (away.length === 0) return ok(name, 'ovsdb-server and ovs-vswitchd are running.');
  const words = `${away.join(' and ')} ${away.length > 1 ? 'are' : 'is'} not running.`;
  return failed(name, words, `${START} (apt-get install openvswitch-switch where it is not installed).`);
}

/** Whoever may write into these sockets rules the network of the host (security.md, U5). */
function* sockets({ database, bridges }: OpenVswitchFacts): Generator<Check> {
  const name = 'ovs-sockets';
  const all = [database, ...bridges];
  const missing = all.filter(({ mode }) => mode === undefined);
  const closed = all.filter(({ mode, isOpenToUs }) => mode !== undefined && !isOpenToUs);
  const wide = all.filter(({ mode }) => mode !== undefined && (mode & 0o002) !== 0);
  const list = (some: readonly SocketFact[]) => some.map(({ path }) => path).join(', ');
  if (missing.length > 0)
    yield failed(
      name,
      `There is no ${list(missing)}.`,
      `${START}, or say where its sockets are with --ovs-rundir.`,
    );
  if (closed.length > 0)
    yield failed(
      name,
      `This user may not connect to ${list(closed)}.`,
      'Run the agent as root, or in the group that owns the sockets.',
    );
  if (wide.length > 0)
    yield failed(
      name,
      `Everybody may connect to ${list(wide)}.`,
      'Take the right from others: chmod o= PATH. Nobody but root and the agent has business there.',
    );
  if (missing.length + closed.length + wide.length === 0)
    yield ok(
      name,
      `${all.length} socket${all.length > 1 ? 's' : ''} of Open vSwitch can be reached, by nobody else.`,
    );
}

/** The oldest release series that has everything that Netloom uses. */
const OLDEST = [3, 0, 0] as const;

/** Releases with holes that a guest or a neighbour could use, with the first one of the series without (NEWS of Open vSwitch). */
const HOLES = [
  { series: [3, 0], fixedIn: [3, 0, 6], what: 'CVE-2023-1668, CVE-2023-5366 and CVE-2023-3966' },
  { series: [3, 1], fixedIn: [3, 1, 4], what: 'CVE-2023-1668, CVE-2023-5366 and CVE-2023-3966' },
  { series: [3, 2], fixedIn: [3, 2, 2], what: 'CVE-2023-5366 and CVE-2023-3966' },
] as const;

function version({ version: text, packageVersion }: OpenVswitchFacts): Check {
  const name = 'ovs-version';
  if (text === undefined) return unknown(name, 'Open vSwitch does not say its version.', START);
  const number = text.split('.').map((part) => Number.parseInt(part, 10));
  const shown = `Open vSwitch ${text}${packageVersion === undefined ? '' : ` (package ${packageVersion})`}`;
  if (before(number, OLDEST))
    return failed(name, `${shown} is too old.`, `Install ${OLDEST.join('.')} or newer.`);
  const hole = HOLES.find(
    ({ series, fixedIn }) => series[0] === number[0] && series[1] === number[1] && before(number, fixedIn),
  );
  // Debian's security team fixes what it has under the old number.
  if (!hole || /\+deb\d+u\d+$/.test(packageVersion ?? '')) return ok(name, `${shown}.`);
  return warned(
    name,
    `${shown} has the holes ${hole.what}, unless your distribution closed them.`,
    `Install ${hole.fixedIn.join('.')} or newer, or the security update of your distribution.`,
  );
}

function before(version: readonly number[], other: readonly number[]): boolean {
  for (const [i, part] of other.entries()) {
    const own = version[i] ?? 0;
    if (own !== part) return own < part;
  }
  return false;
}

function datapath({ hasModule, datapathTypes, isSwitchRunning }: OpenVswitchFacts): Check {
  const name = 'datapath';
  if (!isSwitchRunning)
    return unknown(name, 'ovs-vswitchd is not running, so nobody can say what it offers.', START);
  if (hasModule && datapathTypes.includes('system'))
    return ok(name, 'The kernel switches frames (module openvswitch).');
  return warned(
    name,
    'The kernel has no module openvswitch, so frames are switched in user space: slower, and minimum bandwidth and weight of ports are not kept.',
    'Where the kernel can have it: modprobe openvswitch, and restart openvswitch-switch.',
  );
}

function tunnels({ interfaceTypes }: OpenVswitchFacts): Check {
  const name = 'tunnels';
  if (interfaceTypes.length === 0)
    return unknown(name, 'Open vSwitch does not say which tunnels it can do.', START);
  const missing = ['gre', 'vxlan', 'geneve'].filter((type) => !interfaceTypes.includes(type));
  if (missing.length === 0) return ok(name, 'Open vSwitch encapsulates by NVGRE, VXLAN and Geneve.');
  return failed(
    name,
    `Open vSwitch cannot do ${missing.join(', ')}.`,
    'Install a build with these interface types, or choose another encapsulation.',
  );
}
