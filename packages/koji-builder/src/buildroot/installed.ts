import { execFile } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { promisify } from 'node:util';
import { BuildError, BuildrootError, GenericError, parseNVRA } from '@koji/core';
import { named } from '@koji/core/wire';
import type { BuildrootRpmRef, RepoInfo } from '@koji/core/api';
import type { BaseTaskHandler } from '@koji/plugin-sdk';

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
  /** Hexadecimal md5 of header and payload, by which the hub knows it again. */
  readonly payloadhash: string;
  /** Bytes of its content. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly buildtime: number;
}

/** Which buildroot the rpms are in. */
export interface Where {
  readonly rootDir: string;
  readonly arch: string;
  readonly repo: RepoInfo;
}

const fields = ['NAME', 'VERSION', 'RELEASE', 'EPOCHNUM', 'EPOCH', 'ARCH', 'SIGMD5', 'LONGSIZE', 'BUILDTIME'];

/**
 * The rpms in a root's database, without those that no repo has: the meta package of older roots and keys.
 *
 * @throws GenericError when the root has no database or rpm can't read it
 */
export async function listInstalled(rootDir: string): Promise<InstalledRpm[]> {
  const database = ['usr/lib/sysimage/rpm', 'var/lib/rpm']
    .map((below) => `${rootDir}/${below}`)
    .find((folder) => existsSync(folder));
  if (database === undefined)
    throw new GenericError(`Can't get list of installed rpms: ${rootDir} has no database`);
  const format = `${fields.map((field) => `%{${field}}`).join('\\t')}\\n`;
  const args = ['--dbpath', database, '-qa', '--qf', format];
  const { stdout } = await promisify(execFile)('rpm', args, { maxBuffer: 1 << 28 }).catch(
    (cause: unknown) => {
      const { stderr = '', message } = cause as Error & { stderr?: string };
      throw new GenericError(`Can't get list of installed rpms: ${stderr.trim() || message}`, { cause });
    },
  );
  return stdout
    .split('\n')
    .filter(Boolean)
    .map(installed)
    .filter(({ name }) => name !== 'buildsys-build' && name !== 'gpg-pubkey');
}

function installed(line: string): InstalledRpm {
  const [name = '', version = '', release = '', number, epoch, arch = '', hash = '', size, built] =
    line.split('\t');
  return {
    name,
    version,
    release,
    epoch: epoch === '(none)' ? null : Number(number),
    arch,
    payloadhash: hash,
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
  const index = await readFile(await task.localPath(`${folder}/repodata/repomd.xml`), 'utf8');
  const data = /<data\s[^>]*type=["']origin["'][^>]*>[^]*?<\/data>/.exec(index)?.[0] ?? '';
  const location = /<location\s[^>]*href=["']([^"']+)["']/.exec(data)?.[1];
  if (location === undefined) throw new BuildError(`${folder}/repodata/repomd.xml names no origin file`);
  const origins = new Map<string, string>();
  const file = createReadStream(await task.localPath(`${folder}/${location}`));
  const text = file.pipe(createGunzip());
  file.once('error', (error) => text.destroy(error));
  for await (const line of createInterface({ input: text, crlfDelay: Infinity })) {
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
  for await (const line of createInterface({ input: createReadStream(file) }))
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
