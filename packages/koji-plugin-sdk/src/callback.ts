import type { CallbackName, CallbackPayloads } from './callbacks.js';
import type { Marker, TypedMarker } from './decorate.js';
import { marker } from './decorate.js';

/** What a function is given that listens to some events: which one it is, and its payload. */
export type CallbackFunction<E extends CallbackName = CallbackName> = (
  event: E,
  payload: CallbackPayloads[E],
) => unknown;

/**
 * Runs a function when something happens. A failing function makes the call fail that led to the event, and undoes it,
 * unless it is marked with {@link ignoreError}. `callback(event, fn)` is the same as `callback(event)(fn)`, which takes
 * several events and is a decorator too.
 *
 * @example
 * export const noFridays = callback('preTag', (event, { tag, build }) => {
 *   if (new Date().getDay() === 5) throw new Error(`${build.nvr} can wait for Monday before it gets into ${tag.name}`);
 * });
 */
export function callback<const E extends CallbackName>(
  event: E,
  fn: CallbackFunction<E>,
): CallbackFunction<E>;
export function callback<const E extends CallbackName>(
  ...events: [E, ...E[]]
): TypedMarker<CallbackFunction<E>>;
export function callback(...args: unknown[]): unknown {
  const last = args.at(-1);
  const events = (typeof last === 'function' ? args.slice(0, -1) : args) as CallbackName[];
  const mark = marker<CallbackFunction>('callback', { callbacks: events });
  return typeof last === 'function' ? mark(last as CallbackFunction) : mark;
}

/** Marks a callback whose failure is logged and counted instead of failing the call. */
export const ignoreError: Marker = marker('ignoreError', { ignoreError: true });

/** Marks a callback that wants times as text instead of `Date` objects. */
export const convertDatetime: Marker = marker('convertDatetime', { convertDatetime: true });

/**
 * Marks a callback that runs once the call has committed, and never for one that was undone: the way for messages to
 * the outside. Its failure is logged, since the call is over.
 */
export const afterCommit: Marker = marker('afterCommit', { afterCommit: true });
