import { bool, json, maybe, ref, serial, table, text, time } from './table.js';

export const notificationTables = [
  table('build_notifications', {
    id: serial(),
    user_id: ref('users'),
    package_id: maybe(ref('package')),
    tag_id: maybe(ref('tag')),
    success_only: bool(false),
    email: text(),
  }),
  table('build_notifications_block', {
    id: serial(),
    user_id: ref('users'),
    package_id: maybe(ref('package')),
    tag_id: maybe(ref('tag')),
  }),
  table('proton_queue', {
    id: serial(),
    created_ts: maybe(time('now')),
    address: text(),
    props: json(),
    body: json(),
  }),
];
