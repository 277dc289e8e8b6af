import type { Migration } from './migration.js';

/** The columns whose texts have a greatest length, which PostgreSQL heeds by itself and SQLite does not. */
const lengths: readonly (readonly [table: string, column: string, length: number])[] = [
  ['build_reservations', 'token', 64],
  ['channels', 'name', 128],
  ['event_labels', 'label', 255],
  ['file_intent', 'token', 64],
  ['group_package_listing', 'type', 25],
  ['group_req_listing', 'type', 25],
  ['groups', 'name', 50],
  ['host', 'name', 128],
  ['image_archives', 'arch', 16],
  ['permissions', 'name', 50],
  ['rpminfo', 'arch', 16],
  ['sessions', 'hostip', 255],
  ['sessions', 'key', 255],
  ['task', 'arch', 16],
  ['task', 'label', 255],
  ['user_krb_principals', 'krb_principal', 255],
  ['users', 'name', 255],
];

// PostgreSQL lets blanks at the end pass, whatever their number.
const triggers = lengths.flatMap(([table, column, length]) =>
  ['INSERT', `UPDATE OF "${column}"`].map(
    (change) =>
      `CREATE TRIGGER "${table}_${column}_length_${change.slice(0, 6).toLowerCase()}" BEFORE ${change} ON "${table}"` +
      ` WHEN length(rtrim(NEW."${column}", ' ')) > ${length}` +
      ` BEGIN SELECT RAISE(ABORT, 'value too long for type character varying(${length})'); END`,
  ),
);

/** Lets SQLite refuse the texts that PostgreSQL refuses, with the same words. */
export const textLengths: Migration = { number: 4, name: 'text-lengths', postgres: [], sqlite: triggers };
