/**
 * What a run exercised, so that one which does nothing cannot pass: every action that ran, every field that a matching
 * flow matched, every reason for a drop. The tables below name all there are; a new one breaks the build until it is
 * said here whether the scenarios bring it about.
 */
import { FIELD_NAMES, type FieldName } from '../../src/flow/fields.ts';
import type { Action } from '../../src/flow/flow.ts';
import type { DropReason, Observer, SwitchEvent } from '../../src/softswitch/events.ts';

/** It must happen; or why it does not here. */
type Expectation = true | string;

const VIEW = 'is another name for bits of a field that is in this list';
const TUNNEL = 'the ports of these scenarios are no tunnels; test/ovs/pipeline-trace.test.ts compares those';
const LIMIT = 'the ports of these scenarios have no limits';
const TEAM = 'the ports of these scenarios are no teams';

const ACTIONS: Readonly<Record<Action['type'], Expectation>> = {
  output: true,
  controller: true,
  set: true,
  move: true,
  resubmit: true,
  clone: true,
  dec_ttl: true,
  push_vlan: true,
  strip_vlan: true,
  multipath: true,
  drop: true,
  output_field: true,
  goto_table: true,
  group: true,
  meter: true,
  ct: true,
  ct_clear: true,
  learn: true,
  fin_timeout: 'flows of these scenarios have no timeouts',
  bundle: true,
  check_pkt_larger: true,
};

const OUTPUTS = ['number', 'in_port', 'flood', 'all', 'normal', 'controller'];

const DROPS: Readonly<Record<DropReason, Expectation>> = {
  'no-match': true,
  'flow-drops': true,
  'ttl-expired': true,
  'resubmit-limit': true,
  'recirculation-limit': 'connection tracking in a circle is compared by test/ovs',
  meter: true,
  'over-share': LIMIT,
  policed: LIMIT,
  'no-such-group': 'a flow that names no group is refused',
  'no-live-bucket': true,
  'output-to-in-port': true,
  'no-such-port': true,
  'link-down': 'all links are up',
  'vlan-not-allowed': true,
  'dead-vlan': 'is a convention of Netloom (docs/decisions/0007)',
  'reserved-address': true,
  'partial-tag': true,
  'learned-on-in-port': true,
  'mirror-output': 'no port mirrors another',
  'team-loop': TEAM,
  'team-inactive-member': TEAM,
  'team-not-agreed': TEAM,
  'no-tunnel-destination': TUNNEL,
  'tunnel-to-itself': TUNNEL,
  'too-long-for-tunnel': TUNNEL,
  'outer-truncated': TUNNEL,
  'outer-version': TUNNEL,
  'outer-checksum': TUNNEL,
  'outer-fragment': TUNNEL,
  'outer-destination': TUNNEL,
  'outer-protocol': TUNNEL,
  'udp-length': TUNNEL,
  'udp-checksum': TUNNEL,
  'udp-port': TUNNEL,
  'gre-flags': TUNNEL,
  'gre-key-missing': TUNNEL,
  'tunnel-flags': TUNNEL,
  'tunnel-reserved': TUNNEL,
  'tunnel-protocol': TUNNEL,
  'inner-truncated': TUNNEL,
  'inner-tagged': TUNNEL,
  'inner-not-ecn': TUNNEL,
  'too-many-frames': 'the tests wait for each frame',
};

/** In a match, views are written as what they are a view of. */
function matchExpectation(field: FieldName): Expectation {
  return /^x|^vlan_vid$|^vlan_pcp$/.test(field) ? VIEW : true;
}

export class Coverage {
  readonly #counts = new Map<string, number>();

  /** For the softswitch that runs the scenarios. */
  readonly observer: Observer = (event) => {
    for (const name of namesOf(event)) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  };

  #expected(): [name: string, expectation: Expectation][] {
    return [
      ...Object.entries(ACTIONS).map(([name, e]): [string, Expectation] => [`action ${name}`, e]),
      ...OUTPUTS.map((name): [string, Expectation] => [`output ${name}`, true]),
      ...FIELD_NAMES.map((name): [string, Expectation] => [`match ${name}`, matchExpectation(name)]),
      ...Object.entries(DROPS).map(([name, e]): [string, Expectation] => [`drop ${name}`, e]),
    ];
  }

  /** What should have happened and did not. */
  missing(): string[] {
    return this.#expected()
      .filter(([name, expectation]) => expectation === true && !this.#counts.has(name))
      .map(([name]) => name);
  }

  /** How often each happened, and why some cannot. */
  text(): string {
    return this.#expected()
      .filter(([name, expectation]) => expectation !== VIEW || this.#counts.has(name))
      .map(([name, expectation]) => {
        const count = this.#counts.get(name) ?? 0;
        return `${String(count).padStart(9)}  ${name}${count === 0 && expectation !== true ? `  (${expectation})` : ''}`;
      })
      .join('\n');
  }
}

function namesOf(event: SwitchEvent): string[] {
  switch (event.type) {
    case 'match':
      return Object.keys(event.flow?.match ?? {}).map((field) => `match ${field}`);
    case 'action': {
      const { action } = event;
      const port = action.type === 'output' ? action.port : undefined;
      const output = port === undefined ? [] : [`output ${typeof port === 'number' ? 'number' : port}`];
      return [`action ${action.type}`, ...output];
    }
    case 'drop':
      return [`drop ${event.reason}`];
    default:
      return [];
  }
}
