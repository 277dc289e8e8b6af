import type { Migration } from './migration.js';

const host = 'ALTER TABLE "repo" ADD COLUMN "host_id" integer';

/** The builder that created a repo, and that alone may finish it if the repo belongs to no task. */
export const repoHosts: Migration = { number: 6, name: 'repo-hosts', postgres: [host], sqlite: [host] };
