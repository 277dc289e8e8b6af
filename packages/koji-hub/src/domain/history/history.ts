import { GenericError } from '@koji/core';
import type { Call } from '../../call.js';
import { repr } from '../values/repr.js';
import { id, join, sql } from '../../db/sql.js';
import type { Sql, SqlValue } from '../../db/sql.js';

/** The tables whose rows are revoked, never changed. */
export type VersionedTable =
  | 'build_target_config'
  | 'cg_users'
  | 'external_repo_config'
  | 'external_repo_data'
  | 'group_config'
  | 'group_package_listing'
  | 'group_req_listing'
  | 'host_channels'
  | 'host_config'
  | 'tag_config'
  | 'tag_external_repos'
  | 'tag_extra'
  | 'tag_inheritance'
  | 'tag_listing'
  | 'tag_package_owners'
  | 'tag_packages'
  | 'user_groups'
  | 'user_perms';

/** A row to insert, by column, without the columns of history. */
export type NewRow = Readonly<Record<string, SqlValue>>;

/** Writes rows of the versioned tables. */
export interface History {
  /** Adds a current row. */
  insert(table: VersionedTable, row: NewRow): Promise<void>;
  /** Revokes the active rows that match the condition, and returns their number. */
  revoke(table: VersionedTable, condition: Sql): Promise<number>;
  /** Replaces the active rows that match the condition by copies with other values, and returns their number. */
  update(table: VersionedTable, condition: Sql, changes: NewRow): Promise<number>;
}

/** The tables whose rows change what a repo of their tag, or of tags that inherit from it, holds. */
const ofTags: ReadonlySet<VersionedTable> = new Set([
  'group_config',
  'group_package_listing',
  'group_req_listing',
  'tag_config',
  'tag_external_repos',
  'tag_extra',
  'tag_inheritance',
  'tag_listing',
  'tag_packages',
]);

/** Same, for rows that belong to no tag. */
const ofAnyTag: ReadonlySet<VersionedTable> = new Set(['external_repo_config', 'external_repo_data']);

const ofHistory = new Set(['create_event', 'creator_id', 'revoke_event', 'revoker_id', 'active']);

/**
 * The writer of history for a call: its rows carry the call's event and its caller, unless others are given.
 *
 * @throws ActionNotAllowed when nobody is logged in and no user is given
 */
export function history(
  call: Pick<Call, 'afterCommit' | 'db' | 'event' | 'hub' | 'session'>,
  given: { readonly event?: number; readonly userId?: number } = {},
): History {
  const stamp = async (): Promise<{ event: number; user: number }> => {
    if (given.userId === undefined) call.session.assertLogin();
    const user = given.userId ?? call.session.userId;
    if (user === null) throw new Error('a session that is logged in has no user');
    return { event: given.event ?? (await call.event()), user };
  };

  const writer: History = {
    async insert(table, row) {
      const { event, user } = await stamp();
      const values = { ...row, create_event: event, creator_id: user };
      const columns = Object.keys(values).map((name) => id(name));
      await call.db.run(
        sql`INSERT INTO ${id(table)} (${join(columns, ', ')})
            VALUES (${join(
              Object.values(values).map((value) => sql`${value}`),
              ', ',
            )})`,
      );
      if (ofTags.has(table)) tellTags(call, [row.tag_id as number]);
      else if (ofAnyTag.has(table)) tellTags(call, [null]);
    },

    async revoke(table, condition) {
      const { event, user } = await stamp();
      const update = sql`UPDATE ${id(table)} SET revoke_event = ${event}, revoker_id = ${user}, active = NULL
            WHERE active = TRUE AND (${condition})`;
      if (!ofTags.has(table)) {
        const count = await call.db.run(update);
        if (count > 0 && ofAnyTag.has(table)) tellTags(call, [null]);
        return count;
      }
      const rows = await call.db.all<{ tag_id: number }>(sql`${update} RETURNING tag_id`);
      tellTags(
        call,
        rows.map((row) => row.tag_id),
      );
      return rows.length;
    },

    async update(table, condition, changes) {
      const rows = await call.db.all(sql`SELECT * FROM ${id(table)} WHERE active = TRUE AND (${condition})`);
      await writer.revoke(table, condition);
      for (const row of rows) {
        const kept = Object.entries(row).filter(([name]) => !ofHistory.has(name));
        await writer.insert(table, { ...(Object.fromEntries(kept) as NewRow), ...changes });
      }
      return rows.length;
    },
  };
  return writer;
}

/**
 * The condition for the rows of a versioned table (by its name or alias) that hold at an event, null for now.
 *
 * @throws GenericError when the event is not a whole number
 */
export function atEvent(alias: string, event: number | null): Sql {
  if (event === null) return sql`${id(`${alias}.active`)} = TRUE`;
  // The event comes from a caller whose type nobody checked before.
  const given: unknown = event;
  if (typeof given === 'boolean') return atEvent(alias, Number(given));
  if (!Number.isSafeInteger(given)) throw new GenericError(`Invalid event: ${repr(given)}`);
  const revoked = id(`${alias}.revoke_event`);
  // PostgreSQL refuses to compare with what an id can't be; no event is beyond the nearest that can.
  const at = Math.max(-0x80000000, Math.min(event, 0x7fffffff));
  return sql`(${id(`${alias}.create_event`)} <= ${at} AND (${revoked} IS NULL OR ${at} < ${revoked}))`;
}

/** Notifies the repo manager and waiting calls of changed tags, null for any, once the change is durable. */
export function tellTags(call: Pick<Call, 'hub' | 'afterCommit'>, tagIds: readonly (number | null)[]): void {
  const { tagNews } = call.hub;
  if (tagIds.length > 0) call.afterCommit(() => tagNews.tell(tagIds));
}
