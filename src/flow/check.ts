/** What makes a flow one that a switch refuses. Both engines and the text notation use these rules. */
import { type Finding, finding, throwIfErrors } from '../base/error.ts';
import { actionFindings } from './check-actions.ts';
import { inRange, LAST_TABLE } from './check-tools.ts';
import { FIELDS } from './fields.ts';
import type { Flow } from './flow.ts';
import { matchFindings } from './match.ts';

/** Throws NetloomError (flow-invalid) with every finding. */
export function checkFlow(flow: Flow): void {
  throwIfErrors(flowFindings(flow));
}

export function flowFindings(flow: Flow): Finding[] {
  const findings = unknownFields(flow);
  if (findings.length > 0) return findings;
  const refuse = (path: string, message: string, remedy: string) =>
    findings.push(finding('flow-invalid', path, message, remedy));
  if (!inRange(flow.table, 0, LAST_TABLE)) refuse('table', `There is no table ${flow.table}.`, 'Use 0..254.');
  if (!inRange(flow.priority, 0, 0xffff)) refuse('priority', `Priority ${flow.priority}.`, 'Use 0..65535.');
  // All ones means "leave the cookie as it is" in OpenFlow.
  if (flow.cookie < 0n || flow.cookie >= 0xffff_ffff_ffff_ffffn) {
    refuse('cookie', `Cookie ${flow.cookie}.`, 'Use 64 bits, not all of them ones.');
  }
  for (const [path, seconds] of [
    ['idleTimeout', flow.idleTimeout],
    ['hardTimeout', flow.hardTimeout],
  ] as const) {
    if (seconds !== undefined && !inRange(seconds, 1, 0xffff)) {
      refuse(path, `A timeout of ${seconds} seconds.`, 'Use 1..65535, or leave it out.');
    }
  }
  if (flow.unknown) refuse('unknown', 'The flow has parts that are not known here.', 'Leave them out.');
  findings.push(...matchFindings(flow.match));
  if (findings.length === 0) findings.push(...actionFindings(flow.actions, flow.match, flow.table));
  return findings;
}

function unknownFields(flow: Flow): Finding[] {
  return Object.keys(flow.match)
    .filter((name) => !(name in FIELDS))
    .map((name) => finding('flow-invalid', name, `There is no field ${name}.`, 'See flow/fields.ts.'));
}
