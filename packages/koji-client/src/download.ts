import { mkdir, open, rm, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { messageOf } from '@koji/core';
import { RequestError, answerTooLong, codeOf } from './errors.js';
import { tlsOptions } from './transport.js';
import type { TransportOptions } from './transport.js';
import { wholeUndici } from './undici.js';

/** Which part of a task's output file. */
export interface TaskOutputOptions {
  /** Where to begin; negative ones count from the end. */
  readonly offset?: number;
  /** Bytes at most; -1 means the rest. */
  readonly size?: number;
  /** The volume that it is on; DEFAULT. */
  readonly volume?: string;
  /** Bytes asked for at a time when streaming; 1 MiB. */
  readonly blocksize?: number;
  /** Ends the reading. */
  readonly signal?: AbortSignal;
}

interface Caller {
  call<T>(
    method: string,
    args: readonly unknown[],
    named: Readonly<Record<string, unknown>>,
    options?: { signal?: AbortSignal },
  ): Promise<T>;
}

type TaskOutput = TaskOutputOptions & { readonly taskId: number; readonly name: string };

/** One request for a file of a task's output. */
export async function readTaskOutput(session: Caller, wanted: TaskOutput): Promise<Buffer> {
  const { taskId, name, offset = 0, size = -1, volume, signal } = wanted;
  const named = { offset, size, ...(volume && volume !== 'DEFAULT' ? { volume } : {}) };
  const options = signal ? { signal } : {};
  const text = await session.call<string | Uint8Array>('downloadTaskOutput', [taskId, name], named, options);
  return typeof text === 'string' ? Buffer.from(text, 'base64') : Buffer.from(text);
}

/** A file of a task's output block by block, up to where it ends now. */
export async function* streamTaskOutput(
  session: Caller,
  wanted: TaskOutput,
): AsyncGenerator<Buffer, void, void> {
  const { blocksize = 1_048_576, size = -1 } = wanted;
  let { offset = 0 } = wanted;
  if (-offset > blocksize) offset = await fromStart(session, wanted, offset);
  else if (offset < 0) {
    // The file may grow between blocks, so a place counted from its end is good for one request only.
    yield await readTaskOutput(session, wanted);
    return;
  }
  for (let left = size < 0 ? Infinity : size; left > 0;) {
    const block = await readTaskOutput(session, { ...wanted, offset, size: Math.min(blocksize, left) });
    if (block.length === 0) return;
    yield block;
    offset += block.length;
    left -= block.length;
  }
}

/** A place counted from a file's end, counted from its start instead: its size is that of now. */
async function fromStart(session: Caller, wanted: TaskOutput, offset: number): Promise<number> {
  const { taskId, name, volume = 'DEFAULT', signal } = wanted;
  const facts = await session.call<Record<string, Record<string, { readonly st_size: string }>>>(
    'listTaskOutput',
    [taskId],
    { stat: true, all_volumes: true },
    signal ? { signal } : {},
  );
  return Math.max(0, Number(facts[name]?.[volume]?.st_size ?? 0) + offset);
}

/** How a file is downloaded. */
export interface DownloadOptions extends TransportOptions {
  /** The file's size if known: what is there of it already is kept and the rest asked for. */
  readonly size?: number;
  /** Give the file the time of its last change that the server tells. */
  readonly keepTime?: boolean;
  /** How often a download that broke off is gone on with before it fails, counted from the last bytes that arrived; 5. */
  readonly maxRetries?: number;
  /** Seconds before going on; 2. */
  readonly retryInterval?: number;
  /** Told the bytes there are and how many there will be (0 when unknown). */
  readonly onProgress?: (done: number, total: number) => void;
  /** Called when a download broke off, before it is gone on with. */
  readonly onBreak?: (error: RequestError) => void;
  /** Ends the download; what arrived stays there. */
  readonly signal?: AbortSignal;
}

/** What a download did: `skipped` when the whole file was there already, `resumed` when a part of it was. */
export type DownloadResult = 'complete' | 'resumed' | 'skipped';

/**
 * Gets a URL below topurl into a local file, going on with a part that is there when the size is known. A download that
 * breaks off goes on where it was, unless the file has changed in the meantime: then it starts again.
 *
 * @throws RequestError when the server can't be reached, refuses, or breaks off too often
 */
export async function downloadFile(
  url: string,
  file: string,
  options: DownloadOptions = {},
): Promise<DownloadResult> {
  await mkdir(dirname(file), { recursive: true });
  const there = options.size === undefined ? 0 : await sizeOf(file);
  if (there > 0 && there === options.size) return 'skipped';
  const { maxRetries = 5, retryInterval = 2, signal } = options;
  const { Agent, interceptors } = wholeUndici();
  const agent = new Agent({ connect: tlsOptions(options), bodyTimeout: longestSilence });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 5 }));
  const download = new Download(url, file, options, dispatcher);
  try {
    for (let tries = 0, at = there; ;) {
      try {
        return (await download.goOn(at)) && there > 0 ? 'resumed' : 'complete';
      } catch (error) {
        if (!(error instanceof RequestError) || !download.hasBegun || !isBreak(error)) throw error;
        const now = await sizeOf(file);
        tries = now > at ? 1 : tries + 1;
        if (tries > maxRetries) throw error;
        at = now;
        options.onBreak?.(error);
        await delay(retryInterval * 1000, undefined, signal ? { signal } : {});
      }
    }
  } finally {
    if ((await sizeOf(file)) === 0) await rm(file, { force: true });
    await agent.close();
  }
}

