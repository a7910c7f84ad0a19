/** Runs one benchmark in a process of its own (the heap and the compiled code of others do not count) and hands it back. */
import type { Benchmark } from './figure.ts';

const [file, rounds] = process.argv.slice(2);
const { benchmark } = (await import(`../${file}.ts`)) as { benchmark: Benchmark };
const figures = await benchmark.run(rounds ? { rounds: Number(rounds) } : {});
process.send?.(figures, () => process.disconnect?.());
