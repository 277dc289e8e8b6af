import type { Migration } from './migration.js';

/** The builds of a user, for which Koji's schema has no index. */
export const buildsByOwner: Migration = {
  number: 3,
  name: 'builds-by-owner',
  postgres: [],
  sqlite: [],
  indexes: [{ name: 'build_by_owner', table: 'build', columns: ['owner'] }],
};
