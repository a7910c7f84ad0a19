/** Frames that the agent sends by itself: to guests as their router, and to neighbours to learn where they are. */
import { output } from '../flow/actions.ts';
import type { Datapath } from '../flow/datapath.ts';
import { portOf } from '../pipeline/facts.ts';
import type { PolicyRecord } from '../policy/records.ts';
import type { Bindings } from './bindings.ts';
import { type Neighbour, neighbourQuestion } from './neighbours.ts';
import { type Records, subnetOf } from './records.ts';
import type { Advertiser } from './router-advertiser.ts';

/** What sending takes. */
export interface Sender {
  readonly records: Records;
  readonly bindings: Bindings;
  readonly datapathOf: (switchName: string) => Datapath | undefined;
}

/** Asks neighbours where they are, so that the switch sees their answers. Never rejects. */
export async function askNeighbours(
  { records, bindings, datapathOf }: Sender,
  neighbours: readonly Neighbour[],
): Promise<void> {
  for (const { logicalNetwork, address } of neighbours) {
    const provider = records.get(`provider/${logicalNetwork}`);
    const bound = bindings.get(portOf.provider(logicalNetwork));
    if (provider?.kind !== 'provider' || !bound) continue;
    const question = neighbourQuestion(provider, address);
    // What is lost now is asked again later.
    await datapathOf(bound.switch)
      ?.packetOut(bound.number, question, [output('normal')])
      .catch(() => {});
  }
}

/** Tells the guests whom one of the changed records concerns about their router. Never rejects. */
export async function advertiseTo(
  { records, bindings, datapathOf }: Sender,
  advertiser: Advertiser,
  changed: readonly PolicyRecord[],
): Promise<void> {
  const subnets = new Set(changed.flatMap((record) => (record.kind === 'subnet' ? [record.vsid] : [])));
  const ports = new Set(changed.flatMap((record) => (record.kind === 'port' ? [record.id] : [])));
  if (subnets.size === 0 && ports.size === 0) return;
  for (const port of records.values()) {
    if (port.kind !== 'port') continue;
    const subnet = subnetOf(records, port);
    const bound = bindings.get(portOf.vnic(port.id));
    if (!bound || !(ports.has(port.id) || (subnet && subnets.has(subnet.vsid)))) continue;
    const datapath = datapathOf(bound.switch);
    const offered = port.dhcpv6Server === undefined ? undefined : subnet;
    for (const frame of advertiser.frames(port, offered)) {
      // What is lost now is said again later.
      await datapath?.packetOut(bound.number, frame, [output('in_port')]).catch(() => {});
    }
  }
}
