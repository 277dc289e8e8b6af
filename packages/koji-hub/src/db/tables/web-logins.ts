import { ref, table, text } from './table.js';

/** Not Koji's: sessions that were opened on the web page; `key` is the hash of the id that a browser has for its own. */
export const webLoginTables = [
  table('web_login', { key: text(), session_id: ref('sessions') }, { key: ['key'] }),
];
