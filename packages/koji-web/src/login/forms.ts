/** Forms as they come in, and whether a page of this site sent them. */
import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import type { Again } from '../page.js';
import type { MenuEntry } from '../routes.js';
import { isTokenOf } from './cookie.js';
import { originProblem } from './forgery.js';
import type { Guest, Guests, WebEnv } from './guests.js';
import type { Oidc } from './oidc.js';

/** The name of the field with the token. */
export const tokenField = 'token';
/** Bytes that a form may have. */
export const largestForm = 100_000;

/** The status of a page with a form. */
export type FormStatus = 200 | 400 | 403 | 404 | 415 | 429 | 500 | 503;

/** A page with a form, in the frame of all pages. */
export interface FormPage {
  readonly title: string;
  readonly menu: MenuEntry | null;
  readonly children: Child;
}

/** Dependencies for answering forms. */
export interface FormContext {
  readonly c: Context<WebEnv>;
  readonly guests: Guests;
  readonly guest: Guest;
  /** The provider for logins; null if there is none. */
  readonly oidc: Oidc | null;
  readonly read: Again;
  /** Sends a page. */
  readonly send: (page: FormPage, status?: FormStatus) => Response;
  /** Sends the page of a failure, as reading pages have it. */
  readonly fail: (error: unknown) => Response;
}

/** Returns the fields of a form; null for a body of another kind. */
export async function readForm(c: Context): Promise<URLSearchParams | null> {
  const [type = ''] = (c.req.header('Content-Type') ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/x-www-form-urlencoded') return null;
  return new URLSearchParams(await c.req.text());
}

/** Returns why a form is not taken: it came from elsewhere, or lacks the visitor's token. Null for one that is. */
export function formProblem({ c, guest }: FormContext, form: URLSearchParams): string | null {
  const problem = originProblem(c.req.raw.headers);
  if (problem !== null) return problem;
  if (guest.id === null || !isTokenOf(guest.id, form.get(tokenField) ?? ''))
    return 'The form is too old, or the browser keeps no cookies. Send it again.';
  return null;
}
