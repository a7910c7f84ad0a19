/** A capture of a physical network leaves nothing in its switch, also where it does not come about. */
import { expect, onTestFinished } from 'vitest';
import { openCapture } from '../../src/lab/real/capture.ts';
import { takeDown } from '../../src/lab/real/down.ts';
import { vsctl } from '../../src/lab/real/ovs-daemons.ts';
import { fabricPlace, startPhysicalSwitches } from '../../src/lab/real/physical-switches.ts';
import { claim } from '../../src/lab/real/place.ts';
import { planOf } from '../../src/lab/real/plan.ts';
import { addNamespace } from '../../src/lab/real/wires.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { itWithNamespaces } from '../ovs/open-vswitch.ts';
import { newLabName } from './lab-under-test.ts';

itWithNamespaces('a capture of a network takes its port and its mirror with it', async () => {
  const lab = newLabName();
  onTestFinished(async () => void (await takeDown(lab)));
  const { objects } = parseDocuments('kind: PhysicalNetwork\nname: Wire\n', 'test');
  const plan = planOf(
    lab,
    claim(lab),
    objects.map(({ object }) => object),
  );
  await addNamespace(plan.fabric);
  await startPhysicalSwitches(plan);
  const inSwitch = async () => {
    const ports = await vsctl(fabricPlace(plan), 'list-ports', 'Wire');
    const mirrors = await vsctl(fabricPlace(plan), '--columns=name', 'list', 'Mirror');
    return `${ports}${mirrors}`.trim();
  };
  const capture = await openCapture(plan, 'Wire');
  expect(await inSwitch()).toContain(capture.device);
  await capture.close();
  expect(await inSwitch()).toBe('');
  // The interface cannot be brought up: it is not where it is looked for.
  await expect(openCapture({ ...plan, fabric: plan.management }, 'Wire')).rejects.toMatchObject({
    code: 'lab-failed',
  });
  expect(await inSwitch()).toBe('');
});
