/** The mirrors of a switch (flow/mirror.ts): which of them a port has to do with, and what they counted. */
import { throwIfErrors } from '../../base/error.ts';
import { type Mirror, type MirrorStats, mirrorFindings } from '../../flow/mirror.ts';
import { type Counters, newCounters } from '../flows/counters.ts';

export interface MirrorEntry {
  readonly mirror: Mirror;
  readonly counters: Counters;
  /** Undefined: all. */
  readonly vlans: ReadonlySet<number> | undefined;
  /** A bit for each mirror with the same destination, its own among them. */
  readonly alike: number;
}

/** What a port has to do with mirrors; a bit for each mirror. */
interface PortMirrors {
  readonly arriving: number;
  readonly leaving: number;
  readonly isOutput: boolean;
}

export class Mirrors {
  #entries: readonly MirrorEntry[] = [];
  readonly #byPort = new Map<string, PortMirrors>();

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** In place of those that were there. Throws NetloomError (port-invalid), and nothing has changed. */
  set(mirrors: readonly Mirror[]): void {
    throwIfErrors(mirrorFindings(mirrors));
    const destinations = mirrors.map(({ output }) => JSON.stringify(output));
    const old = new Map(this.#entries.map(({ mirror, counters }) => [mirror.name, counters]));
    this.#entries = mirrors.map((mirror, i) => ({
      mirror,
      counters: old.get(mirror.name) ?? newCounters(),
      vlans: mirror.selectVlans?.length ? new Set(mirror.selectVlans) : undefined,
      alike: bitsWhere(destinations, (other) => other === destinations[i]),
    }));
    this.#byPort.clear();
  }

  stats(): readonly MirrorStats[] {
    return this.#entries.map(({ mirror, counters: { packets, bytes } }) => ({ mirror, packets, bytes }));
  }

  /** The mirror of the lowest of these bits. */
  first(bits: number): MirrorEntry | undefined {
    return this.#entries[31 - Math.clz32(bits & -bits)];
  }

  /** Of a port by its name. */
  of(port: string): PortMirrors {
    let found = this.#byPort.get(port);
    if (!found) {
      const mirrors = this.#entries.map(({ mirror }) => mirror);
      found = {
        arriving: bitsWhere(mirrors, (m) => m.selectAll || m.selectSrcPorts?.includes(port)),
        leaving: bitsWhere(mirrors, (m) => m.selectAll || m.selectDstPorts?.includes(port)),
        isOutput: mirrors.some(({ output }) => 'port' in output && output.port === port),
      };
      this.#byPort.set(port, found);
    }
    return found;
  }
}

function bitsWhere<T>(values: readonly T[], test: (value: T) => boolean | undefined): number {
  return values.reduce((bits, value, i) => (test(value) ? bits | (1 << i) : bits), 0);
}
