/** One thing that `netloom agent doctor` looked at. */
export interface Check {
  /** `ovs-version`, stable: scripts may ask for it. */
  readonly name: string;
  /** `failed`: something will not work. `warning`: something could be better. `unknown`: it could not be looked at. */
  readonly verdict: 'ok' | 'warning' | 'failed' | 'unknown';
  /** What was found, as a sentence. */
  readonly words: string;
  /** What to do; absent where nothing is. */
  readonly remedy?: string;
}

export function ok(name: string, words: string): Check {
  return { name, verdict: 'ok', words };
}

export function warned(name: string, words: string, remedy: string): Check {
  return { name, verdict: 'warning', words, remedy };
}

export function failed(name: string, words: string, remedy: string): Check {
  return { name, verdict: 'failed', words, remedy };
}

export function unknown(name: string, words: string, remedy: string): Check {
  return { name, verdict: 'unknown', words, remedy };
}
