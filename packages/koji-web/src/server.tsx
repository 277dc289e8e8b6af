/** Requests of browsers: addresses, verbs, headers, statuses and forms of the answers. What a page shows is its own business. */
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { etag } from 'hono/etag';
import { secureHeaders } from 'hono/secure-headers';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GenericError, ServerOffline } from '@koji/core';
import { WaitingReasons } from '@koji/core/text';
import type { Logger } from '@koji/core';
import { answerAction } from './actions/answer.js';
import { isAction } from './actions/routes.js';
import type { LoadedPlugin, PluginWebPage } from '@koji/plugin-sdk/host';
import { findAsset, version } from './assets.js';
import type { Calls } from './calls.js';
import { PageError } from './errors.js';
import { Layout } from './layout.js';
import type { Viewer } from './layout.js';
import { PageLimits } from './limits.js';
import { Live } from './live.js';
import { largestForm } from './login/forms.js';
import type { FormContext, FormStatus } from './login/forms.js';
import { Guests } from './login/guests.js';
import type { Guest, WebEnv } from './login/guests.js';
import type { Login, LoginOptions } from './login/logins.js';
import { answerLogin, answerLogout } from './login/pages.js';
import { loginAddress } from './login/paths.js';
import { LineMarks } from './logs/line-marks.js';
import { Raw } from './page.js';
import type { AnyPage, RawAnswer, View } from './page.js';
import type { Site } from './site.js';
import { timeText } from './parts/values.js';
import { pages } from './pages/index.js';
import { readParams } from './params.js';
import { Plugins } from './plugins/run.js';
import { PluginPage, PluginPanels } from './plugins/shown.js';
import { findRoute, link, routes } from './routes.js';
import type { Route, RouteName } from './routes.js';

/** How a web page reads from its hub. */
export interface WebOptions {
  readonly site: Site;
  /** Runs work with the methods of the hub, all of it on one snapshot where that is possible. */
  readonly read: <T>(work: (calls: Calls) => Promise<T>) => Promise<T>;
  /** How visitors log in; null where nobody can. */
  readonly login: LoginOptions | null;
  /** The path below which it answers, such as `/koji`. */
  readonly path: string;
  /** Plugins that add pages and panels. */
  readonly plugins?: readonly LoadedPlugin[];
  /** Returns the address of who asks, which limits count by. */
  readonly address: (request: IncomingMessage) => string;
  /** Heavy pages that an address may ask for in a minute; 0 means no limit. */
  readonly heavyPages: number;
  readonly log: Logger;
  /** Aborted when the server stops, so that answers that go on end. */
  readonly stopping: AbortSignal;
}

/** What a web page keeps between requests, all of it bounded. */
interface State {
  readonly guests: Guests | null;
  readonly limits: PageLimits;
  readonly lineMarks: LineMarks;
  readonly plugins: Plugins;
  readonly waiting: WaitingReasons;
}

