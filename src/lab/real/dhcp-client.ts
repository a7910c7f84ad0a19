/** DHCP clients of the lab's machines: dhclient of the system, with a script and files of our own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProgram } from './processes.ts';
import { inNamespace } from './run.ts';

/** Beside the program, because what stands in /run may not be executed. */
const SCRIPT = fileURLToPath(new URL('../../../bin/lab-dhcp-script', import.meta.url));

/** Asks for what Netloom's DHCP server says (agent/dhcp-responder.ts), and soon again where nobody answers. */
const CONFIGURATION = `option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
request subnet-mask, broadcast-address, routers, rfc3442-classless-static-routes, interface-mtu,
  domain-name, domain-name-servers, domain-search, dhcp6.name-servers, dhcp6.domain-search;
initial-interval 1;
backoff-cutoff 4;
timeout 10;
retry 2;
`;

export interface DhcpClient {
  readonly lab: string;
  /** Key of the machine. */
  readonly machine: string;
  readonly namespace: string;
  readonly nic: string;
  readonly version: 4 | 6;
  /** Of the routes that it sets: the first NIC's are taken first. */
  readonly metric: number;
  /** Where its files are. */
  readonly directory: string;
}

/** Starts a client, which keeps the lease for as long as the machine is there. */
export async function startDhcpClient(client: DhcpClient): Promise<void> {
  const { lab, machine, namespace, nic, version, metric, directory } = client;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const at = (what: string) => join(directory, `dhclient${version}-${nic}.${what}`);
  writeFileSync(at('conf'), CONFIGURATION);
  await startProgram({
    lab,
    part: `dhcp/${machine}/${nic}`,
    command: inNamespace(
      namespace,
      'dhclient',
      `-${version}`,
      '-d',
      '-q',
      ...['-cf', at('conf'), '-lf', at('leases'), '-pf', at('pid'), '-sf', SCRIPT],
      ...['-e', `NETLOOM_METRIC=${metric}`],
      nic,
    ),
    log: at('log'),
  });
}
