import { expect, it } from 'vitest';
import { withTeams } from '../../test/support/teams.ts';
import { parseDocuments } from '../model/input.ts';
import type { SoftSwitch } from '../softswitch/switch.ts';
import { Lab } from './lab.ts';

it('hosts whose uplinks are teams with LACP agree with the physical switches, and go on when a link fails', async () => {
  const { objects, findings } = parseDocuments(withTeams(), 'teams');
  expect(findings).toEqual([]);
  const lab = await Lab.open({ objects: objects.map(({ object }) => object) });
  try {
    await lab.ready();
    const uplinks: { readonly soft: SoftSwitch; readonly name: string }[] = [];
    for (const { soft: host } of lab.fabric.hosts.values()) {
      for (const soft of host.switches.values()) {
        for (const [name, { spec }] of await soft.ports())
          if (spec.type === 'uplink') uplinks.push({ soft, name });
      }
    }
    const teams = () => uplinks.map(({ soft, name }) => soft.teamStatus(name));
    expect(teams().map(({ lacp }) => lacp)).toEqual(['negotiated', 'negotiated']);
    expect(teams().flatMap(({ members }) => members.map(({ isInUse }) => isInUse))).toEqual(
      Array(4).fill(true),
    );
    expect(await lab.ping('blue1', 'blue2')).toMatchObject({ verdict: 'answered' });

    lab.fabric.hosts.get('host1')!.soft.cable('nic1')!.setLink(false);
    // The host sees nothing of it but silence, for three seconds; pings are a tenth of one apart.
    expect(await lab.ping('blue1', 'blue2', { count: 50 })).toMatchObject({ verdict: 'partial' });
    expect(await lab.ping('blue1', 'blue2')).toMatchObject({ verdict: 'answered' });
    expect(teams()[0]?.members.map(({ isInUse }) => isInUse)).toEqual([false, true]);
    expect(await lab.ping('red1', 'red2')).toMatchObject({ verdict: 'answered' });
  } finally {
    await lab.close();
  }
});
