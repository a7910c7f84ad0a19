/** A real switch takes every group and meter in our language, and we read what it prints. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Group } from '../../src/flow/datapath.ts';
import { parseGroup, parseMeter } from '../../src/flow/parse-group.ts';
import { formatGroup, formatMeter } from '../../src/flow/text-group.ts';
import { EXTRA_ACTIONS } from '../support/action-arbitraries.ts';
import { WHOLE_LANGUAGE } from '../support/flow-arbitraries.ts';
import { arbitraryGroup, arbitraryMeter } from '../support/group-arbitraries.ts';
import { seed } from '../support/seed.ts';
import { itWithOpenVswitch, type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';

const GROUPS = 600;
/** ovs-ofctl does not read check_pkt_larger in a bucket: it puts the parenthesis behind the arrow. */
const LANGUAGE = {
  ...WHOLE_LANGUAGE,
  extra: EXTRA_ACTIONS.filter((kind) => kind !== 'check_pkt_larger'),
};
const METERS = 200;

async function withBridge(run: (ovs: OpenVswitch, bridge: string) => Promise<void>): Promise<void> {
  const ovs = await startOpenVswitch({ dummy: true });
  try {
    await ovs.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=dummy', 'fail_mode=secure');
    await run(ovs, `unix:${join(ovs.directory, 'br0.mgmt')}`);
  } finally {
    await ovs.stop();
  }
}

/** Open vSwitch sorts the fields of a hash its own way. */
function sorted({ selection, ...group }: Group): Group {
  return selection ? { ...group, selection: { ...selection, fields: [...selection.fields].sort() } } : group;
}

itWithOpenVswitch('Open vSwitch takes every group of our language and gives it back', () =>
  withBridge(async (ovs, bridge) => {
    const ids = Array.from({ length: GROUPS }, (_, i) => (i === 0 ? 0xffffff00 : i * 7));
    const groups = fc.sample(fc.tuple(...ids.map((id) => arbitraryGroup(id, LANGUAGE))), {
      numRuns: 1,
      seed,
    })[0] as Group[];
    const file = join(ovs.directory, 'groups');
    writeFileSync(file, `${groups.map(formatGroup).join('\n')}\n`);
    await ovs.ofctl('-O', 'OpenFlow15', 'add-groups', bridge, file);
    const dump = await ovs.ofctl('-O', 'OpenFlow15', 'dump-groups', bridge);
    const lines = dump.split('\n').filter((line) => /^\s*group_id=/.test(line));
    const back = new Map(lines.map((line) => parseGroup(line)).map((group) => [group.id, group]));
    expect(back.size, `seed ${seed}`).toBe(groups.length);
    for (const group of groups) {
      const found = back.get(group.id) as Group;
      expect(formatGroup(sorted(found)), `seed ${seed}`).toBe(formatGroup(sorted(group)));
    }
  }),
);

itWithOpenVswitch('Open vSwitch takes every meter of our language and gives it back', () =>
  withBridge(async (ovs, bridge) => {
    const ids = Array.from({ length: METERS }, (_, i) => i + 1);
    const meters = fc.sample(fc.tuple(...ids.map(arbitraryMeter)), { numRuns: 1, seed })[0] ?? [];
    for (const meter of meters) {
      await ovs.ofctl('-O', 'OpenFlow15', 'add-meter', bridge, formatMeter(meter));
    }
    const dump = await ovs.ofctl('-O', 'OpenFlow15', 'dump-meters', bridge);
    const texts = dump.split(/(?=^meter=)/m).filter((text) => text.startsWith('meter='));
    expect(texts.map((text) => formatMeter(parseMeter(text))).sort(), `seed ${seed}`).toEqual(
      meters.map(formatMeter).sort(),
    );
  }),
);
