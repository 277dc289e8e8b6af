/**
 * The HTTP layer: paths, verbs, sizes, time limits and statuses, like Koji behind Apache. Calls are handled in dispatch.ts,
 * files in files.ts.
 */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ActionNotAllowed,
  ConfigError,
  GenericError,
  KOJI_VERSION,
  ServerOffline,
  clientAddress,
  faultToWire,
  messageOf,
} from '@koji/core';
import type { Logger } from '@koji/core';
import type { HubOptions } from '@koji/core/config';
import { WireError, decodeCallInTurns } from '@koji/core/wire';
import type { Gssapi } from '../auth/gssapi.js';
import type { Identity } from '../auth/identity.js';
import { parseQuery, readCredentials, sessionAddress } from '../auth/credentials.js';
import type { Hub } from '../call.js';
import { BodyError, BodyRoom, readBody, streamBody } from './body.js';
import type { BodyTimes } from './body.js';
import type { Dispatcher } from './dispatch.js';
import { JsonRpcError, jsonForm, xmlForm } from './forms.js';
import type { Form } from './forms.js';
import { readJsonRequest, silentReply } from './json-door.js';
import type { JsonRequest } from './json-door.js';
import { negotiate } from './negotiate.js';
import { routePrefix } from './plugin-routes.js';
import type { PluginRoutes } from './plugin-routes.js';
import { HttpReply, sendPlain, sendText } from './reply.js';
import type { ReplyOptions } from './reply.js';
import { RequestIds } from './request-ids.js';
import { StateDoors } from './state-doors.js';
import type { Caller } from './transactions.js';
import { serveFile } from './files.js';
import { identityOf } from './identities.js';
import type { Tls } from './tls.js';
import { readRawUpload, receiveUpload } from './uploads.js';
import type { MountedWeb } from '../web.js';

/** Milliseconds that a stopping hub waits for requests in flight. */
const graceTime = 30_000;
/** Seconds after which a client that found no room for its request may try again. */
const retryAfter = 10;
/** Where clients log in by their transport; Koji's Apache asks for certificates and tickets there only. */
const loginPath = '/kojihub/ssllogin';
/** Requests that a client may send ahead on one connection, without waiting for answers. */
const mostAhead = 32;

/** A listening hub. */
export interface Listening {
  readonly url: string;
  /** Takes no more requests; resolves once those in flight are answered. */
  stop(): Promise<void>;
}

/** Handlers of requests for anything but files. */
export interface Served {
  readonly dispatcher: Dispatcher;
  readonly web: MountedWeb | null;
  readonly routes: PluginRoutes;
  readonly stopping: AbortController;
  /** Null without TLS. */
  readonly tls: Tls | null;
  /** Null without Kerberos. */
  readonly gssapi: Gssapi | null;
}

