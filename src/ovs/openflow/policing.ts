/**
 * Policing of what comes in by a port (flow/bandwidth.ts), by a meter in front of what the first table does with its frames:
 * `ingress_policing_rate` says nothing to the userspace datapath of Open vSwitch, and both datapaths have meters. The
 * pipeline knows nothing of it: the meter is put in when a flow is loaded, and left out when it is read.
 */
import type { Policing } from '../../flow/bandwidth.ts';
import type { Meter } from '../../flow/datapath.ts';
import { fullMask } from '../../flow/fields.ts';
import type { Flow } from '../../flow/flow.ts';

/** The meters of the pipeline are below (pipeline/punt.ts). */
const FIRST_METER = 0x30000;
const PORTS = 0x10000;
/** Kilobits that may come at once where nothing is said: what Open vSwitch takes for `ingress_policing_burst` 0. */
const DEFAULT_BURST = 8000;

export function policingMeter(port: number, { rateKbps, burstKb }: Policing): Meter {
  const band = { type: 'drop', rate: rateKbps, burst: burstKb || DEFAULT_BURST } as const;
  return { id: meterIdOf(port), unit: 'kbps', bands: [band] };
}

export function meterIdOf(port: number): number {
  return FIRST_METER + port;
}

/** The port that a meter polices; undefined for all other meters. */
export function policedBy(meter: number): number | undefined {
  return meter >= FIRST_METER && meter < FIRST_METER + PORTS ? meter - FIRST_METER : undefined;
}

/** The port whose frames a flow takes where they come in; undefined when it is for other tables or for several ports. */
export function entryPort({ table, match }: Flow): number | undefined {
  const port = match.in_port;
  return table === 0 && port?.mask === fullMask('in_port') ? Number(port.value) : undefined;
}

/** The flow with the meter of its port in front. */
export function withPolicing(flow: Flow, port: number): Flow {
  return { ...flow, actions: [{ type: 'meter', meter: meterIdOf(port) }, ...flow.actions] };
}

/** The flow without the meter of its port; undefined when there is none in front. */
export function withoutPolicing(flow: Flow, port: number): Flow | undefined {
  const [first, ...actions] = flow.actions;
  return first?.type === 'meter' && first.meter === meterIdOf(port) ? { ...flow, actions } : undefined;
}
