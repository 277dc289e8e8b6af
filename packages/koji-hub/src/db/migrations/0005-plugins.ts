import type { Migration } from './migration.js';

const clock = `DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now'))`;
const byLane = 'CREATE INDEX "outbox_message_by_lane" ON "outbox_message" ("lane_id", "dead", "id")';

/** The activity of plugins, and the messages that they send. */
export const plugins: Migration = {
  number: 5,
  name: 'plugins',
  postgres: [
    `CREATE TABLE "plugin_activity" (
      "plugin" text NOT NULL, "kind" text NOT NULL, "name" text NOT NULL, "runs" bigint NOT NULL,
      "failures" bigint NOT NULL, "ignored" bigint NOT NULL, "timeouts" bigint NOT NULL, "skipped" bigint NOT NULL,
      "seconds" double precision NOT NULL DEFAULT 0.0, "first_time" timestamptz NOT NULL DEFAULT now(),
      "last_time" timestamptz NOT NULL DEFAULT now(), "last_failure" text, "last_failure_time" timestamptz,
      "off_until" timestamptz, CONSTRAINT "plugin_activity_pkey" PRIMARY KEY ("plugin", "kind", "name"))`,
    `CREATE TABLE "outbox_lane" (
      "id" serial NOT NULL, "queue" text NOT NULL, "topic" text NOT NULL,
      "next_ts" double precision NOT NULL DEFAULT 0.0, "lease_ts" double precision NOT NULL DEFAULT 0.0,
      CONSTRAINT "outbox_lane_queue_topic_key" UNIQUE ("queue", "topic"),
      CONSTRAINT "outbox_lane_pkey" PRIMARY KEY ("id"))`,
    `CREATE TABLE "outbox_message" (
      "id" serial NOT NULL, "lane_id" integer NOT NULL, "body" text NOT NULL,
      "create_time" timestamptz NOT NULL DEFAULT now(), "attempts" integer NOT NULL DEFAULT 0, "last_error" text,
      "dead" boolean NOT NULL DEFAULT false, CONSTRAINT "outbox_message_pkey" PRIMARY KEY ("id"),
      CONSTRAINT "outbox_message_lane_id_fkey" FOREIGN KEY ("lane_id") REFERENCES "outbox_lane" ("id"))`,
    byLane,
  ],
  sqlite: [
    `CREATE TABLE "plugin_activity" (
      "plugin" text NOT NULL, "kind" text NOT NULL, "name" text NOT NULL, "runs" bigint NOT NULL,
      "failures" bigint NOT NULL, "ignored" bigint NOT NULL, "timeouts" bigint NOT NULL, "skipped" bigint NOT NULL,
      "seconds" double precision NOT NULL DEFAULT (0.0), "first_time" datetime NOT NULL ${clock},
      "last_time" datetime NOT NULL ${clock}, "last_failure" text, "last_failure_time" datetime,
      "off_until" datetime, PRIMARY KEY ("plugin", "kind", "name"))`,
    `CREATE TABLE "outbox_lane" (
      "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "queue" text NOT NULL, "topic" text NOT NULL,
      "next_ts" double precision NOT NULL DEFAULT (0.0), "lease_ts" double precision NOT NULL DEFAULT (0.0),
      CONSTRAINT "outbox_lane_queue_topic_key" UNIQUE ("queue", "topic"))`,
    `CREATE TABLE "outbox_message" (
      "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "lane_id" integer NOT NULL, "body" text NOT NULL,
      "create_time" datetime NOT NULL ${clock}, "attempts" integer NOT NULL DEFAULT (0), "last_error" text,
      "dead" boolean NOT NULL DEFAULT (0),
      CONSTRAINT "outbox_message_lane_id_fkey" FOREIGN KEY ("lane_id") REFERENCES "outbox_lane" ("id"))`,
    byLane,
  ],
};
