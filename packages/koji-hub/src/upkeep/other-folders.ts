/** Compares the folders of volumes, repos and tasks with the database. */
import { lstat, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { REPO_STATES, TASK_STATES } from '@koji/core';
import { anyOf, boolAs, sql } from '../db/sql.js';
import { listJournals } from '../domain/files/journal-files.js';
import { ownFolder } from '../domain/files/places.js';
import {
  batchSize,
  batchesOf,
  confirmed,
  emptyFolder,
  extra,
  halfDone,
  isFolder,
  isHalfDone,
} from './problems.js';
import type { Found, Site } from './problems.js';
import { entriesOf } from './store-list.js';

/** Checks that every volume has its folder, and that its `toplink` leads back to the store. */
export async function* checkVolumes({ paths, volumes }: Site): AsyncGenerator<Found, void, void> {
  const top = await realpath(paths.topdir).catch(() => null);
  if (top === null) {
    yield { kind: 'missing', path: paths.topdir, text: 'is the file store (KojiDir)', mend: null };
    return;
  }
  for (const volume of volumes.filter((name) => name !== 'DEFAULT')) {
    const folder = paths.volumedir(volume);
    if (!(await isFolder(folder))) {
      yield { kind: 'missing', path: folder, text: `is the folder of volume ${volume}`, mend: null };
      continue;
    }
    const toplink = path.join(folder, 'toplink');
    const leadsTo = await realpath(toplink).catch(() => null);
    if (leadsTo === top) continue;
    const found = await lstat(toplink).catch(() => null);
    if (found && !found.isSymbolicLink()) yield extra(toplink, 'is no link to the file store');
    else {
      const text = found ? `leads to ${await readlink(toplink)}, not to the file store` : 'is missing';
      yield { kind: 'link', path: toplink, text, mend: { by: 'link', target: paths.topdir } };
    }
  }
}

/** The folder of a repo, or a link to it. */
interface RepoPlace {
  readonly id: number;
  readonly path: string;
}

/** Checks that every folder of a repo has its row, and every repo that is ready its folder. */
export async function* checkRepos(site: Site): AsyncGenerator<Found, void, void> {
  const { paths, volumes } = site;
  const trees = [`${paths.topdir}/repos`, ...volumes.map((name) => `${paths.volumedir(name)}/repos-dist`)];
  const seen = new Set<number>();
  for (const tree of trees) {
    const strays: Found[] = [];
    for await (const batch of batchesOf(reposIn(tree, strays))) {
      yield* strays.splice(0);
      for (const { id } of batch) seen.add(id);
      yield* confirmed(batch, (some) => judgeRepos(site, some));
    }
    yield* strays;
  }
  yield* checkReadyRepos(site, seen);
}

async function* reposIn(tree: string, strays: Found[]): AsyncGenerator<RepoPlace, void, void> {
  for (const tag of await entriesOf(tree)) {
    const folder = path.join(tree, tag.name);
    if (!(await isFolder(folder))) {
      strays.push(isHalfDone(tag.name) ? halfDone(folder) : extra(folder, 'is no folder of a tag'));
      continue;
    }
    const entries = await entriesOf(folder);
    if (entries.length === 0) strays.push(emptyFolder(folder));
    for (const { name } of entries) {
      const place = path.join(folder, name);
      if (isHalfDone(name)) strays.push(halfDone(place));
      else if (name === 'latest') {
        if (!(await isFolder(place))) strays.push(extra(place, 'leads to no repo'));
      } else if (/^[1-9]\d{0,8}$/.test(name)) yield { id: Number(name), path: place };
      else if (name !== 'cache') strays.push(extra(place, 'is of no repo'));
    }
  }
}

async function judgeRepos({ database }: Site, places: readonly RepoPlace[]): Promise<Found[][]> {
  const rows = await database.read((db) =>
    db.all<{ id: number }>(
      sql`SELECT id FROM repo WHERE ${anyOf(
        sql`id`,
        places.map(({ id }) => id),
      )}`,
    ),
  );
  const known = new Set(rows.map(({ id }) => id));
  const found: Found[][] = [];
  for (const { id, path: place } of places) {
    const isThere = !known.has(id) && (await lstat(place).catch(() => null));
    found.push(isThere ? [extra(place, 'is of no repo')] : []);
  }
  return found;
}

interface RepoRow {
  readonly id: number;
  readonly tag_name: string;
  readonly state: number;
  readonly dist: boolean;
  readonly task_over: boolean;
}

/** Checks the rows of repos that are being made or are ready; folders of others are removed when their time is up. */
async function* checkReadyRepos(site: Site, seen: ReadonlySet<number>): AsyncGenerator<Found, void, void> {
  for (let last = -1; ;) {
    const after = last;
    const rows = await site.database.read((db) =>
      db.all<RepoRow>(
        sql`SELECT repo.id, tag.name AS tag_name, repo.state, ${boolAs(sql`repo.dist IS TRUE`, 'dist')},
              ${boolAs(
                sql`COALESCE(${anyOf(sql`task.state`, [TASK_STATES.CLOSED, TASK_STATES.CANCELED, TASK_STATES.FAILED])}, FALSE)`,
                'task_over',
              )}
            FROM repo JOIN tag ON tag.id = repo.tag_id LEFT JOIN task ON task.id = repo.task_id
            WHERE repo.id > ${after} AND ${anyOf(sql`repo.state`, [REPO_STATES.INIT, REPO_STATES.READY])}
            ORDER BY repo.id LIMIT ${batchSize}`,
      ),
    );
    site.counts.repos += rows.length;
    for (const row of rows) yield* judgeReadyRepo(site, row, seen);
    last = rows.at(-1)?.id ?? last;
    if (rows.length < batchSize) return;
  }
}

async function* judgeReadyRepo(
  { paths }: Site,
  { id, tag_name: tag, state, dist, task_over: isOver }: RepoRow,
  seen: ReadonlySet<number>,
): AsyncGenerator<Found, void, void> {
  const place = dist ? paths.distrepo(id, tag) : paths.repo(id, tag);
  if (state === REPO_STATES.INIT) {
    const text = `is repo ${id}, which is still being made although its task is over`;
    if (isOver) yield { kind: 'half-done', path: place, text, mend: null };
    return;
  }
  // A repo that was made since the folders were looked through has its folder by now.
  if (!seen.has(id) && !(await isFolder(place)))
    yield { kind: 'missing', path: place, text: `is repo ${id} of tag ${tag}, which is ready`, mend: null };
}

/** The folder of a task. */
interface TaskPlace {
  readonly id: number;
  readonly path: string;
}

/** Checks that every folder of a task is in its place and has its row. Uploads of clients have no rows. */
export async function* checkTasks(site: Site): AsyncGenerator<Found, void, void> {
  for (const volume of site.volumes) {
    const strays: Found[] = [];
    for await (const batch of batchesOf(tasksIn(site.paths.work(volume), strays))) {
      yield* strays.splice(0);
      site.counts.tasks += batch.length;
      yield* confirmed(batch, (some) => judgeTasks(site, some));
    }
    yield* strays;
  }
}

async function* tasksIn(work: string, strays: Found[]): AsyncGenerator<TaskPlace, void, void> {
  for (const top of await entriesOf(work)) {
    const folder = path.join(work, top.name);
    if (isHalfDone(top.name)) strays.push(halfDone(folder));
    else if (top.name !== 'tasks') for await (const found of leftIn(folder)) strays.push(found);
  }
  const tasks = path.join(work, 'tasks');
  for (const part of await entriesOf(tasks))
    for (const { name } of await entriesOf(path.join(tasks, part.name))) {
      const place = path.join(tasks, part.name, name);
      if (isHalfDone(name)) strays.push(halfDone(place));
      else if (!/^[1-9]\d{0,8}$/.test(name) || String(Number(name) % 10_000) !== part.name)
        strays.push(extra(place, 'is of no task'));
      else {
        yield { id: Number(name), path: place };
        for await (const found of leftIn(place)) strays.push(found);
      }
    }
}

/** Remains of interrupted changes in a folder or below it. */
async function* leftIn(folder: string): AsyncGenerator<Found, void, void> {
  for (const entry of await entriesOf(folder)) {
    const place = path.join(folder, entry.name);
    if (isHalfDone(entry.name)) yield halfDone(place);
    else if (entry.isDirectory()) yield* leftIn(place);
  }
}

async function judgeTasks({ database }: Site, places: readonly TaskPlace[]): Promise<Found[][]> {
  const rows = await database.read((db) =>
    db.all<{ id: number }>(
      sql`SELECT id FROM task WHERE ${anyOf(
        sql`id`,
        places.map(({ id }) => id),
      )}`,
    ),
  );
  const known = new Set(rows.map(({ id }) => id));
  const found: Found[][] = [];
  for (const { id, path: place } of places) {
    const isThere = !known.has(id) && (await lstat(place).catch(() => null));
    found.push(isThere ? [extra(place, 'is of no task')] : []);
  }
  return found;
}

/** Lists the journals of changes that processes of the hub have not finished; only when no hub serves are they left over. */
export async function* checkJournals({ paths }: Site): AsyncGenerator<Found, void, void> {
  const journals = path.join(paths.topdir, ownFolder, 'journal');
  for (const { name } of await entriesOf(journals))
    for (const journal of await listJournals(path.join(journals, name)))
      yield {
        kind: 'half-done',
        path: path.join(journals, name, journal.name),
        text: 'is the journal of a call that was cut off: a start of the hub finishes it or takes it back',
        mend: null,
      };
}
