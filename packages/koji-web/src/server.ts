/** Routing of browser requests: common headers, addresses and verbs. The handlers are in requests/. */
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { etag } from 'hono/etag';
import { secureHeaders } from 'hono/secure-headers';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { WaitingReasons } from '@koji/core/text';
import { PageLimits } from './limits.js';
import { Live } from './live.js';
import { largestForm } from './login/forms.js';
import { Guests } from './login/guests.js';
import type { WebEnv } from './login/guests.js';
import { Oidc } from './login/oidc.js';
import { LineMarks } from './logs/line-marks.js';
import { timeText } from './parts/values.js';
import { Plugins } from './plugins/run.js';
import { answer } from './requests/answer.js';
import { sendAsset, sendEvents } from './requests/answers.js';
import { isForm, isStreamed, readAsked } from './requests/asked.js';
import { robots } from './requests/robots.js';
import type { WebOptions } from './web-options.js';

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
  const oidc = login?.oidc ? new Oidc(login.oidc, options.log) : null;
  const state = {
    guests,
    oidc,
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
      // The hub may be reached without TLS; the proxy that terminates TLS decides.
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
  app.get(`${path}/events`, (c) => sendEvents(c, live, address(c.env.incoming)));
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
