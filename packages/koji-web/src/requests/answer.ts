import type { Context } from 'hono';
import { GenericError, ServerOffline } from '@koji/core';
import { answerAction } from '../actions/answer.js';
import { isAction } from '../actions/routes.js';
import { version } from '../assets.js';
import { PageError } from '../errors.js';
import type { Viewer } from '../layout.js';
import type { FormContext } from '../login/forms.js';
import type { Guest, WebEnv } from '../login/guests.js';
import { answerOidc } from '../login/oidc-pages.js';
import { answerLogin, answerLogout } from '../login/pages.js';
import { loginAddress } from '../login/paths.js';
import { findRoute, link } from '../routes.js';
import { sendError, sendPage } from './answers.js';
import type { Failure } from './answers.js';
import { isForm, isOidcPage, readAsked } from './asked.js';
import { answerPage } from './pages.js';
import type { WebOptions } from '../web-options.js';
import type { State } from './state.js';

/** Answers a request for any page: identifies the visitor, finds the page and reports errors. */
export async function answer(c: Context<WebEnv>, options: WebOptions, state: State): Promise<Response> {
  const { site, read, log } = options;
  const { guests, oidc } = state;
  const asked = readAsked(c, options.path);
  const { name } = asked;
  const { search } = new URL(c.req.url);
  // Links in a page are relative, so its address must match them.
  if (asked.depth > 0 && (isKnown(name) || state.plugins.findPage(name)))
    return c.redirect(`${'../'.repeat(asked.depth)}${name}${search}`);
  const now = Date.now() / 1000;
  const assets = `${'../'.repeat(asked.depth)}assets/${version()}`;
  let guest: Guest | null = null;
  const viewer = (): Viewer | null =>
    guests && {
      login: guest?.login ?? null,
      token: guest?.token ?? null,
      loginAddress: loginAddress(isForm(name) || isOidcPage(name) ? link('index') : `${name}${search}`),
    };
  const fail = (status: Failure['status'], message: string): Response =>
    sendError(c, asked, { status, message, site, assets, now, viewer: viewer() });
  const failBy = (error: unknown): Response => {
    if (error instanceof PageError) return fail(error.status, error.message);
    if (error instanceof ServerOffline) return fail(503, `The hub is offline: ${error.message}`);
    const [, missing] =
      /Invalid method: ([\w.]+)/.exec(error instanceof GenericError ? error.message : '') ?? [];
    if (missing !== undefined) return fail(404, `This hub has no ${missing}(), which the page needs.`);
    // The hub's faults are about the parameters, because pages request only existing methods.
    if (error instanceof GenericError) return fail(400, error.message);
    log.error(`page ${name} failed`, error);
    return fail(500, 'This page could not be made. The log of the hub has the reason.');
  };
  try {
    guest = guests && (await guests.find(c));
    if (guests && guest && (isForm(name) || (oidc && isOidcPage(name)))) {
      c.header('Cache-Control', 'no-store');
      const send: FormContext['send'] = (page, status = 200) =>
        sendPage(c, { ...page, site, assets, now, viewer: viewer() }, status);
      return await answerForm({ c, guests, guest, oidc, read, send, fail: failBy }, name);
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
  if (context.oidc && isOidcPage(name)) return answerOidc(context, context.oidc, name);
  return isAction(name) ? answerAction(context, name) : answerLogout(context);
}
