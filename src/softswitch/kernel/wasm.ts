/** The kernel in WebAssembly (assembly/index.ts), for frames in its own memory. */
import type { KernelLayout } from './layout.ts';
import type { KernelPasses } from './passes.ts';
import { WASM_MODULE } from './wasm-module.ts';

/** What the module exports. */
interface Exports {
  read(base: number, size: number, count: number, ingress: number, isTunnel: number): void;
  find(count: number, buckets: number, step: number, hints: number, records: number, guess: number): number;
  apply(base: number, end: number, headroom: number, records: number): number;
}

/** As much of the global object as is used here; the types of it come with those of browsers only. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object;
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Instance: new (module: object, imports: object) => { readonly exports: Exports };
};

const PAGE = 65_536;
let compiled: object | undefined;

export class WasmKernel implements KernelPasses {
  readonly memory: ArrayBuffer;
  readonly #exports: Exports;
  readonly #hints: number;
  readonly #records: number;

  /** Undefined where there is no WebAssembly, or not the vectors that it needs, or no memory for it. */
  static start(layout: KernelLayout): WasmKernel | undefined {
    try {
      compiled ??= new WebAssembly.Module(Uint8Array.from(atob(WASM_MODULE), (c) => c.charCodeAt(0)));
      const pages = Math.ceil(layout.size / PAGE);
      const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
      const instance = new WebAssembly.Instance(compiled, { env: { memory } });
      return new WasmKernel(memory.buffer, instance.exports, layout);
    } catch {
      return undefined;
    }
  }

  private constructor(memory: ArrayBuffer, exports: Exports, layout: KernelLayout) {
    this.memory = memory;
    this.#exports = exports;
    this.#hints = layout.hints;
    this.#records = layout.records;
  }

  read(
    _: Int32Array,
    base: number,
    size: number,
    count: number,
    ingress: number,
    _guess: number,
    isTunnel: number,
  ): number {
    this.#exports.read(base, size, count, ingress, isTunnel);
    return 0;
  }

  find(count: number, buckets: number, step: number, _: number, guess: number): number {
    return this.#exports.find(count, buckets, step, this.#hints, this.#records, guess);
  }

  apply(_frames: Int32Array, _halves: Uint16Array, base: number, end: number, headroom: number): number {
    return this.#exports.apply(base, end, headroom, this.#records);
  }
}
