import type { Migration } from './migration.js';

/** The sessions that were opened on the web page, by the hash of the id that a browser has for its own. */
export const webLogins: Migration = {
  number: 8,
  name: 'web-logins',
  postgres: [
    `CREATE TABLE "web_login" (
      "key" text NOT NULL, "session_id" integer NOT NULL, CONSTRAINT "web_login_pkey" PRIMARY KEY ("key"),
      CONSTRAINT "web_login_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "sessions" ("id"))`,
  ],
  sqlite: [
    `CREATE TABLE "web_login" (
      "key" text PRIMARY KEY NOT NULL, "session_id" integer NOT NULL,
      CONSTRAINT "web_login_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "sessions" ("id"))`,
  ],
};