/** Milliseconds without a byte after which a download counts as broken off. */
const longestSilence = 60_000;

/** Returns whether a download may go on after an error: the network's or the server's, not one of the disk. */
function isBreak({ code, status }: RequestError): boolean {
  if (status !== null) return status >= 500 || status === 408 || status === 429;
  return /^(UND_ERR|ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_|EHOST|ENET)/.test(code ?? '');
}

/** The requests for one file. */
class Download {
  /** Whether the server has begun to send. */
  hasBegun = false;
  /** Tells the file that is sent from a later one at its place. */
  private validator: string | null = null;

  constructor(
    private readonly url: string,
    private readonly file: string,
    private readonly options: DownloadOptions,
    private readonly dispatcher: Dispatcher,
  ) {}

  /** Gets what is missing after the first `there` bytes. Returns false if the server sent the whole file instead. */
  async goOn(there: number): Promise<boolean> {
    const { url, file, options } = this;
    try {
      const response = await wholeUndici().request(url, {
        dispatcher: this.dispatcher,
        headers: {
          ...(there > 0 ? { range: `bytes=${there}-` } : {}),
          ...(there > 0 && this.validator !== null ? { 'if-range': this.validator } : {}),
        },
        ...(options.signal ? { signal: options.signal } : {}),
      });
      const { statusCode: status, headers } = response;
      if (status !== 200 && status !== 206) {
        await response.body.dump();
        throw new RequestError(`HTTP status ${status} from ${url}`, { status });
      }
      this.hasBegun = true;
      this.validator = validatorOf(headers);
      const resumed = status === 206;
      const start = resumed ? there : 0;
      const length = Number(headers['content-length'] ?? 0);
      const total = options.size ?? (length > 0 ? start + length : 0);
      await this.write(response.body, resumed ? 'a' : 'w', { start, total });
      const changed = new Date(String(headers['last-modified'] ?? ''));
      if (options.keepTime && !Number.isNaN(changed.getTime())) await utimes(file, new Date(), changed);
      return resumed;
    } catch (cause) {
      if (cause instanceof RequestError || options.signal?.aborted) throw cause;
      throw new RequestError(`no answer from ${url}: ${messageOf(cause)}`, {
        code: codeOf(cause) ?? 'UNKNOWN',
        cause,
      });
    }
  }

  // Written block by block, not by a stream: after a break the file must have all that was counted.
  private async write(
    blocks: AsyncIterable<Buffer>,
    flags: string,
    { start, total }: { start: number; total: number },
  ): Promise<void> {
    const { size, onProgress } = this.options;
    const handle = await open(this.file, flags);
    try {
      let done = start;
      for await (const block of blocks) {
        done += block.length;
        if (size !== undefined && done > size)
          throw new RequestError(`${this.url} has more than the ${size} bytes that it should have`, {
            code: answerTooLong,
          });
        await handle.appendFile(block);
        onProgress?.(done, total);
      }
    } finally {
      await handle.close();
    }
  }
}

/** Returns what `If-Range` may name: a strong ETag, else the time of the last change. */
function validatorOf(headers: Readonly<Record<string, string | string[] | undefined>>): string | null {
  const [etag, changed] = [headers['etag'], headers['last-modified']].map((value) => [value ?? []].flat()[0]);
  return etag?.startsWith('"') ? etag : (changed ?? null);
}

/** Returns the size of a file at a URL in bytes; 0 if the server does not tell it. */
export async function sizeAt(url: string, options: TransportOptions = {}): Promise<number> {
  const { Agent, interceptors, request } = wholeUndici();
  const agent = new Agent({ connect: tlsOptions(options) });
  try {
    const response = await request(url, {
      method: 'HEAD',
      dispatcher: agent.compose(interceptors.redirect({ maxRedirections: 5 })),
      headersTimeout: 10_000,
    });
    await response.body.dump();
    return response.statusCode === 200 ? Number(response.headers['content-length'] ?? 0) : 0;
  } catch (cause) {
    throw new RequestError(`no answer from ${url}: ${messageOf(cause)}`, {
      code: codeOf(cause) ?? 'UNKNOWN',
      cause,
    });
  } finally {
    await agent.close();
  }
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => null))?.size ?? 0;
}
