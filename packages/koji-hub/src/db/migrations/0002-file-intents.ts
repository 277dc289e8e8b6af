import type { Migration } from './migration.js';

/** The tokens by which files and database are kept in step; see domain/files.ts. */
export const fileIntents: Migration = {
  number: 2,
  name: 'file-intents',
  postgres: ['CREATE TABLE "file_intent" ("token" varchar(64) NOT NULL, CONSTRAINT "file_intent_pkey" PRIMARY KEY ("token"))'],
  sqlite: ['CREATE TABLE "file_intent" ("token" varchar(64) PRIMARY KEY NOT NULL)'],
};
