import type { Child, FC } from 'hono/jsx';
import { KOJI_VERSION } from '@koji/core';
import type { ActionLink } from './actions/links.js';
import { Token } from './actions/form.js';
import type { Login } from './login/logins.js';
import type { Site } from './site.js';
import { timeText } from './parts/values.js';
import { link } from './routes.js';
import type { MenuEntry } from './routes.js';

/** Who looks at a page, for its head. */
export interface Viewer {
  readonly login: Login | null;
  /** The token of forms. */
  readonly token: string | null;
  /** Where the login leads on to. */
  readonly loginAddress: string;
}

interface LayoutProps {
  readonly site: Site;
  readonly title: string;
  readonly menu: MenuEntry | null;
  readonly assets: string;
  readonly now: number;
  readonly scripts?: readonly string[];
  /** Search engines may keep the page. */
  readonly indexed?: boolean;
  /** The JSON of the page. */
  readonly json?: string | undefined;
  /** The changing part of the page. */
  readonly live?: string | null;
  /** The text of the search field. */
  readonly terms?: string;
  /** Null where nobody can log in. */
  readonly viewer: Viewer | null;
  /** Actions of the viewer for the shown object. */
  readonly actions?: readonly ActionLink[];
  readonly children?: Child;
}

const menu: readonly (readonly [MenuEntry, string])[] = [
  ['Overview', link('index')],
  ['Packages', link('packages')],
  ['Builds', link('builds')],
  ['Tasks', link('tasks')],
  ['Tags', link('tags')],
  ['Targets', link('buildtargets')],
  ['Hosts', link('hosts')],
  ['Users', link('users')],
  ['Reports', link('reports')],
  ['API', link('api')],
];

/** The frame of every page. */
export const Layout: FC<LayoutProps> = (props) => {
  const { site, title, assets, now, scripts = [], indexed = false, json, live = null, terms = '' } = props;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        {indexed ? null : <meta name="robots" content="noindex, nofollow" />}
        <title>{`${title} | ${site.name}`}</title>
        <link rel="icon" href={`${assets}/icon.svg`} type="image/svg+xml" />
        <link rel="stylesheet" href={`${assets}/koji.css`} />
        <link
          rel="alternate"
          type="application/rss+xml"
          title={`${site.name}: recent builds`}
          href={link('recentbuilds')}
        />
        {json === undefined ? null : <link rel="alternate" type="application/json" href={json} />}
        {['page.js', ...scripts].map((name) => (
          <script type="module" src={`${assets}/${name}`} />
        ))}
      </head>
      <body data-live={live ?? undefined}>
        <a class="skip" href="#content">
          To the content
        </a>
        <header class="top">
          <a class="brand" href={link('index')}>
            <img src={`${assets}/icon.svg`} alt="" width="22" height="22" />
            <span>{site.name}</span>
          </a>
          <nav aria-label="Main">
            {menu.map(([name, href]) => (
              <a href={href} aria-current={name === props.menu ? 'page' : undefined}>
                {name}
              </a>
            ))}
            {(site.menu ?? []).map(({ title: name, href }) => (
              <a href={href} aria-current={name === title ? 'page' : undefined}>
                <bdi>{name}</bdi>
              </a>
            ))}
          </nav>
          <SearchBox terms={terms} />
          {props.viewer ? <Account viewer={props.viewer} /> : null}
        </header>
        <main id="content">
          <Actions links={props.actions ?? []} />
          {props.children}
        </main>
        <footer>
          <span>
            {site.name} · Koji {KOJI_VERSION} · {timeText(now)} UTC
          </span>
          <span>
            {json === undefined ? null : <a href={json}>This page as JSON</a>}
            <a href={link('recentbuilds')}>RSS</a>
            <a href={link('recentbuilds', { format: 'atom' })}>Atom</a>
          </span>
        </footer>
      </body>
    </html>
  );
};

const Account: FC<{ viewer: Viewer }> = ({ viewer: { login, token, loginAddress } }) =>
  login === null || token === null ? (
    <p class="account">
      <a href={loginAddress} rel="nofollow">
        Log in
      </a>
    </p>
  ) : (
    <form class="account" method="post" action="logout">
      <Token token={token} />
      <a href={link('userinfo', { userID: login.user.id })} title={login.user.name}>
        <bdi>{login.user.name}</bdi>
      </a>
      <a href={link('activesession')}>Sessions</a>
      <button type="submit">Log out</button>
    </form>
  );

const Actions: FC<{ links: readonly ActionLink[] }> = ({ links }) =>
  links.length === 0 ? null : (
    <nav class="actions" aria-label="Actions">
      {links.map(({ href, text }) => (
        <a href={href} rel="nofollow">
          {text}
        </a>
      ))}
    </nav>
  );

const SearchBox: FC<{ terms: string }> = ({ terms }) => (
  <form class="search" role="search" method="get" action="search">
    <input type="hidden" name="match" value="glob" />
    <input type="hidden" name="type" value="all" />
    <input
      type="search"
      name="terms"
      value={terms}
      placeholder="NVR, package, task, rpm, user …"
      aria-label="Search everything"
      autocomplete="off"
      spellcheck={false}
      maxlength={1000}
    />
    <kbd aria-hidden="true">/</kbd>
  </form>
);
