/** Reads the file of `netloom switch`: everything that is wrong with it at once, each at its line. */
import { finding, NetloomError, throwIfErrors } from '../../base/error.ts';
import type { Group, Meter, PortSpec, PortVlan } from '../../flow/datapath.ts';
import type { Flow } from '../../flow/flow.ts';
import { parseFlow } from '../../flow/parse.ts';
import { parseGroup, parseMeter } from '../../flow/parse-group.ts';
import { decodeInput } from '../../model/decode.ts';
import { isFields, pathOfSteps, type ShapeFinding, type Steps, shapeFindings } from '../../model/shape.ts';
import { readYaml } from '../../model/yaml.ts';
import type { IpAddress } from '../../packet/address.ts';
import { meaningFindings } from './check.ts';
import { SWITCH_SHAPE, type SwitchFile, type SwitchPort } from './file.ts';

/** A switch as it is to be made. */
export interface SwitchPlan {
  readonly name: string;
  /** In the order of their numbers, from 1. */
  readonly ports: readonly PlannedPort[];
  readonly meters: readonly Meter[];
  readonly groups: readonly Group[];
  readonly flows: readonly Flow[];
}

export interface PlannedPort {
  readonly spec: PortSpec;
  readonly socket: PortSocket;
}

export type PortSocket =
  | { readonly type: 'listen' | 'connect'; readonly path: string }
  | { readonly type: 'datagram'; readonly local: string; readonly remote: string }
  | {
      readonly type: 'tunnel';
      readonly encapsulation: 'vxlan' | 'geneve';
      readonly local: IpAddress;
      readonly port: number | undefined;
      /** Where it goes; undefined where flows say that. */
      readonly link: { readonly remote: IpAddress; readonly vni: number } | undefined;
    };

/** Findings that are told; more help nobody. */
const MOST_FINDINGS = 500;

/** Throws NetloomError with all that is wrong. `file` is a name to show. */
export function readSwitch(bytes: Uint8Array, file: string): SwitchPlan {
  const text = decodeInput(bytes, file);
  if (typeof text !== 'string') throw new NetloomError([text]);
  const [document, second] = [...readYaml(text, file)];
  throwIfErrors([...(document?.findings ?? []), ...(second?.findings ?? [])]);
  if (document === undefined || document.value === undefined) {
    throw new NetloomError([
      finding('input-unreadable', '', `${file} is empty.`, 'Describe a switch: its ports, and its flows.'),
    ]);
  }
  if (second) {
    const source = second.locate([]);
    const what = 'There is a second document; a file is one switch.';
    throw new NetloomError([{ ...finding('value-invalid', '', what, 'Make it a file of its own.'), source }]);
  }
  const { value } = document;
  const read = SWITCH_SHAPE.document.safeParse(value);
  const wrong = [
    ...(read.success ? meaningFindings(read.data) : shapeFindings(SWITCH_SHAPE, value, '')),
    ...textFindings(value),
  ];
  const [first, ...rest] = wrong
    .slice(0, MOST_FINDINGS)
    .map(({ finding: what, steps }) => ({ ...what, source: document.locate(steps) }));
  if (first) throw new NetloomError([first, ...rest]);
  return planOf(SWITCH_SHAPE.document.parse(value));
}

/** What stands in the file in the language of ovs-ofctl. */
const TEXTS = { meters: parseMeter, groups: parseGroup, flows: parseFlow } as const;

/** Of every flow, group and meter that is a text, whatever else is wrong with the file. */
function textFindings(value: unknown): ShapeFinding[] {
  return Object.entries(TEXTS).flatMap(([field, parse]) => {
    const list: unknown = isFields(value) ? value[field] : undefined;
    if (!Array.isArray(list)) return [];
    return list.flatMap((text: unknown, i) =>
      typeof text === 'string' ? parseFindings(text, parse, [field, i]) : [],
    );
  });
}

function parseFindings(text: string, parse: (text: string) => unknown, steps: Steps): ShapeFinding[] {
  try {
    parse(text);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof NetloomError)) throw thrown;
    const path = (inner: string) => `${pathOfSteps('', steps)}${inner && '.'}${inner}`;
    return thrown.findings.map((f) => ({ steps, finding: { ...f, path: path(f.path) } }));
  }
}

function planOf({
  name = 'switch',
  ports,
  meters = [],
  groups = [],
  flows = LEARNING,
}: SwitchFile): SwitchPlan {
  return {
    name,
    ports: ports.map(plannedPort),
    meters: meters.map(parseMeter),
    groups: groups.map(parseGroup),
    flows: flows.map(parseFlow),
  };
}

const LEARNING = ['priority=0,actions=normal'];

function plannedPort(port: SwitchPort): PlannedPort {
  const { name } = port;
  const tunnel = port.vxlan ?? port.geneve;
  const vif: PortSpec = { type: 'vif', name, id: name, vlan: portVlan(port.vlan) };
  if (tunnel) {
    const encapsulation = port.vxlan ? 'vxlan' : 'geneve';
    const { local, port: udpPort, remote, vni } = tunnel;
    const link = remote === undefined || vni === undefined ? undefined : { remote, vni };
    return {
      spec: link ? vif : { type: 'tunnel', name, encapsulation, local },
      socket: { type: 'tunnel', encapsulation, local, port: udpPort, link },
    };
  }
  if (port.datagram) return { spec: vif, socket: { type: 'datagram', ...port.datagram } };
  const { listen, connect = '' } = port.stream ?? {};
  return {
    spec: vif,
    socket: listen === undefined ? { type: 'connect', path: connect } : { type: 'listen', path: listen },
  };
}

function portVlan(vlan: SwitchPort['vlan']): PortVlan {
  const { mode = 'trunk', tag = 0, trunks = [] } = vlan ?? {};
  switch (mode) {
    case 'access':
      return { mode, tag };
    case 'trunk':
      return { mode, trunks };
    default:
      return { mode, tag, trunks };
  }
}
