const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/** Milliseconds to wait after `failures` earlier ones: doubling, with jitter so that pages do not return as one. */
export function backoff(failures: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
  return ceiling / 2 + Math.random() * (ceiling / 2);
}