/** A web page that answers requests. */
export interface Web {
  /** Answers a request for the path, anything below it, or `/robots.txt`. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** Makes Koji's web page. */
export function createWeb(given: WebOptions): Web {
  const path = given.path.replace(/\/+$/, '');
  const plugins = new Plugins(given.plugins ?? [], given);
  const options = { ...given, path, site: { ...given.site, menu: plugins.menu } };
  const { login, address } = options;
  const guests = login && new Guests({ login, address, path: path === '' ? '/' : path });
  const state = {
    guests,
    limits: new PageLimits(options.heavyPages),
    lineMarks: new LineMarks(),
    plugins,
    waiting: new WaitingReasons((seconds) => `${timeText(seconds, true)} UTC`),
  };
  const app = new Hono<WebEnv>();
  app.use(async (c, next) => {
    await next();
    const policy = c.get('policy');
    if (policy !== undefined) c.res.headers.set('Content-Security-Policy', policy);
  });
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        scriptSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
      xFrameOptions: 'DENY',
      referrerPolicy: 'same-origin',
      crossOriginResourcePolicy: 'same-origin',
      // The hub may be reached without TLS; who ends TLS before it decides.
      strictTransportSecurity: false,
    }),
  );
  app.use(compress());
  const conditional = etag({ weak: true });
  app.use((c, next) => (isStreamed(readAsked(c, path).name) ? next() : conditional(c, next)));
  app.get('/robots.txt', (c) => c.text(robots(path)));
  if (path !== '') app.get(path, (c) => c.redirect(`${path}/`));
  app.get(`${path}/assets/:version/:name`, (c) => sendAsset(c));
  const live = new Live({ read: options.read, log: options.log, stopping: options.stopping });
  app.get(`${path}/events`, (c) => sendEvents(c, live, options));
  app.get(`${path}/*`, (c) => answer(c, options, state));
  const tooLarge = (c: Context): Response => c.text('Payload Too Large\n', 413);
  app.post(`${path}/:name`, bodyLimit({ maxSize: largestForm, onError: tooLarge }), async (c, next) => {
    if (guests === null || !isForm(c.req.param('name'))) return next();
    return answer(c, options, state);
  });
  app.all(`${path}/*`, (c) => {
    c.header('Allow', 'GET, HEAD');
    return c.text('Method Not Allowed\n', 405);
  });
  app.onError((error, c) => {
    options.log.error(`${c.req.path} failed`, error);
    return c.text('Internal Server Error\n', 500);
  });
  const listener = getRequestListener((request, env) => app.fetch(request, env), {
    overrideGlobalObjects: false,
  });
  return { handle: async (request, response) => listener(request, response) };
}

/** Returns whether a page takes forms. */
function isForm(name: string): boolean {
  return name === 'login' || name === 'logout' || isAction(name);
}

/** Answers that are sent while they are made, so that nothing can be computed of the whole. */
function isStreamed(name: string): boolean {
  return name === 'getfile' || name === 'events';
}

/** Tells crawlers to leave alone what is large, sorted or filtered. */
function robots(path: string): string {
  const below = [
    '*order=',
    '*Order=',
    '*start=',
    '*Start=',
    '*prefix=',
    'getfile',
    'viewlog',
    'search',
    'compare',
    'login',
  ];
  const heavy = Object.entries(routes).flatMap(([name, { heavy: is }]: [string, Route]) =>
    is === true ? [name] : [],
  );
  const lines = [...new Set([...below, ...heavy])].map((one) => `Disallow: ${path}/${one}`);
  return `User-agent: *\nDisallow: /kojihub\n${lines.join('\n')}\nCrawl-delay: 5\n`;
}

function sendEvents(c: Context<WebEnv>, live: Live, { address }: WebOptions): Response {
  const events = live.open(c.req.query('of') ?? '', address(c.env.incoming));
  if (events === 400) return c.text('There are no news of this.\n', 400);
  if (events === 503) {
    c.header('Retry-After', '60');
    return c.text('There are too many connections. Reload the page for news.\n', 503);
  }
  return c.body(events, 200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  });
}

