/** What stands in the way of connecting a vNIC, on the terminal. */
import type { Finding } from '../base/error.ts';
import { type JsonObject, sameJson } from '../base/json.ts';
import { jsonOf } from '../controller/stored.ts';
import type { Colours } from './terminal.ts';

/** As the API answers. */
export interface Explanation {
  readonly connects: boolean;
  readonly missing: readonly { readonly finding: Finding; readonly repair?: JsonObject }[];
}

export async function explanationText(
  vnic: string,
  network: string,
  { connects, missing }: Explanation,
  colours: Colours,
): Promise<string> {
  if (connects) return `Nothing stands in the way of connecting ${vnic} to "${network}".\n`;
  const parts = [
    `${vnic} cannot be connected to "${network}". What is in the way, in the order in which it would fail:\n`,
  ];
  for (const [i, { finding, repair }] of missing.entries()) {
    parts.push(`\n${colours.bold(`${i + 1}. ${finding.message}`)}\n   ${finding.remedy}\n`);
    if (repair) parts.push(colours.dim((await yamlOf(repair)).replace(/^(?=.)/gm, '     ')));
  }
  if (missing.some(({ repair }) => repair)) {
    parts.push(
      '\nNames and numbers in the objects are proposals. --explain -o yaml writes them to a file to be edited, and\n"netloom apply -f FILE" creates them.\n',
    );
  }
  return parts.join('');
}

/** The objects that repair what can be repaired, as one file. */
export async function explanationYaml({ missing }: Explanation): Promise<string> {
  const objects = await Promise.all(
    missing.flatMap(({ repair }) => (repair === undefined ? [] : [yamlOf(repair)])),
  );
  return objects.join('---\n');
}

/** `test02/eth0 is on "Management" as before.`; undefined when there is no such vNIC. */
export function vnicWords(vm: JsonObject, name: string | undefined): string | undefined {
  const vnics: readonly unknown[] = Array.isArray(vm.vnics) ? vm.vnics : [];
  const found = vnics.filter(isVnic).find((vnic) => name === undefined || vnic.name === name);
  if (!found) return undefined;
  const where =
    found.connected === false ? 'is disconnected, as it was' : `is on "${found.vmNetwork}", as it was`;
  return `${String(vm.name)}/${found.name} ${where}.`;
}

function isVnic(
  value: unknown,
): value is { readonly name: string; readonly vmNetwork: string; readonly connected?: boolean } {
  return typeof value === 'object' && value !== null && 'name' in value && 'vmNetwork' in value;
}

/** Without what is the default anyway. */
async function yamlOf(object: JsonObject): Promise<string> {
  const { stringify } = await import('yaml');
  const { readObject } = await import('../model/read.ts');
  const said = Object.entries(object).filter(([field]) => {
    const { [field]: _left, ...rest } = object;
    const read = readObject(rest);
    return !read.ok || !sameJson(jsonOf(read.object), object);
  });
  return stringify(Object.fromEntries(said), { aliasDuplicateObjects: false });
}
