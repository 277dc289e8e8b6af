import type { Migration } from './migration.js';

const byOwner = 'CREATE INDEX "build_by_owner" ON "build" ("owner")';

/** The builds of a user, for which Koji's schema has no index. */
export const buildsByOwner: Migration = {
  number: 3,
  name: 'builds-by-owner',
  postgres: [byOwner],
  sqlite: [byOwner],
};
