/** The pages that log a visitor in and out. */
import { AuthError, ServerOffline } from '@koji/core';
import { Problem, Token } from '../actions/form.js';
import { TextField } from '../actions/fields.js';
import { link } from '../routes.js';
import { isUnsafe } from './forgery.js';
import { formProblem, readForm } from './forms.js';
import type { FormContext, FormStatus } from './forms.js';
import { loginAddress, ownAddress, providerAddress } from './paths.js';

/** Answers `login`: the word of a trusted proxy is enough; others give a password. */
export async function answerLogin(context: FormContext): Promise<Response> {
  const { c, guests, guest } = context;
  const page = ownAddress(c.req.query('page') ?? null);
  if (c.req.method === 'POST') return takeLogin(context, page);
  if (guest.login) return c.redirect(page, 303);
  const user = guests.userOfProxy(c.env);
  if (user === null) return showLogin(context, { input: new URLSearchParams(), page });
  try {
    await guests.logIn(c, guest, { user, byProxy: true });
    return c.redirect(page, 303);
  } catch (error) {
    return refused(context, error, { input: new URLSearchParams(), page });
  }
}

async function takeLogin(context: FormContext, page: string): Promise<Response> {
  const { c, guests, guest } = context;
  const input = await readForm(c);
  if (input === null) return showLogin(context, { input: new URLSearchParams(), page, ...notAForm });
  const problem = isUnsafe(c.req.raw.headers)
    ? 'Passwords are taken over https only, since anybody on the way could read them.'
    : formProblem(context, input);
  if (problem !== null) return showLogin(context, { input, page, problem, status: 403 });
  const user = input.get('user') ?? '';
  const password = input.get('password') ?? '';
  try {
    await guests.logIn(c, guest, { user, password });
    return c.redirect(page, 303);
  } catch (error) {
    return refused(context, error, { input, page });
  }
}

const notAForm = { problem: 'This is no form of a browser.', status: 415 } as const;

/** A form to log in that is about to be shown. */
export interface Shown {
  readonly input: URLSearchParams;
  readonly page: string;
  readonly problem?: string;
  readonly status?: FormStatus;
}

/** Shows the form again, with what the hub or the provider said. */
export function refused(context: FormContext, error: unknown, shown: Shown): Response {
  if (error instanceof ServerOffline)
    return showLogin(context, {
      ...shown,
      problem: `Nobody can log in just now: ${error.message}`,
      status: 503,
    });
  if (error instanceof AuthError)
    return showLogin(context, { ...shown, problem: error.message, status: 403 });
  return context.fail(error);
}

/** Shows the form to log in. */
export function showLogin(context: FormContext, { input, page, problem, status = 200 }: Shown): Response {
  const { c, guests, guest, oidc } = context;
  const token = guests.tokenFor(c, guest);
  const action = loginAddress(page);
  const children = (
    <form class="form narrow" method="post" action={action}>
      <h1>Log in</h1>
      <Problem text={problem} />
      <Token token={token} />
      <TextField input={input} name="user" label="User" required autocomplete="username" />
      <TextField
        input={input}
        name="password"
        label="Password"
        type="password"
        required
        autocomplete="current-password"
      />
      <p class="buttons">
        <button class="main" type="submit">
          Log in
        </button>
        <a href={page}>Back</a>
      </p>
      {oidc ? (
        <p>
          <a href={providerAddress(page)}>
            Log in with <bdi>{oidc.settings.name}</bdi>
          </a>
        </p>
      ) : null}
    </form>
  );
  return context.send({ title: 'Log in', menu: null, children }, status);
}

/** Answers `logout`: a form ends the session, a link asks first. */
export async function answerLogout(context: FormContext): Promise<Response> {
  const { c, guests, guest } = context;
  if (guest.login === null) return showGone(context);
  let problem: string | null = null;
  if (c.req.method === 'POST') {
    const form = await readForm(c);
    problem = form === null ? notAForm.problem : formProblem(context, form);
    if (problem === null) {
      await guests.logOut(c, guest);
      return c.redirect(context.oidc ? 'logout' : link('index'), 303);
    }
  }
  const children = (
    <form class="form narrow" method="post" action="logout">
      <h1>Log out</h1>
      <Problem text={problem} />
      <Token token={guests.tokenFor(c, guest)} />
      <p>
        You are logged in as <bdi>{guest.login.user.name}</bdi>.
      </p>
      <p class="buttons">
        <button class="main" type="submit">
          Log out
        </button>
        <a href={link('index')}>Stay</a>
      </p>
    </form>
  );
  return context.send({ title: 'Log out', menu: null, children }, problem === null ? 200 : 403);
}

/** After a logout here, users are still logged in at the provider, and one click logs them in here again. */
async function showGone({ c, oidc, send }: FormContext): Promise<Response> {
  const address = (await oidc?.logoutAddress()) ?? null;
  if (oidc === null || address === null) return c.redirect(link('index'), 303);
  const children = (
    <div class="form narrow">
      <h1>You are logged out</h1>
      <p>
        You may still be logged in with <bdi>{oidc.settings.name}</bdi>:{' '}
        <a href={address} rel="noreferrer">
          log out there
        </a>
        .
      </p>
      <p>
        <a href={link('index')}>Overview</a>
      </p>
    </div>
  );
  return send({ title: 'You are logged out', menu: null, children });
}
