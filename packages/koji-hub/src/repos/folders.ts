/** Looks through the folders of repos for those that nobody needs any more. */
import { lstat, readlink } from 'node:fs/promises';
import path from 'node:path';
import { REPO_STATES, listBelow, messageOf, openFileBelow } from '@koji/core';
import type { Logger } from '@koji/core';
import type { Float } from '@koji/core/api';
import type { Call, Hub } from '../call.js';
import { anyOf, epoch, sql } from '../db/sql.js';
import { isStruct } from '../domain/values/convert.js';
import { stageRemoval } from '../domain/files/files.js';
import { readJson } from '../domain/values/json.js';
import type { OwnCalls } from '../own-calls.js';
import { judgeFolder } from './plan.js';
import type { FolderRules, KnownRepo } from './plan.js';

/** A folder with one for each tag, in which are the repos of the tag. */
interface Tree {
  readonly top: string;
  /** Whether folders of repos that the hub does not know go, too. */
  readonly removesStrays: boolean;
}

/** The longest `repo.json` that is read. */
const mostBytes = 1024 * 1024;

/** Returns the folders of deleted repos, and of repos that the hub does not know, that are old enough to be removed. */
export async function findUnneeded(hub: Hub, own: OwnCalls, log: Logger): Promise<string[]> {
  const { ExpiredRepoLifetime } = hub.options;
  const unneeded: string[] = [];
  for (const { top, removesStrays } of await own.read(treesOf)) {
    const tags = await listBelow(top, '').catch(() => []);
    for (const tag of tags.filter((entry) => entry.isDirectory())) {
      const rules = { removesStrays, ExpiredRepoLifetime, now: Date.now() / 1000 };
      const found = await lookInto(path.join(top, tag.name), { own, rules, log }).catch((error: unknown) => {
        log.warn(`cannot look through ${path.join(top, tag.name)}: ${messageOf(error)}`);
        return [];
      });
      unneeded.push(...found);
    }
  }
  return unneeded;
}

async function treesOf(call: Call): Promise<Tree[]> {
  const { paths, options } = call.hub;
  const removesStrays = !options.IgnoreStrayRepos;
  // As kojira has it, strays among the repos to distribute are looked for on other volumes only.
  const trees = [
    { top: path.join(paths.topdir, 'repos'), removesStrays },
    { top: path.join(paths.topdir, 'repos-dist'), removesStrays: false },
  ];
  if (options.IgnoreOtherVolumes) return trees;
  const volumes = await call.db.all<{ name: string }>(
    sql`SELECT name FROM volume WHERE name <> 'DEFAULT' ORDER BY id`,
  );
  return [
    ...trees,
    ...volumes.map(({ name }) => ({ top: path.join(paths.volumedir(name), 'repos-dist'), removesStrays })),
  ];
}

interface Looking {
  readonly own: OwnCalls;
  readonly rules: FolderRules;
  readonly log: Logger;
}

async function lookInto(folder: string, { own, rules, log }: Looking): Promise<string[]> {
  const latest = await readlink(path.join(folder, 'latest')).catch(() => null);
  const entries = (await listBelow(folder, '')).filter(
    (entry) => /^[1-9]\d{0,8}$/.test(entry.name) && (entry.isDirectory() || entry.isSymbolicLink()),
  );
  const ids = entries.map(({ name }) => Number(name));
  const known = await own.read((call) => knownRepos(call, ids));
  const unneeded: string[] = [];
  for (const { name } of entries) {
    const id = Number(name);
    const repo = known.get(id) ?? null;
    if (repo && repo.state !== REPO_STATES.DELETED) continue;
    const place = path.join(folder, name);
    const found = await lstat(place).catch(() => null);
    if (!found) continue;
    const tagName = path.basename(folder);
    const described = repo && repo.tagName !== tagName ? await describedTag(place) : null;
    const changed = found.mtimeMs / 1000;
    const isLatest = latest === name;
    const verdict = judgeFolder({ tagName, id, changed, isLatest, describedTagId: described }, repo, rules);
    if (verdict.action === 'warn') log.warn(`${place} stays: ${verdict.reason}`);
    if (verdict.action !== 'remove') continue;
    log.info(`${place} goes: ${verdict.reason}`);
    unneeded.push(place);
  }
  return unneeded;
}

async function knownRepos(call: Call, ids: readonly number[]): Promise<Map<number, KnownRepo>> {
  const rows = await call.db.all<{
    id: number;
    tag_id: number;
    tag_name: string;
    state: number;
    state_ts: Float | null;
  }>(
    sql`SELECT repo.id, repo.tag_id, tag.name AS tag_name, repo.state, ${epoch('repo.state_time', 'state_ts')}
        FROM repo JOIN tag ON tag.id = repo.tag_id WHERE ${anyOf(sql`repo.id`, ids)}`,
  );
  return new Map(
    rows.map((row) => [
      row.id,
      {
        tagId: row.tag_id,
        tagName: row.tag_name,
        state: row.state,
        changed: row.state_ts === null ? null : Number(row.state_ts),
      },
    ]),
  );
}

/** The tag that the description of a repo names, which tells whether the tag was renamed. */
async function describedTag(folder: string): Promise<number | null> {
  try {
    const file = await openFileBelow(folder, 'repo.json');
    try {
      if ((await file.stat()).size > mostBytes) return null;
      const description = readJson(await file.readFile('utf8'), 'repo.json');
      const tagId = isStruct(description) ? description.tag_id : null;
      return typeof tagId === 'number' ? tagId : null;
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

/** Removes a folder, or a link to one, that {@link findUnneeded} found; the folder is gone when what follows the transaction is over. */
export async function removeFolder(call: Call, place: string): Promise<void> {
  if (await lstat(place).catch(() => null)) await stageRemoval(call, place);
}
