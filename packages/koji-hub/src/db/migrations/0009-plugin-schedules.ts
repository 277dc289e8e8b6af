import type { Migration } from './migration.js';

/** When periodic work of plugins is due, and what became of its last run. */
export const pluginSchedules: Migration = {
  number: 9,
  name: 'plugin-schedules',
  postgres: [
    `CREATE TABLE "plugin_schedule" (
      "id" serial NOT NULL, "plugin" text NOT NULL, "name" text NOT NULL, "cron" text NOT NULL, "zone" text NOT NULL,
      "next_ts" double precision NOT NULL, "start_ts" double precision, "end_ts" double precision,
      "failures" integer NOT NULL DEFAULT 0, "last_error" text,
      CONSTRAINT "plugin_schedule_plugin_name_key" UNIQUE ("plugin", "name"),
      CONSTRAINT "plugin_schedule_pkey" PRIMARY KEY ("id"))`,
  ],
  sqlite: [
    `CREATE TABLE "plugin_schedule" (
      "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "plugin" text NOT NULL, "name" text NOT NULL,
      "cron" text NOT NULL, "zone" text NOT NULL, "next_ts" double precision NOT NULL,
      "start_ts" double precision, "end_ts" double precision, "failures" integer NOT NULL DEFAULT (0),
      "last_error" text, CONSTRAINT "plugin_schedule_plugin_name_key" UNIQUE ("plugin", "name"))`,
  ],
};
