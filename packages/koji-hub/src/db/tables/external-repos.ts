import { int, jsonb, maybe, ref, serial, table, text, versioned } from './table.js';

export const externalRepoTables = [
  table('external_repo', { id: serial(), name: text() }, { unique: [['name']] }),
  versioned(
    'external_repo_config',
    { external_repo_id: ref('external_repo'), url: text() },
    { key: ['external_repo_id'] },
  ),
  versioned(
    'external_repo_data',
    { external_repo_id: ref('external_repo'), data: maybe(jsonb()) },
    { key: ['external_repo_id'] },
  ),
  versioned(
    'tag_external_repos',
    {
      tag_id: ref('tag'),
      external_repo_id: ref('external_repo'),
      priority: int(),
      merge_mode: text('koji'),
      arches: maybe(text()),
    },
    {
      key: ['tag_id', 'priority'],
      unique: [
        ['tag_id', 'external_repo_id'],
        ['tag_id', 'priority'],
      ],
    },
  ),
];
