/** The command `koji-hub fsck`: compares the file store with the database. */
import { access } from 'node:fs/promises';
import { ConfigError, messageOf } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { openExisting, plainConfig } from '../commands.js';
import { databaseUrl } from '../config.js';
import type { Database } from '../db/connection.js';
import { claimEnded } from '../db/locks.js';
import { checkSchema, schemaState } from '../db/migrate.js';
import { lockSqlite } from '../db/sqlite-lock.js';
import { sql } from '../db/sql.js';
import { recoverFiles } from '../domain/files/recovery.js';
import { openHub } from '../hub.js';
import { sqliteFile } from './backup.js';
import { checkBuilds, checkFolders } from './build-folders.js';
import { checkJournals, checkRepos, checkTasks, checkVolumes } from './other-folders.js';
import { shownPath, siteOf } from './problems.js';
import type { Found, ProblemKind, Site } from './problems.js';
import { Repair } from './repair.js';

/** A problem as it is reported. */
export interface Problem {
  readonly kind: ProblemKind;
  /** Below KojiDir. */
  readonly path: string;
  /** The problem, worded to follow the path. */
  readonly text: string;
  /** The repair; null if the problem remains. */
  readonly mended: string | null;
}

/** How to check. */
export interface FsckOptions {
  /** Moves what the database does not know aside and makes missing links; no hub may serve meanwhile. */
  readonly repair: boolean;
  /** Leaves the content of files unread and compares names and sizes only. */
  readonly quick: boolean;
}

/** Checked objects, and the number of problems found and remaining. */
export interface FsckSummary {
  readonly builds: number;
  readonly repos: number;
  readonly tasks: number;
  readonly problems: number;
  readonly mended: number;
}

/**
 * Compares the file store of a hub with its database. The memory that it takes does not grow with either. While a hub serves,
 * a file that is just being imported may be reported as extra.
 *
 * @param report takes each problem as soon as it is known
 * @throws ConfigError when a repair is asked for while a hub serves
 */
export async function fsck(
  config: HubConfig,
  options: FsckOptions,
  report: (problem: Problem) => void,
): Promise<FsckSummary> {
  if (!options.repair) {
    const database = await openExisting(config);
    try {
      checkSchema(await schemaState(database));
      const site = await siteOf(config, database, options.quick);
      const isIdle = !(await isServed(config, database));
      return await checkAll(site, { repair: null, journals: isIdle, report });
    } finally {
      await database.close();
    }
  }
  // A folder that is missing must not be made and then be found empty.
  await openExisting(config).then(async (database) => {
    const served = await isServed(config, database).finally(() => database.close());
    if (served) throw new ConfigError('a hub serves from this database: stop it before a repair');
  });
  const open = await openHub(plainConfig(config), { serves: true });
  try {
    const { hub } = open;
    const site = await siteOf(config, hub.database, options.quick);
    await recoverFiles(hub);
    return await checkAll(site, { repair: new Repair(site), journals: true, report });
  } finally {
    await open.closers.closeAll();
  }
}

/** Whether a hub serves from a database. */
async function isServed(config: HubConfig, database: Database): Promise<boolean> {
  if (databaseUrl(config.options).startsWith('sqlite:')) {
    const file = sqliteFile(config);
    // Without its lock no hub has ever served from it.
    if (
      !(await access(`${file}.lock`).then(
        () => true,
        () => false,
      ))
    )
      return false;
    try {
      lockSqlite(file)();
      return false;
    } catch (error) {
      if (error instanceof ConfigError) return true;
      throw error;
    }
  }
  return database.write(async (db) => {
    for (const { id } of await db.all<{ id: string }>(sql`SELECT id FROM hub_process`))
      if (/^[0-9a-f]{16}$/.test(id) && !(await claimEnded(db, id))) return true;
    return false;
  });
}

interface Check {
  readonly repair: Repair | null;
  readonly journals: boolean;
  readonly report: (problem: Problem) => void;
}

async function checkAll(site: Site, { repair, journals, report }: Check): Promise<FsckSummary> {
  const counts = { problems: 0, mended: 0 };
  for await (const found of problemsOf(site, journals)) {
    const mended = repair === null ? null : await mendOrSay(repair, found);
    counts.problems += 1;
    if (mended?.isMended) counts.mended += 1;
    const text = mended && !mended.isMended ? `${found.text} (${mended.text})` : found.text;
    report({
      kind: found.kind,
      path: shownPath(site, found.path),
      text,
      mended: mended?.isMended ? mended.text : null,
    });
  }
  return { ...site.counts, ...counts };
}

async function* problemsOf(site: Site, journals: boolean): AsyncGenerator<Found, void, void> {
  yield* checkVolumes(site);
  if (journals) yield* checkJournals(site);
  // Folders first: what is in the place of a link is out of the way when the builds are looked at.
  yield* checkFolders(site);
  yield* checkBuilds(site);
  yield* checkRepos(site);
  yield* checkTasks(site);
}

async function mendOrSay(repair: Repair, found: Found): Promise<{ text: string; isMended: boolean } | null> {
  try {
    const text = await repair.mend(found);
    return text === null ? null : { text, isMended: true };
  } catch (error) {
    return { text: `it cannot be mended: ${messageOf(error)}`, isMended: false };
  }
}

/** The line for a problem. */
export function describeProblem({ kind, path: place, text, mended }: Problem): string {
  return `${kind}: ${place} ${text}${mended === null ? '' : `: ${mended}`}`;
}
