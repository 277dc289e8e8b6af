import { readFileSync } from 'node:fs';
import { Pool } from 'undici';
import { ConfigError, messageOf } from '@koji/core';
import { RequestError, codeOf } from './errors.js';

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
export interface Reply {
  readonly body: Buffer;
  header(name: string): string | undefined;
}

const defaultTimeout = 43_200;
const connectTimeout = 120;

/** Connections to one server, kept alive; every request is sent once, trying again is the session's affair. */
export class Transport {
  private readonly pool: Pool;
  private readonly timeout: number;
  /** The server and path for messages, without what a query may tell. */
  private readonly shown: string;

  constructor(url: URL, options: TransportOptions = {}) {
    this.timeout = options.timeout ?? defaultTimeout;
    this.shown = `${url.origin}${url.pathname}`;
    this.pool = new Pool(url.origin, {
      connections: options.connections ?? 8,
      connect: {
        timeout: Math.min(this.timeout, connectTimeout) * 1000,
        ...tlsOptions(options),
      },
    });
  }

  /** @throws RequestError when no answer came, or one with a status that is none of success */
  async post(post: Post): Promise<Reply> {
    const { path, headers, body, signal, timeout = this.timeout } = post;
    try {
      const response = await this.pool.request({
        path,
        method: 'POST',
        headers,
        body,
        headersTimeout: timeout * 1000,
        bodyTimeout: timeout * 1000,
        ...(signal ? { signal } : {}),
      });
      const bytes = Buffer.from(await response.body.arrayBuffer());
      if (response.statusCode < 200 || response.statusCode > 299)
        throw statusError(response.statusCode, this.shown, bytes);
      return {
        body: bytes,
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

  /** Closes every connection; requests under way fail. */
  async close(): Promise<void> {
    await this.pool.destroy();
  }
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

function statusError(status: number, url: string, body: Buffer): RequestError {
  const text = body.toString('utf8', 0, 300).trim().replace(/\s+/g, ' ');
  const detail = text && !text.startsWith('<') ? `: ${text}` : '';
  return new RequestError(`HTTP status ${status} from ${url}${detail}`, { status });
}

// An error to connect to several addresses has an empty message of its own.
function reasonOf(cause: unknown): string {
  const { errors } = cause as { errors?: unknown[] };
  return Array.isArray(errors) && errors.length > 0 ? messageOf(errors[0]) : messageOf(cause);
}
