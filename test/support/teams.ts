import { readFileSync } from 'node:fs';

/** Blue and Red of the example, on hosts with two NICs each that are one link by LACP. */
export function withTeams(): string {
  const example = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');
  return example
    .replace(
      /^ {2}- \{ name: nic1, (.*:)00:(..) \}$/gm,
      (line, rest, last) => `${line}\n  - { name: nic2, ${rest}02:${last} }`,
    )
    .replaceAll('nics: [nic1]', 'nics: [nic1, nic2]')
    .replace('uplinkMode: no-team # one NIC, no team', 'uplinkMode: team')
    .replace('name: Fabric uplink\n', 'name: Fabric uplink\nteamingMode: lacp\n');
}
