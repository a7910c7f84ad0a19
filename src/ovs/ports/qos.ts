/**
 * Shares of an uplink (flow/bandwidth.ts, `Bandwidth`) as queues of linux-htb, which the kernel datapath has
 * (ovs-vswitchd.conf.db(5), tables QoS and Queue). A vNIC has the queue with the number that `queueOf` gives; the flow half
 * puts its frames there with set_queue. What has no bandwidth waits in queue 0.
 *
 *     min-rate   the minimum, and a part of the capacity for each point of weight: htb deals out what is left over in
 *                proportion to it. The part is fixed, so one port that comes or goes changes no other's queue.
 *     max-rate   the maximum, or all of the capacity
 *
 * The userspace datapath has no queues; there only a maximum is kept, by a meter (decision 0014).
 */
import type { PortSpec } from '../../flow/datapath.ts';
import type { NamedRow, Row, Uuid } from '../ovsdb/columns.ts';
import { insert, mutate, type Operation, remove, update } from '../ovsdb/operations.ts';
import { MARK, teamNames } from './names.ts';
import { newRow, setRight, type WantedColumns } from './rows.ts';
import type { View } from './view.ts';

/** Of what a point of weight is: 1/4096 of the capacity, so that 4096 points fit beside no minimums. */
const WEIGHTS = 4096;
/** Bits a second; linux-htb takes no less than a frame (lib/netdev-linux.c). */
const LEAST = 12_000;
/** Numbers of vNICs begin here (numbers.ts), and linux-htb has queues up to 0xefff. */
const FIRST_VNIC = 0x1000;

type Uplink = Extract<PortSpec, { readonly type: 'uplink' }>;
interface Numbered {
  readonly number: number;
  readonly spec: PortSpec;
}

/** The queue for what comes in by the port with this number, 1..0xef00; where it shares nothing, there is none of that number. */
export function queueOfNumber(number: number): number | undefined {
  return number >= FIRST_VNIC ? number - FIRST_VNIC + 1 : undefined;
}

/** The queue that there is for a port; undefined for one that shares nothing. */
export function queueOf({ number, spec }: Numbered): number | undefined {
  const isSharing = (spec.type === 'vif' || spec.type === 'internal') && spec.bandwidth !== undefined;
  return isSharing ? queueOfNumber(number) : undefined;
}

/** Whether a port asks for more than everybody has. */
export function asksForShare({ spec }: Numbered): boolean {
  if (spec.type !== 'vif' && spec.type !== 'internal') return false;
  return (spec.bandwidth?.minimumKbps ?? 0) > 0 || spec.bandwidth?.weight !== undefined;
}

/** `other_config` of the queues of an uplink, by number. */
export function queuesOf(
  capacityKbps: number,
  ports: Iterable<Numbered>,
): ReadonlyMap<number, WantedColumns<'Queue'>> {
  const capacity = capacityKbps * 1000;
  const columns = (minimumKbps = 0, weight = 1, maximumKbps = capacityKbps): WantedColumns<'Queue'> => {
    const share = minimumKbps * 1000 + (capacity * weight) / WEIGHTS;
    return {
      other_config: {
        'min-rate': String(Math.max(LEAST, Math.min(capacity, Math.round(share)))),
        'max-rate': String(Math.max(LEAST, Math.min(capacity, Math.round(maximumKbps * 1000)))),
      },
    };
  };
  const queues = new Map([[0, columns()]]);
  for (const port of ports) {
    const queue = queueOf(port);
    if (queue === undefined || !('bandwidth' in port.spec)) continue;
    const { minimumKbps, weight, maximumKbps } = port.spec.bandwidth ?? {};
    queues.set(queue, columns(minimumKbps, weight, maximumKbps));
  }
  return queues;
}

/** What makes the queues of an uplink these. `queues` undefined: it has none, and those that it had are removed. */
export function planQueues(
  view: View,
  uplink: string,
  spec: Uplink | undefined,
  queues: ReadonlyMap<number, WantedColumns<'Queue'>> | undefined,
): readonly Operation[] {
  const present = view.qosOf(uplink);
  const rows = present ? view.queuesOf(present) : new Map<number, Row<'Queue'>>();
  const isWanted = queues !== undefined && spec?.capacityKbps !== undefined;
  const { bond } = teamNames(uplink);
  const holder = isWanted ? (spec.nics.length > 1 ? bond : uplink) : undefined;
  // An uplink that has become a team, or has been one, or needs none any more.
  const operations: Operation[] = [bond, uplink]
    .flatMap((name) => (name === holder ? [] : (view.ports.get(name) ?? [])))
    .filter(({ qos }) => qos !== null && qos === present?._uuid)
    .map(({ _uuid }) => update('Port', _uuid, { qos: null }));
  if (!isWanted) {
    if (!present) return [];
    const rowsToGo = [...rows.values()].map(({ _uuid }) => remove('Queue', _uuid));
    return [...operations, remove('QoS', present._uuid), ...rowsToGo];
  }
  const port = holder === undefined ? undefined : view.ports.get(holder);
  const fresh = new Map<number, NamedRow>();
  for (const [queue, columns] of queues) {
    const row = rows.get(queue);
    if (row) operations.push(...setRight('Queue', row, columns));
    else {
      const named = `queue${queue}`;
      operations.push(insert('Queue', { ...newRow(columns), external_ids: { [MARK.port]: uplink } }, named));
      fresh.set(queue, { named });
    }
  }
  const gone = [...rows].filter(([queue]) => !queues.has(queue));
  const columns: WantedColumns<'QoS'> = {
    type: 'linux-htb',
    other_config: { 'max-rate': String(spec.capacityKbps * 1000) },
    external_ids: { [MARK.port]: uplink },
  };
  let reference: Uuid | NamedRow = { named: 'qos' };
  if (present) {
    reference = present._uuid;
    operations.push(...setRight('QoS', present, columns));
    const keys = gone.map(([queue]) => queue);
    if (keys.length > 0) operations.push(mutate('QoS', present._uuid, [['queues', 'delete', keys]]));
    if (fresh.size > 0) operations.push(mutate('QoS', present._uuid, [['queues', 'insert', fresh]]));
  } else operations.push(insert('QoS', { ...newRow(columns), queues: fresh }, 'qos'));
  operations.push(...gone.map(([, { _uuid }]) => remove('Queue', _uuid)));
  if (port && (!present || port.qos !== present._uuid))
    operations.push(update('Port', port._uuid, { qos: reference }));
  return operations;
}
