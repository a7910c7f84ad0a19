/** Work on many things at once, of which nothing goes on when it has ended, however it ends. */

/** Does something with each of many, some at a time. What one of them throws is thrown when those under way have ended. */
export async function inTurns<T>(
  atATime: number,
  all: readonly T[],
  one: (each: T) => Promise<void>,
): Promise<void> {
  const queue = all.values();
  let failed = false;
  const worker = async () => {
    for (const each of queue) {
      if (failed) return;
      await one(each).catch((thrown: unknown) => {
        failed = true;
        throw thrown;
      });
    }
  };
  const workers = Array.from({ length: Math.min(atATime, all.length) }, worker);
  await sideBySide(workers);
}

/** Does things side by side. What one of them throws is thrown when all have ended: nothing of it goes on then. */
export async function sideBySide(all: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(all);
  await Promise.all(all);
}
