/// <reference types="node" preserve="true" />
/**
 * Pages of a plugin, and panels on Koji's pages. They consist of data, which the web page turns into HTML: texts are always
 * shown and never executed.
 */
import type { Api, ClientApi } from '@koji/core/api';
import type { TypedMarker } from './decorate.js';
import { marker } from './decorate.js';
import type { WebPageMark, WebPanelMark, WebThing, WebThings } from './web-marks.js';

export type { WebPageMark, WebPanelMark, WebThing, WebThings } from './web-marks.js';

/** The kinds of states, each with a colour and shape. */
export type WebTone = 'good' | 'bad' | 'busy' | 'waiting' | 'off';

/** A link to a page of Koji (`buildinfo?buildID=5`) or to another site (`https://…`); any other address is shown as text. */
export interface WebLink {
  /** Always `link`. */
  readonly kind: 'link';
  /** The address. */
  readonly href: string;
  /** The text of the link. */
  readonly text: string;
}

/** A state with its colour, shape and word. */
export interface WebState {
  /** Always `state`. */
  readonly kind: 'state';
  /** The colour and shape. */
  readonly tone: WebTone;
  /** The word. */
  readonly word: string;
}

/** A part of a line. Null is shown as a dash. */
export type WebInline = string | number | boolean | null | WebLink | WebState;

/** A part of a page or panel. */
export type WebBlock =
  | { readonly kind: 'text'; readonly parts: readonly WebInline[] }
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly WebInline[] }
  | { readonly kind: 'facts'; readonly facts: readonly (readonly [name: string, value: WebInline])[] }
  | {
      readonly kind: 'table';
      readonly columns: readonly string[];
      readonly rows: readonly (readonly WebInline[])[];
    };

/** A request for a page or panel. */
export interface WebRequest {
  /** The methods of the hub, without a login: they return what everybody may read. All calls of a page see one snapshot. */
  readonly calls: ClientApi<Api>;
  /** The parameters of the address; for a repeated name the last value. */
  readonly params: Readonly<Record<string, string>>;
  /** Aborted after the time limit. */
  readonly signal: AbortSignal;
}

/** Returns the content of a page. */
export type WebPage = (request: WebRequest) => Promise<readonly WebBlock[]> | readonly WebBlock[];

/** Returns the content of a panel about an object; null for no panel. */
export type WebPanel<T extends WebThing = WebThing> = (
  thing: WebThings[T],
  request: WebRequest,
) => Promise<readonly WebBlock[] | null> | readonly WebBlock[] | null;

/**
 * Adds a page to the web page.
 *
 * @example
 * export const greetings = webPage({ name: 'greetings', title: 'Greetings', menu: true })(async ({ calls }) => [
 *   text('This hub is Koji ', await calls.getKojiVersion()),
 * ]);
 */
export function webPage(options: WebPageMark): TypedMarker<WebPage> {
  return marker<WebPage>('webPage', { webPage: options });
}

/**
 * Adds a panel to the page of every build, task, tag, package, host or user.
 *
 * @example
 * export const license = webPanel({ on: 'build', title: 'License' })(async (build, { calls }) => {
 *   const [rpm] = await calls.listBuildRPMs(build.id);
 *   return rpm ? [facts({ 'First rpm': link(`rpminfo?rpmID=${rpm.id}`, rpm.nvr) })] : null;
 * });
 */
export function webPanel<T extends WebThing>(options: WebPanelMark<T>): TypedMarker<WebPanel<T>> {
  return marker<WebPanel<T>>('webPanel', { webPanel: options });
}

/** Makes a link to a page of Koji or to another site. */
export function link(href: string, shown: string): WebLink {
  return { kind: 'link', href, text: shown };
}

/** Makes a state. */
export function state(tone: WebTone, word: string): WebState {
  return { kind: 'state', tone, word };
}

/** Makes a paragraph. */
export function text(...parts: readonly WebInline[]): WebBlock {
  return { kind: 'text', parts };
}

/** Makes a heading. */
export function heading(shown: string): WebBlock {
  return { kind: 'heading', text: shown };
}

/** Makes a block of preformatted text, such as a part of a log. */
export function code(shown: string): WebBlock {
  return { kind: 'code', text: shown };
}

/** Makes a list. */
export function list(items: readonly WebInline[]): WebBlock {
  return { kind: 'list', items };
}

/** Makes a list of names and values. */
export function facts(values: Readonly<Record<string, WebInline>>): WebBlock {
  return { kind: 'facts', facts: Object.entries(values) };
}

/** Makes a table. */
export function table(columns: readonly string[], rows: readonly (readonly WebInline[])[]): WebBlock {
  return { kind: 'table', columns, rows };
}
