import type { Migration } from './migration.js';

const clock = `DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now'))`;

/** The processes whose journals of file changes a start may act on; see domain/files/recovery.ts. */
export const hubProcesses: Migration = {
  number: 7,
  name: 'hub-processes',
  postgres: [
    `CREATE TABLE "hub_process" (
      "id" text NOT NULL, "journal_key" text NOT NULL, "host" text NOT NULL, "pid" integer NOT NULL,
      "start_time" timestamptz NOT NULL DEFAULT now(), CONSTRAINT "hub_process_pkey" PRIMARY KEY ("id"))`,
  ],
  sqlite: [
    `CREATE TABLE "hub_process" (
      "id" text PRIMARY KEY NOT NULL, "journal_key" text NOT NULL, "host" text NOT NULL,
      "pid" integer NOT NULL, "start_time" datetime NOT NULL ${clock})`,
  ],
};
