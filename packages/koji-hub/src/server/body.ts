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

/** How long a client may take to send a body, in milliseconds. */
export interface BodyTimes {
  /** Without sending anything. */
  readonly silence: number;
  /** In all, whatever it sends meanwhile. */
  readonly total: number;
}

/** The chunks of a body; a client that takes too long, or goes away, is a {@link BodyError}. */
export async function* streamBody(
  request: IncomingMessage,
  { silence, total }: BodyTimes,
): AsyncGenerator<Buffer, void, void> {
  const state = { silent: false, ended: request.readableEnded, gone: false, wake: (): void => undefined };
  const note = (what: 'silent' | 'ended' | 'gone') => (): void => {
    state[what] = true;
    state.wake();
  };
  const onReadable = (): void => state.wake();
  const [onSilence, onEnd, onGone] = [note('silent'), note('ended'), note('gone')];
  request.on('readable', onReadable).on('end', onEnd).on('error', onGone).on('close', onGone);
  const deadline = performance.now() + total;
  try {
    for (;;) {
      const chunk = request.read() as Buffer | null;
      if (chunk !== null) yield chunk;
      else if (state.ended) return;
      else if (state.gone || request.destroyed) throw new BodyError('the client went away', false);
      const left = deadline - performance.now();
      if (left <= 0) throw new BodyError(`the request took more than ${total / 1000} s`, true);
      if (state.silent) throw new BodyError(`no data for ${silence / 1000} s`, true);
      if (chunk !== null) continue;
      // Past the deadline the loop ends by itself.
      const timer = left < silence ? setTimeout(onReadable, left + 1) : setTimeout(onSilence, silence);
      await new Promise<void>((resolve) => (state.wake = resolve));
      clearTimeout(timer);
    }
  } finally {
    request.off('readable', onReadable).off('end', onEnd).off('error', onGone).off('close', onGone);
  }
}

/** Memory for bodies that the requests of a process share. Short bodies are not counted, so that they always find room. */
export class BodyRoom {
  private used = 0;

  /** @param bytes how many there may be; 0 for no limit */
  constructor(private readonly bytes: number) {}

  /** Returns whether so many bytes more were free; they are taken then. */
  take(bytes: number): boolean {
    if (this.bytes > 0 && this.used + bytes > this.bytes) return false;
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
  }
}

/** Bytes of a body that are not counted. */
const shortBody = 65_536;

/** Limits for reading a body. */
export interface BodyLimits {
  /** Bytes to keep; 0 for no limit. */
  readonly limit: number;
  readonly times: BodyTimes;
  /** Resources that it shares with others. */
  readonly room?: BodyRoom;
}

/** How much of a body that is too long is read and dropped, since clients read no answer before they have sent it all. */
const droppedUpTo = 268_435_456;

/** A body that was read, or why it was not kept. */
export interface ReadBody {
  readonly bytes: Buffer;
  readonly problem: 'too long' | 'no room' | null;
  /** Gives the room back, once nothing made of the body is in use. */
  readonly release: () => void;
}

/** Reads a whole body. */
export async function readBody(
  request: IncomingMessage,
  { limit, times, room }: BodyLimits,
): Promise<ReadBody> {
  const chunks: Buffer[] = [];
  let problem: ReadBody['problem'] = null;
  let length = 0;
  let taken = 0;
  const release = (): void => {
    room?.give(taken);
    taken = 0;
  };
  try {
    for await (const chunk of streamBody(request, times)) {
      length += chunk.length;
      if (limit > 0 && length > limit) problem = 'too long';
      else if (length > shortBody && problem === null && room) {
        const more = length - shortBody - taken;
        if (room.take(more)) taken += more;
        else problem = 'no room';
      }
      if (problem === null) chunks.push(chunk);
      else {
        chunks.length = 0;
        release();
      }
      if (problem !== null && length > Math.max(limit * 4, droppedUpTo)) break;
    }
  } catch (error) {
    release();
    throw error;
  }
  return { bytes: Buffer.concat(chunks), problem, release };
}
