import type { Child } from 'hono/jsx';
import type { WaitingReasons } from '@koji/core/text';
import type { ActionLink } from './actions/links.js';
import type { Calls } from './calls.js';
import type { Login } from './login/logins.js';
import type { LineMarks } from './logs/line-marks.js';
import type { ParamsOf, RouteName } from './routes.js';
import type { Site } from './site.js';

/** Everything that a page can use. */
export interface Request<N extends RouteName = RouteName> {
  readonly calls: Calls;
  readonly params: ParamsOf<N>;
  readonly site: Site;
  /** The logged-in visitor; null for nobody. */
  readonly login: Login | null;
  /** Time of the request, in epoch seconds. */
  readonly now: number;
  /** Why tasks wait. */
  readonly waiting: WaitingReasons;
  /** Counted lines of logs. */
  readonly lineMarks: LineMarks;
  /** The header Range, for files. */
  readonly range?: string | undefined;
}

/** Data of the frame and the parts of a page. */
export interface View<N extends RouteName = RouteName> {
  readonly page: N;
  readonly params: ParamsOf<N>;
  readonly site: Site;
  readonly now: number;
  /** The folder of styles and scripts, relative to the page. */
  readonly assets: string;
}

/** An answer other than a page: text, bytes or a redirect. */
export interface RawAnswer {
  readonly status?: 200 | 206 | 302 | 416;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Makes a body whose bytes are read while they are sent, with calls outside the page's snapshot. */
  readonly stream?: (again: Again) => Promise<ReadableStream<Uint8Array>>;
}

/** Runs work with the methods of the hub. */
export type Again = <T>(work: (calls: Calls) => Promise<T>) => Promise<T>;

/** Answers of a page other than its data. */
export class Raw {
  constructor(readonly answer: RawAnswer) {}
}

/** Redirects to another page of this site. */
export function redirect(to: string): Raw {
  return new Raw({ status: 302, headers: { Location: to }, body: null });
}

/** A page for display: it reads its data, which is also its JSON, and shows them. */
export interface Page<N extends RouteName = RouteName, D = unknown> {
  readonly load: (request: Request<N>) => Promise<D | Raw>;
  readonly title: (data: D, params: ParamsOf<N>) => string;
  readonly show: (data: D, view: View<N>) => Child;
  /** Scripts that enhance the page, by file name in assets/. */
  readonly scripts?: readonly string[];
  /** Links to the actions of a logged-in visitor. */
  readonly actions?: (data: D, login: Login) => readonly ActionLink[];
  /** The live part of the page, as a subject of live.ts; null if nothing changes. */
  readonly live?: (data: D) => string | null;
}

/** A page of any name, as in the table of pages. */
export type AnyPage = Page;

/** Declares a page; the types of its parameters come from its route. */
export function page<N extends RouteName, D>(_name: N, declared: Page<N, D>): AnyPage {
  return declared as unknown as AnyPage;
}

/** Declares a page that returns something other than HTML. */
export function rawPage<N extends RouteName>(_name: N, load: (request: Request<N>) => Promise<Raw>): AnyPage {
  return {
    load: load,
    title: () => '',
    show: () => null,
  };
}
