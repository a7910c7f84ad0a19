/** What is left of a lab, looked for without Netloom's own code. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Namespaces (with the interfaces in them), programs and files that bear the lab's name; empty when nothing is left. */
export function leftoversOf(lab: string): string[] {
  const namespaces = (existsSync('/run/netns') ? readdirSync('/run/netns') : []).filter((name) =>
    name.startsWith(`nl-${lab}-`),
  );
  const programs = readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      const open = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
      const isOurs =
        environment.includes(`NETLOOM_LAB_PART=${lab}/`) ||
        open.some((file) => file.startsWith(`/run/netloom/lab-${lab}/`));
      return isOurs ? [readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')] : [];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
  const directory = `/run/netloom/lab-${lab}`;
  return [...namespaces, ...programs, ...(existsSync(directory) ? [directory] : [])];
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
