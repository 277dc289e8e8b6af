import { table, varchar } from './table.js';

/** Not Koji's: a call that changes files leaves its token here, so that a start can tell whether it was committed. */
export const fileIntentTables = [table('file_intent', { token: varchar(64) }, { key: ['token'] })];
