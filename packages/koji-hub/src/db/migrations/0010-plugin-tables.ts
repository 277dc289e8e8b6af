import type { Migration } from './migration.js';

const clock = `DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now'))`;

/** Finished migration steps of plugins' tables. */
export const pluginTableSteps: Migration = {
  number: 10,
  name: 'plugin-tables',
  postgres: [
    `CREATE TABLE "plugin_migration" (
      "plugin" text NOT NULL, "number" integer NOT NULL, "digest" text NOT NULL,
      "time" timestamptz NOT NULL DEFAULT now(), CONSTRAINT "plugin_migration_pkey" PRIMARY KEY ("plugin", "number"))`,
  ],
  sqlite: [
    `CREATE TABLE "plugin_migration" (
      "plugin" text NOT NULL, "number" integer NOT NULL, "digest" text NOT NULL,
      "time" datetime NOT NULL ${clock}, PRIMARY KEY ("plugin", "number"))`,
  ],
};
