import { int, table, text, time } from './table.js';

/** Not Koji's: the processes that serve, or were cut off; `journal_key` shows that one of them wrote a journal. */
export const hubProcessTables = [
  table(
    'hub_process',
    { id: text(), journal_key: text(), host: text(), pid: int(), start_time: time('now') },
    { key: ['id'] },
  ),
];
