/** Which port of the engine has which number, so that flows can speak of it. */
import type { WantedPort } from './ports.ts';

/** A port that is there. */
export interface BoundPort extends WantedPort {
  readonly number: number;
}

export class Bindings {
  readonly #ports = new Map<string, BoundPort>();
  /** place(switch, number) -> what the port is for */
  readonly #numbers = new Map<string, string>();

  /** The port that is for this (`portOf`). */
  get(port: string): BoundPort | undefined {
    return this.#ports.get(port);
  }

  /** What a port number of a switch is for. */
  at(switchName: string, number: number): string | undefined {
    return this.#numbers.get(place(switchName, number));
  }

  /** What a port of a switch is for, by its name: for questions about many. */
  byName(): (switchName: string, name: string) => string | undefined {
    const ports = new Map(
      [...this.#ports.values()].map(({ switch: name, spec, port }) => [place(name, spec.name), port]),
    );
    return (switchName, name) => ports.get(place(switchName, name));
  }

  set(wanted: WantedPort, number: number): void {
    const old = this.#ports.get(wanted.port);
    this.#ports.set(wanted.port, { ...wanted, number });
    if (old) this.#numbers.delete(place(old.switch, old.number));
    this.#numbers.set(place(wanted.switch, number), wanted.port);
  }

  delete({ port, switch: name, number }: BoundPort): void {
    this.#ports.delete(port);
    this.#numbers.delete(place(name, number));
  }

  /** After many were set: numbers may have gone from one port to another. */
  renumber(): void {
    this.#numbers.clear();
    for (const { switch: name, number, port } of this.#ports.values())
      this.#numbers.set(place(name, number), port);
  }
}

/** A port of a switch, by its number or its name. */
function place(switchName: string, port: number | string): string {
  return `${switchName} ${port}`;
}
