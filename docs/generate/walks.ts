/** Walks, and what is on the wire, as the documents show them. */
import type { GuestNic } from '../../src/guest/nic.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { formatWalk } from '../../src/lab/walk-text.ts';
import { ip } from '../../src/packet/address.ts';
import { inExample } from './labs.ts';
import { fenced } from './markdown.ts';

/** Walks by example and ends; each in a lab of its own, so that none depends on the others. */
const walks = new Map<string, Promise<string>>();

/** What `netloom walk FROM TO --file examples/EXAMPLE.yaml` prints; of a range `3-5` or `26-end` those steps only. */
export async function walk(example: string, from: string, to: string, range?: string): Promise<string> {
  const key = [example, from, to].join(' ');
  let text = walks.get(key);
  if (!text) {
    text = inExample(example, async (lab) => formatWalk(await lab.walk(from, to)));
    walks.set(key, text);
  }
  return fenced(range === undefined ? await text : stepsOf(await text, range));
}

/** Lines of some steps; `end` includes how the walk ends. */
function stepsOf(text: string, range: string): string {
  const [first, last] = range.split('-');
  const lines = text.split('\n');
  const starts = lines.flatMap((line, i) => (/^ *\d+\. /.test(line) ? [i] : []));
  const from = starts[Number(first) - 1];
  const to = last === 'end' ? lines.length : last === `${starts.length}` ? undefined : starts[Number(last)];
  if (from === undefined || to === undefined)
    throw new Error(
      `the walk has ${starts.length} steps; "${range}" is none of 1-${starts.length - 1}, n-end`,
    );
  // "and back" belongs to the step that follows it.
  const end = last !== 'end' && lines[to - 2] === 'and back' ? to - 3 : to;
  return lines.slice(from, end).join('\n');
}

/** blue1 of blue-red takes an address that is not its own, and pings with it. */
export async function spoofedWalk(address: string, to: string): Promise<string> {
  const text = await inExample('blue-red', async (lab) => {
    const nic = guestOf(lab, 'blue1/eth0');
    // So that it knows blue2 already, and what is shown is not its ARP.
    await lab.ping('blue1', to);
    nic.stopDhcp();
    nic.configure({ address: ip(address), prefixLength: 24 });
    return formatWalk(await lab.walk('blue1', to));
  });
  return fenced(text);
}

function guestOf(lab: Lab, name: string): GuestNic {
  const machine = [...lab.fabric.machines.values()].find(({ port }) => port.name === name);
  if (!machine) throw new Error(`there is no ${name}`);
  return machine.nic;
}

/** The first echo request of a ping from host1 to host2 as it is on the wire, 16 bytes a line. */
export async function wire(from: string, to: string): Promise<string> {
  const frame = await inExample('blue-red', async (lab) => {
    let seen: Uint8Array | undefined;
    await lab.ping(from, to);
    for (const soft of lab.fabric.hosts.get('host1')!.soft.switches.values())
      soft.observe((event) => {
        if (event.type === 'output' && event.nic !== undefined) seen ??= event.frame.slice();
      });
    await lab.ping(from, to);
    return seen;
  });
  if (!frame) throw new Error(`nothing of a ping from ${from} to ${to} leaves host1`);
  const rows: string[] = [];
  for (let at = 0; at < frame.length; at += 16) {
    const bytes = [...frame.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, '0'));
    rows.push(`${at.toString(16).padStart(4, '0')}  ${bytes.join(' ')}`);
  }
  return fenced(rows.join('\n'));
}
