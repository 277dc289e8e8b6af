import { setTimeout as delay } from 'node:timers/promises';
import {
  ActionNotAllowed,
  AuthError,
  AuthExpired,
  GSSAPIAuthError,
  ParameterError,
  ServerOffline,
  faultFromWire,
  messageOf,
} from '@koji/core';
import type { Logger } from '@koji/core';
import type { Api, CallArgs, Method, MultiCallResult, SessionKey, UploadResult } from '@koji/core/api';
import { WireError, decodeResponseFrom, encodeArgs, encodeCall, splitNamed } from '@koji/core/wire';
import type { DecodeFromOptions } from '@koji/core/wire';
import { RequestError } from './errors.js';
import { NoTicket, kerberosToken, otherWays } from './kerberos.js';
import type { KerberosOptions } from './kerberos.js';
import { withMethods } from './methods.js';
import type { HubMethods, UntypedMethods } from './methods.js';
import { newMulticall } from './multicall.js';
import type { Multicall, MulticallOptions } from './multicall.js';
import { Transport } from './transport.js';
import type { Post, Reply, TransportOptions } from './transport.js';
import { readTaskOutput, streamTaskOutput } from './download.js';
import type { TaskOutputOptions } from './download.js';
import { uploadBytes, uploadFile, uploadPiece } from './upload.js';
import type { Chunk, PieceTarget, UploadOptions } from './upload.js';

/** Settings of a session. Times are in seconds, as in koji.conf. */
export interface SessionOptions extends TransportOptions {
  /** The user for `login()` without arguments. */
  user?: string;
  /** The password of `user`. */
  password?: string;
  /** Timeout of logins; 60. */
  authTimeout?: number;
  /** How often an unanswered request is repeated; 30. */
  maxRetries?: number;
  /** Pause before every retry except the first, which is immediate; 20. */
  retryInterval?: number;
  /** Wait and retry without end while the hub reports that it is offline. */
  offlineRetry?: boolean;
  /** Pause between attempts while offline; `retryInterval`. */
  offlineRetryInterval?: number;
  /** Retry also when not logged in. */
  anonRetry?: boolean;
  /** Return whole floats as plain numbers (the default), or as `Double`, so that they stay floats when sent again. */
  doubles?: 'number' | 'exact';
  /** Chunk size of uploads in bytes; 1 MiB. */
  uploadBlocksize?: number;
  /** A token to call with, instead of a login: see the hub's method `createToken`. Not for Koji's own hub. */
  token?: string;
  /** An existing login to use, such as a subsession that another process opened. */
  session?: SessionKey;
  /** Called before each pause before a retry. */
  onRetry?: (retry: Retry) => void;
  /** Log for warnings about retries. */
  log?: Logger;
}

/** A failed request that will be repeated. */
export interface Retry {
  /** The called method, or `rawUpload`. */
  readonly method: string;
  /** Why it failed: a {@link RequestError}, or the hub is offline. */
  readonly error: Error;
  /** Number of attempts so far. */
  readonly tries: number;
  /** Seconds until the next attempt. */
  readonly delay: number;
  /** Approximate time of the last attempt; null without an end, while the hub is offline. */
  readonly until: Date | null;
}

/** Options of a call. */
export interface CallOptions {
  /** Stops waiting; the hub may still have run the call. */
  readonly signal?: AbortSignal;
  /** Seconds of silence before the request fails. */
  readonly timeout?: number;
  /** If false, send it only once. */
  readonly retry?: boolean;
  /**
   * Send it at once, concurrently with other calls of this login and without a call number. Only for calls that change nothing,
   * because the hub can't detect a repeated one; meant for calls that wait.
   */
  readonly aside?: boolean;
  /**
   * Replaces each value of the answer, if that is an array, while the answer arrives. If the results are smaller than the rows,
   * a long answer needs little memory.
   */
  readonly mapRow?: (row: unknown) => unknown;
}

interface Answer {
  readonly value: unknown;
  readonly tries: number;
}

interface LoginCall {
  readonly method: 'login' | 'sslLogin';
  readonly args: readonly unknown[];
  readonly named: Readonly<Record<string, unknown>>;
  /** Returns a new proof of identity; each is valid for one request. */
  readonly prove?: () => Promise<string>;
}

