import { arch, cpus, loadavg, platform, totalmem } from 'node:os';

/** What the figures were measured on; nothing that names the machine. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory: string;
  readonly node: string;
  readonly system: string;
}

export function machine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() || 'unknown processor',
    cores: all.length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    node: process.versions.node,
    system: `${platform()} ${arch()}`,
  };
}

export function load(): number {
  return loadavg()[0] ?? Number.NaN;
}
