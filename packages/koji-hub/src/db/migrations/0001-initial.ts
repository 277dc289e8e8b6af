import { postgres } from './0001-postgres.js';
import { rows } from './0001-rows.js';
import { sqlite } from './0001-sqlite.js';
import type { Migration } from './migration.js';

/** The first schema, Koji's 1.35, with the rows that every hub starts with. */
export const initial: Migration = { number: 1, name: 'initial', postgres, sqlite, rows };