/** User and password for the hub's `login`, or nothing to use those of the options. */
type LoginArgs = CallArgs<Api['login']> | [];

/**
 * A login at a hub, or anonymous use of it.
 *
 * States: anonymous → logged in (`login`, or `options.session`) → anonymous (`logout`). Calls of a logged-in session are sent
 * one after the other, in the order of the calls, because their numbers must reach the hub in order; anonymous ones are sent at
 * once. An expired login is renewed, and the call repeated.
 */
export class SessionBase {
  /** The hub's address. */
  readonly url: string;
  private readonly options: SessionOptions;
  private transport: Transport;
  /** The one before a server wanted TLS 1.2. */
  private earlier: Transport | null = null;
  private readonly path: string;
  private key: SessionKey | null;
  private token: string | null;
  private callNumber = 0;
  private isExclusive = false;
  private version: string | null = null;
  /** The call that logged in, for renewing the login; null if this session does not know one. */
  private loginCall: LoginCall | null = null;
  private renewal: Promise<void> | null = null;
  private lastTurn: Promise<unknown> = Promise.resolve();

  /** Does not call the hub yet; an invalid URL throws a TypeError. */
  constructor(url: string, options: SessionOptions = {}) {
    const parsed = new URL(url);
    this.url = url;
    this.options = options;
    this.transport = new Transport(parsed, options);
    this.path = `${parsed.pathname}${parsed.search}`;
    this.key = options.session ?? null;
    this.token = options.token ?? null;
    const { user, password } = options;
    if (user !== undefined && password !== undefined)
      this.loginCall = { method: 'login', args: [user, password], named: {} };
    return withMethods(this, (method, args, named) => this.call(method, args, named));
  }

  /** Whether this session has a token, is logged in or uses an existing login. */
  get loggedIn(): boolean {
    return this.key !== null || this.token !== null;
  }

  /** The login's id and key, for use by another process; null if anonymous. */
  get sessionKey(): SessionKey | null {
    return this.key;
  }

  /** Methods by any name, for those without types. */
  get untyped(): UntypedMethods {
    return withMethods({}, (method, args, named) => this.call(method, args, named));
  }

  /** Calls a method by name, with separate named arguments. Throws its fault, or RequestError if there was no answer. */
  async call<T = unknown>(
    method: string,
    args: readonly unknown[] = [],
    named: Readonly<Record<string, unknown>> = {},
    options: CallOptions = {},
  ): Promise<T> {
    const body = encodeCall(method, encodeArgs(args, named));
    const { value } = await this.request(method, () => this.preparePost(body, options), options);
    return value as T;
  }

  /** Starts a multicall: `const m = session.multicall(); const tag = m.getTag('f44'); await m.run(); (await tag)?.id`. */
  multicall(options: MulticallOptions = {}): Multicall {
    return newMulticall((entries) => this.call<MultiCallResult[]>('multiCall', [entries]), options);
  }

  /** Logs in with a user name and password, by default those of the options. */
  async login(...args: LoginArgs): Promise<SessionKey | null> {
    const split = splitNamed(args);
    const { user, password } = this.options;
    if (split.args.length === 0 && Object.keys(split.keywords).length === 0) {
      if (user === undefined || password === undefined)
        throw new AuthError(
          'no user name and password to log in with: give login(user, password) or set both options',
        );
      split.args = [user, password];
    }
    return this.logIn({ method: 'login', args: split.args, named: split.keywords });
  }

  /** Logs in with the TLS certificate of the options; `runas` is the user to act for, if the hub allows it. */
  async loginWithCertificate(runas?: string): Promise<SessionKey | null> {
    if (!this.options.cert) throw new AuthError('No client cert provided');
    if (!this.url.startsWith('https:'))
      throw new AuthError(`a certificate needs an https URL, not ${this.url}`);
    const loginCall: LoginCall = { method: 'sslLogin', args: [], named: { proxyuser: runas ?? null } };
    try {
      return await this.logIn(loginCall);
    } catch (error) {
      if (!(error instanceof RequestError) || error.status !== 403 || this.earlier) throw error;
      // Apache asks for a certificate at this path alone, for which TLS 1.3 has a way that Node.js lacks.
      this.earlier = this.transport;
      this.transport = new Transport(new URL(this.url), { ...this.options, tls12: true });
      return this.logIn(loginCall);
    }
  }

