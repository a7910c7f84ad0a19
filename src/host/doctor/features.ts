/** What the datapath can do: the kernel's, or the one in user space. */
import { type Check, failed, ok, unknown, warned } from './check.ts';

/** As `ovs-appctl dpif/show-dp-features` calls them, in lower case. Without these, connections cannot be tracked. */
const NEEDED = ['recirc', 'ct state', 'ct zone'];
/** What the datapath lacks of these, ovs-vswitchd does itself, frame by frame. */
const QUICK = ['masked set action', 'clone action', 'conntrack clear', 'check pkt length action'];

const REMEDY =
  'Install a newer kernel, or let frames be switched in user space: netloom agent run --datapath netdev';

/** `features` is undefined or empty where nobody could be asked: there is no bridge of ours yet. */
export function judgeFeatures(features: ReadonlyMap<string, string> | undefined): Check {
  const name = 'datapath-features';
  if (!features || features.size === 0)
    return unknown(
      name,
      'What the datapath can do is not known while no bridge is there.',
      'Ask again when the host has its first switch.',
    );
  const lacking = (some: readonly string[]) => some.filter((each) => features.get(each) !== 'Yes');
  const [missing, slow] = [lacking(NEEDED), lacking(QUICK)];
  if (missing.length > 0) return failed(name, `The datapath cannot do: ${missing.join(', ')}.`, REMEDY);
  if (slow.length > 0)
    return warned(name, `The datapath leaves to ovs-vswitchd, which is slow: ${slow.join(', ')}.`, REMEDY);
  return ok(name, 'The datapath can do all that Netloom uses.');
}
