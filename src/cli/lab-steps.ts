/** Steps that take their time, on the terminal: a line for each when it has ended, and what is under way where somebody watches. */
import type { Terminal } from './terminal.ts';

/** Says that a step begins; the answer says that it has ended, with what came of it. */
export function stepReporter(terminal: Terminal): (what: string) => (detail?: string) => void {
  const underWay = new Set<string>();
  const show = () => terminal.redraw(underWay.size === 0 ? undefined : `… ${[...underWay].join('; ')}`);
  return (what) => {
    const begun = performance.now();
    underWay.add(what);
    show();
    return (detail) => {
      underWay.delete(what);
      terminal.redraw();
      const { dim, green } = terminal.errorColours;
      const seconds = `${((performance.now() - begun) / 1000).toFixed(1)} s`;
      const more = [detail, seconds].filter((each) => each !== undefined).join(', ');
      terminal.err(`${green('✔')} ${what} ${dim(`(${more})`)}\n`);
      show();
    };
  };
}
