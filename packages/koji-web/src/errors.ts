/** A page that can't be shown, with the status of its answer. */
export class PageError extends Error {
  override name = 'PageError';

  constructor(
    readonly status: 400 | 403 | 404 | 415 | 429 | 503,
    message: string,
  ) {
    super(message);
  }
}

/** Something that the hub does not know: status 404. */
export function notFound(what: string, which: string | number): PageError {
  return new PageError(404, `There is no ${what} ${typeof which === 'number' ? which : `'${which}'`}.`);
}

/** Returns what was found; otherwise the page answers 404. */
export function found<T>(value: T | null | undefined, what: string, which: string | number): T {
  if (value === null || value === undefined) throw notFound(what, which);
  return value;
}
