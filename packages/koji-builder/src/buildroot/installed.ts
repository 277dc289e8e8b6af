import { constants, createReadStream, type Dirent } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { createGunzip } from 'node:zlib';
import {
  BuildError,
  BuildrootError,
  GenericError,
  boundedLines,
  listBelow,
  openFileBelow,
  parseNVRA,
  pathOfOpen,
  readBounded,
} from '@koji/core';
import { named } from '@koji/core/wire';
import type { BuildrootRpmRef, RepoInfo } from '@koji/core/api';
import type { BaseTaskHandler } from '@koji/plugin-sdk';
import { outputOf } from '@koji/plugin-sdk/host';

/** An rpm that is installed in a buildroot, as the hub wants it told. */
export interface InstalledRpm {
  /** As in its header. */
  readonly name: string;
  /** As in its header. */
  readonly version: string;
  /** As in its header. */
  readonly release: string;
  /** Null when it has none. */
  readonly epoch: number | null;
  /** As in its header. */
  readonly arch: string;
  /** MD5 of header and payload in hex, or without one the SHA-256 of the header, by which the hub recognises the rpm. */
  readonly payloadhash: string;
  /** Bytes of its content. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly buildtime: number;
}

/** The repo that rpms came from. */
export interface Where {
  readonly arch: string;
  readonly repo: RepoInfo;
}

const fields = [
  'NAME',
  'VERSION',
  'RELEASE',
  'EPOCHNUM',
  'EPOCH',
  'ARCH',
  'SIGMD5',
  'SHA256HEADER',
  'LONGSIZE',
  'BUILDTIME',
];

/** The arguments by which rpm lists what is installed, a line each. */
export const listArguments = ['-qa', '--qf', `${fields.map((field) => `%{${field}}`).join('\\t')}\\n`];

/** Where roots have rpm's database, the newer place first. */
const databases = ['usr/lib/sysimage/rpm', 'var/lib/rpm'];
/** Bytes that the index of a repo, and a line of its lists, may have. */
const longestIndex = 16 * 1024 * 1024;
const longestLine = 1024 * 1024;
/** Most bytes that a database may have. */
const largest = 4 * 2 ** 30;

/**
 * The rpms in a root's database as read by `rpm` of this host from a copy, because packages could have created links there to
 * other files of the host.
 *
 * @param copy a folder for the copy, which is removed again
 * @returns what rpm says; empty when it finds nothing, or the root has no database
 * @throws GenericError when the database is no plain one, or rpm can't read it
 */
export async function listByHost(rootDir: string, copy: string): Promise<string> {
  for (const database of databases) {
    const names = (await listBelow(rootDir, database, 'inside')).filter((entry) => !isAside(entry));
    if (names.length === 0) continue;
    await mkdir(copy, { recursive: true });
    try {
      let room = largest;
      for (const { name } of names)
        room -= await copyFrom(rootDir, `${database}/${name}`, path.join(copy, name), room);
      const { status, stdout, stderr } = await outputOf(['rpm', '--dbpath', copy, ...listArguments]);
      if (!status.success)
        throw new GenericError(
          `Can't get list of installed rpms: ${stderr.trim() || status.describe('rpm')}`,
        );
      if (stdout !== '') return stdout;
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  }
  return '';
}

/** Locks and folders do not belong to a database. */
function isAside(entry: Dirent): boolean {
  return entry.isDirectory() || /^\.|^__db\.|\.lock$/.test(entry.name);
}

async function copyFrom(rootDir: string, below: string, to: string, room: number): Promise<number> {
  const handle = await openFileBelow(rootDir, below, 'inside');
  try {
    const { size } = await handle.stat();
    if (size > room) throw new GenericError(`the rpm database is too large: ${below} has ${size} bytes`);
    await copyFile(pathOfOpen(handle, path.join(rootDir, below)), to, constants.COPYFILE_EXCL);
    return size;
  } finally {
    await handle.close();
  }
}

/** The rpms that rpm listed, without those that no repo has: the meta package of older roots and keys. */
export function parseInstalled(listed: string): InstalledRpm[] {
  return listed
    .split('\n')
    .filter(Boolean)
    .map(installed)
    .filter(({ name }) => name !== 'buildsys-build' && name !== 'gpg-pubkey');
}

function installed(line: string): InstalledRpm {
  const [name = '', version = '', release = '', number, epoch, arch = '', md5, sha256, size, built] =
    line.split('\t');
  // rpm's word for what a header does not have.
  const given = (value: string | undefined): string | null =>
    value === undefined || value === '' || value === '(none)' ? null : value.toLowerCase();
  return {
    name,
    version,
    release,
    epoch: epoch === '(none)' ? null : Number(number),
    arch,
    payloadhash: given(md5) ?? given(sha256) ?? '',
    size: Number(size),
    buildtime: Number(built),
  };
}

/**
 * Says of each rpm where it came from: those of external repos get the repo, the others the id that the repo's own list
 * has for them, so that a draft build's rpm can't be mistaken for another of its name.
 *
 * @throws BuildError when an rpm is from nowhere; BuildrootError when it is not the one that the repo lists
 */
export async function withOrigins(
  task: BaseTaskHandler,
  rpms: readonly InstalledRpm[],
  where: Where,
): Promise<BuildrootRpmRef[]> {
  const external = await externalRpms(task, rpms, where);
  const own = rpms.filter((rpm) => !external.has(nvra(rpm)));
  const ids = await listedIds(task, own, where);
  return rpms.map((rpm) => {
    const repo = external.get(nvra(rpm));
    if (repo) return { ...rpm, external_repo: repo, location: repo.external_repo_id };
    const id = ids.get(nvra(rpm));
    return id === undefined ? { ...rpm } : { ...rpm, id };
  });
}

type ExternalRepo = Awaited<ReturnType<BaseTaskHandler['session']['getExternalRepoList']>>[number];

async function externalRpms(
  task: BaseTaskHandler,
  rpms: readonly InstalledRpm[],
  where: Where,
): Promise<ReadonlyMap<string, ExternalRepo>> {
  const { repo, arch } = where;
  const repos = await task.session.getExternalRepoList(repo.tag_id, repo.create_event);
  const found = new Map<string, ExternalRepo>();
  if (repos.length === 0) return found;
  const byUrl = new Map(repos.map((one) => [one.url.replaceAll('$arch', arch), one]));
  const origins = await originsOf(task, new Set(rpms.map(nvra)), where);
  for (const rpm of rpms) {
    const key = nvra(rpm);
    const url = origins.get(key);
    if (url === undefined) throw new BuildError(`No origin for ${key}`);
    const from = byUrl.get(url);
    if (from) found.set(key, from);
    // The merge of the repos began with one in the task's folder.
    else if (!url.startsWith('file://') || !url.endsWith(`/repo_${repo.id}_premerge/`))
      throw new BuildError(`Unknown origin for ${key}: ${url}`);
  }
  return found;
}

/** The urls that rpms of a merged repo came from, as the repo tells. */
async function originsOf(
  task: BaseTaskHandler,
  wanted: ReadonlySet<string>,
  where: Where,
): Promise<Map<string, string>> {
  const folder = repoFolder(where);
  const about = await readBounded(await task.localPath(`${folder}/repodata/repomd.xml`), longestIndex);
  const index = about.toString('utf8');
  const data = /<data\s[^>]*type=["']origin["'][^>]*>[^]*?<\/data>/.exec(index)?.[0] ?? '';
  const location = /<location\s[^>]*href=["']([^"']+)["']/.exec(data)?.[1];
  if (location === undefined) throw new BuildError(`${folder}/repodata/repomd.xml names no origin file`);
  const origins = new Map<string, string>();
  const file = createReadStream(await task.localPath(`${folder}/${location}`));
  const text = file.pipe(createGunzip());
  file.once('error', (error) => text.destroy(error));
  for await (const line of boundedLines(text as AsyncIterable<Buffer>, longestLine)) {
    const [name = '', url] = line.split(/\s+/, 2);
    if (url === undefined || name === '') continue;
    const key = nvra(parseNVRA(name));
    if (wanted.has(key)) origins.set(key, url);
  }
  return origins;
}

async function listedIds(
  task: BaseTaskHandler,
  rpms: readonly InstalledRpm[],
  where: Where,
): Promise<ReadonlyMap<string, number>> {
  const byName = new Map(rpms.map((rpm) => [nvra(rpm), rpm]));
  const ids = new Map<string, number>();
  const list = `${repoFolder(where)}/rpmlist.jsonl`;
  const file = await task.localPath(list).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  });
  if (file === null) {
    task.logger.warn(`Missing repo content file: ${list}`);
    for (const draft of await draftRpms(task, where.repo)) note(draft, 'the tag');
    return ids;
  }
  for await (const line of boundedLines(createReadStream(file) as AsyncIterable<Buffer>, longestLine))
    note(JSON.parse(line) as Listed, list);
  for (const name of byName.keys())
    if (!ids.has(name)) task.logger.warn(`${name} not found in rpmlist.jsonl`);
  return ids;

  function note(listed: Listed, place: string): void {
    const rpm = byName.get(nvra(listed));
    if (!rpm) return;
    if (rpm.payloadhash !== listed.payloadhash)
      throw new BuildrootError(
        `RPM: ${nvra(rpm)}: payloadhash: ${rpm.payloadhash} mismatch expected ${listed.payloadhash} in ${place}`,
      );
    ids.set(nvra(rpm), listed.id);
  }
}

interface Listed {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  readonly payloadhash: string;
}

/** A repo of an older hub has no list; then only drafts could be mistaken for something else. */
async function draftRpms(task: BaseTaskHandler, repo: RepoInfo): Promise<readonly Listed[]> {
  const about = named({ event: repo.create_event, latest: true, draft: true });
  const [rpms] = await task.session.listTaggedRPMS(repo.tag_id, about);
  return rpms as readonly Listed[];
}

function repoFolder({ repo, arch }: Where): string {
  return `repos/${repo.tag_name}/${repo.id}/${arch}`;
}

function nvra({ name, version, release, arch }: Omit<Listed, 'id' | 'payloadhash'>): string {
  return `${name}-${version}-${release}.${arch}`;
}