  /**
   * Opens a subsession of an existing login, such as one stored in a file, and uses it. Processes can share the login in this
   * way, because each has its own call numbers; `logout` then ends only the subsession.
   */
  async loginWithSession(master: SessionKey): Promise<SessionKey> {
    this.key = master;
    try {
      this.key = await this.call<SessionKey>('subsession', [], {}, { aside: true });
    } catch (error) {
      this.forget();
      throw error;
    }
    this.callNumber = 0;
    return this.key;
  }

  /**
   * Calls with a token from now on, instead of a login. Such calls need no turns and have no numbers, so that a hub can't tell a
   * repeated one: a call that changes something and brought no answer is not sent again.
   *
   * @throws AuthError, AuthExpired for a token that the hub refuses
   */
  async loginWithToken(token: string): Promise<void> {
    this.forget();
    this.token = token;
    try {
      await this.call('getAPIVersion');
    } catch (error) {
      this.token = null;
      throw error;
    }
  }

  /**
   * Logs in with a Kerberos ticket from the user's cache, or with one obtained with the keytab. Needs the npm package
   * `kerberos` (optional).
   *
   * @throws GSSAPIAuthError if there is no ticket, or the hub refuses it
   */
  async loginWithKerberos({ runas, ...options }: KerberosOptions = {}): Promise<SessionKey | null> {
    const { protocol, hostname } = new URL(this.url);
    if (protocol !== 'https:')
      throw new GSSAPIAuthError(`Kerberos needs an https URL, not ${this.url}: ${otherWays}`);
    const named = { proxyuser: runas ?? null };
    const prove = async (): Promise<string> => `Negotiate ${await kerberosToken(hostname, options)}`;
    try {
      return await this.logIn({ method: 'sslLogin', args: [], named, prove });
    } catch (cause) {
      if (!(cause instanceof RequestError && cause.status === 401) && !(cause instanceof NoTicket))
        throw cause;
      const text = `unable to obtain a session (gssapi auth failed: ${messageOf(cause)}): ${otherWays}`;
      throw new GSSAPIAuthError(text, { cause });
    }
  }

  /** Ends this login, or another one by its id. Does nothing if not logged in. */
  async logout(sessionId?: number | null): Promise<null> {
    const own = this.key?.['session-id'];
    if (own === undefined) return null;
    const other = sessionId ?? null;
    try {
      await this.sendLogout(other === null ? [] : [other]);
    } catch (error) {
      // An exclusive session that was forced out has already expired.
      if (!(error instanceof AuthExpired)) throw error;
    }
    if (other === null || other === own) this.forget();
    return null;
  }

  /** Forgets the login without ending it, for when another process continues with it. */
  forget(): void {
    this.key = null;
    this.token = null;
    this.callNumber = 0;
    this.isExclusive = false;
  }

  /** Opens a session of the same user that ends with this one; it has its own calls and connections. */
  async subsession(): Promise<ClientSession> {
    const session = await this.call<SessionKey>('subsession');
    const opened = new ClientSession(this.url, { ...this.options, session });
    (opened as unknown as SessionBase).loginCall = this.loginCall;
    return opened;
  }

  /** Makes this session the only one of its user; with `force`, another exclusive session is closed. */
  async exclusiveSession(...args: CallArgs<Api['exclusiveSession']>): Promise<null> {
    const split = splitNamed(args);
    await this.call('exclusiveSession', split.args, split.keywords);
    this.isExclusive = true;
    return null;
  }

  /** Returns the version of Koji whose API the hub implements. */
  async hubVersion(): Promise<string> {
    if (this.version !== null) return this.version;
    try {
      this.version = await this.call<string>('getKojiVersion');
    } catch (error) {
      // The call was added in 1.23, so this is a safe assumption for older hubs.
      if (!messageOf(error).includes('Invalid method')) throw error;
      this.version = '1.22.0';
    }
    return this.version;
  }

  /** Uploads a local file to a directory of the hub's upload area, in verified chunks. */
  upload(file: string, directory: string, options: UploadOptions = {}): Promise<void> {
    return uploadFile(this.uploader(options), { file, directory, ...this.uploadDefaults(options) });
  }

