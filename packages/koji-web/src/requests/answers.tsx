/** The forms of answers: pages, JSON, files, news, and what can't be shown. */
import type { Context } from 'hono';
import { findAsset, version } from '../assets.js';
import { Layout } from '../layout.js';
import type { Viewer } from '../layout.js';
import type { Live } from '../live.js';
import type { FormStatus } from '../login/forms.js';
import type { WebEnv } from '../login/guests.js';
import type { Again, RawAnswer } from '../page.js';
import { link } from '../routes.js';
import type { Site } from '../site.js';
import type { Asked } from './asked.js';

type LayoutProps = Parameters<typeof Layout>[0];

export function sendPage(c: Context<WebEnv>, props: LayoutProps, status: FormStatus = 200): Response {
  const html = (<Layout {...props} />) as { toString(): string };
  return c.html(`<!DOCTYPE html>${html.toString()}`, status);
}

export function sendJson(c: Context<WebEnv>, data: unknown): Response {
  const text = JSON.stringify(data, (_, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
  return c.body(`${text}\n`, 200, { 'Content-Type': 'application/json; charset=utf-8' });
}

export async function sendRaw(c: Context<WebEnv>, answer: RawAnswer, read: Again): Promise<Response> {
  const { status = 200, headers, body, stream } = answer;
  c.set('policy', headers['Content-Security-Policy']);
  if (stream) return c.body(await stream(read), status, { ...headers });
  return c.body(body as string, status, { ...headers });
}

export function sendAsset(c: Context<WebEnv>): Response {
  const asset = findAsset(c.req.param('name') ?? '');
  if (!asset) return c.text('Not Found\n', 404);
  const isCurrent = c.req.param('version') === version();
  return c.body(asset.text, 200, {
    'Content-Type': asset.type,
    'Cache-Control': isCurrent ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
}

export function sendEvents(c: Context<WebEnv>, live: Live, address: string): Response {
  const events = live.open(c.req.query('of') ?? '', address);
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

export interface Failure {
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

export function sendError(c: Context<WebEnv>, asked: Asked, failure: Failure): Response {
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
