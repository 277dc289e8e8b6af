/** Rules by which rows of the database are too old to keep. */
import type { HubOptions } from '@koji/core/config';
import type { Connection } from '../db/connection.js';
import { anyOf, sql } from '../db/sql.js';

/** A kind of rows that go when they are old enough. */
export interface RowRule {
  /** The option with the days for which they are kept; 0 keeps them. */
  readonly option: KeepOption;
  /** The removed objects, for people. */
  readonly what: string;
  /** Ids of what goes that is older than a moment, some at a time. */
  readonly find: (db: Connection, before: Date) => Promise<{ id: number }[]>;
  readonly remove: (db: Connection, ids: readonly number[]) => Promise<void>;
  /** How many of them go in one transaction. */
  readonly portion: number;
}

/** The options that say for how many days something is kept. */
export type KeepOption = Extract<keyof HubOptions, `Keep${string}`>;

/** Ids that are looked for at a time. */
const most = sql`LIMIT 20000`;

/** All rules for rows but those of tasks. */
export const rowRules: readonly RowRule[] = [
  {
    option: 'KeepSessions',
    what: 'sessions without a call',
    // Subsessions first: those that they belong to are found once they are gone.
    find: (db, before) =>
      db.all(sql`SELECT id FROM sessions WHERE update_time < ${before}
        AND NOT EXISTS (SELECT 1 FROM sessions sub WHERE sub.master = sessions.id) ORDER BY id ${most}`),
    async remove(db, ids) {
      await db.run(sql`DELETE FROM web_login WHERE ${anyOf(sql`session_id`, ids)}`);
      await db.run(sql`DELETE FROM sessions WHERE ${anyOf(sql`id`, ids)}`);
    },
    portion: 1000,
  },
  {
    option: 'KeepTokens',
    what: 'tokens that were revoked or have expired',
    find: (db, before) =>
      db.all(
        sql`SELECT id FROM api_token WHERE revoke_time < ${before} OR expire_time < ${before} ORDER BY id ${most}`,
      ),
    async remove(db, ids) {
      await db.run(sql`DELETE FROM api_token WHERE ${anyOf(sql`id`, ids)}`);
    },
    portion: 1000,
  },
  {
    option: 'KeepReservations',
    what: 'reservations of builds by content generators',
    find: (db, before) =>
      db.all(
        sql`SELECT build_id AS id FROM build_reservations WHERE created < ${before} ORDER BY build_id ${most}`,
      ),
    async remove(db, ids) {
      await db.run(sql`DELETE FROM build_reservations WHERE ${anyOf(sql`build_id`, ids)}`);
    },
    portion: 1000,
  },
  {
    option: 'KeepSchedulerLog',
    what: "lines of the scheduler's log",
    find: (db, before) =>
      db.all(sql`SELECT id FROM scheduler_log_messages WHERE msg_time < ${before} ORDER BY id ${most}`),
    async remove(db, ids) {
      await db.run(sql`DELETE FROM scheduler_log_messages WHERE ${anyOf(sql`id`, ids)}`);
    },
    portion: 5000,
  },
  {
    option: 'KeepBuildrootLists',
    what: 'lists of what was in buildroots that no kept package comes from',
    find: (db, before) =>
      db.all(sql`SELECT buildroot_id AS id FROM standard_buildroot JOIN events ON events.id = retire_event
        WHERE events.time < ${before}
          AND (EXISTS (SELECT 1 FROM buildroot_listing WHERE buildroot_listing.buildroot_id = standard_buildroot.buildroot_id)
            OR EXISTS (SELECT 1 FROM buildroot_archives WHERE buildroot_archives.buildroot_id = standard_buildroot.buildroot_id))
          AND NOT EXISTS (SELECT 1 FROM rpminfo WHERE rpminfo.buildroot_id = standard_buildroot.buildroot_id)
          AND NOT EXISTS (SELECT 1 FROM archiveinfo WHERE archiveinfo.buildroot_id = standard_buildroot.buildroot_id)
        ORDER BY buildroot_id ${most}`),
    async remove(db, ids) {
      await db.run(sql`DELETE FROM buildroot_listing WHERE ${anyOf(sql`buildroot_id`, ids)}`);
      await db.run(sql`DELETE FROM buildroot_archives WHERE ${anyOf(sql`buildroot_id`, ids)}`);
    },
    portion: 20,
  },
];
