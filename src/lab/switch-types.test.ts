/** Internal and private switches with real guests: who reaches whom (domain.md, 3), next to an external one that does. */
import { expect, it } from 'vitest';
import { networkWithSwitches } from '../../test/support/switch-types.ts';
import { parseDocuments } from '../model/input.ts';
import { Lab } from './lab.ts';

it.each([
  ['external', { machines: 'answered', host: 'answered', others: 'answered' }],
  ['internal', { machines: 'answered', host: 'answered', others: 'lost' }],
  ['private', { machines: 'answered', host: 'lost', others: 'lost' }],
] as const)('an %s switch joins %j', async (type, { machines, host: toHost, others }) => {
  const { objects, findings } = parseDocuments(networkWithSwitches(type), type);
  expect(findings).toEqual([]);
  const lab = await Lab.open({ objects: objects.map(({ object }) => object) });
  try {
    await lab.ready();
    expect(await lab.ping('a1', 'b1')).toMatchObject({ verdict: machines });
    expect(await lab.ping('a1', '10.0.0.1')).toMatchObject({ verdict: toHost });
    expect(await lab.ping('a1', '10.0.0.22')).toMatchObject({ verdict: others });
  } finally {
    await lab.close();
  }
});