  /** Uploads bytes as a file. */
  uploadBytes(
    bytes: Uint8Array,
    directory: string,
    options: UploadOptions & { name: string },
  ): Promise<void> {
    return uploadBytes(this.uploader(options), bytes, {
      directory,
      ...this.uploadDefaults(options),
      name: options.name,
    });
  }

  /** Uploads and verifies a piece of a file that may still be growing, such as a log. */
  uploadPiece(piece: Uint8Array, directory: string, target: PieceTarget): Promise<void> {
    return uploadPiece(this.uploader({}), piece, { directory, ...target });
  }

  /** Uploads one chunk of a file with the hub's raw upload protocol. */
  async uploadChunk(
    chunk: Chunk,
    options: CallOptions = {},
  ): Promise<UploadResult & { readonly tries: number }> {
    if (!this.loggedIn) throw new ActionNotAllowed('You must be logged in to upload files');
    const { value, tries } = await this.request(
      'rawUpload',
      () => this.prepareChunk(chunk, options),
      options,
    );
    return { ...(value as UploadResult), tries };
  }

  /** Returns a task's output file, or a part of it, in memory. */
  readTaskOutput(taskId: number, name: string, options: TaskOutputOptions = {}): Promise<Buffer> {
    return readTaskOutput(this, { taskId, name, ...options });
  }

  /** Returns a task's output file in blocks, as they arrive, with one block in memory at a time. */
  streamTaskOutput(
    taskId: number,
    name: string,
    options: TaskOutputOptions = {},
  ): AsyncGenerator<Buffer, void, void> {
    return streamTaskOutput(this, { taskId, name, ...options });
  }

  /**
   * Reads the files of `cert` and `serverCa` again; connections that are made from now on use them.
   *
   * @throws Error naming a file that can't be read; the session then keeps the old ones
   */
  reloadCertificates(): void {
    this.transport.reloadCertificates();
  }

  /** Closes the connections; running calls fail. The login stays open: see `logout`. */
  close(): Promise<void> {
    void this.earlier?.close();
    return this.transport.close();
  }

  private uploader(options: UploadOptions) {
    const call: CallOptions = options.signal ? { signal: options.signal } : {};
    return {
      chunk: (chunk: Chunk) => this.uploadChunk(chunk, call),
      call: <T>(method: string, args: readonly unknown[], named: Record<string, unknown>) =>
        this.call<T>(method, args, named, call),
    };
  }

  private uploadDefaults(options: UploadOptions): UploadOptions {
    const { uploadBlocksize } = this.options;
    return { ...(uploadBlocksize ? { blocksize: uploadBlocksize } : {}), ...options };
  }

  private async logIn(loginCall: LoginCall): Promise<SessionKey | null> {
    this.token = null;
    const session = await this.sendLogin(loginCall, {});
    this.loginCall = loginCall;
    if (session) {
      this.key = session;
      this.callNumber = 0;
    }
    return session;
  }

  private async sendLogin(loginCall: LoginCall, more: Record<string, unknown>): Promise<SessionKey | null> {
    const { method, args, named, prove } = loginCall;
    const options = { timeout: this.options.authTimeout ?? 60 };
    const body = encodeCall(method, encodeArgs(args, { ...named, ...more }));
    const suffix = method === 'sslLogin' ? '/ssllogin' : '';
    const post = this.preparePost(body, options, suffix);
    const proven = async (): Promise<Post> =>
      prove ? { ...post, headers: { ...post.headers, Authorization: await prove() } } : post;
    const { value } = await this.send(method, proven, options);
    return value as SessionKey | null;
  }

  private async sendLogout(args: readonly unknown[]): Promise<void> {
    const once = (params: readonly unknown[]): Promise<Answer> =>
      this.inTurn(() =>
        this.send('logout', this.preparePost(encodeCall('logout', params), {}), { retry: false }),
      );
    try {
      await once(args);
    } catch (error) {
      // Hubs before 1.31 take no argument.
      if (!(error instanceof ParameterError) || args.length === 0) throw error;
      await once([]);
    }
  }

  /** Sends a request when its turn has come, and again after renewing an expired login. */
  private request(label: string, prepare: () => Post, options: CallOptions): Promise<Answer> {
    const attempt = async (): Promise<Answer> => {
      const before = this.key;
      try {
        return await this.send(label, prepare(), options);
      } catch (error) {
        if (!(error instanceof AuthExpired) || !before || !this.loginCall) throw error;
        if (this.key === before) await this.renew();
        if (this.key === before) throw error;
        return this.send(label, prepare(), options);
      }
    };
    return this.key && !options.aside ? this.inTurn(attempt, options.signal) : attempt();
  }

