import type { Migration } from './migration.js';

const host = 'ALTER TABLE "repo" ADD COLUMN "host_id" integer';

/** The builder that began a repo, which alone may finish one that is no task's. */
export const repoHosts: Migration = { number: 6, name: 'repo-hosts', postgres: [host], sqlite: [host] };
