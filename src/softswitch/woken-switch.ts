/** What a switch needs besides frames: an address towards its partners, and somebody who wakes it. */
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { type Mac, macFromNumber } from '../packet/address.ts';
import { SoftSwitch, type SoftSwitchOptions } from './switch.ts';

/**
 * A switch that the clock wakes when it wants to be (SoftSwitch.nextWake). Its address follows from its name, which no
 * other switch that it may have a cable to has.
 */
export function wokenSwitch(
  clock: Clock,
  name: string,
  options: Omit<SoftSwitchOptions, 'now' | 'system' | 'onWake'> = {},
): SoftSwitch {
  let cancel = () => {};
  let armed = Number.POSITIVE_INFINITY;
  const arm = () => {
    const wake = soft.nextWake;
    if (wake === armed) return;
    cancel();
    armed = wake;
    cancel = () => {};
    if (wake === Number.POSITIVE_INFINITY) return;
    cancel = clock.after(Math.max(0, wake - clock.now()), () => {
      armed = Number.POSITIVE_INFINITY;
      soft.poll();
      arm();
    });
  };
  const soft = new SoftSwitch({
    ...options,
    now: () => clock.now(),
    system: systemOf(name),
    onWake: arm,
  });
  return soft;
}

/** A locally administered address, the same for the same name. */
function systemOf(name: string): Mac {
  const digest = createHash('sha256').update(name).digest();
  return macFromNumber(0x02_00_00_00_00_00 + digest.readUIntBE(0, 5));
}
