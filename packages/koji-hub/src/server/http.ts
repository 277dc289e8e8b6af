/**
 * Bytes in, bytes out: paths, verbs, sizes, time limits and statuses, as Koji has them behind Apache. What a request asks
 * for is dispatch.ts' business; files are files.ts'.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ActionNotAllowed, ConfigError, messageOf } from '@koji/core';
import type { Logger } from '@koji/core';
import { WireError, decodeCall, encodeFault } from '@koji/core/wire';
import { kojiVersion } from '../api/system.js';
import { clientAddress, parseQuery, readCredentials } from '../auth/credentials.js';
import type { Hub } from '../call.js';
import { BodyError, readBody, streamBody } from './body.js';
import type { Dispatcher, Reply } from './dispatch.js';
import type { Caller } from './transactions.js';
import { serveFile } from './files.js';
import { readRawUpload, receiveUpload } from './uploads.js';

/** Answers up to this many characters are sent whole, with their length; longer ones in chunks as they are made. */
const wholeUpTo = 1_048_576;
/** Milliseconds that a stopping hub waits for requests in flight. */
const graceTime = 30_000;

/** A listening hub. */
export interface Listening {
  readonly url: string;
  /** Takes no more requests; resolves once those in flight are answered. */
  stop(): Promise<void>;
}

/** Begins to answer at the address of option `Listen`. */
export async function listen(
  hub: Hub,
  dispatcher: Dispatcher,
  stopping: AbortController,
): Promise<Listening> {
  const front = new Front(hub, dispatcher, stopping);
  const server = http.createServer({
    noDelay: true,
    keepAliveTimeout: 65_000,
    requestTimeout: 0,
    headersTimeout: 60_000,
  });
  const take = (request: IncomingMessage, response: ServerResponse): void =>
    void front.take(request, response);
  server.on('request', take);
  // An odd `Expect` header is no reason to refuse, as with Apache.
  server.on('checkExpectation', take);
  server.on('clientError', refuseJunk);
  const { host, port } = readAddress(hub.options.Listen);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new ConfigError(`cannot listen at ${hub.options.Listen}: ${messageOf(cause)}`, { cause });
  }
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    async stop() {
      const state = { closed: false };
      const closed = once(server, 'close').then(() => (state.closed = true));
      server.close();
      server.closeIdleConnections();
      stopping.abort();
      const late = setTimeout(() => server.closeAllConnections(), graceTime);
      await front.idle();
      // Every request is answered; a connection that has nothing more to send is idle in a moment.
      for (let i = 0; i < 50 && !state.closed; i++) {
        server.closeIdleConnections();
        await sleep(20);
      }
      server.closeAllConnections();
      clearTimeout(late);
      await closed;
    },
  };
}

function readAddress(listenAt: string): { host: string; port: number } {
  const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(listenAt.trim()) ?? [];
  const number = Number(port);
  if (port === undefined || number > 65_535)
    throw new ConfigError(`Listen = '${listenAt}': not ADDRESS:PORT, such as 127.0.0.1:8080`);
  return { host: v6 ?? (name || '0.0.0.0'), port: number };
}

function refuseJunk(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  socket.end(
    `HTTP/1.1 ${status}\r\nKoji-Version: ${kojiVersion}\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: close\r\n\r\nBad request\n`,
  );
}

class Front {
  private readonly log: Logger;
  private readonly inFlight = new Set<Promise<void>>();

  constructor(
    private readonly hub: Hub,
    private readonly dispatcher: Dispatcher,
    private readonly stopping: AbortController,
  ) {
    this.log = hub.logger('koji.http');
  }

  /** Resolves when no request is in flight. */
  async idle(): Promise<void> {
    while (this.inFlight.size > 0) await Promise.all(this.inFlight);
  }

