import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { ConfigError, messageOf } from '@koji/core';
import { RequestError, answerTooLong, codeOf } from './errors.js';

/** Options of connections to a server. Times are in seconds. */
export interface TransportOptions {
  /** Longest silence of the server before a request fails; 43200. */
  timeout?: number;
  /** A PEM file with the client's certificate and key. */
  cert?: string;
  /** A PEM file with the authorities that verify the server's certificate. */
  serverCa?: string;
  /** Accept any certificate of the server. */
  noSslVerify?: boolean;
  /** Use TLS 1.2, in which a server can ask for a certificate after it has read the request. */
  tls12?: boolean;
  /** Maximum number of kept-alive connections; 8. */
  connections?: number;
  /** Maximum size of an answer in bytes; 512 MiB. */
  longestAnswer?: number;
}

/** One POST. */
export interface Post {
  /** Path and query on the server. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A server's answer with a success status. */
export interface Reply<T> {
  readonly body: T;
  header(name: string): string | undefined;
}

const defaultTimeout = 43_200;
const defaultLongest = 512 * 1024 * 1024;
/** Bytes to keep of the page that comes with a failure. */
const longestComplaint = 64 * 1024;
const connectTimeout = 120;

/** Connections to one server, kept alive. Every request is sent once; the session handles retries. */
export class Transport {
  private readonly agent: http.Agent;
  private readonly isSecure: boolean;
  private readonly address: http.RequestOptions;
  private readonly timeout: number;
  private readonly longest: number;
  /** The server and path for messages, without the query, which may contain secrets. */
  private readonly shown: string;
  private readonly active = new Set<http.ClientRequest>();
  private closed = false;

  /** @throws TypeError for a URL other than http or https */
  constructor(
    url: URL,
    private readonly options: TransportOptions = {},
  ) {
    if (!['http:', 'https:'].includes(url.protocol))
      throw new TypeError(`not the address of a hub: ${url.href}. It must begin with http:// or https://.`);
    this.timeout = options.timeout ?? defaultTimeout;
    this.longest = options.longestAnswer ?? defaultLongest;
    this.shown = `${url.origin}${url.pathname}`;
    this.isSecure = url.protocol === 'https:';
    const { hostname, port } = urlToHttpOptions(url);
    this.address = { hostname, port, method: 'POST' };
    // The connection used last is the least likely to have been closed.
    const connections = {
      keepAlive: true,
      maxSockets: options.connections ?? 8,
      scheduling: 'lifo',
    } as const;
    this.agent = this.isSecure
      ? new https.Agent({
          ...connections,
          ...tlsOptions(options),
          ...(options.tls12 ? { maxVersion: 'TLSv1.2' } : {}),
        })
      : new http.Agent(connections);
  }

  /**
   * Sends a request and passes the bytes of the answer to `read` as they arrive.
   * @throws RequestError when no answer came, or one without a success status
   */
  async post<T>(post: Post, read: (bytes: AsyncIterable<Buffer>) => Promise<T>): Promise<Reply<T>> {
    const { signal } = post;
    try {
      const response = await this.send(post);
      const { statusCode = 0, headers } = response;
      if (statusCode < 200 || statusCode > 299)
        throw statusError(
          statusCode,
          this.shown,
          await firstBytes(response, longestComplaint),
          headers['retry-after'],
        );
      return {
        body: await read(this.bounded(response)),
        header: (name) => [headers[name] ?? []].flat()[0],
      };
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      if (cause instanceof RequestError) throw cause;
      const code = codeOf(cause) ?? 'UNKNOWN';
      throw new RequestError(`no answer from ${this.shown}: ${reasonOf(cause)} (${code})`, { code, cause });
    }
  }

  /** Sends a request and resolves with the answer once its head has arrived. */
  private send({ path, headers, body, signal, timeout = this.timeout }: Post): Promise<http.IncomingMessage> {
    if (this.closed)
      throw new RequestError(`the connections to ${this.shown} are closed`, { code: 'ERR_CLOSED' });
    return new Promise((resolve, reject) => {
      const options = { ...this.address, path, headers, agent: this.agent, ...(signal ? { signal } : {}) };
      const request = this.isSecure ? https.request(options) : http.request(options);
      let answer: http.IncomingMessage | null = null;
      const giveUp = (text: string): unknown =>
        (answer ?? request).destroy(Object.assign(new Error(text), { code: 'ETIMEDOUT' }));
      request.setTimeout(timeout * 1000, () => giveUp(`no byte for ${timeout} s`));
      request.once('socket', (socket) => {
        if (!socket.connecting) return;
        const limit = Math.min(timeout, connectTimeout);
        const timer = setTimeout(() => giveUp(`no connection within ${limit} s`), limit * 1000);
        const stop = (): void => clearTimeout(timer);
        socket.once(this.isSecure ? 'secureConnect' : 'connect', stop).once('close', stop);
      });
      // Once there is an answer, it emits the errors.
      request.on('error', reject);
      request.once('response', (response) => {
        // A reader gets the error, unless it has stopped.
        answer = response.on('error', () => undefined);
        resolve(response);
      });
      this.active.add(request);
      request.once('close', () => this.active.delete(request));
      request.end(body);
    });
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

  /**
   * Reads the files of certificates again, for connections that are made from now on.
   *
   * @throws Error naming a file that can't be read; then the old ones stay
   */
  reloadCertificates(): void {
    // The agent keeps connections apart by their certificates.
    if (this.agent instanceof https.Agent) Object.assign(this.agent.options, tlsOptions(this.options));
  }

  /** Closes every connection; running requests fail. */
  close(): Promise<void> {
    this.closed = true;
    const gone = Object.assign(new Error('the connections are closed'), { code: 'ERR_CLOSED' });
    for (const request of this.active) request.destroy(gone);
    this.agent.destroy();
    return Promise.resolve();
  }
}

/** Returns the bytes of a body, or of its start. */
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

/** Returns the TLS options of a connection, from files. */
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

/** Longest pause that a server can request, in seconds. */
const longestWait = 3600;

/** Parses `Retry-After`: seconds, or a date. */
function secondsOf(header: string | string[] | undefined): { retryAfter?: number } {
  const text = [header ?? []].flat()[0]?.trim() ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? {} : { retryAfter: Math.min(Math.max(seconds, 0), longestWait) };
}

// An error from connecting to several addresses has an empty message.
function reasonOf(cause: unknown): string {
  const { errors } = cause as { errors?: unknown[] };
  return Array.isArray(errors) && errors.length > 0 ? messageOf(errors[0]) : messageOf(cause);
}
