import { inspect } from 'node:util';
import { callback, callbackNames, context, ignoreError } from '@koji/plugin-sdk';

/** Logs every event with what it is given. */
export const echo = ignoreError(
  callback(...callbackNames)((event, payload) => {
    context.log.info(
      `Called the ${event} callback: ${inspect(payload, { depth: 4, breakLength: Infinity })}`,
    );
  }),
);
