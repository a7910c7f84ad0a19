/** What goes wrong between us and ovsdb-server, in the user's words. */
import { type Finding, finding, NetloomError } from '../../base/error.ts';

/** The server, or what calls itself that, said something that cannot be understood. */
export function misunderstood(what: string): NetloomError {
  return new NetloomError([
    finding(
      'ovsdb-protocol',
      '',
      `ovsdb-server said something that cannot be understood: ${what}.`,
      'The connection is made anew by itself. If it repeats, see whether the socket is that of ovsdb-server.',
    ),
  ]);
}

/** What we were to write is not something that a database takes. */
export function refusedValue(path: string, why: string): NetloomError {
  return new NetloomError([
    finding('value-invalid', path, `The value cannot be written: ${why}.`, 'Give a value of the right type.'),
  ]);
}

/** `words`: what the server said. */
export function refused(words: string): NetloomError {
  return new NetloomError([
    finding(
      'ovsdb-refused',
      '',
      `ovsdb-server refuses it: ${words}.`,
      'Nothing was written. See whether somebody else changed the same rows, and `ovs-vsctl show`.',
    ),
  ]);
}

/** `outcome`: what became of the request, in words; empty when nothing can have come of it. */
export function unreachable(socket: string, why: string, outcome = ''): Finding {
  return finding(
    'ovsdb-unreachable',
    '',
    `The database of Open vSwitch does not answer at ${socket}: ${why}.${outcome && ` ${outcome}`}`,
    'See whether ovsdb-server runs (`systemctl status openvswitch-switch`). Netloom tries again by itself.',
  );
}

/** The database has another shape than the one that Netloom knows. */
export function unfit(what: string): NetloomError {
  return new NetloomError([
    finding(
      'ovsdb-unfit',
      '',
      `The database of Open vSwitch is not one that Netloom knows: ${what}.`,
      'Install Open vSwitch 2.13 or newer.',
    ),
  ]);
}

/** What was written is in the database; ovs-vswitchd has not said that it did it. */
export function switchSilent(seconds: number): NetloomError {
  return new NetloomError([
    finding(
      'switch-silent',
      '',
      `ovs-vswitchd has not carried out the configuration within ${seconds} s. It is written, and will be carried out.`,
      'See whether ovs-vswitchd runs (`systemctl status openvswitch-switch`, `ovs-appctl version`).',
    ),
  ]);
}