  private renew(): Promise<void> {
    const login = async (): Promise<void> => {
      if (!this.loginCall) return;
      const session = await this.sendLogin(this.loginCall, { renew: true, exclusive: this.isExclusive });
      // The number is not reset: a hub may have stored the last one, and a higher one is always valid.
      if (session) this.key = session;
    };
    this.renewal ??= login().finally(() => (this.renewal = null));
    return this.renewal;
  }

  private inTurn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const previous = this.lastTurn;
    const turn = (async () => {
      await unlessAborted(previous, signal);
      return work();
    })();
    this.lastTurn = Promise.allSettled([previous, turn]);
    return turn;
  }

  private sessionHeaders(options: CallOptions): Record<string, string> {
    const login = this.key;
    if (!login && this.token !== null) return { Authorization: `Bearer ${this.token}` };
    if (!login || !takesHeaders(login)) return {};
    return {
      'Koji-Session-Id': String(login['session-id']),
      'Koji-Session-Key': login['session-key'],
      ...(options.aside ? {} : { 'Koji-Session-Callnum': String(this.callNumber++) }),
    };
  }

  /** Session parameters of a URL, for hubs that do not accept them as headers. */
  private sessionQuery(options: CallOptions): Record<string, string> {
    const login = this.key;
    if (!login || takesHeaders(login)) return {};
    return {
      'session-id': String(login['session-id']),
      'session-key': login['session-key'],
      ...(options.aside ? {} : { callnum: String(this.callNumber++) }),
    };
  }

  private preparePost(body: string, options: CallOptions, suffix = ''): Post {
    return {
      path: withQuery(this.path + suffix, this.sessionQuery(options)),
      headers: { 'User-Agent': 'koji/1', 'Content-Type': 'text/xml', ...this.sessionHeaders(options) },
      body,
      timeout: options.timeout,
      signal: options.signal,
    };
  }

  private prepareChunk(chunk: Chunk, options: CallOptions): Post {
    const query = {
      filename: chunk.name,
      filepath: chunk.directory,
      fileverify: chunk.verify ?? 'adler32',
      offset: String(chunk.offset),
      ...(chunk.overwrite ? { overwrite: '1' } : {}),
      ...(chunk.volume ? { volume: chunk.volume } : {}),
      ...this.sessionQuery(options),
    };
    return {
      path: withQuery(this.path, query),
      headers: {
        'User-Agent': 'koji/1',
        'Content-Type': 'application/octet-stream',
        ...this.sessionHeaders(options),
      },
      body: chunk.data,
      timeout: options.timeout,
      signal: options.signal,
    };
  }

  /** Sends a request until there is an answer, or repeating it is useless. */
  private async send(
    label: string,
    post: Post | (() => Promise<Post>),
    options: CallOptions,
  ): Promise<Answer> {
    const {
      maxRetries = 30,
      retryInterval = 20,
      offlineRetry,
      offlineRetryInterval = retryInterval,
    } = this.options;
    const pause = (seconds: number): Promise<unknown> =>
      delay(seconds * 1000, undefined, options.signal ? { signal: options.signal } : {});
    for (let tries = 1, all = 1; ; tries++, all++) {
      try {
        return { value: await this.sendOnce(label, post, options), tries: all };
      } catch (error) {
        const offline = error instanceof ServerOffline && offlineRetry === true;
        if (!offline && (tries > maxRetries || !(await this.mayRetry(label, error, options)))) throw error;
        const asked = error instanceof RequestError ? error.retryAfter : null;
        // The first retry is immediate.
        const delay = offline ? offlineRetryInterval : (asked ?? (tries > 1 ? retryInterval : 0));
        const rest = (maxRetries - tries) * retryInterval;
        const until = offline ? null : new Date(Date.now() + (delay + rest) * 1000);
        this.tellRetry({ method: label, error: error as Error, tries: all, delay, until });
        if (offline) tries = 0;
        if (delay > 0) await pause(delay);
      }
    }
  }

  private tellRetry(retry: Retry): void {
    this.options.log?.warn(retryText(retry));
    this.options.onRetry?.(retry);
  }

  private async mayRetry(label: string, error: unknown, options: CallOptions): Promise<boolean> {
    if (options.retry === false || options.signal?.aborted) return false;
    if (!(error instanceof RequestError) || error.final) return false;
    if (!this.loggedIn) return this.options.anonRetry === true;
    return error.unsent || this.isRepeatable(label);
  }

  /** Whether a call may arrive twice: by its number with a session, or since it changes nothing. */
  private async isRepeatable(label: string): Promise<boolean> {
    if (this.key !== null || this.token === null || label === 'rawUpload') return true;
    const { api } = await import('@koji/core/api');
    const declared = (api as Readonly<Record<string, Method>>)[label];
    if (!declared) return false;
    const { access, readsOnly } = declared;
    return access === 'none' ? readsOnly === true : access !== 'write';
  }

  private async sendOnce(
    label: string,
    post: Post | (() => Promise<Post>),
    { mapRow }: CallOptions,
  ): Promise<unknown> {
    const { doubles = 'number' } = this.options;
    let wrong: { readonly error: unknown } | null = null;
    const guarded = (row: unknown): unknown => {
      try {
        return mapRow?.(row);
      } catch (error) {
        wrong = { error };
        throw error;
      }
    };
    const options = { doubles, mapRow: mapRow ? guarded : undefined };
    const reply = await this.postTwice(label, post, (bytes) => decodeAnswer(bytes, options)).catch(
      (error: unknown) => {
        // It is not a failure of the hub, so nothing is repeated.
        throw wrong ? wrong.error : error;
      },
    );
    this.version = reply.header('koji-version') ?? this.version;
    const answer = reply.body;
    if ('fault' in answer) throw faultFromWire(answer.fault.faultCode, answer.fault.faultString);
    return answer.value;
  }

  // The server may close a kept-alive connection just as a request is sent on it, so try once more at once.
  private async postTwice<T>(
    label: string,
    post: Post | (() => Promise<Post>),
    read: (bytes: AsyncIterable<Buffer>) => Promise<T>,
  ): Promise<Reply<T>> {
    const next = async (): Promise<Post> => (typeof post === 'function' ? post() : post);
    try {
      return await this.transport.post(await next(), read);
    } catch (error) {
      if (!(error instanceof RequestError) || !error.dropped) throw error;
      if (!(await this.isRepeatable(label))) throw error;
      return this.transport.post(await next(), read);
    }
  }
}

