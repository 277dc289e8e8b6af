import { bool, maybe, serial, table, text, varchar } from './table.js';

export const channelTables = [
  table(
    'channels',
    {
      id: serial(),
      name: varchar(128),
      description: maybe(text()),
      enabled: bool(true),
      comment: maybe(text()),
    },
    { unique: [['name']] },
  ),
];
