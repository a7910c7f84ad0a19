/** What is wrong with the file of `netloom switch` besides the form of its fields: what cannot be meant. */
import type { ErrorCode } from '../../base/codes.ts';
import { finding } from '../../base/error.ts';
import { pathOfSteps, type ShapeFinding, type Steps } from '../../model/shape.ts';
import { isIpv4 } from '../../packet/address.ts';
import { LONGEST_PATH } from '../../sockets/unix-listener.ts';
import { parseEndpoint, type SwitchFile, type SwitchPort } from './file.ts';

const SOCKETS = ['stream', 'datagram', 'vxlan', 'geneve'] as const;
const TUNNELS = ['vxlan', 'geneve'] as const;

/** Collects findings about one port; `steps` go on from the port. */
type Tell = (code: ErrorCode, steps: Steps, message: string, remedy: string) => void;
/** Notes what only one port can have, and tells of the second. */
type Claim = (code: ErrorCode, steps: Steps, what: string, remedy: string) => void;

/** All of it, each with its field. */
export function meaningFindings({ ports }: SwitchFile): ShapeFinding[] {
  const findings: ShapeFinding[] = [];
  const claimed = new Map<string, string>();
  for (const [i, port] of ports.entries()) {
    const tell: Tell = (code, inner, message, remedy) => {
      const steps = ['ports', i, ...inner];
      findings.push({ steps, finding: finding(code, pathOfSteps('', steps), message, remedy) });
    };
    const claim: Claim = (code, inner, what, remedy) => {
      const first = claimed.get(what);
      if (first !== undefined)
        tell(code, inner, `${what} is there twice; the first time in ${first}.`, remedy);
      else claimed.set(what, pathOfSteps('', ['ports', i, ...inner]));
    };
    claim('name-duplicate', ['name'], `The name ${JSON.stringify(port.name)}`, 'Give it another name.');
    checkKinds(port, tell);
    checkStream(port, tell, claim);
    checkDatagram(port, tell, claim);
    checkTunnels(port, tell, claim);
    checkVlan(port, tell);
  }
  return findings;
}

function checkKinds(port: SwitchPort, tell: Tell): void {
  const kinds = SOCKETS.filter((kind) => port[kind] !== undefined);
  if (kinds.length === 0) {
    tell('field-missing', [], `Port ${port.name} has no socket.`, `Give it one of ${SOCKETS.join(', ')}.`);
  }
  if (kinds.length > 1) {
    const remedy = 'Leave one: a port has one socket.';
    tell('field-conflict', [], `Port ${port.name} has ${kinds.join(' and ')}.`, remedy);
  }
}

function checkStream({ stream }: SwitchPort, tell: Tell, claim: Claim): void {
  if (!stream) return;
  const { listen, connect } = stream;
  if ((listen === undefined) === (connect === undefined)) {
    const remedy = 'Write { listen: PATH }, or { connect: PATH } where the other side listens.';
    tell('field-conflict', ['stream'], 'A stream either listens or connects.', remedy);
  }
  for (const [field, path] of Object.entries(stream)) {
    const size = Buffer.byteLength(path);
    if (size <= LONGEST_PATH) continue;
    const what = `The path has ${size} bytes, and that of a UNIX socket has at most ${LONGEST_PATH}.`;
    tell(
      'value-invalid',
      ['stream', field],
      what,
      'Choose a shorter one, from the directory that you run it in.',
    );
  }
  if (listen !== undefined) {
    claim('value-duplicate', ['stream', 'listen'], `The socket ${listen}`, 'Choose another path.');
  }
}

function checkDatagram({ datagram }: SwitchPort, tell: Tell, claim: Claim): void {
  if (!datagram) return;
  const { local, remote } = datagram;
  claim('value-duplicate', ['datagram', 'local'], `The UDP address ${local}`, 'Choose another port.');
  if (isIpv4(parseEndpoint(local)!.host) !== isIpv4(parseEndpoint(remote)!.host))
    tellFamilies(['datagram'], tell);
}

function checkTunnels(port: SwitchPort, tell: Tell, claim: Claim): void {
  for (const kind of TUNNELS) {
    const tunnel = port[kind];
    if (!tunnel) continue;
    const { local, remote, vni } = tunnel;
    const start = `${kind} port from ${local}${tunnel.port === undefined ? '' : ` UDP ${tunnel.port}`}`;
    const what = remote === undefined ? `A ${start} for flows` : `A ${start} to ${remote} with VNI ${vni}`;
    claim(
      'value-duplicate',
      [kind],
      what,
      'Use another VNI for another network, or one port for all, and flows.',
    );
    if ((remote === undefined) !== (vni === undefined)) {
      const remedy = 'Give both, or none where flows set tun_dst and tun_id.';
      tell('field-missing', [kind], 'remote and vni come together.', remedy);
    }
    if (remote === local) {
      tell(
        'field-conflict',
        [kind, 'remote'],
        'The tunnel leads to itself.',
        'Use the address of the other end.',
      );
    } else if (remote !== undefined && isIpv4(remote) !== isIpv4(local)) {
      tellFamilies([kind], tell);
    }
    if (remote === undefined && port.vlan) {
      const remedy = 'Leave vlan out, or give the tunnel a remote and a vni.';
      tell('field-conflict', ['vlan'], 'A tunnel port that flows send to has no VLANs.', remedy);
    }
  }
}

function tellFamilies(steps: Steps, tell: Tell): void {
  tell('field-conflict', steps, 'One address is IPv4, the other IPv6.', 'Use two addresses of one kind.');
}

function checkVlan({ vlan }: SwitchPort, tell: Tell): void {
  if (!vlan) return;
  const { mode, tag, trunks } = vlan;
  if (mode === 'trunk' && tag !== undefined) {
    const remedy = 'Leave tag out, or choose mode native-untagged.';
    tell('field-conflict', ['vlan', 'tag'], 'A trunk has no tag of its own.', remedy);
  }
  if (mode !== 'trunk' && tag === undefined) {
    tell('field-missing', ['vlan', 'tag'], `A port of mode ${mode} needs a tag.`, 'Add tag: its VLAN.');
  }
  if (mode === 'access' && trunks !== undefined) {
    const remedy = 'Leave trunks out, or choose mode trunk.';
    tell('field-conflict', ['vlan', 'trunks'], 'An access port is in one VLAN.', remedy);
  }
}
