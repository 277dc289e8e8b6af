import { serial, table, text } from './table.js';

export const volumeTables = [table('volume', { id: serial(), name: text() }, { unique: [['name']] })];
