import { mkdir, open, rm, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { messageOf } from '@koji/core';
import { RequestError, answerTooLong, codeOf } from './errors.js';
import { tlsOptions } from './transport.js';
import type { TransportOptions } from './transport.js';
import { wholeUndici } from './undici.js';

/** Part of a task's output file. */
export interface TaskOutputOptions {
  /** Offset in bytes; negative ones count from the end. */
  readonly offset?: number;
  /** Maximum number of bytes; -1 means the rest. */
  readonly size?: number;
  /** The volume of the file; DEFAULT. */
  readonly volume?: string;
  /** Bytes per request when streaming; 1 MiB. */
  readonly blocksize?: number;
  /** Aborts the download. */
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

/** Requests a part of a task's output file once. */
export async function readTaskOutput(session: Caller, wanted: TaskOutput): Promise<Buffer> {
  const { taskId, name, offset = 0, size = -1, volume, signal } = wanted;
  const named = { offset, size, ...(volume && volume !== 'DEFAULT' ? { volume } : {}) };
  const options = signal ? { signal } : {};
  const text = await session.call<string | Uint8Array>('downloadTaskOutput', [taskId, name], named, options);
  return typeof text === 'string' ? Buffer.from(text, 'base64') : Buffer.from(text);
}

/** Reads a task's output file block by block, up to its current end. */
export async function* streamTaskOutput(
  session: Caller,
  wanted: TaskOutput,
): AsyncGenerator<Buffer, void, void> {
  const { blocksize = 1_048_576, size = -1 } = wanted;
  let { offset = 0 } = wanted;
  if (-offset > blocksize) offset = await fromStart(session, wanted, offset);
  else if (offset < 0) {
    // The file may grow between blocks, so an offset from its end is valid for only one request.
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

/** Converts an offset from a file's end to one from its start, using its current size. */
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

/** Options of a download. */
export interface DownloadOptions extends TransportOptions {
  /** The file's size if known: an existing part is kept and the rest requested. */
  readonly size?: number;
  /** Set the file's modification time to the one sent by the server. */
  readonly keepTime?: boolean;
  /** How often an interrupted download is resumed before it fails, counted from the last bytes that arrived; 5. */
  readonly maxRetries?: number;
  /** Seconds before resuming; 2. */
  readonly retryInterval?: number;
  /** Called with the number of existing bytes and the expected total (0 if unknown). */
  readonly onProgress?: (done: number, total: number) => void;
  /** Called when a download was interrupted, before it is resumed. */
  readonly onBreak?: (error: RequestError) => void;
  /** Aborts the download; the bytes that arrived are kept. */
  readonly signal?: AbortSignal;
}

/** Outcome of a download: `skipped` if the complete file already existed, `resumed` if a part of it did. */
export type DownloadResult = 'complete' | 'resumed' | 'skipped';

/**
 * Downloads a URL below topurl to a local file, resuming from an existing part if the size is known. An interrupted download is
 * resumed where it stopped, unless the file has changed meanwhile; then it starts again.
 *
 * @throws RequestError if the server is unreachable, refuses, or is interrupted too often
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

/** Milliseconds without a byte after which a download counts as interrupted. */
const longestSilence = 60_000;

/** Returns whether a download may be resumed after an error: one of the network or the server, not of the disk. */
function isBreak({ code, status }: RequestError): boolean {
  if (status !== null) return status >= 500 || status === 408 || status === 429;
  return /^(UND_ERR|ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_|EHOST|ENET)/.test(code ?? '');
}

/** The requests for one file. */
class Download {
  /** Whether the server has started to send. */
  hasBegun = false;
  /** Identifies the version of the file, to detect a later one. */
  private validator: string | null = null;

  constructor(
    private readonly url: string,
    private readonly file: string,
    private readonly options: DownloadOptions,
    private readonly dispatcher: Dispatcher,
  ) {}

  /** Downloads the part after the first `there` bytes. Returns false if the server sent the complete file instead. */
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

  // Written block by block instead of with a stream: after an interruption the file must contain all counted bytes.
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

/** Returns the value for `If-Range`: a strong ETag, otherwise the modification time. */
function validatorOf(headers: Readonly<Record<string, string | string[] | undefined>>): string | null {
  const [etag, changed] = [headers['etag'], headers['last-modified']].map((value) => [value ?? []].flat()[0]);
  return etag?.startsWith('"') ? etag : (changed ?? null);
}

/** Returns the size of a file at a URL in bytes; 0 if the server does not send it. */
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
