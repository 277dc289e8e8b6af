/** `koji-hub adopt`: takes over a database of Koji, into a new database or where it is. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from '@koji/core';
import { readHubConfig } from '@koji/core/config';
import type { HubConfig } from '@koji/core/config';
import { databaseUrl, folderOf, storeOf } from '../config.js';
import { openDatabase } from '../db/database.js';
import type { Opened } from '../db/database.js';
import { checkSchema, migrate, schemaState } from '../db/migrate.js';
import { sql } from '../db/sql.js';
import { copyTables, finishCopy } from './copy.js';
import { adoptInPlace } from './in-place.js';
import { tableMaps } from './mapping.js';
import type { TableMap } from './mapping.js';
import { describePlan, duration, planAdoption } from './plan.js';
import type { Plan } from './plan.js';
import { beginProgress, forgetProgress, readProgress } from './progress.js';
import type { TableProgress } from './progress.js';
import { readFingerprint, sourceUrl } from './source.js';

/** Options of an adoption. */
export interface AdoptOptions {
  /** The url of Koji's database, or the path of Koji's hub.conf; for an adoption in place the database of hub.conf by default. */
  readonly from?: string | undefined;
  readonly inPlace?: boolean;
  /** Changes nothing: only tells what would be done. */
  readonly dryRun?: boolean;
  /** Throws away what an interrupted copy brought. */
  readonly restart?: boolean;
  /** Copies a snapshot although others are connected to the source: a rehearsal. */
  readonly live?: boolean;
  /** Asks whether to continue, after the plan was printed. */
  readonly confirm: () => Promise<boolean>;
  readonly tell: (line: string) => void;
  /** Hashes a password; tests have a quick way. */
  readonly hash?: (password: string) => Promise<string>;
}

/**
 * Adopts a database of Koji.
 *
 * @returns false when the answer to the question was no
 * @throws ConfigError when the source can't be adopted, with what to do; nothing is changed then, or an interrupted copy stays
 */
export async function adopt(config: HubConfig, options: AdoptOptions): Promise<boolean> {
  const started = Date.now();
  const target = databaseUrl(config.options);
  const from = sourceOf(options, target);
  if (!options.inPlace && sameDatabase(from, target))
    throw new ConfigError(
      `${config.file} names the database that is to be copied: name a new one by Database, or use --in-place`,
    );
  if (options.inPlace && !sameDatabase(from, target))
    throw new ConfigError(
      `--in-place is for the database that ${config.file} names, and --from names another one`,
    );
  const source = await openDatabase({ url: sourceUrl(from), folder: folderOf(config) });
  try {
    const parts: Parts = { config, options, source, maps: tableMaps() };
    const plan = await tellPlan(parts, { from: withoutPassword(from), to: withoutPassword(target) });
    if (options.dryRun) return true;
    if (!(await options.confirm())) return false;
    await (options.inPlace ? changeInPlace(parts, plan) : copy(parts, plan));
    options.tell(
      `adopted in ${duration((Date.now() - started) / 1000)}; koji-hub check, then koji-hub start`,
    );
    return true;
  } finally {
    await source.close();
  }
}

interface Parts {
  readonly config: HubConfig;
  readonly options: AdoptOptions;
  readonly source: Opened;
  readonly maps: readonly TableMap[];
}

/** The url of the source. */
export function sourceOf(
  { from, inPlace = false }: Pick<AdoptOptions, 'from' | 'inPlace'>,
  target: string,
): string {
  if (from === undefined) {
    if (inPlace) return target;
    throw new ConfigError(
      "adopt: name Koji's database by --from postgresql://USER@HOST:PORT/NAME, or by the path of Koji's hub.conf",
    );
  }
  if (from.includes('://') || !existsSync(from)) return from;
  return databaseUrl(readHubConfig({ file: path.resolve(from) }).options);
}

