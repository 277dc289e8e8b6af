import type { Migration } from './migration.js';

/** Tokens with which programs call without a session; `key` is the SHA-256 of the secret. */
export const tokens: Migration = {
  number: 13,
  name: 'tokens',
  postgres: [
    `CREATE TABLE "api_token" (
      "id" serial NOT NULL, "user_id" integer NOT NULL, "name" text NOT NULL, "key" text NOT NULL,
      "read_only" boolean NOT NULL, "methods" text, "perms" text, "creator_id" integer NOT NULL,
      "create_time" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(), "expire_time" TIMESTAMP WITH TIME ZONE NOT NULL,
      "last_use_time" TIMESTAMP WITH TIME ZONE, "revoke_time" TIMESTAMP WITH TIME ZONE, "revoker_id" integer,
      CONSTRAINT "api_token_key_key" UNIQUE ("key"), CONSTRAINT "api_token_pkey" PRIMARY KEY ("id"),
      CONSTRAINT "api_token_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
      CONSTRAINT "api_token_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
      CONSTRAINT "api_token_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"))`,
    `CREATE INDEX "api_token_by_user" ON "api_token" ("user_id")`,
  ],
  sqlite: [
    `CREATE TABLE "api_token" (
      "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "user_id" integer NOT NULL, "name" text NOT NULL,
      "key" text NOT NULL, "read_only" boolean NOT NULL, "methods" text, "perms" text, "creator_id" integer NOT NULL,
      "create_time" datetime NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')),
      "expire_time" datetime NOT NULL, "last_use_time" datetime, "revoke_time" datetime, "revoker_id" integer,
      CONSTRAINT "api_token_key_key" UNIQUE ("key"),
      CONSTRAINT "api_token_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
      CONSTRAINT "api_token_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
      CONSTRAINT "api_token_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"))`,
    `CREATE INDEX "api_token_by_user" ON "api_token" ("user_id")`,
  ],
  additive: true,
};
