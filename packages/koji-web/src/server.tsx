/** Requests of browsers: addresses, verbs, headers, statuses and forms of the answers. What a page shows is its own business. */
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GenericError, ServerOffline } from '@koji/core';
import type { Logger } from '@koji/core';
import { findAsset, version } from './assets.js';
import type { Calls } from './calls.js';
import { PageError } from './errors.js';
import { Layout } from './layout.js';
import { Raw } from './page.js';
import type { AnyPage, RawAnswer, View } from './page.js';
import type { Site } from './site.js';
import { pages } from './pages/index.js';
import { readParams } from './params.js';
import { findRoute, link } from './routes.js';
import type { RouteName } from './routes.js';

interface Env {
  Variables: {
    /** The Content Security Policy of an answer that is not a page of ours. */
    policy: string | undefined;
  };
}

/** How a web page reads from its hub. */
export interface WebOptions {
  readonly site: Site;
  /** Runs work with the methods of the hub, all of it on one snapshot where that is possible. */
  readonly read: <T>(work: (calls: Calls) => Promise<T>) => Promise<T>;
  /** The path below which it answers, such as `/koji`. */
  readonly path: string;
  readonly log: Logger;
}

/** A web page that answers requests. */
export interface Web {
  /** Answers a request for the path or anything below it. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** Makes Koji's web page. */
export function createWeb(options: WebOptions): Web {
  const { path } = options;
  const app = new Hono<Env>();
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
  app.get(path, (c) => c.redirect(`${path}/`));
  app.get(`${path}/assets/:version/:name`, (c) => sendAsset(c));
  app.get(`${path}/robots.txt`, (c) => c.text(robots));
  app.get(`${path}/*`, (c) => answer(c, options));
  app.all(`${path}/*`, (c) => {
    c.header('Allow', 'GET, HEAD');
    return c.text('Method Not Allowed\n', 405);
  });
  const listener = getRequestListener((request) => app.fetch(request), { overrideGlobalObjects: false });
  return { handle: async (request, response) => listener(request, response) };
}

const robots = `User-agent: *
Disallow: /*order=
Disallow: /*start=
Disallow: /*Start=
Disallow: /*Order=
Disallow: /*prefix=
Disallow: /*getfile
Disallow: /*diff
Crawl-delay: 5
`;

function sendAsset(c: Context<Env>): Response {
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

function readAsked(c: Context<Env>, path: string): Asked {
  const [first = '', ...rest] = c.req.path.slice(path.length + 1).split('/');
  const isJson = first.endsWith('.json');
  const name = (isJson ? first.slice(0, -'.json'.length) : first) || 'index';
  const accepts = c.req.header('Accept') ?? '';
  const wantsJson = isJson || (accepts.includes('application/json') && !accepts.includes('text/html'));
  return { name, wantsJson, depth: rest.length };
}

async function answer(c: Context<Env>, options: WebOptions): Promise<Response> {
  const { site, read, log } = options;
  const asked = readAsked(c, options.path);
  const now = Date.now() / 1000;
  const assets = `${'../'.repeat(asked.depth)}assets/${version()}`;
  const fail = (status: Failure['status'], message: string): Response =>
    sendError(c, asked, { status, message, site, assets, now });
  const route = findRoute(asked.name);
  const page = pages[asked.name as RouteName] as AnyPage | undefined;
  if (!route || !page) return fail(404, `There is no page '${asked.name.slice(0, 100)}'.`);
  const query = new URL(c.req.url).searchParams;
  // Links in a page are relative, so it must be where they start.
  if (asked.depth > 0)
    return c.redirect(`${'../'.repeat(asked.depth)}${asked.name}${new URL(c.req.url).search}`);
  const name = asked.name as RouteName;
  try {
    const params = readParams(name, route.params, query) as never;
    const data = await read((calls) => page.load({ calls, params, site, now }));
    if (data instanceof Raw) return await sendRaw(c, data.answer, read);
    c.header('Cache-Control', 'private, no-cache');
    c.header('Vary', 'Accept');
    if (asked.wantsJson) return sendJson(c, data);
    const view: View = { page: name, params, site, now, assets };
    const isPlain = [...query.keys()].every((key) => route.params[key]?.required ?? false);
    return sendPage(c, {
      site,
      title: page.title(data, params),
      menu: route.menu,
      assets,
      now,
      scripts: page.scripts ?? [],
      indexed: route.indexed === true && isPlain,
      json: jsonAddress(name, query),
      live: page.live?.(data) ?? false,
      terms: name === 'search' ? (query.get('terms') ?? '') : '',
      children: page.show(data, view),
    });
  } catch (error) {
    if (error instanceof PageError) return fail(error.status, error.message);
    if (error instanceof ServerOffline) return fail(503, `The hub is offline: ${error.message}`);
    // What the hub refuses to answer is about the parameters: pages ask for nothing that isn't there.
    if (error instanceof GenericError) return fail(400, error.message);
    log.error(`page ${name} failed`, error);
    return fail(500, 'This page could not be made. The log of the hub has the reason.');
  }
}

function jsonAddress(name: RouteName, query: URLSearchParams): string {
  const text = query.toString();
  return `${name}.json${text === '' ? '' : `?${text}`}`;
}

type LayoutProps = Parameters<typeof Layout>[0];

function sendPage(c: Context<Env>, props: LayoutProps, status: 200 | 400 | 404 | 500 | 503 = 200): Response {
  const html = (<Layout {...props} />) as { toString(): string };
  return c.html(`<!DOCTYPE html>${html.toString()}`, status);
}

function sendJson(c: Context<Env>, data: unknown): Response {
  const text = JSON.stringify(data, (_, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
  return c.body(`${text}\n`, 200, { 'Content-Type': 'application/json; charset=utf-8' });
}

async function sendRaw(c: Context<Env>, answer: RawAnswer, read: WebOptions['read']): Promise<Response> {
  const { status = 200, headers, body, stream } = answer;
  c.set('policy', headers['Content-Security-Policy']);
  if (stream) return c.body(await stream(read), status, { ...headers });
  return c.body(body as string, status, { ...headers });
}

interface Failure {
  readonly status: 400 | 404 | 500 | 503;
  readonly message: string;
  readonly site: Site;
  readonly assets: string;
  readonly now: number;
}

const headings = {
  400: 'This address is not right',
  404: 'Not found',
  500: 'Something went wrong',
  503: 'Not available just now',
};

function sendError(c: Context<Env>, asked: Asked, { status, message, site, assets, now }: Failure): Response {
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
  return sendPage(c, { site, title, menu: null, assets, now, children }, status);
}
