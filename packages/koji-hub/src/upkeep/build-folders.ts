/** Compares the folders below `packages` of every volume with the builds of the database, in both directions. */
import type { Dirent } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import path from 'node:path';
import { BUILD_STATES, TASK_STATES, nameOf } from '@koji/core';
import type { Connection } from '../db/connection.js';
import { anyOf, sql } from '../db/sql.js';
import { buildRows, checkContents, readContents } from './build-contents.js';
import type { BuildRow, Contents } from './build-contents.js';
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

/** Checks that every build has the files that the database says, no others, and its link on the default volume. */
export async function* checkBuilds(site: Site): AsyncGenerator<Found, void, void> {
  for (let last = -1; ;) {
    const after = last;
    const ids = await site.database.read((db) =>
      db.all<{ id: number }>(sql`SELECT id FROM build WHERE id > ${after} ORDER BY id LIMIT ${batchSize}`),
    );
    last = ids.at(-1)?.id ?? last;
    site.counts.builds += ids.length;
    yield* confirmed(
      ids.map(({ id }) => id),
      (some) => judgeBuilds(site, some),
    );
    if (ids.length < batchSize) return;
  }
}

async function judgeBuilds(site: Site, ids: readonly number[]): Promise<Found[][]> {
  const { builds, contents } = await site.database.read(
    async (db) => {
      const rows = await db.all<BuildRow>(sql`${buildRows} WHERE ${anyOf(sql`build.id`, ids)}`);
      return {
        builds: new Map(rows.map((row) => [row.id, row])),
        contents: await readContents(db, site, ids),
      };
    },
    { long: true },
  );
  const found: Found[][] = [];
  for (const id of ids) {
    const [build, content] = [builds.get(id), contents.get(id)];
    found.push(build && content ? await judgeBuild(site, build, content) : []);
  }
  return found;
}

const over: readonly (number | null)[] = [TASK_STATES.CLOSED, TASK_STATES.CANCELED, TASK_STATES.FAILED];

async function judgeBuild(site: Site, build: BuildRow, contents: Contents): Promise<Found[]> {
  const folder = site.paths.build(build);
  if (build.state === BUILD_STATES.BUILDING) {
    if (build.task_id === null || !over.includes(build.task_state)) return [];
    const text = `is build ${build.id}, which is still BUILDING although its task ${build.task_id} is over`;
    return [{ kind: 'half-done', path: folder, text, mend: null }];
  }
  // Remains of deleted builds are found by the check of the folders.
  if (build.state !== BUILD_STATES.COMPLETE && build.state !== BUILD_STATES.FAILED) return [];
  const problems = await checkContents(site, build, contents);
  if (build.volume_name === 'DEFAULT' || build.state !== BUILD_STATES.COMPLETE) return problems;
  return [...problems, ...(await judgeLink(site, build))];
}

/** A build on another volume has a link on the default one. */
async function judgeLink({ paths }: Site, build: BuildRow): Promise<Found[]> {
  const folder = paths.build(build);
  if (!(await isFolder(folder))) return [];
  const place = paths.build({ ...build, volume_name: 'DEFAULT' });
  const target = path.relative(path.dirname(place), folder);
  const found = await lstat(place).catch(() => null);
  // A folder in its place, the look at the folders finds.
  if (found && !found.isSymbolicLink()) return [];
  const actual = found ? await readlink(place) : null;
  if (actual === target) return [];
  const text = actual === null ? `is a missing link to ${target}` : `leads to ${actual}, not to ${target}`;
  return [{ kind: 'link', path: place, text, mend: { by: 'link', target } }];
}

/** Something where the folder of a build may be. */
interface Place {
  readonly volume: string;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly path: string;
  readonly isLink: boolean;
}

/** Checks that every folder is of a build that is on its volume. */
export async function* checkFolders(site: Site): AsyncGenerator<Found, void, void> {
  for (const volume of site.volumes) {
    const strays: Found[] = [];
    for await (const batch of batchesOf(placesIn(site, volume, strays))) {
      yield* strays.splice(0);
      yield* confirmed(batch, (some) => judgePlaces(site, some));
    }
    yield* strays;
  }
}

