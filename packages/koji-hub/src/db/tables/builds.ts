import { bool, event, int, maybe, ref, serial, table, text, time, varchar } from './table.js';

export const buildTables = [
  table(
    'build',
    {
      id: serial(),
      volume_id: ref('volume'),
      pkg_id: { ...ref('package'), deferrable: true },
      version: text(),
      release: text(),
      epoch: maybe(int()),
      draft: bool(false),
      source: maybe(text()),
      create_event: event(),
      start_time: maybe(time()),
      completion_time: maybe(time()),
      promotion_time: maybe(time()),
      state: int(),
      task_id: maybe(ref('task')),
      owner: ref('users'),
      promoter: maybe(ref('users')),
      cg_id: maybe(ref('content_generator')),
      extra: maybe(text()),
    },
    {
      unique: [
        { name: 'build_pkg_ver_rel', columns: ['pkg_id', 'version', 'release'] },
        { name: 'draft_for_rpminfo', columns: ['id', 'draft'] },
      ],
      checks: {
        completion_sane:
          '(state = 0 AND completion_time IS NULL) OR (state <> 0 AND completion_time IS NOT NULL)',
        draft_release_sane: {
          postgres: `NOT draft OR release ~ ('^.*,draft_' || id::text || '$')`,
          sqlite: `NOT draft OR release GLOB ('*,draft_' || id)`,
        },
        promotion_sane: 'NOT draft OR (promotion_time IS NULL AND promoter IS NULL)',
      },
      indexes: {
        build_by_create_event: { columns: ['create_event'] },
        build_by_owner: { columns: ['owner'] },
        build_by_owner_and_id: { columns: ['owner', 'id'] },
        build_by_cg_id: { columns: ['cg_id', 'id'], where: '(cg_id IS NOT NULL)' },
        build_by_pkg_id: { columns: ['pkg_id'] },
        build_by_state: { columns: ['state', 'id'] },
        build_by_task_id: { columns: ['task_id'] },
        build_completion: { columns: ['completion_time'] },
      },
    },
  ),
  table('btype', { id: serial(), name: text() }, { unique: [['name']] }),
  table('build_types', { build_id: ref('build'), btype_id: ref('btype') }, { key: ['build_id', 'btype_id'] }),
  table(
    'build_reservations',
    { build_id: ref('build'), token: maybe(varchar(64)), created: time() },
    { key: ['build_id'], indexes: { build_reservations_created: { columns: ['created'] } } },
  ),
  table('image_builds', { build_id: ref('build') }, { key: ['build_id'] }),
  table(
    'maven_builds',
    { build_id: ref('build'), group_id: text(), artifact_id: text(), version: text() },
    { key: ['build_id'] },
  ),
  table('win_builds', { build_id: ref('build'), platform: text() }, { key: ['build_id'] }),
];
