// Asks a name server for every kind of record that it has. Usage: live-names.mjs SERVER
import { Resolver } from 'node:dns/promises';

const resolver = new Resolver({ timeout: 500, tries: 1 });
resolver.setServers([process.argv[2]]);
const asked = [
  ['web.lab.example', 'A'],
  ['www.lab.example', 'A'],
  ['web.lab.example', 'AAAA'],
  ['lab.example', 'MX'],
  ['lab.example', 'TXT'],
  ['_ldap._tcp.lab.example', 'SRV'],
  ['lab.example', 'NAPTR'],
  ['lab.example', 'CAA'],
  ['30.2.0.192.in-addr.arpa', 'PTR'],
  ['lab.example', 'SOA'],
  ['lab.example', 'NS'],
  ['nothing.lab.example', 'A'],
];
for (const [name, type] of asked) await resolver.resolve(name, type).catch(() => {});
