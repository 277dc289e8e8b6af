// Work in steps: a generator that yields after each of them.

/** Whether a result is work that remains to be done. */
export function isSteps(value: unknown): value is Generator<void, void, void> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

/** Runs the first, then the second. */
export function* both(
  first: Iterator<void, void, void> | undefined,
  second: Generator<void, void, void>,
): Generator<void, void, void> {
  if (first) while (!first.next().done) yield;
  yield* second;
}

/** Runs steps to their end without a break. */
export function finished<T>(steps: Iterator<unknown, T, void>): T {
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}
