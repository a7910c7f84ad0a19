/** The file of `netloom switch`: what may stand in it. What it means is checked in check.ts. */
import { z } from 'zod';
import { ipAddress, list, name } from '../../model/fields.ts';
import type { Shape } from '../../model/shape.ts';
import { type IpAddress, parseIp } from '../../packet/address.ts';
import type { UdpAddress } from '../../sockets/udp.ts';

/** Of ports; and of flows, groups and meters each. */
const MOST_PORTS = 1_000;
const MOST_FLOWS = 100_000;

const path = z.string().min(1).max(1_000);

const stream = z
  .strictObject({
    listen: path.describe('Path of the socket; the machine connects to it.').exactOptional(),
    connect: path
      .describe('Path of the socket; the machine, or another switch, listens on it.')
      .exactOptional(),
  })
  .describe("UNIX stream socket, for QEMU's -netdev stream: { listen: PATH } or { connect: PATH }.");

const endpoint = z
  .string()
  .max(60, { abort: true })
  .refine((text) => parseEndpoint(text) !== undefined, {
    error: () => 'must be an address and a port such as 127.0.0.1:5001 or [::1]:5001',
  });

const datagram = z
  .strictObject({
    local: endpoint.describe('Address and UDP port of the switch, 127.0.0.1:5001.'),
    remote: endpoint.describe('Address and UDP port of the machine, 127.0.0.1:5002.'),
  })
  .describe("UDP, for QEMU's -netdev dgram: { local: ADDRESS:PORT, remote: ADDRESS:PORT }.");

const tunnel = (what: string, port: number) =>
  z
    .strictObject({
      local: ipAddress.describe('Address of this machine that the tunnel begins at.'),
      port: z
        .int()
        .min(1)
        .max(65535)
        .describe(`UDP port of all the tunnel's ends, ${port} unless given.`)
        .exactOptional(),
      remote: ipAddress
        .describe('Where the tunnel goes, together with vni; left out where flows say it.')
        .exactOptional(),
      vni: z
        .int()
        .min(0)
        .max(0xff_ffff)
        .describe('Number of the network in the tunnel, together with remote.')
        .exactOptional(),
    })
    .describe(`${what} over UDP: { local: ADDRESS, remote: ADDRESS, vni: NUMBER }.`);

const vlanId = z.int().min(0).max(4095);

const vlan = z
  .strictObject({
    mode: z
      .enum(['access', 'trunk', 'native-tagged', 'native-untagged'])
      .describe('As in Open vSwitch: access, trunk, native-tagged or native-untagged.'),
    tag: vlanId.describe('The VLAN of an access port, or the native one.').exactOptional(),
    trunks: list(vlanId, 4096)
      .describe('VLANs that a trunk carries; all of them unless given.')
      .exactOptional(),
  })
  .describe('What NORMAL makes of tags; a trunk of all VLANs unless given.');

const port = z
  .strictObject({
    name: name.describe('Name of the port, unique in the switch.'),
    stream: stream.exactOptional(),
    datagram: datagram.exactOptional(),
    vxlan: tunnel('VXLAN', 4789).exactOptional(),
    geneve: tunnel('Geneve', 6081).exactOptional(),
    vlan: vlan.exactOptional(),
  })
  .describe('A port: name, one of stream, datagram, vxlan and geneve, and vlan.');

const document = z.strictObject({
  name: name.describe('Name of the switch, for people.').exactOptional(),
  ports: list(port, MOST_PORTS).min(1).describe('The ports; the first one is port 1 in flows.'),
  groups: list(z.string().max(65_536), MOST_FLOWS)
    .describe('Groups in the language of ovs-ofctl; one that names another comes after it.')
    .exactOptional(),
  meters: list(z.string().max(65_536), MOST_FLOWS)
    .describe('Meters in the language of ovs-ofctl.')
    .exactOptional(),
  flows: list(z.string().max(65_536), MOST_FLOWS)
    .describe('Flows in the language of ovs-ofctl; a learning switch unless given.')
    .exactOptional(),
});

export type SwitchFile = z.output<typeof document>;
export type SwitchPort = SwitchFile['ports'][number];

export const SWITCH_SHAPE = { title: 'switch', document } satisfies Shape;

/** `127.0.0.1:5001`, `[::1]:5001` */
export function parseEndpoint(text: string): UdpAddress | undefined {
  const [, bare, bracketed, digits] = /^(?:([0-9.]+)|\[([0-9a-f:.]+)\]):(\d{1,5})$/i.exec(text) ?? [];
  const host: IpAddress | undefined = parseIp(bare ?? bracketed ?? '');
  const number = Number(digits);
  return host === undefined || number < 1 || number > 65535 ? undefined : { host, port: number };
}
