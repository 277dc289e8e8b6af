/** Requests for pages that change something: by GET a form, by POST its work. */
import { ActionNotAllowed, AuthError, GenericError, ServerOffline } from '@koji/core';
import { PageError } from '../errors.js';
import { formProblem, readForm } from '../login/forms.js';
import type { FormContext, FormStatus } from '../login/forms.js';
import type { Login } from '../login/logins.js';
import { loginAddress } from '../login/paths.js';
import { readParams } from '../params.js';
import type { Params } from '../params.js';
import type { Action, Input } from './action.js';
import { Problem, Token } from './form.js';
import { actions } from './index.js';
import { actionRoutes } from './routes.js';
import type { ActionName } from './routes.js';

/** A form that is about to be shown or to do its work. */
interface Shown {
  readonly name: ActionName;
  readonly action: Action;
  readonly params: never;
  readonly data: unknown;
  readonly login: Login;
}

/** Answers a request for a page that changes something. */
export async function answerAction(context: FormContext, name: ActionName): Promise<Response> {
  const { c, guest } = context;
  const { login } = guest;
  const { search, searchParams } = new URL(c.req.url);
  const isPost = c.req.method === 'POST';
  if (login === null && !isPost) return c.redirect(loginAddress(`${name}${search}`), 303);
  if (login === null) return sendLoggedOut(context, `${name}${search}`);
  try {
    const form = isPost ? await readForm(c) : null;
    if (isPost && form === null) throw new PageError(415, 'This is no form of a browser.');
    const action = actions[name];
    const kinds: Params = actionRoutes[name];
    const params = readParams(name, kinds, searchParams) as never;
    const data = await context.read((calls) => action.load({ calls, params, login }));
    const shown: Shown = { name, action, params, data, login };
    if (form === null) return sendForm(context, shown, { input: startOf(shown, searchParams) });
    const problem = formProblem(context, form);
    if (problem !== null) return sendForm(context, shown, { input: form, problem, status: 403 });
    return await work(context, shown, form);
  } catch (error) {
    return context.fail(error);
  }
}

/** Returns the values that a form starts with: those stored, and above them those of the address. */
function startOf({ action, data }: Shown, query: URLSearchParams): Input {
  const input = new URLSearchParams();
  for (const [name, value] of Object.entries(action.stored?.(data) ?? {}))
    for (const one of [value].flat()) input.append(name, one);
  for (const name of Object.keys(action.fields)) {
    const given = query.getAll(name);
    if (given.length === 0) continue;
    input.delete(name);
    for (const one of given) input.append(name, one);
  }
  return input;
}

async function work(context: FormContext, shown: Shown, form: Input): Promise<Response> {
  const { name, action, params, data, login } = shown;
  try {
    const fields = readParams(name, action.fields, form) as never;
    const to = await login.write((calls) => action.run({ calls, params, fields, data }));
    return context.c.redirect(to, 303);
  } catch (error) {
    const problem = problemOf(error);
    if (problem === null) throw error;
    return sendForm(context, shown, { input: form, ...problem });
  }
}

/** Returns the message for a visitor about a fault; null if it is not about their input. */
function problemOf(error: unknown): { readonly problem: string; readonly status: FormStatus } | null {
  if (error instanceof PageError) return { problem: error.message, status: error.status };
  if (error instanceof AuthError)
    return { problem: `The hub does not know the login any more: ${error.message}`, status: 403 };
  if (error instanceof ActionNotAllowed) return { problem: error.message, status: 403 };
  if (error instanceof ServerOffline) return { problem: `The hub is offline: ${error.message}`, status: 503 };
  return error instanceof GenericError ? { problem: error.message, status: 400 } : null;
}

interface Given {
  readonly input: Input;
  readonly problem?: string;
  readonly status?: FormStatus;
}

function sendForm(context: FormContext, shown: Shown, { input, problem, status = 200 }: Given): Response {
  const { c, guests, guest } = context;
  const { name, action, params, data } = shown;
  const button = typeof action.button === 'string' ? action.button : action.button(data, params);
  const title = action.title(data, params);
  const children = (
    <form class="form" method="post" action={`${name}${new URL(c.req.url).search}`}>
      <h1>
        <bdi>{title}</bdi>
      </h1>
      <Problem text={problem} />
      <Token token={guests.tokenFor(c, guest)} />
      {action.show(data, input)}
      <p class="buttons">
        <button class={action.isGrave ? 'main grave' : 'main'} type="submit">
          {button}
        </button>
        <a href={action.back(data, params)}>Back</a>
      </p>
    </form>
  );
  return context.send({ title, menu: action.menu, children }, status);
}

function sendLoggedOut({ send }: FormContext, page: string): Response {
  const children = (
    <div class="failure">
      <p class="status">403</p>
      <h1>You are not logged in</h1>
      <p>The login has ended, so nothing was changed.</p>
      <p>
        <a href={loginAddress(page)}>Log in</a> and send the form again.
      </p>
    </div>
  );
  return send({ title: 'You are not logged in', menu: null, children }, 403);
}
