const brand = Symbol.for('koji.time-limit-error');

/** Something took longer than it may. */
export class TimeLimitError extends Error {
  override name = 'TimeLimitError';

  get [brand](): true {
    return true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }
}

/**
 * Runs something that must end within some milliseconds. What has not ended by then runs on, unheard; code that never
 * lets go of the processor can't be stopped from inside its process.
 *
 * @throws TimeLimitError when the time is over
 */
export async function withTimeLimit<T>(milliseconds: number, run: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new TimeLimitError(`did not end within ${milliseconds / 1000} s`));
    }, milliseconds);
  });
  try {
    return await Promise.race([run(), limit]);
  } finally {
    clearTimeout(timer);
  }
}
