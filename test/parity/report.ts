/** A scenario as a person reads it: the program as ovs-ofctl takes it, the frames in our notation. */
import type { PortVlan } from '../../src/flow/datapath.ts';
import { formatFlow } from '../../src/flow/text.ts';
import { formatGroup, formatMeter } from '../../src/flow/text-group.ts';
import { formatFrame } from '../../src/packet/notation.ts';
import { portName, type Scenario, type Step } from './scenario.ts';

export function scenarioText(scenario: Scenario): string {
  const vlans = scenario.vlans.flatMap((vlan, i) => {
    const text = vlanText(vlan);
    return text === 'trunk' ? [] : [`  ${portName(i + 1)}: ${text}`];
  });
  return [
    ...(vlans.length > 0 ? ['ports', ...vlans] : []),
    ...section('meters', scenario.meters.map(formatMeter)),
    ...section('groups', scenario.groups.map(formatGroup)),
    'flows',
    ...scenario.flows.map((flow) => `  ${formatFlow(flow)}`),
    'steps',
    ...scenario.steps.flatMap((step, i) => stepText(step).map((line) => `  ${i + 1}. ${line}`)),
  ].join('\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? [title, ...lines.map((line) => `  ${line}`)] : [];
}

function vlanText(vlan: PortVlan): string {
  const trunks = 'trunks' in vlan && vlan.trunks.length > 0 ? ` trunks=${vlan.trunks}` : '';
  return `${vlan.mode}${vlan.mode === 'trunk' ? '' : ` tag=${vlan.tag}`}${trunks}`;
}

function stepText(step: Step): string[] {
  if (step.type === 'wait') return [`${step.milliseconds} ms go by`];
  const frames = step.frames.slice(0, 5).map((f) => `into ${portName(step.port)}: ${formatFrame(f)}`);
  return step.frames.length > 5 ? [...frames, `… ${step.frames.length - 5} more`] : frames;
}