/** The places of builds on a volume; what is on the way to them but can't be one is added to `strays`. */
async function* placesIn(site: Site, volume: string, strays: Found[]): AsyncGenerator<Place, void, void> {
  const packages = path.join(site.paths.volumedir(volume), 'packages');
  for (const name of await entriesOf(packages))
    for (const version of await foldersIn(packages, name, strays))
      for (const release of await foldersIn(path.join(packages, name.name), version, strays)) {
        const place = path.join(packages, name.name, version.name, release.name);
        if (isHalfDone(release.name)) strays.push(halfDone(place));
        else if (!release.isDirectory() && !release.isSymbolicLink())
          strays.push(extra(place, 'is no folder of a build'));
        else
          yield {
            volume,
            name: name.name,
            version: version.name,
            release: release.name,
            path: place,
            isLink: release.isSymbolicLink(),
          };
      }
}

/** The entries of a folder on the path; anything but a folder is added to `strays`. */
async function foldersIn(parent: string, { name }: Dirent, strays: Found[]): Promise<Dirent[]> {
  const place = path.join(parent, name);
  if (isHalfDone(name)) strays.push(halfDone(place));
  else if (!(await isFolder(place))) strays.push(extra(place, 'is no folder of a build'));
  else {
    const entries = await entriesOf(place);
    if (entries.length === 0) strays.push(emptyFolder(place));
    return entries;
  }
  return [];
}

async function judgePlaces(site: Site, places: readonly Place[]): Promise<Found[][]> {
  const { builds, promoted } = await site.database.read(async (db) => ({
    builds: await buildsAt(db, places),
    promoted: await promotedDrafts(db, places),
  }));
  const found: Found[][] = [];
  for (const place of places) {
    const problem = judgePlace(place, builds.get(keyOf(place)), promoted);
    const isThere = problem && (await lstat(place.path).catch(() => null));
    found.push(problem && isThere ? [problem] : []);
  }
  return found;
}

const keyOf = ({ name, version, release }: Pick<Place, 'name' | 'version' | 'release'>): string =>
  `${name}/${version}/${release}`;

async function buildsAt(db: Connection, places: readonly Place[]): Promise<Map<string, BuildRow>> {
  const names = [...new Set(places.map(({ name }) => name))];
  const rows = await db.all<BuildRow>(
    sql`${buildRows} WHERE ${anyOf(sql`package.name`, names)}
        AND ${anyOf(sql`package.name || '/' || build.version || '/' || build.release`, places.map(keyOf))}`,
  );
  return new Map(rows.map((row) => [keyOf(row), row]));
}

/** The keys of places that drafts had before they were promoted, where links stay. */
async function promotedDrafts(db: Connection, places: readonly Place[]): Promise<Set<string>> {
  const drafts = places
    .filter(({ isLink }) => isLink)
    .flatMap((place) => {
      const id = /,draft_(\d{1,9})$/.exec(place.release)?.[1];
      return id === undefined ? [] : [{ id: Number(id), place }];
    });
  if (drafts.length === 0) return new Set();
  const rows = await db.all<BuildRow>(
    sql`${buildRows} WHERE build.draft = FALSE AND ${anyOf(
      sql`build.id`,
      drafts.map(({ id }) => id),
    )}`,
  );
  const labels = new Set(rows.map(({ id, name, version }) => `${id} ${name}/${version}`));
  return new Set(
    drafts
      .filter(({ id, place }) => labels.has(`${id} ${place.name}/${place.version}`))
      .map(({ place }) => keyOf(place)),
  );
}

function judgePlace(place: Place, build: BuildRow | undefined, promoted: ReadonlySet<string>): Found | null {
  const { path: at, isLink, volume } = place;
  if (isLink && promoted.has(keyOf(place))) return null;
  if (!build) return extra(at, 'is of no build');
  if (build.state === BUILD_STATES.DELETED || build.state === BUILD_STATES.CANCELED)
    return extra(at, `is of build ${build.id}, which is ${nameOf(BUILD_STATES, build.state) ?? ''}`);
  // The look at the builds follows the link of the default volume.
  const isLinked = isLink && volume === 'DEFAULT';
  return build.volume_name === volume || isLinked
    ? null
    : extra(at, `is of build ${build.id}, which is on volume ${build.volume_name}`);
}
