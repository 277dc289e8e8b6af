import { ref, serial, table, time, varchar } from './table.js';

export const eventTables = [
  table(
    'events',
    { id: serial(), time: time('clock') },
    { indexes: { events_by_time: { columns: ['time'] } } },
  ),
  table(
    'event_labels',
    { event_id: ref('events'), label: varchar(255) },
    { key: ['label'], keyName: 'event_labels_label_key' },
  ),
];
