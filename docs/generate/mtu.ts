/** What guests may send, as the compiler says it. */
import { ETHERNET_MTU } from '../../src/compile/mtu.ts';
import { Controller } from '../../src/controller/controller.ts';
import type { ModelObject } from '../../src/model/kinds.ts';
import type { Encapsulation } from '../../src/policy/records.ts';
import { objectsOf, repeatable } from './labs.ts';
import { table } from './markdown.ts';

const ENCAPSULATIONS: readonly Encapsulation[] = ['nvgre', 'vxlan', 'geneve'];

/** MTU of guests over a fabric of 1500 bytes, by encapsulation and by the addresses of the fabric. */
export async function mtus(): Promise<string> {
  const rows: string[][] = [];
  for (const encapsulation of ENCAPSULATIONS) {
    const four = await guestMtu((object) => over(object, encapsulation));
    const six = await guestMtu((object) => toIpv6(over(object, encapsulation)));
    rows.push([`\`${encapsulation}\``, `${ETHERNET_MTU}`, `${four}`, `${six}`]);
  }
  return table(
    ['encapsulation', 'MTU of the fabric', 'guests, fabric on IPv4', 'guests, fabric on IPv6'],
    rows,
  );
}

function over(object: ModelObject, encapsulation: Encapsulation): ModelObject {
  return object.kind === 'LogicalNetwork' ? { ...object, encapsulation } : object;
}

function toIpv6(object: ModelObject): ModelObject {
  const text = JSON.stringify(object)
    .replace('192.168.4.0/24', 'fd00:4::/64')
    .replaceAll('192.168.4.', 'fd00:4::');
  return JSON.parse(text) as ModelObject;
}

async function guestMtu(change: (object: ModelObject) => ModelObject): Promise<number> {
  const { store, clock, uuid } = repeatable();
  const controller = await Controller.open({ store, clock, uuid });
  const objects = objectsOf('examples/blue-red.yaml').map(change);
  await controller.apply(
    objects.map((object) => ({ object })),
    { author: 'docs' },
  );
  const subnet = [...controller.network.records()].find(({ record }) => record.kind === 'subnet')?.record;
  await controller.close();
  if (subnet?.kind !== 'subnet') throw new Error('the example has no virtual subnet');
  return subnet.mtu;
}
