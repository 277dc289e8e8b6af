const brand = Symbol.for('koji.RequestError');

/**
 * A request without an answer from the hub: it was unreachable, the connection broke, or a server in between answered with an
 * HTTP status. Faults of the hub are the classes of `@koji/core` instead.
 */
export class RequestError extends Error {
  override name = 'RequestError';
  /** The HTTP status, or null if there was none. */
  readonly status: number | null;
  /** The error code of the connection, such as `ECONNREFUSED`; null if there was a status. */
  readonly code: string | null;
  /** Seconds after which the server wants the request repeated (`Retry-After`), or null. */
  readonly retryAfter: number | null;

  /** `facts`: HTTP status or error code, `Retry-After` in seconds, and the original error. */
  constructor(
    message: string,
    facts: { status?: number; code?: string; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.status = facts.status ?? null;
    this.code = facts.code ?? null;
    this.retryAfter = facts.retryAfter ?? null;
  }

  get [brand](): true {
    return true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }

  /** Whether an open connection was dropped, which happens when the server closes a kept-alive connection. */
  get dropped(): boolean {
    return this.code !== null && droppedCodes.has(this.code);
  }

  /** Whether the request certainly did nothing: no connection was made, or the server had no room for it. */
  get unsent(): boolean {
    return this.status === 503 || (this.code !== null && unsentCodes.has(this.code));
  }

  /** Whether the server's certificate was refused; repeating the request can't help. */
  get badCertificate(): boolean {
    return this.code !== null && certificateCodes.test(this.code);
  }

  /**
   * Whether the same request would fail again: the server answered with a redirect or with a 4xx status other than 408 and 429,
   * its certificate was refused, or its answer is too long.
   */
  get final(): boolean {
    const { status } = this;
    if (status === null) return this.badCertificate || this.code === answerTooLong;
    return status >= 300 && status < 500 && status !== 408 && status !== 429;
  }
}

/** The hub was unreachable for longer than the maximum wait, so the state is unknown. */
export class HubUnreachable extends Error {
  override name = 'HubUnreachable';

  /** `since` is when the hub stopped answering, `cause` why the last attempt failed. */
  constructor(
    readonly since: Date,
    cause: Error,
  ) {
    const time = since.toTimeString().slice(0, 8);
    super(`the hub has not answered since ${time}, so the state is unknown: ${cause.message}`, { cause });
  }
}

/** The error code for an answer that exceeds the limit. */
export const answerTooLong = 'ANSWER_TOO_LONG';

const droppedCodes = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE']);
const unsentCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
const certificateCodes = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ERR_SSL|CRL_/;

/** The code of an error of Node or undici, searched in its causes too. */
export function codeOf(error: unknown): string | undefined {
  for (let e = error; typeof e === 'object' && e !== null; e = (e as { cause?: unknown }).cause) {
    const { code } = e as { code?: unknown };
    if (typeof code === 'string') return code;
  }
  return undefined;
}
