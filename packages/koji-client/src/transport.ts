import { readFileSync } from 'node:fs';
import type { Pool as UndiciPool } from 'undici';
import { ConfigError, messageOf } from '@koji/core';
import { RequestError, answerTooLong, codeOf } from './errors.js';
import { undiciParts } from './undici.js';

/** How connections to a server are made. Times are in seconds. */
export interface TransportOptions {
  /** Longest silence of the server before a request fails; 43200. */
  timeout?: number;
  /** A PEM file with the client's certificate and key. */
  cert?: string;
  /** A PEM file with the authorities that the server's certificate is checked against. */
  serverCa?: string;
  /** Take any certificate of the server. */
  noSslVerify?: boolean;
  /** Connections kept open at most; 8. */
  connections?: number;
  /** Bytes that an answer may have; 512 MiB. */
  longestAnswer?: number;
}

/** One POST. */
export interface Post {
  /** Path and query below the server. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a server answered with a status of success. */
export interface Reply<T> {
  readonly body: T;
  header(name: string): string | undefined;
}

const defaultTimeout = 43_200;
const defaultLongest = 512 * 1024 * 1024;
/** Bytes kept of the page that comes with a failure. */
const longestComplaint = 64 * 1024;
const connectTimeout = 120;

/** Connections to one server, kept alive; every request is sent once, trying again is the session's affair. */
export class Transport {
  /** Loaded with the first request, since a command may make none. */
  private pool: UndiciPool | null = null;
  private closed = false;
  private readonly timeout: number;
  private readonly longest: number;
  /** The server and path for messages, without what a query may tell. */
  private readonly shown: string;
  private readonly openPool: () => UndiciPool;

  constructor(url: URL, options: TransportOptions = {}) {
    this.timeout = options.timeout ?? defaultTimeout;
    this.longest = options.longestAnswer ?? defaultLongest;
    this.shown = `${url.origin}${url.pathname}`;
    const connect = { timeout: Math.min(this.timeout, connectTimeout) * 1000, ...tlsOptions(options) };
    const connections = options.connections ?? 8;
    this.openPool = () => new (undiciParts().Pool)(url.origin, { connections, connect });
  }

  /**
   * Sends a request and hands the bytes of the answer to `read` while they come.
   * @throws RequestError when no answer came, or one with a status that is none of success
   */
  async post<T>(post: Post, read: (bytes: AsyncIterable<Buffer>) => Promise<T>): Promise<Reply<T>> {
    const { path, headers, body, signal, timeout = this.timeout } = post;
    if (this.closed)
      throw new RequestError(`the connections to ${this.shown} are closed`, { code: 'UND_ERR_DESTROYED' });
    const pool = (this.pool ??= this.openPool());
    try {
      const response = await undiciParts().request.call(pool, {
        path,
        method: 'POST',
        headers,
        body,
        headersTimeout: timeout * 1000,
        bodyTimeout: timeout * 1000,
        ...(signal ? { signal } : {}),
      });
      if (response.statusCode < 200 || response.statusCode > 299)
        throw statusError(
          response.statusCode,
          this.shown,
          await firstBytes(response.body, longestComplaint),
          response.headers['retry-after'],
        );
      return {
        body: await read(this.bounded(response.body)),
        header: (name) => {
          const value = response.headers[name];
          return Array.isArray(value) ? value[0] : value;
        },
      };
    } catch (cause) {
      if (signal?.aborted || cause instanceof RequestError) throw cause;
      const code = codeOf(cause) ?? 'UNKNOWN';
      throw new RequestError(`no answer from ${this.shown}: ${reasonOf(cause)} (${code})`, { code, cause });
    }
  }

  private async *bounded(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
    let length = 0;
    for await (const part of body) {
      length += part.length;
      if (length > this.longest)
        throw new RequestError(`the answer from ${this.shown} has more than ${this.longest} bytes`, {
          code: answerTooLong,
        });
      yield part;
    }
  }

  /** Closes every connection; requests under way fail. */
  async close(): Promise<void> {
    this.closed = true;
    await this.pool?.destroy();
  }
}

/** The bytes of a body, or of its start. */
async function firstBytes(body: AsyncIterable<Buffer>, most: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part);
    length += part.length;
    if (length > most) break;
  }
  return Buffer.concat(parts).subarray(0, most);
}

/** TLS options of undici, from files. */
export function tlsOptions(options: TransportOptions): {
  cert?: Buffer;
  key?: Buffer;
  ca?: Buffer;
  rejectUnauthorized?: boolean;
} {
  const pem = options.cert ? readPem('cert', options.cert) : undefined;
  return {
    ...(pem ? { cert: pem, key: pem } : {}),
    ...(options.serverCa ? { ca: readPem('serverca', options.serverCa) } : {}),
    ...(options.noSslVerify ? { rejectUnauthorized: false } : {}),
  };
}

function readPem(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ConfigError(`${option} = '${file}': cannot read the PEM file: ${messageOf(cause)}`, { cause });
  }
}

function statusError(
  status: number,
  url: string,
  body: Buffer,
  retryAfter: string | string[] | undefined,
): RequestError {
  const text = body.toString('utf8', 0, 300).trim().replace(/\s+/g, ' ');
  const detail = text && !text.startsWith('<') ? `: ${text}` : '';
  return new RequestError(`HTTP status ${status} from ${url}${detail}`, {
    status,
    ...secondsOf(retryAfter),
  });
}

/** Longest wait that a server can ask for, in seconds. */
const longestWait = 3600;

/** Reads `Retry-After`: seconds, or a date. */
function secondsOf(header: string | string[] | undefined): { retryAfter?: number } {
  const text = [header ?? []].flat()[0]?.trim() ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? {} : { retryAfter: Math.min(Math.max(seconds, 0), longestWait) };
}

// An error to connect to several addresses has an empty message of its own.
function reasonOf(cause: unknown): string {
  const { errors } = cause as { errors?: unknown[] };
  return Array.isArray(errors) && errors.length > 0 ? messageOf(errors[0]) : messageOf(cause);
}