/** Begins to answer at the address of option `Listen`. */
export async function listen(hub: Hub, served: Served): Promise<Listening> {
  const { stopping, tls } = served;
  const front = new Front(hub, served);
  const server = createServer(hub.options, tls);
  if (hub.options.MaxConnections > 0) server.maxConnections = hub.options.MaxConnections;
  server.on('drop', () => {
    front.noteDrop();
    server.closeIdleConnections();
  });
  const take = (request: IncomingMessage, response: ServerResponse): void =>
    void front.take(request, response);
  server.on('request', take);
  // Like Apache, the hub does not refuse a request because of an odd `Expect` header.
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
    url: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    async stop() {
      front.end();
      if (hub.options.StopDelay > 0) await sleep(hub.options.StopDelay * 1000);
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

function createServer(options: HubOptions, tls: Tls | null): http.Server | https.Server {
  const common = { noDelay: true, ...serverLimits(options) };
  if (!tls) return http.createServer(common);
  const server = https.createServer({ ...common, ...tls.serverOptions() });
  tls.follow(server);
  return server;
}

function serverLimits(options: HubOptions): http.ServerOptions {
  const { HeaderTimeout, KeepAliveTimeout, MaxHeaderLength, RequestTimeout } = options;
  return {
    maxHeaderSize: MaxHeaderLength,
    keepAliveTimeout: KeepAliveTimeout * 1000,
    headersTimeout: Math.min(HeaderTimeout, RequestTimeout) * 1000,
    // Readers of bodies count their time, too, and can inform the client; this is for bodies that nobody reads.
    requestTimeout: (RequestTimeout + 60) * 1000,
    connectionsCheckingInterval: 5000,
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
    `HTTP/1.1 ${status}\r\nKoji-Version: ${KOJI_VERSION}\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: close\r\n\r\nBad request\n`,
  );
}

class Front {
  private readonly log: Logger;
  private readonly inFlight = new Set<Promise<void>>();
  private readonly ahead = new WeakMap<Socket, number>();
  private readonly bodies: BodyRoom;
  private readonly state: StateDoors;
  private readonly requestIds = new RequestIds();
  private dropNoted = -Infinity;
  private ending = false;

  constructor(
    private readonly hub: Hub,
    private readonly served: Served,
  ) {
    this.log = hub.logger('koji.http');
    this.bodies = new BodyRoom(hub.options.RequestMemory);
    this.state = new StateDoors(hub, () => this.ending);
  }

  /** Is no longer ready, and lets every connection go with the answer to its request. */
  end(): void {
    this.ending = true;
  }

  /** Resolves when no request is in flight. */
  async idle(): Promise<void> {
    while (this.inFlight.size > 0) await Promise.all(this.inFlight);
  }

  /** Logs that there are too many connections, once a minute. */
  noteDrop(): void {
    if (performance.now() - this.dropNoted < 60_000) return;
    this.dropNoted = performance.now();
    this.log.warn(
      `a connection was refused: there are ${this.hub.options.MaxConnections} already (MaxConnections)`,
    );
  }

  async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const ahead = this.ahead.get(socket) ?? 0;
    if (ahead >= mostAhead) {
      socket.destroy();
      return;
    }
    this.ahead.set(socket, ahead + 1);
    const work = this.answer(request, response).catch((error: unknown) => {
      this.log.error(`${request.method ?? ''} ${(request.url ?? '').split('?')[0] ?? ''} failed`, error);
      if (response.headersSent) response.destroy();
      else sendPlain(response, 500, 'Internal Server Error\n');
    });
    const sent = new Promise<void>((resolve) => response.once('close', resolve));
    const done = Promise.all([work, sent]).then(() => undefined);
    this.inFlight.add(done);
    await done;
    this.ahead.set(socket, (this.ahead.get(socket) ?? 1) - 1);
    this.inFlight.delete(done);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Koji-Version', KOJI_VERSION);
    const isOver = this.ending || this.served.tls?.isCurrent(request.socket) === false;
    if (isOver) response.setHeader('Connection', 'close');
    // Proxies send the whole address.
    const [path, query] = splitOnce((request.url ?? '').replace(/^https?:\/\/[^/?]*/i, ''), '?');
    if (await this.state.answer(path, request, response)) return;
    if (path.startsWith(routePrefix)) return this.routeRequest(request, response, { path, query });
    if (path === '/kojihub' || path.startsWith('/kojihub/'))
      return this.hubRequest(request, response, { path, query });
    if (path === '/kojifiles' || path.startsWith('/kojifiles/')) {
      const { DownloadTimeout: seconds, DownloadRate: rate } = this.hub.options;
      if (seconds > 0) keepRate(response, seconds, rate);
      return serveFile(this.hub.paths, path.slice('/kojifiles'.length), request, response);
    }
    if (this.served.web && (await this.webRequest(this.served.web, path, request, response))) return;
    sendPlain(response, 404, 'Not Found\nThe hub answers at /kojihub, files are at /kojifiles.\n');
  }

  /** Answers requests for the web page; returns false for those that are for something else. */
  private async webRequest(
    web: MountedWeb,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<boolean> {
    if (path === '/' && web.path !== '/') {
      // Relative, so that a proxy's prefix stays.
      response.writeHead(302, { Location: `.${web.path}/`, 'Content-Length': 0 }).end();
      return true;
    }
    const isBelow = path === web.path || path.startsWith(web.path === '/' ? '/' : `${web.path}/`);
    if (!isBelow && path !== '/robots.txt') return false;
    await web.handle(request, response);
    return true;
  }

  private async routeRequest(
    request: IncomingMessage,
    response: ServerResponse,
    { path, query }: { readonly path: string; readonly query: string },
  ): Promise<void> {
    response.setHeader('X-Request-Id', this.requestIds.of(request));
    const limits = { times: this.bodyTimes, room: this.bodies };
    try {
      await this.served.routes.answer(path, query, { request, response, limits });
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      response.setHeader('Connection', 'close');
      sendPlain(response, error.timedOut ? 408 : 400, `Invalid request: ${error.message}\n`);
    }
  }

  private async hubRequest(
    request: IncomingMessage,
    response: ServerResponse,
    { path, query }: { readonly path: string; readonly query: string },
  ): Promise<void> {
    const isJson = path === '/kojihub/json';
    const requestId = this.requestIds.of(request);
    response.setHeader('X-Request-Id', requestId);
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST');
      const kind = isJson ? 'a JSON-RPC' : 'an XML-RPC';
      const text = `Method Not Allowed\nThis is ${kind} server. Only POST requests are accepted.\n`;
      sendPlain(response, 405, text);
      return;
    }
    const type = request.headers['content-type'] ?? '';
    if (isJson && !/^application\/json(?:;|$)/i.test(type.trim())) {
      response.setHeader('Connection', 'close');
      sendPlain(response, 415, "Unsupported Media Type\nSend the header 'Content-Type: application/json'.\n");
      return;
    }
    const coding = request.headers['content-encoding'] ?? 'identity';
    if (coding.trim().toLowerCase() !== 'identity') {
      response.setHeader('Accept-Encoding', 'identity');
      response.setHeader('Connection', 'close');
      const text = `Unsupported Media Type\nContent-Encoding '${coding}' is not supported: send the body as it is.\n`;
      sendPlain(response, 415, text);
      return;
    }
    const { options } = this.hub;
    const form = isJson ? jsonForm() : xmlForm;
    if (options.ServerOffline) {
      this.fault(response, form, new ServerOffline(options.OfflineMessage ?? 'server is offline'));
      return;
    }
    const identity = await this.identify(request, response, { form, path });
    if (!identity) return;
    const address = clientAddress(request, options);
    const caller: Caller = {
      credentials: () => readCredentials(request.headers, query, options.DisableURLSessions),
      address: await sessionAddress(address, options.CheckClientIP),
      signal: () => this.signalOf(response),
      remote: remoteOf(request, address),
      requestId,
      headers: request.headers,
      client: { address, gone: () => response.destroyed, identity },
    };
    const upload = type === 'application/octet-stream';
    try {
      if (upload) await this.upload(request, response, caller, query);
      else await this.call(request, response, { caller, form });
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      this.log.debug(`a request could not be read: ${error.message}`, error);
      response.setHeader('Connection', 'close');
      sendPlain(response, upload && error.timedOut ? 408 : 400, `Invalid request: ${error.message}\n`);
    }
  }

  /** Returns what tells who sent a request; null once it is answered, since a login has to prove more. */
  private async identify(
    request: IncomingMessage,
    response: ServerResponse,
    { form, path }: { readonly form: Form; readonly path: string },
  ): Promise<(() => Identity) | null> {
    const { options, logins } = this.hub;
    const { tls, gssapi } = this.served;
    const find = (): Identity => identityOf(request, options, tls);
    if (!gssapi || path !== loginPath) return find;
    const client = { address: clientAddress(request, options), gone: () => response.destroyed };
    try {
      const found = await negotiate(request, response, { gssapi, logins, client, identity: find() });
      return found && (() => found);
    } catch (error) {
      if (!(error instanceof GenericError)) throw error;
      this.fault(response, form, error);
      return null;
    }
  }

  /** Made for calls that wait only: most are over sooner than a signal is made. */
  private signalOf(response: ServerResponse): AbortSignal {
    const gone = new AbortController();
    if (response.destroyed) gone.abort();
    else response.once('close', () => gone.abort());
    return AbortSignal.any([gone.signal, this.served.stopping.signal]);
  }

  private async call(
    request: IncomingMessage,
    response: ServerResponse,
    { caller, form }: { readonly caller: Caller; readonly form: Form },
  ): Promise<void> {
    const { MaxRequestLength: limit } = this.hub.options;
    const body = await readBody(request, { limit, times: this.bodyTimes, room: this.bodies });
    try {
      if (body.problem !== null) this.refuse(request, response, { problem: body.problem, form });
      else if (form === xmlForm) await this.callOf(body.bytes, response, caller);
      else await this.jsonCallOf(body.bytes, response, caller);
    } finally {
      body.release();
    }
  }

  private refuse(
    request: IncomingMessage,
    response: ServerResponse,
    { problem, form }: { readonly problem: 'too long' | 'no room'; readonly form: Form },
  ): void {
    if (!request.complete) response.setHeader('Connection', 'close');
    if (problem === 'no room') {
      response.setHeader('Retry-After', retryAfter);
      sendPlain(response, 503, 'Service Unavailable\nToo many long requests at once (RequestMemory).\n');
      return;
    }
    // Clients repeat what got a 400, for ten minutes and without a word.
    this.fault(response, form, new GenericError('Request too long'));
  }

  private async callOf(body: Buffer, response: ServerResponse, caller: Caller): Promise<void> {
    if (body.length === 0) {
      sendPlain(response, 400, 'Invalid request: Empty request\n');
      return;
    }
    let call: { method: string; params: unknown[] };
    try {
      call = await decodeCallInTurns(body);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (error.kind === 'unsupported') {
        this.fault(response, xmlForm, new GenericError(error.message));
        return;
      }
      sendPlain(response, 400, `Invalid request: ${error.message}\n`);
      return;
    }
    const reply = new HttpReply(response, this.replyOptions(xmlForm));
    await this.served.dispatcher.call({ ...call, form: xmlForm }, caller, reply);
  }

  private async jsonCallOf(body: Buffer, response: ServerResponse, caller: Caller): Promise<void> {
    let call: JsonRequest;
    try {
      call = await readJsonRequest(body);
    } catch (error) {
      if (!(error instanceof JsonRpcError)) throw error;
      this.fault(response, jsonForm(), error);
      return;
    }
    const reply = new HttpReply(response, this.replyOptions(call.form));
    const done = (): void => void response.writeHead(204).end();
    await this.served.dispatcher.call(call, caller, call.isSilent ? silentReply(reply, done) : reply);
  }

  private async upload(
    request: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
    query: string,
  ): Promise<void> {
    const times = this.bodyTimes;
    const text = await this.served.dispatcher.upload(caller, async (call) => {
      if (!call.session.loggedIn) throw new ActionNotAllowed('you must be logged-in to upload a file');
      const parameters = readRawUpload(query === '' ? new Map<string, string>() : parseQuery(query));
      return receiveUpload(call, parameters, streamBody(request, times));
    });
    // Clients send their whole chunk before they read the answer.
    await readBody(request, { limit: 1, times });
    sendText(response, text, this.replyOptions(xmlForm));
  }

  private get bodyTimes(): BodyTimes {
    const { BodyTimeout, RequestTimeout } = this.hub.options;
    return { silence: BodyTimeout * 1000, total: RequestTimeout * 1000 };
  }

  private replyOptions({ contentType }: Form): ReplyOptions {
    return { timeLimit: this.hub.options.AnswerTimeout * 1000, contentType };
  }

  private fault(response: ServerResponse, form: Form, error: Error): void {
    const text = form.fault({ ...faultToWire(error), summary: error.message }, error);
    sendText(response, text, this.replyOptions(form));
  }
}

/** Disconnects a client that reads an answer too slowly, on average over a number of seconds. */
function keepRate(response: ServerResponse, seconds: number, rate: number): void {
  // Data that waits in this process was not read by the client yet.
  const taken = (): number => (response.socket?.bytesWritten ?? 0) - response.writableLength;
  let before = taken();
  const watch = setInterval(() => {
    const now = taken();
    const isSlow = now - before < Math.max(rate * seconds, 1);
    // The client is not to blame if an answer waits for the disk or for others on its connection.
    if (response.socket && response.writableLength > 0 && isSlow) response.destroy();
    before = now;
  }, seconds * 1000);
  response.once('close', () => clearInterval(watch));
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** Address and port of a client; a proxy passes only the address. */
function remoteOf({ socket }: IncomingMessage, address: string): string {
  const isOwn = (socket.remoteAddress ?? '').replace(/^::ffff:/, '') === address.replace(/^::ffff:/, '');
  return `${address}:${isOwn ? socket.remotePort : '?'}`;
}
