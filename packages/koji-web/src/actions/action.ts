import type { Child } from 'hono/jsx';
import type { Calls } from '../calls.js';
import type { Login } from '../login/logins.js';
import type { Params, Values } from '../params.js';
import type { MenuEntry } from '../routes.js';
import type { ActionName, ActionRoutes } from './routes.js';

/** The texts of a form's fields, as stored or as typed by the visitor. */
export type Input = URLSearchParams;

/** The reading side of an action. */
export interface ActionRequest<P extends Params> {
  /** Without a login, like the methods of pages. */
  readonly calls: Calls;
  readonly params: Values<P>;
  readonly login: Login;
}

/** The arguments of an action's work. */
export interface ActionRun<P extends Params, F extends Params, D> {
  /** As the visitor; the hub decides what they may do. */
  readonly calls: Calls;
  readonly params: Values<P>;
  readonly fields: Values<F>;
  readonly data: D;
}

/**
 * A page that changes something. GET shows a form or asks for confirmation; POST does the work. A fault of the hub
 * is shown above the form, which keeps the typed values.
 */
export interface Action<P extends Params = Params, F extends Params = Params, D = unknown> {
  readonly menu: MenuEntry | null;
  /** The fields of its form. */
  readonly fields: F;
  readonly load: (request: ActionRequest<P>) => Promise<D>;
  readonly title: (data: D, params: Values<P>) => string;
  /** The values that the form starts with. */
  readonly stored?: (data: D) => Readonly<Record<string, string | readonly string[]>>;
  /** The form's fields, or the question. */
  readonly show: (data: D, input: Input) => Child;
  readonly button: string | ((data: D, params: Values<P>) => string);
  /** Its effect can't be undone with another form. */
  readonly isGrave?: boolean;
  /** Target of the link back. */
  readonly back: (data: D, params: Values<P>) => string;
  /** Does the work and returns the address of the next page. */
  readonly run: (work: ActionRun<P, F, D>) => Promise<string>;
}

/** Declares an action; the types of its parameters come from its route. */
export function action<N extends ActionName, F extends Params, D>(
  _name: N,
  declared: Action<ActionRoutes[N], F, D>,
): Action {
  return declared as unknown as Action;
}
