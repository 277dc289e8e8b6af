import { stat } from 'node:fs/promises';
import { GenericError, REPO_STATES, canonArch, readBounded, writeIndentedJson } from '@koji/core';
import type { RepoInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { jsonContains, sql } from '../../db/sql.js';
import { checkStruct, isStruct, truthy } from '../values/convert.js';
import { stageLink, stageMove, stageWrite } from '../files/files.js';
import { readJson } from '../values/json.js';
import { getRepo, setRepoState } from './repos.js';
import { assertHostRepo, assertPathsBelow, assertPathsOfHost } from '../tasks/ownership.js';
import { repr } from '../values/repr.js';
import { fileIn, nothingThere, uploadedFile } from '../files/uploaded.js';

/** Bytes that a repo.json may have. */
const longestDescription = 16 * 1024 * 1024;

/** How a repo ends. */
export interface FinishedRepo {
  /** Uploaded files by arch, `[folder, [names]]`; not looked at for a dist repo. As it came off the wire. */
  readonly data: unknown;
  /** Marks it expired instead of ready. */
  readonly expire: boolean;
  /** Keys that its repo.json gets, or null. */
  readonly updates: unknown;
}

/**
 * Finishes a repo: takes in the metadata that was uploaded for it, marks it ready and, unless a newer one exists, makes it the
 * tag's latest.
 *
 * @throws ActionNotAllowed when it is not the calling builder that makes it, GenericError when there is no such repo, it is not
 *   in state INIT, or a file or folder is missing
 */
export async function finishRepo(
  call: Call,
  repoId: number,
  { data, expire, updates }: FinishedRepo,
): Promise<void> {
  const repo = await getRepo(call, repoId);
  checkStruct(data);
  const hostId = call.session.assertHost();
  const taskId = await assertHostRepo(call, hostId, repo);
  const payload = { repo, data, expire };
  await call.runCallbacks('preRepoDone', payload);
  if (repo.state !== REPO_STATES.INIT)
    throw new GenericError(`Repo ${repo.id} not in INIT state (got ${repo.state})`);
  const folder = folderOf(call, repo);
  if (truthy(updates)) await updateDescription(call, `${folder}/repo.json`, updates);
  const check = (paths: readonly string[]): Promise<void> =>
    taskId === null ? assertPathsOfHost(call, hostId, paths) : assertPathsBelow(call, taskId, paths);
  if (!repo.dist)
    for (const [arch, files] of Object.entries(data))
      await takeIn(call, `${folder}/${archFolder(arch)}`, { given: files, check });
  await setRepoState(call, repo.id, expire ? REPO_STATES.EXPIRED : REPO_STATES.READY);
  if (!expire) await linkLatest(call, repo);
  await call.runCallbacks('postRepoDone', payload);
}

const folderOf = (call: Call, { id, tag_name: tag, dist }: RepoInfo): string =>
  dist ? call.hub.paths.distrepo(id, tag) : call.hub.paths.repo(id, tag);

/** The folder of an arch in a repo's, which no name of an arch leads out of. */
export function archFolder(arch: string): string {
  const name = canonArch(arch);
  if (!/^[a-zA-Z0-9_-]{1,100}$/.test(name)) throw new GenericError(`Invalid arch: ${repr(arch)}`);
  return name;
}

/** @throws GenericError unless a repo has a folder for the arch */
export async function checkArchFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (!found?.isDirectory()) throw new GenericError(`Repo arch directory missing: ${folder}`);
}

async function updateDescription(call: Call, file: string, updates: unknown): Promise<void> {
  checkStruct(updates);
  const text = await readBounded(file, longestDescription).catch(nothingThere);
  if (text === null) throw new GenericError(`No such file: ${file}`);
  const known = readJson(text.toString('utf8'), `Invalid ${file}`);
  if (!isStruct(known)) throw new GenericError(`Invalid ${file}: not a struct`);
  await stageWrite(call, file, Buffer.from(writeIndentedJson({ ...known, ...updates })));
}

async function takeIn(
  call: Call,
  folder: string,
  { given, check }: { given: unknown; check: (paths: readonly string[]) => Promise<void> },
): Promise<void> {
  const [uploads, names] = Array.isArray(given) ? (given as unknown[]) : [];
  const isText = (value: unknown): value is string => typeof value === 'string';
  if (!isText(uploads) || !Array.isArray(names) || !names.every(isText))
    throw new GenericError(`Invalid files of an arch, must be [folder, [names]]: ${repr(given)}`);
  await checkArchFolder(folder);
  const files = names.map((name) => [name, uploadedFile(call, `${uploads}/${name}`)] as const);
  await check(names.map((name) => `${uploads}/${name}`));
  for (const [name, from] of files) {
    if (!(await stat(from).catch(() => null))) throw new GenericError(`uploaded file missing: ${from}`);
    const to = fileIn(name.endsWith('pkglist') ? folder : `${folder}/repodata`, name);
    await stageMove(call, from, to, 'nothing');
  }
}

/** Points `latest` at a repo, unless its options are not the tag's own or a newer one of the kind is ready. */
async function linkLatest(call: Call, repo: RepoInfo): Promise<void> {
  if (!repo.dist && truthy(repo.custom_opts)) return;
  const usual = jsonContains(sql`${'{}'}`, sql`repo.custom_opts`);
  const newer = await call.db.get(
    sql`SELECT id FROM repo WHERE tag_id = ${repo.tag_id} AND state = ${REPO_STATES.READY}
        AND create_event > ${repo.create_event} AND ${repo.dist ? sql`repo.dist IS TRUE` : usual} LIMIT 1`,
  );
  if (newer) return;
  const folder = folderOf(call, repo);
  await stageLink(call, folder.replace(/[^/]+$/, 'latest'), String(repo.id));
}
