/** How an agent is, and what the doctor found, in words. */
import { describeFinding } from '../base/error.ts';
import type { Check } from '../host/doctor/check.ts';
import type { AgentStatus, PortStatus } from '../host/status/status.ts';
import type { Joined } from './agent.ts';
import { moment } from './moment.ts';
import { count, table } from './table.ts';
import type { Colours } from './terminal.ts';

const STATES: Readonly<Record<AgentStatus['controller']['state'], string>> = {
  connected: 'connected',
  connecting: 'connecting',
  waiting: 'not connected, tries again',
  stopped: 'stopped',
  'not yet': 'not yet: Open vSwitch comes first',
};

export function joinedText({ host, controllerUrl, certificate }: Joined): string {
  const day = certificate.expires.slice(0, 10);
  return `This machine is host ${host} of the controller at ${controllerUrl}; its certificate is good until ${day} and is renewed by itself.

Next:

  netloom agent doctor
  systemctl enable --now netloom-agent    # or: netloom agent run
`;
}

export function statusText(status: AgentStatus, colours: Colours): string {
  const { host, version, pid, since, controller, policy, engine, management, switches, ports } = status;
  const lines: [string, string][] = [
    ['Host', `${host} (agent of Netloom ${version}, process ${pid}, since ${moment(since)})`],
    ['Controller', `${controller.url}: ${STATES[controller.state]}`],
    ['Policy', policyText(policy)],
    ['Engine', engine ?? 'not reached'],
  ];
  if (status.certificateUntil !== undefined)
    lines.push(['Certificate', `good until ${moment(status.certificateUntil)}`]);
  if (management && management.state !== 'nic') {
    const device = management.device === undefined ? '' : ` ${management.device}`;
    lines.push([
      'Management',
      management.state === 'on trial' ? `on trial on${device}` : `by the host vNIC${device}`,
    ]);
  }
  const width = Math.max(...lines.map(([title]) => title.length));
  const parts = [lines.map(([title, text]) => `${colours.dim(title.padEnd(width))}   ${text}\n`).join('')];
  parts.push(
    table(
      ['SWITCH', 'PORTS', 'FLOWS'],
      switches.map(({ name, ports: some, flows }) => [name, `${some}`, `${flows}`]),
      colours,
    ),
    table(
      ['VNIC', 'ID', 'SWITCH', 'PORT', 'PLUGGED'],
      ports.map((port) => [port.name, port.id, port.switch, `${port.number ?? '-'}`, pluggedText(port)]),
      colours,
    ),
  );
  if (status.dropped.length > 0) {
    const rows = status.dropped.map(({ packets, words, object }) => [`${packets}`, words, object || '-']);
    parts.push(table(['DROPPED', 'BECAUSE', 'OBJECT'], rows, colours));
  }
  if (status.drift.length > 0)
    parts.push(
      `${colours.bold('Not as the policy wants it:')}\n${status.drift.map(({ words }) => `  ${words}\n`).join('')}`,
    );
  if (status.troubles.length > 0)
    parts.push(
      `${colours.bold('Trouble:')}\n${status.troubles.map((each) => `  ${describeFinding(each)}\n`).join('')}`,
    );
  return parts.filter((part) => part !== '').join('\n');
}

function policyText({ revision, inForce, records }: AgentStatus['policy']): string {
  if (revision === 0) return 'none yet';
  const held = `revision ${revision}, ${count(records, 'record')}`;
  return revision === inForce ? `${held}, in force` : `${held}; in force is revision ${inForce}`;
}

function pluggedText({ owner, plugged, link, device }: PortStatus): string {
  if (owner === 'host') return 'of the host';
  if (!plugged) return 'not plugged';
  return `${device ?? 'yes'}${link ? '' : ', no link'}`;
}

export function checksText(checks: readonly Check[], colours: Colours): string {
  const marks = {
    ok: colours.green('ok      '),
    warning: colours.yellow('warning '),
    failed: colours.red('failed  '),
    unknown: colours.dim('unknown '),
  };
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map(({ name, verdict, words, remedy }) => {
    const indent = ' '.repeat(8 + width + 2);
    return `${marks[verdict]}${name.padEnd(width)}  ${words}\n${remedy === undefined ? '' : `${indent}${colours.dim(remedy)}\n`}`;
  });
  const failures = checks.filter(({ verdict }) => verdict === 'failed').length;
  const warnings = checks.filter(({ verdict }) => verdict === 'warning').length;
  const sum =
    failures + warnings === 0
      ? 'The host is fit.'
      : `${count(failures, 'failure')}, ${count(warnings, 'warning')}.`;
  return `${lines.join('')}\n${sum}\n`;
}
