/** Objects as one YAML file. The same objects always make the same bytes. */

export async function exportText(objects: readonly object[]): Promise<string> {
  const { readObject } = await import('../model/read.ts');
  const { stringify } = await import('yaml');
  return objects
    .map((object) => {
      // Read again, so that fields stand in the order of their kind, wherever the object has been.
      const read = readObject(object);
      return stringify(read.ok ? read.object : object, { aliasDuplicateObjects: false, lineWidth: 0 });
    })
    .join('---\n');
}
