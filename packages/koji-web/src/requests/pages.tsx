/** Requests for pages that read. */
import type { Context } from 'hono';
import { PageError } from '../errors.js';
import type { Viewer } from '../layout.js';
import type { WebEnv } from '../login/guests.js';
import type { Login } from '../login/logins.js';
import type { PluginWebPage } from '@koji/plugin-sdk/host';
import { Raw } from '../page.js';
import type { AnyPage, View } from '../page.js';
import { pages } from '../pages/index.js';
import { readParams } from '../params.js';
import { PluginPage, PluginPanels } from '../plugins/shown.js';
import { findRoute } from '../routes.js';
import type { Route, RouteName } from '../routes.js';
import { sendJson, sendPage, sendRaw } from './answers.js';
import type { Asked } from './asked.js';
import type { WebOptions } from '../web-options.js';
import type { State } from './state.js';

/** A request for a page that reads. */
export interface Reading {
  readonly options: WebOptions;
  readonly state: State;
  readonly asked: Asked;
  readonly login: Login | null;
  readonly viewer: Viewer | null;
  readonly now: number;
  readonly assets: string;
}

/** Answers a request for a page of Koji or of a plugin. */
export async function answerPage(c: Context<WebEnv>, reading: Reading): Promise<Response> {
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
  const panels = await plugins.panels(name, data, query);
  if (asked.wantsJson) return sendJson(c, plugins.hasPanels(name) ? { ...(data as object), panels } : data);
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
        <PluginPanels panels={panels} />
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
