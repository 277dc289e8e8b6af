import { repr } from '@koji/core';
import { callback, context, convertDatetime, ignoreError } from '@koji/plugin-sdk';
import type { CallbackName } from '@koji/plugin-sdk';
import { callbackTable } from '@koji/plugin-sdk/host';

const events = Object.keys(callbackTable) as [CallbackName, ...CallbackName[]];

/** Writes every event and its payload to the hub's log; no call fails because of it. */
export const echo = ignoreError(
  convertDatetime(
    callback(...events)((event, payload) => {
      context.log.info(`Called the ${event} callback, args: (); kws: ${repr(payload)}`);
    }),
  ),
);
