/** Carries out what plan.ts decides about repos: they become broken, expire, are deleted and lose their folders. */
import { lstat, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '@koji/core';
import { REPO_STATES, messageOf } from '@koji/core';
import type { Float } from '@koji/core/api';
import type { Call } from '../call.js';
import { anyOf, boolAs, epoch, forUpdate, jsonContains, sql } from '../db/sql.js';
import { stageRemoval } from '../domain/files/files.js';
import { repoReferences, setRepoState } from '../domain/repos/repos.js';
import type { OwnCalls } from '../own-calls.js';
import { plan } from './plan.js';
import type { Lifetimes, PlanRepo, Situation } from './plan.js';

interface RepoRow {
  readonly id: number;
  readonly tag_id: number;
  readonly tag_name: string;
  readonly dist: boolean;
  readonly state: number;
  readonly created_ts: Float | null;
  readonly state_ts: Float | null;
  readonly end_event: number | null;
  readonly custom: boolean;
  readonly latest: boolean;
  readonly task_state: number | null;
}

const usualOptions = jsonContains(sql`'{}'`, sql`COALESCE(repo.custom_opts, '{}')`);
const newer = sql`SELECT 1 FROM repo AS other WHERE other.tag_id = repo.tag_id AND other.state = ${REPO_STATES.READY}
  AND other.create_event > repo.create_event AND other.dist = repo.dist
  AND (other.dist IS TRUE OR ${jsonContains(sql`'{}'`, sql`other.custom_opts`)})`;

/** Reads what decisions about repos rest on; only repos that the time may have come for. */
export async function readSituation(call: Call, options: Lifetimes, now: number): Promise<Situation> {
  const { RepoLifetime, DistRepoLifetime, ExpiredRepoLifetime } = options;
  const before = (seconds: number): Date => new Date((now - seconds) * 1000);
  const rows = await call.db.all<RepoRow>(
    sql`SELECT repo.id, repo.tag_id, tag.name AS tag_name, repo.dist, repo.state, ${epoch('repo.creation_time', 'created_ts')},
          ${epoch('repo.state_time', 'state_ts')}, repo.end_event, ${boolAs(sql`NOT ${usualOptions}`, 'custom')},
          ${boolAs(sql`NOT EXISTS (${newer})`, 'latest')}, task.state AS task_state
        FROM repo JOIN tag ON tag.id = repo.tag_id LEFT JOIN task ON task.id = repo.task_id
        WHERE repo.state = ${REPO_STATES.INIT}
          OR (repo.state = ${REPO_STATES.READY} AND (repo.end_event IS NOT NULL OR NOT ${usualOptions})
            AND (repo.state_time IS NULL OR repo.state_time < ${before(Math.min(RepoLifetime, DistRepoLifetime))}))
          OR (${anyOf(sql`repo.state`, [REPO_STATES.EXPIRED, REPO_STATES.PROBLEM])}
            AND (repo.state_time IS NULL OR repo.state_time <= ${before(ExpiredRepoLifetime)}))
        ORDER BY repo.id`,
  );
  const targets = await call.db.all<{ build_tag: number }>(
    sql`SELECT DISTINCT build_tag FROM build_target_config WHERE active = TRUE`,
  );
  const repos: PlanRepo[] = [];
  for (const row of rows) repos.push({ ...fieldsOf(row), changed: await changeOf(call, row, now) });
  return { repos, buildTags: new Set(targets.map((row) => row.build_tag)), options, now };
}

function fieldsOf(row: RepoRow): Omit<PlanRepo, 'changed'> {
  return {
    id: row.id,
    tagId: row.tag_id,
    dist: row.dist,
    state: row.state,
    created: row.created_ts === null ? null : Number(row.created_ts),
    current: row.end_event === null,
    custom: row.custom,
    latest: row.latest,
    taskState: row.task_state,
  };
}

/** Repos of older versions of Koji have no time of their state: their folders tell. */
async function changeOf(call: Call, row: RepoRow, now: number): Promise<number> {
  if (row.state_ts !== null) return Number(row.state_ts);
  const found = await lstat(folderOf(call, row)).catch(() => null);
  return found ? found.mtimeMs / 1000 : now;
}

interface RepoPlace {
  readonly id: number;
  readonly tag_name: string;
  readonly dist: boolean;
}

const folderOf = ({ hub: { paths } }: Call, { id, tag_name: tag, dist }: RepoPlace): string =>
  dist ? paths.distrepo(id, tag) : paths.repo(id, tag);

/** One round: marks repos as broken or expired, and returns those whose time to be deleted has come. */
export async function carryOut(own: OwnCalls, options: Lifetimes, log: Logger): Promise<readonly number[]> {
  const now = Date.now() / 1000;
  const { broken, expired, deleted } = plan(await own.read((call) => readSituation(call, options, now)));
  const problems = broken.map(({ id, reason }) => ({ id, to: REPO_STATES.PROBLEM, reason }));
  const old = expired.map((id) => ({ id, to: REPO_STATES.EXPIRED, reason: 'its time is over' }));
  for (const { id, to, reason } of [...problems, ...old])
    try {
      const isBroken = to === REPO_STATES.PROBLEM;
      await own.write((call) => changeState(call, id, isBroken ? REPO_STATES.INIT : REPO_STATES.READY, to));
      log[isBroken ? 'warn' : 'info'](`repo ${id} is ${isBroken ? 'broken' : 'expired'}: ${reason}`);
    } catch (error) {
      log.error(`repo ${id} is left as it is: ${messageOf(error)}`, error);
    }
  return deleted;
}

/** Changes a repo's state unless it has another than the decision was made for. */
async function changeState(call: Call, repoId: number, from: number, to: number): Promise<void> {
  const repo = await call.db.get<{ state: number }>(
    sql`SELECT state FROM repo WHERE id = ${repoId}${forUpdate}`,
  );
  if (repo?.state === from) await setRepoState(call, repoId, to);
}

/**
 * Deletes a repo with its folder, unless buildroots refer to it or it is neither expired nor broken.
 *
 * @returns how many buildroots refer to it; its folder is gone when the transaction and what follows it are over
 */
export async function removeRepo(call: Call, repoId: number): Promise<number> {
  const repo = await call.db.get<RepoPlace & { state: number }>(
    sql`SELECT repo.id, repo.state, repo.dist, (SELECT tag.name FROM tag WHERE tag.id = repo.tag_id) AS tag_name
        FROM repo WHERE repo.id = ${repoId}${forUpdate}`,
  );
  if (!repo || (repo.state !== REPO_STATES.EXPIRED && repo.state !== REPO_STATES.PROBLEM)) return 0;
  const references = await repoReferences(call, repoId);
  if (references.length > 0) return references.length;
  await setRepoState(call, repoId, REPO_STATES.DELETED);
  for (const place of await placesOf(call, repo)) await stageRemoval(call, place);
  call.log.info(`repo ${repoId} of tag ${repo.tag_name} is deleted`);
  return 0;
}

/** A repo's folder; or the link to it and the folder itself, which is on another volume. */
async function placesOf(call: Call, repo: RepoPlace): Promise<string[]> {
  const place = folderOf(call, repo);
  const found = await lstat(place).catch(() => null);
  if (found?.isDirectory()) return [place];
  if (!found?.isSymbolicLink()) return [];
  const target = path.resolve(path.dirname(place), await readlink(place));
  const volumes = await call.db.all<{ name: string }>(sql`SELECT name FROM volume WHERE name <> 'DEFAULT'`);
  const isRepo = ({ name }: { name: string }): boolean =>
    repo.dist && call.hub.paths.distrepo(repo.id, repo.tag_name, name) === target;
  const onVolume = (await lstat(target).catch(() => null))?.isDirectory() === true && volumes.some(isRepo);
  if (onVolume && !call.hub.options.IgnoreOtherVolumes) return [place, target];
  const why = onVolume ? 'it is on another volume' : 'that is not its place on any volume';
  call.log.error(`the folder of repo ${repo.id} stays: ${place} leads to ${target}, ${why}`);
  return [];
}
