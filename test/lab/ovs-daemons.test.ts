/** Open vSwitches of a lab that do not come up say why, at once. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { takeDown } from '../../src/lab/real/down.ts';
import { namespaceName } from '../../src/lab/real/names.ts';
import { startDatabase, startOvs } from '../../src/lab/real/ovs-daemons.ts';
import { claim } from '../../src/lab/real/place.ts';
import { running } from '../../src/lab/real/processes.ts';
import { addNamespace } from '../../src/lab/real/wires.ts';
import { itWithNamespaces } from '../ovs/open-vswitch.ts';
import { newLabName } from './lab-under-test.ts';

itWithNamespaces('a daemon that ends as it starts is told with its own words', async () => {
  const lab = newLabName();
  onTestFinished(async () => void (await takeDown(lab)));
  const runDirectory = join(claim(lab), 'ovs');
  const namespace = namespaceName(lab, 'host', 'one');
  await addNamespace(namespace);
  const place = { lab, name: 'one', namespace, runDirectory };
  mkdirSync(runDirectory);
  writeFileSync(join(runDirectory, 'conf.db'), 'not a database');
  await expect(startDatabase(place)).rejects.toMatchObject({
    code: 'lab-failed',
    message: expect.stringMatching(/ovsdb-server of one has ended\. It says:\n.*conf\.db/u),
  });
  // With a database of its own both run, and they stay.
  await startOvs({ ...place, name: 'two', runDirectory: join(runDirectory, 'two') });
  for (const part of ['ovsdb/two', 'ovs/two']) expect(running({ lab, part })).toHaveLength(1);
});
