/** A lab on the objects of a file, for commands that need no server. */
import { Lab } from '../lab/lab.ts';
import { located } from '../model/input.ts';
import { validate } from '../model/validate.ts';
import { readFiles, throwInput, withPlaces } from './input.ts';
import { reportFindings } from './report.ts';
import type { Terminal } from './terminal.ts';

/** Opens a lab and waits until its guests are ready. Throws all that is wrong with the file, at its lines. */
export async function openLab(file: string, terminal: Terminal, capture = false): Promise<Lab> {
  const parsed = await readFiles([file], terminal);
  if (parsed.findings.some((f) => f.severity === 'error')) {
    throwInput([...parsed.findings, ...located(validate(parsed.objects.map((o) => o.object)), parsed)]);
  }
  reportFindings(terminal, parsed.findings);
  const objects = parsed.objects.map(({ object }) => object);
  const lab = await withPlaces(parsed, () => Lab.open({ objects, capture }));
  reportFindings(terminal, located(lab.controller.network.warnings(), parsed));
  await lab.ready();
  return lab;
}
