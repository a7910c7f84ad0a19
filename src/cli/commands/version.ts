import type { Command } from 'commander';
import { type Context, command } from '../context.ts';

export function versionCommand({ terminal }: Context): Command {
  return command('version', 'Say which version this is', [
    ['netloom version', 'netloom 0.1.0, Node.js 24'],
  ]).action(async () => {
    const { version } = await import('../version.ts');
    terminal.out(`netloom ${version()}\nNode.js ${process.versions.node}\n`);
  });
}
