import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  GenericError,
  ParameterError,
  REPO_STATES,
  TASK_STATES,
  readBounded,
  writeIndentedJson,
} from '@koji/core';
import type { RepoInfo, RpmInfo, TagInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { lookupName } from '../values/lookup.js';
import { anyOf, sql } from '../../db/sql.js';
import { checkList, isStruct, toInt, truthy } from '../values/convert.js';
import { stageFolder, stageLink, stageMove, stageSecond } from '../files/files.js';
import { readJson } from '../values/json.js';
import { makeTask } from '../tasks/make-task.js';
import { checkText } from '../values/names.js';
import { archFolder, checkArchFolder } from './done.js';
import { getRepo } from './repos.js';
import { repr } from '../values/repr.js';
import { rpmsById } from '../rpms/rpms.js';
import { getBuildConfig, getTag } from '../tags/tags.js';
import { assertHostRepo, assertPathsBelow } from '../tasks/ownership.js';
import { decodeRequest } from '../task-records/task-records.js';
import { cancelTask } from '../tasks/tasks.js';
import { fileIn, nothingThere, uploadedFile } from '../files/uploaded.js';

type Options = Readonly<Record<string, unknown>>;

/** Bytes that a builder's list of the files or rpms of one arch may have: enough for some 200,000 rpms. */
const longestList = 128 * 1024 * 1024;

/**
 * Begins a repo for distribution, of rpms signed with some keys: its record in state INIT, its folder and the task that
 * makes it. A tag with `distrepo.cancel_others` has its other such tasks canceled.
 *
 * @param options off the wire: `arch` (a list), and if wanted event, volume, comps (an uploaded file) and what the task
 *   understands
 * @returns the task's id
 * @throws ActionNotAllowed when the policy "dist_repo" says no, GenericError for an unknown tag or volume,
 *   ParameterError for an option of a wrong type
 */
export async function requestDistRepo(
  call: Call,
  tag: unknown,
  keys: unknown,
  options: Options,
): Promise<number> {
  if (!call.session.hasPerm('dist-repo')) await call.hub.policies.assert(call, 'dist_repo', { tag });
  const [repoId, event] = await beginDistRepo(call, tag, keys, options);
  const { extra } = await getBuildConfig(call, tag, null);
  if (truthy(extra['distrepo.cancel_others'] ?? false)) await cancelOthers(call, tag);
  const params = [tag, repoId, keys, { ...options, event }];
  return makeTask(call, 'distRepo', params, { priority: 15, channel: 'createrepo' });
}

async function cancelOthers(call: Call, tag: unknown): Promise<void> {
  const { FREE, OPEN, ASSIGNED } = TASK_STATES;
  const tasks = await call.db.all<{ id: number; request: string }>(
    sql`SELECT id, request FROM task WHERE method = 'distRepo' AND state IN (${FREE}, ${OPEN}, ${ASSIGNED}) ORDER BY id`,
  );
  for (const { id, request } of tasks) if (decodeRequest(request)[0] === tag) await cancelTask(call, id);
}

async function beginDistRepo(
  call: Call,
  tagInfo: unknown,
  keys: unknown,
  options: Options,
): Promise<[number, number]> {
  checkList(keys);
  const tag = await getTag(call, tagInfo);
  const wanted = options.event == null ? null : toInt(options.event);
  const volume =
    options.volume == null ? null : (await lookupName(call, 'volume', options.volume, { strict: true })).name;
  const arches = readArches(options.arch);
  const common = {
    tag,
    dist: true,
    keys: keys as string[],
    arches,
    task_opts: options,
    with_src: false,
    with_debuginfo: false,
    with_separate_src: false,
  } as const;
  await call.runCallbacks('preRepoInit', { ...common, event: wanted, repo_id: null });
  const event = wanted || (await call.event());
  const made = await call.db.get<{ id: number }>(
    sql`INSERT INTO repo (create_event, tag_id, state, dist) VALUES (${event}, ${tag.id}, ${REPO_STATES.INIT}, TRUE)
        RETURNING id`,
  );
  if (!made) throw new Error('a new repo got no id');
  const folder = await makeFolder(call, { id: made.id, tag, volume, arches, keys, options });
  await call.runCallbacks('postRepoInit', { ...common, event, repo_id: made.id, repodir: folder });
  return [made.id, event];
}

function readArches(given: unknown): string[] {
  if (!Array.isArray(given) || !given.every((arch) => typeof arch === 'string'))
    throw new ParameterError(`The arch option must be a list of arches, not ${repr(given ?? null)}`);
  return [...new Set(given.map((arch) => archFolder(arch)))];
}

interface Folder {
  readonly id: number;
  readonly tag: TagInfo;
  readonly volume: string | null;
  readonly arches: readonly string[];
  readonly keys: readonly unknown[];
  readonly options: Options;
}

async function makeFolder(call: Call, { id, tag, volume, arches, keys, options }: Folder): Promise<string> {
  const { paths } = call.hub;
  const folder = paths.distrepo(id, tag.name, volume);
  const comps = options.comps;
  if (truthy(comps)) checkText(comps);
  const source = truthy(comps) ? uploadedFile(call, comps as string) : null;
  if (source && !(await stat(source).catch(() => null))) throw new GenericError(`No such file: ${source}`);
  await stageFolder(call, folder, async () => {
    for (const arch of arches) await mkdir(path.join(folder, arch));
    if (source) {
      await mkdir(path.join(folder, 'groups'));
      await copyFile(source, path.join(folder, 'groups', 'comps.xml'));
    }
    const description = { id, tag: tag.name, tag_id: tag.id, keys, volume, task_opts: options };
    await writeFile(path.join(folder, 'repo.json'), writeIndentedJson(description));
  });
  const usual = paths.distrepo(id, tag.name);
  if (folder !== usual) await stageLink(call, usual, path.relative(path.dirname(usual), folder));
  return folder;
}

/**
 * Puts one arch of a repo for distribution in its place: the files that the uploaded `repo_manifest` lists, and of each
 * rpm in the uploaded `kojipkgs` a second link (or a copy), `Packages/LETTER/NAME.rpm`.
 *
 * @throws ActionNotAllowed when it is not the calling builder that makes the repo, GenericError when a file is missing, an rpm is another than it says, or the repo is not in state INIT
 */
export async function moveDistRepo(
  call: Call,
  repoId: number,
  { uploads, arch }: { readonly uploads: string; readonly arch: string },
): Promise<void> {
  const repo = await getRepo(call, repoId);
  const taskId = await assertHostRepo(call, call.session.assertHost(), repo);
  const folder = `${call.hub.paths.distrepo(repo.id, repo.tag_name)}/${archFolder(arch)}`;
  await checkArchFolder(folder);
  checkState(repo);
  if (taskId !== null) await assertPathsBelow(call, taskId, [uploads]);
  const manifest = await readUploaded(call, `${uploads}/repo_manifest`, 'Missing repo manifest');
  const packages = await readUploaded(call, `${uploads}/kojipkgs`, 'Missing kojipkgs file');
  const names = Array.isArray(manifest) ? (manifest as unknown[]) : null;
  if (!names?.every((name) => typeof name === 'string')) throw new GenericError('Invalid repo manifest');
  const moves = names.map(
    (name) => [uploadedFile(call, `${uploads}/${name}`), fileIn(folder, name)] as const,
  );
  for (const [from] of moves)
    if (!(await stat(from).catch(() => null))) throw new GenericError(`uploaded file missing: ${from}`);
  const rpms = await checkPackages(call, packages);
  for (const [from, to] of moves) await stageMove(call, from, to, 'nothing');
  for (const [name, file] of rpms) {
    const to = `${folder}/Packages/${name.charAt(0).toLowerCase()}/${name}`;
    if (await stat(to).catch(() => null)) throw new GenericError(`File already in repo: ${to}`);
    await stageSecond(call, file, to);
  }
}

function checkState({ state }: RepoInfo): void {
  const name = Object.entries(REPO_STATES).find(([, number]) => number === state)?.[0];
  if (name !== 'INIT') throw new GenericError(`Repo is in state: ${name}`);
}

async function readUploaded(call: Call, relative: string, complaint: string): Promise<unknown> {
  const text = await readBounded(uploadedFile(call, relative), longestList).catch(nothingThere);
  if (text === null) throw new GenericError(complaint);
  return readJson(text.toString('utf8'), `Invalid json in ${relative}`);
}

const checked = ['name', 'version', 'release', 'arch', 'epoch', 'size', 'payloadhash', 'build_id'] as const;

/** The rpms of a kojipkgs file by their file names, with the paths of their signed copies or of themselves. */
async function checkPackages(call: Call, packages: unknown): Promise<[string, string][]> {
  if (!isStruct(packages)) throw new GenericError('Invalid kojipkgs file');
  const entries = Object.entries(packages).map(([name, entry]) => {
    if (
      !isStruct(entry) ||
      typeof entry.id !== 'number' ||
      !/^[^./\u0000-\u001f][^/\u0000-\u001f]*\.rpm$/.test(name)
    )
      throw new GenericError(`Invalid kojipkgs entry: ${name}`);
    return { name, entry, id: entry.id };
  });
  const rpms = await rpmsById(
    call,
    entries.map(({ id }) => id),
  );
  const found = entries.map(({ name, entry, id }) => {
    const rpm = rpms.get(id);
    if (!rpm) throw new GenericError(`No such rpm: ${repr({ id })}`);
    const wrong = checked.find((key) => entry[key] !== rpm[key]);
    if (wrong !== undefined)
      throw new GenericError(`kojipkgs entry does not match db: file ${name}, key ${wrong}`);
    return { name, rpm, sigkey: entry.sigkey };
  });
  const ids = [...new Set(found.flatMap(({ rpm }) => rpm.build_id ?? []))];
  const builds = await call.db.all<{
    id: number;
    name: string;
    version: string;
    release: string;
    volume_name: string;
  }>(
    sql`SELECT build.id, package.name, build.version, build.release, volume.name AS volume_name FROM build
        JOIN package ON package.id = build.pkg_id JOIN volume ON volume.id = build.volume_id
        WHERE ${anyOf(sql`build.id`, ids)}`,
  );
  const folders = new Map(builds.map((build) => [build.id, call.hub.paths.build(build)]));
  return found.map(({ name, rpm, sigkey }) => [
    name,
    fileOf(call, folders.get(rpm.build_id ?? -1), rpm, sigkey),
  ]);
}

function fileOf(call: Call, folder: string | undefined, rpm: RpmInfo, sigkey: unknown): string {
  const { paths } = call.hub;
  if (folder === undefined) throw new GenericError(`rpm ${rpm.id} is external`);
  if (sigkey === null || sigkey === undefined || sigkey === '') return `${folder}/${paths.rpm(rpm)}`;
  if (typeof sigkey !== 'string' || !/^[0-9a-zA-Z]+$/.test(sigkey))
    throw new GenericError(`Invalid sigkey: ${repr(sigkey)}`);
  return `${folder}/${paths.signed(rpm, sigkey)}`;
}