function sameDatabase(one: string, other: string): boolean {
  return withoutPassword(one) === withoutPassword(other);
}

function withoutPassword(url: string): string {
  return url.replace(/^(postgres(?:ql)?:\/\/)(?:[^@/?]*@)?/, 'postgresql://');
}

async function tellPlan(
  { config, options, source, maps }: Parts,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<Plan> {
  const { inPlace = false, dryRun = false, live = false, tell } = options;
  const dialect = to.startsWith('sqlite:') ? 'sqlite' : 'postgres';
  const destination = { way: inPlace ? 'inPlace' : 'copy', dialect, store: storeOf(config) } as const;
  const plan = await source.read((db) => planAdoption(db, maps, destination));
  for (const line of describePlan(plan, from, to)) tell(line);
  if (plan.broken.length > 0)
    throw new ConfigError('rows of the source cannot be adopted as they are: see above; nothing was changed');
  if (plan.others.length > 0 && !dryRun && (inPlace || !live))
    throw new ConfigError(
      'others are connected to the source, as above: stop the Koji hub and what else uses it first' +
        (inPlace ? '' : ', or copy a snapshot for a rehearsal with --live'),
    );
  return plan;
}

async function changeInPlace(
  { source, maps, options: { tell, hash } }: Parts,
  { catalog }: Plan,
): Promise<void> {
  const done = await adoptInPlace(source, maps, { catalog, tell, ...(hash ? { hash } : {}) });
  await source.write((db) => db.run(sql`ANALYZE`));
  tell(`done: ${done.join(', ')}`);
}

async function copy(parts: Parts, plan: Plan): Promise<void> {
  const { config, options, source, maps } = parts;
  const counting = plan.copied.filter(({ counts }) => counts).map(({ name }) => name);
  const fingerprint = (): Promise<string> => source.read((db) => readFingerprint(db, counting));
  const target = await openDatabase({
    url: databaseUrl(config.options),
    folder: folderOf(config),
    serves: true,
  });
  try {
    await target.attend(randomBytes(8).toString('hex'));
    const release = await target.claim('adopt');
    if (!release) throw new ConfigError('another koji-hub adopt copies into this database just now');
    const first = await fingerprint();
    const progress = await prepare(target, parts, first);
    await source.read(async (snapshot) => {
      const { tell, hash, live = false } = options;
      const work = { source: snapshot, target, plan, progress, tell, ...(hash ? { hash } : {}) };
      await copyTables(work);
      if (!live && (await fingerprint()) !== first)
        throw new ConfigError(
          'somebody wrote to the source meanwhile: stop the Koji hub, then copy again with --restart',
        );
      await finishCopy(work, maps);
    });
    if (target.dialect === 'postgres') await target.write((db) => db.run(sql`ANALYZE`));
    await release();
  } finally {
    await target.close();
  }
}

/** Makes the target ready, or finds how far an earlier copy came. */
async function prepare(
  target: Opened,
  { options, maps }: Parts,
  fingerprint: string,
): Promise<ReadonlyMap<string, TableProgress>> {
  const state = await schemaState(target);
  if (state.adopting && options.restart) await target.write((db) => forgetProgress(db, maps));
  else if (state.adopting) {
    checkSchema({ ...state, adopting: false });
    const found = await target.read(readProgress);
    if (state.pending.length > 0 || found.fingerprint !== fingerprint)
      throw new ConfigError(
        state.pending.length > 0
          ? 'an earlier version of koji-hub began this copy: begin again with --restart'
          : 'the source is not as it was when this copy began, or another one: stop the Koji hub, and begin again with --restart',
      );
    const rows = [...found.tables.values()].reduce((sum, one) => sum + one.rows, 0);
    options.tell(`goes on with an interrupted copy, which has ${rows} rows`);
    return found.tables;
  }
  await migrate(target);
  await target.write((db) => beginProgress(db, maps, fingerprint));
  return new Map();
}
