import type { IncomingMessage } from 'node:http';

/** A request's body could not be read to its end. */
export class BodyError extends Error {
  override name = 'BodyError';

  constructor(
    message: string,
    readonly timedOut: boolean,
  ) {
    super(message);
  }
}

/** The chunks of a body; a client that is silent for `timeout` milliseconds, or goes away, is a {@link BodyError}. */
export async function* streamBody(
  request: IncomingMessage,
  timeout: number,
): AsyncGenerator<Buffer, void, void> {
  const state = { silent: false, ended: request.readableEnded, gone: false, wake: (): void => undefined };
  const note = (what: 'silent' | 'ended' | 'gone') => (): void => {
    state[what] = true;
    state.wake();
  };
  const onReadable = (): void => state.wake();
  const [onSilence, onEnd, onGone] = [note('silent'), note('ended'), note('gone')];
  request.on('readable', onReadable).on('end', onEnd).on('error', onGone).on('close', onGone);
  try {
    for (;;) {
      const chunk = request.read() as Buffer | null;
      if (chunk !== null) yield chunk;
      else if (state.ended) return;
      else if (state.gone || request.destroyed) throw new BodyError('the client went away', false);
      else if (state.silent) throw new BodyError(`no data for ${timeout / 1000} s`, true);
      else {
        const timer = setTimeout(onSilence, timeout);
        await new Promise<void>((resolve) => (state.wake = resolve));
        clearTimeout(timer);
      }
    }
  } finally {
    request.off('readable', onReadable).off('end', onEnd).off('error', onGone).off('close', onGone);
  }
}

/** What may be read of a body. */
export interface BodyLimits {
  /** Bytes to keep; 0 for no limit. */
  readonly limit: number;
  /** Milliseconds that the client may be silent. */
  readonly timeout: number;
}

/** How much of a body that is too long is read and dropped, since clients read no answer before they have sent it all. */
const droppedUpTo = 268_435_456;

/** A whole body; null when it is longer than the limit. */
export async function readBody(
  request: IncomingMessage,
  { limit, timeout }: BodyLimits,
): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of streamBody(request, timeout)) {
    length += chunk.length;
    if (limit > 0 && length > limit) chunks.length = 0;
    else chunks.push(chunk);
    if (limit > 0 && length > Math.max(limit * 4, droppedUpTo))
      throw new BodyError('Request too long', false);
  }
  return limit > 0 && length > limit ? null : Buffer.concat(chunks);
}
