import type { Migration } from './migration.js';

/** Notes the names of the builds that there were before `name-texts`. Others may write meanwhile: their triggers are there. */
export const buildNvrs: Migration = {
  number: 15,
  name: 'build-nvrs',
  postgres: [
    `INSERT INTO build_nvr (build_id, nvr)
      SELECT build.id, package.name || '-' || build.version || '-' || build.release
      FROM build JOIN package ON package.id = build.pkg_id ON CONFLICT DO NOTHING`,
  ],
  sqlite: [],
  indexes: [
    {
      name: 'build_nvr_trigrams',
      table: 'build_nvr',
      columns: [],
      // Entries that wait in a list are read one by one until a vacuum, and builds are few.
      on: { postgres: 'USING gin (nvr gin_trgm_ops) WITH (fastupdate = off)' },
      extension: 'pg_trgm',
    },
  ],
  additive: true,
};
