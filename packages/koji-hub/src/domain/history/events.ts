import type { EventInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { epoch, isAmong, sql } from '../../db/sql.js';
import type { Sql } from '../../db/sql.js';
import { timeText } from '../../db/times.js';
import { idIs } from '../values/ids.js';

/** The last second of the year 9999: later times do not compare as text. */
const lastSecond = 253_402_300_799;

/** More events than calls that run at once can make. */
const atOnce = 100;

/** An event by id; null if there is none. */
export function findEvent(call: Call, eventId: number): Promise<EventInfo | null> {
  return eventWhere(call, sql`WHERE ${idIs('events.id', eventId)}`);
}

/** Returns the newest event, or the newest before a time in epoch seconds; null if there is none. */
export function lastEvent(call: Call, before: number | null = null): Promise<EventInfo | null> {
  if (before === null) return eventWhere(call, sql``);
  const time = timeText(Math.min(Math.max(before, 0), lastSecond));
  // Calls that ran at once may have made their events in another order than they read the clock.
  return eventWhere(
    call,
    sql`WHERE ${isAmong(
      sql`events.id`,
      sql`SELECT id FROM events WHERE events.time < ${time} ORDER BY events.time DESC LIMIT ${atOnce}`,
    )}`,
  );
}

function eventWhere(call: Call, condition: Sql): Promise<EventInfo | null> {
  return call.db.get<EventInfo>(
    sql`SELECT id, ${epoch('events.time', 'ts')} FROM events ${condition} ORDER BY id DESC LIMIT 1`,
  );
}
