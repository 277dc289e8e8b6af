import type { CallbackName, CallbackPayloads } from './callbacks.js';
import type { Marker, TypedMarker } from './decorate.js';
import { marker } from './decorate.js';

/** The arguments of a callback: the name of the event and its payload. */
export type CallbackFunction<E extends CallbackName = CallbackName> = (
  event: E,
  payload: CallbackPayloads[E],
) => unknown;

/**
 * Runs a function when an event happens. If the function fails, the call that caused the event fails and is undone, unless
 * the function is marked with {@link ignoreError}. `callback(event, fn)` is the same as `callback(event)(fn)`, which accepts
 * several events and also works as a decorator.
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

/** Marks a callback whose failure is logged and counted, and does not fail the call. */
export const ignoreError: Marker = marker('ignoreError', { ignoreError: true });

/** Marks a callback that receives times as text instead of `Date` objects. */
export const convertDatetime: Marker = marker('convertDatetime', { convertDatetime: true });

/**
 * Marks a callback that runs after the commit of the call, and never for a call that was undone. Use it for messages to other
 * systems. A failure is only logged, since the call has ended.
 */
export const afterCommit: Marker = marker('afterCommit', { afterCommit: true });