/** Returns a line about a retry: what failed, why, and what happens next. */
export function retryText({ method, error, tries, delay, until }: Retry): string {
  const next = delay > 0 ? `in ${Math.ceil(delay)} s` : 'now';
  const end = until === null ? 'until the hub is back' : `until ${until.toTimeString().slice(0, 8)}`;
  return `try ${tries} of ${method} failed: ${error.message}; retrying ${next}, ${end}`;
}

/** A session with the hub's methods: `session.getTag('f44')`, `session.host.getHost()`. */
export type ClientSession = SessionBase & HubMethods;

/**
 * Creates a session; nothing is sent before the first call.
 *
 * @example const session = new ClientSession('https://hub.example/kojihub'); await session.login('alice', 'secret'); const tag
 *   = await session.getTag('f44');
 */
export const ClientSession = SessionBase as unknown as new (
  url: string,
  options?: SessionOptions,
) => ClientSession;

async function decodeAnswer(
  bytes: AsyncIterable<Buffer>,
  options: DecodeFromOptions,
): ReturnType<typeof decodeResponseFrom> {
  try {
    return await decodeResponseFrom(bytes, options);
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    throw new RequestError(`the answer is no XML-RPC: ${messageOf(cause)}`, { code: 'BAD_ANSWER', cause });
  }
}

// Very old hubs read the session only from the URL, and don't send this field.
function takesHeaders(login: Partial<SessionKey>): boolean {
  return login['header-auth'] === true;
}

function withQuery(path: string, query: Record<string, string>): string {
  if (Object.keys(query).length === 0) return path;
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(query).toString()}`;
}

async function unlessAborted(work: Promise<unknown>, signal?: AbortSignal): Promise<void> {
  if (!signal) {
    await work;
    return;
  }
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    void work.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}
