import type { Context } from 'hono';
import { isAction } from '../actions/routes.js';
import type { WebEnv } from '../login/guests.js';

/** The contents of a request. */
export interface Asked {
  readonly name: string;
  readonly wantsJson: boolean;
  /** Folders between the page's address and the base. */
  readonly depth: number;
}

export function readAsked(c: Context<WebEnv>, path: string): Asked {
  const [first = '', ...rest] = c.req.path.slice(path.length + 1).split('/');
  const isJson = first.endsWith('.json');
  const name = (isJson ? first.slice(0, -'.json'.length) : first) || 'index';
  const accepts = c.req.header('Accept') ?? '';
  const wantsJson = isJson || (accepts.includes('application/json') && !accepts.includes('text/html'));
  return { name, wantsJson, depth: rest.length };
}

/** Returns whether a page takes forms. */
export function isForm(name: string): boolean {
  return name === 'login' || name === 'logout' || isAction(name);
}

/** Answers that are streamed, so that nothing can be computed from the whole. */
export function isStreamed(name: string): boolean {
  return name === 'getfile' || name === 'events';
}

/** Returns whether a page is a step of a login with the provider. */
export function isOidcPage(name: string): boolean {
  return name === 'oidclogin' || name === 'oidccallback';
}
