/** Brings Koji's tables of 1.33 and 1.34 to those of 1.35, which our first migration makes. */
import { postgres } from '../db/migrations/0001-postgres.js';
import type { Catalog } from './schema-level.js';

/** Drafts, which 1.34 brought. A default fills the column without writing each row again. */
const drafts = [
  `ALTER TABLE build ADD COLUMN draft boolean NOT NULL DEFAULT false, ADD COLUMN promotion_time TIMESTAMP WITH TIME ZONE,
    ADD COLUMN promoter integer,
    ADD CONSTRAINT build_promoter_fkey FOREIGN KEY (promoter) REFERENCES users(id),
    ADD CONSTRAINT draft_for_rpminfo UNIQUE (id, draft),
    ADD CONSTRAINT promotion_sane CHECK (NOT draft OR (promotion_time IS NULL AND promoter IS NULL)),
    ADD CONSTRAINT draft_release_sane CHECK (NOT draft OR release ~ ('^.*,draft_' || id::text || '$'))`,
  `ALTER TABLE rpminfo ADD COLUMN draft boolean DEFAULT false`,
  `UPDATE rpminfo SET draft = NULL WHERE build_id IS NULL`,
  // Rows that were just changed have checks of foreign keys waiting, which would keep the table from being altered.
  `SET CONSTRAINTS ALL IMMEDIATE`,
  `ALTER TABLE rpminfo ALTER COLUMN draft DROP DEFAULT,
    DROP CONSTRAINT IF EXISTS rpminfo_build_id_fkey, DROP CONSTRAINT IF EXISTS rpminfo_unique_nvra,
    ADD CONSTRAINT rpminfo_build_id_draft_fkey FOREIGN KEY (build_id, draft) REFERENCES build(id,draft) ON UPDATE CASCADE,
    ADD CONSTRAINT build_id_draft_external_repo_id_sane CHECK ((draft IS NULL AND build_id IS NULL AND external_repo_id <> 0)
      OR (draft IS NOT NULL AND build_id IS NOT NULL AND external_repo_id = 0))`,
  `CREATE UNIQUE INDEX rpminfo_unique_nvra_not_draft ON rpminfo (name, version, "release", arch, external_repo_id)
    WHERE (draft IS NOT TRUE)`,
];

/** Repositories on demand, which 1.35 brought. */
const repos = [
  `ALTER TABLE repo ADD COLUMN creation_time TIMESTAMP WITH TIME ZONE, ADD COLUMN state_time TIMESTAMP WITH TIME ZONE,
    ADD COLUMN begin_event integer, ADD COLUMN end_event integer, ADD COLUMN opts jsonb, ADD COLUMN custom_opts jsonb`,
  // Both are the time of the event, as in a copy.
  `UPDATE repo SET creation_time = events.time, state_time = events.time FROM events WHERE events.id = repo.create_event`,
  `SET CONSTRAINTS ALL IMMEDIATE`,
  `ALTER TABLE repo ALTER COLUMN creation_time SET DEFAULT now(), ALTER COLUMN state_time SET DEFAULT now(),
    ADD CONSTRAINT repo_begin_event_fkey FOREIGN KEY (begin_event) REFERENCES events(id),
    ADD CONSTRAINT repo_end_event_fkey FOREIGN KEY (end_event) REFERENCES events(id)`,
  `CREATE INDEX IF NOT EXISTS rpminfo_nvra ON rpminfo (name, version, "release", arch, external_repo_id)`,
];

/** Returns the statements that make a schema of Koji from 1.33 on that of 1.35; none for one that is. */
export function bringUp(catalog: Catalog): string[] {
  const has = (table: string, column: string): boolean => catalog.get(table)?.has(column) ?? false;
  return [
    ...(has('build', 'draft') ? [] : drafts),
    ...(has('repo', 'creation_time') ? [] : repos),
    ...postgres.filter((statement) => {
      const table = tableOf(statement);
      return table !== undefined && !catalog.has(table);
    }),
  ];
}

/** The table that a statement makes, or makes an index or constraint of. */
function tableOf(statement: string): string | undefined {
  const found = /^(?:CREATE|ALTER) TABLE (\w+)|^CREATE (?:UNIQUE )?INDEX \w+ ON (\w+)/.exec(statement);
  return found?.[1] ?? found?.[2];
}
