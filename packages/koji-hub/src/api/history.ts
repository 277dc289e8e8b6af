import { GenericError, ParameterError } from '@koji/core';
import type { HistoryMethods } from '@koji/core/api';
import { Double } from '@koji/core/wire';
import type { Handlers } from '../call.js';
import { toEvent } from '../domain/values/convert.js';
import { findEvent, lastEvent } from '../domain/history/events.js';
import { plain, typeName } from '../domain/values/repr.js';
import { changedSince, firstChange, lastChange } from '../domain/tags/changes.js';
import { anyTag } from '../tag-news.js';
import { untilNews } from './long-polls.js';

function checkStrict(strict: unknown): void {
  if (strict === null)
    throw new ParameterError(
      "Invalid type for value 'None': <class 'NoneType'>, expected type <class 'bool'>",
    );
}

/** Handlers of the methods about history. */
export const historyHandlers: Handlers<HistoryMethods> = {
  async getEvent({ id: given, strict }, call) {
    checkStrict(strict);
    const isNumber = typeof given === 'number' || typeof given === 'boolean';
    const eventId = isNumber ? Math.trunc(Number(given)) : Number(plain(given).trim() || NaN);
    if (given === null || !Number.isInteger(eventId))
      throw new ParameterError(
        `Invalid type for value '${plain(given)}': ${typeName(given)}, expected type <class 'int'>`,
      );
    const event = await findEvent(call, eventId);
    if (!event && strict) throw new GenericError('query returned no rows');
    return event;
  },

  async getLastEvent({ before, strict }, call) {
    checkStrict(strict);
    if (before !== null && typeof before !== 'number' && !(before instanceof Double))
      throw new GenericError(`Invalid type for before: ${typeName(before)}`);
    const event = await lastEvent(call, before === null ? null : Number(before));
    if (!event && strict) throw new GenericError('query returned no rows');
    return event;
  },

  tagFirstChangeEvent: ({ tag, after, inherit }, call) =>
    firstChange(call, tag, { after: after === null ? null : toEvent(after), inherit }),

  tagLastChangeEvent: ({ tag, before, inherit }, call) =>
    lastChange(call, tag, { before: before === null ? null : toEvent(before), inherit }),

  waitTagChange: ({ tag, event, timeout }, call) =>
    untilNews(call, {
      channel: anyTag,
      timeout,
      look: () => call.read((reading) => lastChange(reading, tag, { before: null, inherit: true })),
      isNews: (last) => last !== null && last > (event ?? 0),
    }),

  tagChangedSinceEvent: ({ event, taglist }, call) =>
    event === null ? false : changedSince(call, toEvent(event), taglist),
};
