import { named } from '@koji/core/wire';
import type { Calls } from './calls.js';
import { PageError } from './errors.js';
import type { Kind } from './params.js';

const timePattern = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?Z?$/;

function secondsIn(text: string): number {
  const [, day = '', clock = '00:00'] = timePattern.exec(text) ?? [];
  return Date.parse(`${day}T${clock}Z`) / 1000;
}

/** A moment in history: the number of an event, or a day or time in UTC; nothing means now. */
export const moment: Kind<string> = {
  name: 'event number, YYYY-MM-DD or YYYY-MM-DD HH:MM in UTC',
  required: false,
  default: '',
  read: (given) => {
    const value = given.trim();
    const isMoment = value === '' || /^[1-9]\d{0,8}$/.test(value) || !Number.isNaN(secondsIn(value));
    return isMoment
      ? { value }
      : 'is no moment: give the number of an event, YYYY-MM-DD or YYYY-MM-DD HH:MM (UTC)';
  },
};

/** A point in history that a page looks at. */
export interface Event {
  readonly id: number;
  /** Epoch seconds. */
  readonly at: number;
}

/** Returns the event that a parameter of kind {@link moment} means, of a time the last one before it; null for now. */
export async function findEvent(calls: Calls, given: string): Promise<Event | null> {
  if (given === '') return null;
  const event = /^\d+$/.test(given)
    ? await calls.getEvent(Number(given), false)
    : await calls.getLastEvent(named({ before: secondsIn(given), strict: false }));
  if (event === null) throw new PageError(404, `There is no event at or before '${given}'.`);
  return { id: event.id, at: Number(event.ts) };
}
