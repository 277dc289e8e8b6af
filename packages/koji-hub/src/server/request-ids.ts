import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Names requests, so that log lines and answers can be matched. */
export class RequestIds {
  private readonly start = randomBytes(6).toString('hex');
  private last = 0;

  /** The `X-Request-Id` from the client or a proxy, if it is suitable for a log; otherwise a new one. */
  of({ headers }: Pick<IncomingMessage, 'headers'>): string {
    const given = headers['x-request-id'];
    return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given)
      ? given
      : `${this.start}-${(++this.last).toString(36)}`;
  }
}