  async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const work = this.answer(request, response).catch((error: unknown) => {
      this.log.error(`${request.method ?? ''} ${(request.url ?? '').split('?')[0] ?? ''} failed`, error);
      if (response.headersSent) response.destroy();
      else this.reply(response, 500, 'Internal Server Error\n');
    });
    const sent = new Promise<void>((resolve) => response.once('close', resolve));
    const done = Promise.all([work, sent]).then(() => undefined);
    this.inFlight.add(done);
    await done;
    this.inFlight.delete(done);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Koji-Version', kojiVersion);
    if (this.stopping.signal.aborted) response.setHeader('Connection', 'close');
    const [path, query] = splitOnce(request.url ?? '', '?');
    if (path === '/kojihub' || path.startsWith('/kojihub/')) return this.hubRequest(request, response, query);
    if (path === '/kojifiles' || path.startsWith('/kojifiles/'))
      return serveFile(this.hub.paths, path.slice('/kojifiles'.length), request, response);
    this.reply(response, 404, 'Not Found\nThe hub answers at /kojihub, files are at /kojifiles.\n');
  }

  private async hubRequest(request: IncomingMessage, response: ServerResponse, query: string): Promise<void> {
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST');
      const text = 'Method Not Allowed\nThis is an XML-RPC server. Only POST requests are accepted.\n';
      this.reply(response, 405, text);
      return;
    }
    const { options } = this.hub;
    if (options.ServerOffline) {
      sendText(response, encodeFault(1014, options.OfflineMessage ?? 'server is offline'));
      return;
    }
    const caller: Caller = {
      credentials: () => readCredentials(request.headers, query, options.DisableURLSessions),
      address: await clientAddress(request.socket.remoteAddress, options.CheckClientIP),
      signal: () => this.signalOf(response),
    };
    const upload = request.headers['content-type'] === 'application/octet-stream';
    try {
      if (upload) await this.upload(request, response, caller, query);
      else await this.call(request, response, caller);
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      this.log.debug(`a request could not be read: ${error.message}`, error);
      response.setHeader('Connection', 'close');
      this.reply(response, upload && error.timedOut ? 408 : 400, `Invalid request: ${error.message}\n`);
    }
  }

  /** Made for calls that wait only: most are over sooner than a signal is made. */
  private signalOf(response: ServerResponse): AbortSignal {
    const gone = new AbortController();
    if (response.destroyed) gone.abort();
    else response.once('close', () => gone.abort());
    return AbortSignal.any([gone.signal, this.stopping.signal]);
  }

  private async call(request: IncomingMessage, response: ServerResponse, caller: Caller): Promise<void> {
    const { MaxRequestLength: limit, BodyTimeout } = this.hub.options;
    const body = await readBody(request, { limit, timeout: BodyTimeout * 1000 });
    if (body === null) {
      this.reply(response, 400, 'Invalid request: Request too long\n');
      return;
    }
    if (body.length === 0) {
      this.reply(response, 400, 'Invalid request: Empty request\n');
      return;
    }
    let call: { method: string; params: unknown[] };
    try {
      call = decodeCall(body);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (error.kind === 'unsupported') {
        sendText(response, encodeFault(1000, error.message));
        return;
      }
      this.reply(response, 400, `Invalid request: ${error.message}\n`);
      return;
    }
    await this.dispatcher.call(call.method, call.params, caller, replyTo(response));
  }

  private async upload(
    request: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
    query: string,
  ): Promise<void> {
    const timeout = this.hub.options.BodyTimeout * 1000;
    const text = await this.dispatcher.upload(caller, async (call) => {
      if (!call.session.loggedIn) throw new ActionNotAllowed('you must be logged-in to upload a file');
      const parameters = readRawUpload(query === '' ? new Map<string, string>() : parseQuery(query));
      return receiveUpload(call, parameters, streamBody(request, timeout));
    });
    // A client sends its whole chunk before it reads the answer.
    await readBody(request, { limit: 1, timeout });
    sendText(response, text);
  }

  private reply(response: ServerResponse, status: number, text: string): void {
    response.writeHead(status, { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(text) });
    response.end(text);
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function sendText(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'Content-Type': 'text/xml', 'Content-Length': Buffer.byteLength(text) });
  // As text it leaves together with the headers, in one packet.
  response.end(text);
}

/** Sends what fits into memory whole; more as it comes, no faster than the client takes it. */
function replyTo(response: ServerResponse): Reply {
  return {
    get begun() {
      return response.headersSent;
    },
    async send(chunks) {
      let held = '';
      for await (const chunk of chunks) {
        if (response.headersSent) await write(response, Buffer.from(chunk));
        else held += chunk;
        if (response.headersSent || held.length <= wholeUpTo) continue;
        response.writeHead(200, { 'Content-Type': 'text/xml' });
        await write(response, Buffer.from(held));
      }
      if (response.headersSent) response.end();
      else sendText(response, held);
    },
  };
}

/** Milliseconds that a client may take nothing of a long answer, which holds a snapshot of the database open. */
const stalledAfter = 120_000;

async function write(response: ServerResponse, data: Buffer): Promise<void> {
  if (response.destroyed) throw new Error('the client went away');
  if (response.write(data)) return;
  const stalled = setTimeout(() => response.destroy(), stalledAfter);
  await new Promise<void>((resolve, reject) => {
    const done = (problem?: Error): void => {
      clearTimeout(stalled);
      response.off('drain', onDrain).off('close', onClose);
      if (problem) reject(problem);
      else resolve();
    };
    const onDrain = (): void => done();
    const onClose = (): void => done(new Error('the client went away'));
    response.once('drain', onDrain).once('close', onClose);
  });
}
