import { isAction } from '../actions/routes.js';
import { findRoute, link } from '../routes.js';

/**
 * Returns a wish for a page of this site as an address that leads nowhere else: a page's name, and parameters as the server
 * writes them. Any other wish is one for the overview.
 */
export function ownAddress(wish: string | null): string {
  const [, name = '', query = ''] = /^(?:\.\/)?([a-z]+)(?:\?([^#]*))?$/.exec(wish ?? '') ?? [];
  if (!isAction(name) && !findRoute(name)) return link('index');
  const text = new URLSearchParams(query).toString();
  return text === '' ? name : `${name}?${text}`;
}

/** Returns the address of the login that leads on to a page. */
export function loginAddress(page: string): string {
  return leadingTo('login', page);
}

/** Returns the address of the login with the provider that leads on to a page. */
export function providerAddress(page: string): string {
  return leadingTo('oidclogin', page);
}

function leadingTo(login: string, page: string): string {
  return page === 'index' || page === link('index')
    ? login
    : `${login}?${new URLSearchParams({ page }).toString()}`;
}
