/** The options -4 and -6 of ping and walk, as ping(8) has them. */
import { type Command, Option } from 'commander';

export interface VersionOptions {
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
}

export function withVersion(made: Command): Command {
  return made
    .option('-4, --ipv4', 'by IPv4; left out, IPv6 is tried where IPv4 gets no answer')
    .addOption(new Option('-6, --ipv6', 'by IPv6').conflicts('ipv4'));
}

/** For the API, and for a lab. */
export function versionOf({ ipv4, ipv6 }: VersionOptions): { version?: 4 | 6 } {
  if (ipv4) return { version: 4 };
  return ipv6 ? { version: 6 } : {};
}