function sendAsset(c: Context<WebEnv>): Response {
  const asset = findAsset(c.req.param('name') ?? '');
  if (!asset) return c.text('Not Found\n', 404);
  const isCurrent = c.req.param('version') === version();
  return c.body(asset.text, 200, {
    'Content-Type': asset.type,
    'Cache-Control': isCurrent ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
}

/** What a request asks for. */
interface Asked {
  readonly name: string;
  readonly wantsJson: boolean;
  /** Folders between the page's address and the base. */
  readonly depth: number;
}

function readAsked(c: Context<WebEnv>, path: string): Asked {
  const [first = '', ...rest] = c.req.path.slice(path.length + 1).split('/');
  const isJson = first.endsWith('.json');
  const name = (isJson ? first.slice(0, -'.json'.length) : first) || 'index';
  const accepts = c.req.header('Accept') ?? '';
  const wantsJson = isJson || (accepts.includes('application/json') && !accepts.includes('text/html'));
  return { name, wantsJson, depth: rest.length };
}

async function answer(c: Context<WebEnv>, options: WebOptions, state: State): Promise<Response> {
  const { site, read, log } = options;
  const { guests } = state;
  const asked = readAsked(c, options.path);
  const { name } = asked;
  const { search } = new URL(c.req.url);
  // Links in a page are relative, so it must be where they start.
  if (asked.depth > 0 && (isKnown(name) || state.plugins.findPage(name)))
    return c.redirect(`${'../'.repeat(asked.depth)}${name}${search}`);
  const now = Date.now() / 1000;
  const assets = `${'../'.repeat(asked.depth)}assets/${version()}`;
  let guest: Guest | null = null;
  const viewer = (): Viewer | null =>
    guests && {
      login: guest?.login ?? null,
      token: guest?.token ?? null,
      loginAddress: loginAddress(isForm(name) ? link('index') : `${name}${search}`),
    };
  const fail = (status: Failure['status'], message: string): Response =>
    sendError(c, asked, { status, message, site, assets, now, viewer: viewer() });
  const failBy = (error: unknown): Response => {
    if (error instanceof PageError) return fail(error.status, error.message);
    if (error instanceof ServerOffline) return fail(503, `The hub is offline: ${error.message}`);
    // What the hub refuses to answer is about the parameters: pages ask for nothing that isn't there.
    if (error instanceof GenericError) return fail(400, error.message);
    log.error(`page ${name} failed`, error);
    return fail(500, 'This page could not be made. The log of the hub has the reason.');
  };
  try {
    guest = guests && (await guests.find(c));
    if (guests && guest && isForm(name)) {
      c.header('Cache-Control', 'no-store');
      const send: FormContext['send'] = (page, status = 200) =>
        sendPage(c, { ...page, site, assets, now, viewer: viewer() }, status);
      return await answerForm({ c, guests, guest, read, send, fail: failBy }, name);
    }
    const reading = { options, state, asked, login: guest?.login ?? null, viewer: viewer(), now, assets };
    return await answerPage(c, reading);
  } catch (error) {
    return failBy(error);
  }
}

/** Returns whether there is a page of a name. */
function isKnown(name: string): boolean {
  return findRoute(name) !== undefined || isForm(name);
}

function answerForm(context: FormContext, name: string): Promise<Response> {
  if (name === 'login') return answerLogin(context);
  return isAction(name) ? answerAction(context, name) : answerLogout(context);
}

/** A request for a page that reads. */
interface Reading {
  readonly options: WebOptions;
  readonly state: State;
  readonly asked: Asked;
  readonly login: Login | null;
  readonly viewer: Viewer | null;
  readonly now: number;
  readonly assets: string;
}

async function answerPage(c: Context<WebEnv>, reading: Reading): Promise<Response> {
  const { options, asked, login, viewer, now, assets } = reading;
  const { site, read } = options;
  const route = findRoute(asked.name);
  const page = pages[asked.name as RouteName] as AnyPage | undefined;
  const added = route ? undefined : reading.state.plugins.findPage(asked.name);
  if (added) return sendPluginPage(c, added, reading);
  if (!route || !page) throw new PageError(404, `There is no page '${asked.name.slice(0, 100)}'.`);
  const query = new URL(c.req.url).searchParams;
  const name = asked.name as RouteName;
  const { limits, lineMarks, waiting, plugins } = reading.state;
  const wait = isHeavy(route, query) ? limits.take(options.address(c.env.incoming)) : 0;
  if (wait > 0) {
    c.header('Retry-After', String(wait));
    throw new PageError(
      429,
      `Your address asks for many pages that cost the hub much: at most ${options.heavyPages} a minute. Try again in ${wait} s.`,
    );
  }
  if (route.needsLogin === true && login === null) {
    if (viewer) return c.redirect(viewer.loginAddress, 303);
    throw new PageError(404, 'Nobody can log in here (LoginDisabled).');
  }
  const params = readParams(name, route.params, query) as never;
  const range = c.req.header('Range');
  const data = await read((calls) =>
    page.load({ calls, params, site, login, now, lineMarks, waiting, range }),
  );
  if (data instanceof Raw) return sendRaw(c, data.answer, read);
  c.header('Cache-Control', login ? 'no-store' : 'private, no-cache');
  c.header('Vary', 'Accept, Cookie');
  if (asked.wantsJson) return sendJson(c, data);
  const view: View = { page: name, params, site, now, assets };
  const isPlain = [...query.keys()].every((key) => route.params[key]?.required ?? false);
  return sendPage(c, {
    site,
    title: page.title(data, params),
    menu: route.menu,
    assets,
    now,
    viewer,
    actions: login && page.actions ? page.actions(data, login) : [],
    scripts: page.scripts ?? [],
    indexed: route.indexed === true && isPlain,
    json: jsonAddress(name, query),
    live: page.live?.(data) ?? null,
    terms: name === 'search' ? (query.get('terms') ?? '') : '',
    children: (
      <>
        {page.show(data, view)}
        <PluginPanels panels={await plugins.panels(name, data, query)} />
      </>
    ),
  });
}

async function sendPluginPage(c: Context<WebEnv>, page: PluginWebPage, reading: Reading): Promise<Response> {
  const { options, state, asked, viewer, login, now, assets } = reading;
  const shown = await state.plugins.page(page, new URL(c.req.url).searchParams);
  c.header('Cache-Control', login ? 'no-store' : 'private, no-cache');
  c.header('Vary', 'Accept, Cookie');
  if (asked.wantsJson) return sendJson(c, shown);
  const children = <PluginPage shown={shown} />;
  return sendPage(c, { site: options.site, title: page.title, menu: null, assets, now, viewer, children });
}

function isHeavy({ heavy }: Route, query: URLSearchParams): boolean {
  return heavy === true || (heavy !== undefined && query.has(heavy));
}

function jsonAddress(name: RouteName, query: URLSearchParams): string {
  const text = query.toString();
  return `${name}.json${text === '' ? '' : `?${text}`}`;
}

type LayoutProps = Parameters<typeof Layout>[0];

function sendPage(c: Context<WebEnv>, props: LayoutProps, status: FormStatus = 200): Response {
  const html = (<Layout {...props} />) as { toString(): string };
  return c.html(`<!DOCTYPE html>${html.toString()}`, status);
}

function sendJson(c: Context<WebEnv>, data: unknown): Response {
  const text = JSON.stringify(data, (_, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
  return c.body(`${text}\n`, 200, { 'Content-Type': 'application/json; charset=utf-8' });
}

async function sendRaw(c: Context<WebEnv>, answer: RawAnswer, read: WebOptions['read']): Promise<Response> {
  const { status = 200, headers, body, stream } = answer;
  c.set('policy', headers['Content-Security-Policy']);
  if (stream) return c.body(await stream(read), status, { ...headers });
  return c.body(body as string, status, { ...headers });
}

interface Failure {
  readonly status: Exclude<FormStatus, 200>;
  readonly message: string;
  readonly site: Site;
  readonly assets: string;
  readonly now: number;
  readonly viewer: Viewer | null;
}

const headings = {
  400: 'This address is not right',
  403: 'Not allowed',
  404: 'Not found',
  415: 'This is not a form',
  429: 'Too many requests',
  500: 'Something went wrong',
  503: 'Not available just now',
};

function sendError(c: Context<WebEnv>, asked: Asked, failure: Failure): Response {
  const { status, message, site, assets, now, viewer } = failure;
  if (asked.wantsJson) return c.json({ error: message, status }, status);
  if (asked.depth > 0) return c.text(`${headings[status]}: ${message}\n`, status);
  const title = headings[status];
  const children = (
    <div class="failure">
      <p class="status">{status}</p>
      <h1>{title}</h1>
      {message.split('\n').map((line) => (
        <p>
          <bdi>{line}</bdi>
        </p>
      ))}
      <p>
        Try the <a href={link('search')}>search</a>, or start at the <a href={link('index')}>overview</a>.
      </p>
    </div>
  );
  return sendPage(c, { site, title, menu: null, assets, now, viewer, children }, status);
}
