import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ParameterError, PathInfo, readBounded } from '@koji/core';
import { truthy, type RepoInfo, type TagInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { checkRepos, repoFolder, uploadRepoData, type RepoData } from './createrepo.js';

/** Bytes that a repo.json may have. */
const longestDescription = 16 * 1024 * 1024;

type RepoOptions = Readonly<Record<string, unknown>>;

/** How a repo is to differ from what its tag says: in `opts`, or as older clients say it. */
interface Wanted {
  readonly src?: unknown;
  readonly debuginfo?: unknown;
  readonly separate_src?: unknown;
  readonly opts?: RepoOptions | null;
}

/** A repo whose metadata may do for another one. */
interface OldRepo {
  readonly repo: RepoInfo;
  readonly folder: string;
}

/** Makes a repo of a tag: begins it at the hub, has the metadata of each arch made, ends it. */
export class NewRepoTask extends BaseTaskHandler {
  static override readonly Methods = ['newRepo'];
  static override readonly _taskWeight = 0.1;

  /** @returns the repo's id and its event */
  async handler(
    tag: string | number,
    event: number | null = null,
    { src = null, debuginfo = null, separate_src = null, opts = null }: Wanted = {},
  ): Promise<[number, number]> {
    const about = named(event === null ? { strict: true } : { strict: true, event });
    const info = await this.session.getTag(tag, about);
    const wanted = optionsOf(opts, { src, debuginfo, separate_src });
    await checkRepos(this.options.topdir);
    const [id, created] = await this.session.host.repoInit(
      info.id,
      named({ opts: wanted, task_id: this.id, ...(event === null ? {} : { event }) }),
    );
    const folder = await repoFolder(this, { id, tag_name: info.name });
    const old = await this.oldRepo(info);
    const clonable = old !== null && (await this.isLike(old, { folder, tagId: info.id, event: created }));
    const data: Record<string, RepoData> = {};
    const subtasks = new Map<string, number>();
    const cloned: string[] = [];
    for (const arch of await archesIn(folder)) {
      const same = clonable && (await areSame(old.folder, folder, [`${arch}/blocklist`, `${arch}/pkglist`]));
      const copy = same ? await this.clone(old.folder, arch) : null;
      if (copy) {
        data[arch] = copy;
        cloned.push(arch);
        continue;
      }
      const place = { label: arch, arch: 'noarch' };
      subtasks.set(arch, await this.subtask('createrepo', [id, arch, old?.repo ?? null], place));
    }
    if (subtasks.size > 0) {
      const results = await this.wait([...subtasks.values()], { failAny: true });
      for (const [arch, task] of subtasks) data[arch] = results.get(task) as RepoData;
    }
    const updates = { cloned_from_repo_id: old?.repo.id, cloned_archs: cloned };
    const told = cloned.length > 0 ? { repo_json_updates: updates } : {};
    await this.session.call('host.repoDone', [id, data], told);
    return [id, created];
  }

  /** The repo to begin with: the tag's own, that of a tag that its extra data names, or of the nearest parent with one. */
  private async oldRepo(tag: TagInfo): Promise<OldRepo | null> {
    if (this.options.createrepo_update === false) return null;
    const hint = tag.extra['repo.oldrepo_hint'] ?? [];
    const hinted = (Array.isArray(hint) ? hint : [hint]) as readonly (string | number)[];
    const own = await this.repoOf(tag.id);
    if (own) return own;
    for (const name of hinted) {
      const other = await this.session.getTag(name);
      const found = other && (await this.repoOf(other.id));
      if (!other) this.logger.warn(`oldrepo_hint refers to invalid tag: ${name}`);
      if (found) return found;
    }
    const parents = await this.session.getFullInheritance(tag.id);
    for (const { parent_id: parent } of [...parents].sort((a, b) => a.currdepth - b.currdepth)) {
      const found = await this.repoOf(parent);
      if (found) return found;
    }
    return null;
  }

  private async repoOf(tagId: number): Promise<OldRepo | null> {
    const found = await this.session.getRepo(tagId);
    const repo = found && (await this.session.repoInfo(found.id));
    return repo && { repo, folder: new PathInfo(this.options.topdir).repo(repo.id, repo.tag_name) };
  }

  /** Whether a repo was made as the new one is to be, so that an arch with the same rpms has the same metadata. */
  private async isLike(
    { repo, folder }: OldRepo,
    next: { readonly folder: string; readonly tagId: number; readonly event: number },
  ): Promise<boolean> {
    if (this.options.copy_old_repodata !== true) return false;
    const [before, now] = await Promise.all([folder, next.folder].map(describedOptions));
    if (before === null || before !== now) return false;
    if (!(await areSame(folder, next.folder, ['groups/comps.xml']))) return false;
    // External repos may have changed without a trace.
    const external = [
      await this.session.getExternalRepoList(repo.tag_id, repo.create_event),
      await this.session.getExternalRepoList(next.tagId, next.event),
    ];
    return external.every((list) => list.length === 0);
  }

  private async clone(repo: string, arch: string): Promise<RepoData | null> {
    const repodata = path.join(repo, arch, 'repodata');
    return (await exists(repodata)) ? uploadRepoData(this, repodata, arch) : null;
  }
}

/** Options in their current form, or as three arguments as in old versions. */
function optionsOf(opts: RepoOptions | null, old: RepoOptions): Record<string, unknown> | null {
  const given = Object.entries(old).filter(([, value]) => value !== null);
  if (given.length === 0) return opts && { ...opts };
  if (opts !== null) throw new ParameterError('opts parameter cannot be combined with legacy options');
  return Object.fromEntries(given.map(([name, value]) => [name, truthy(value)]));
}

async function archesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name !== 'groups');
  const found = await Promise.all(names.map((name) => exists(path.join(folder, name, 'pkglist'))));
  return names.filter((_, at) => found[at]);
}

/** Options that determine a repo's rpms, from its file repo.json; null if there is none. */
async function describedOptions(folder: string): Promise<string | null> {
  const file = path.join(folder, 'repo.json');
  if (!(await exists(file))) return null;
  const about = JSON.parse((await readBounded(file, longestDescription)).toString('utf8')) as Readonly<
    Record<string, unknown>
  >;
  return JSON.stringify(
    ['with_debuginfo', 'with_src', 'with_separate_src'].map((key) => about[key] === true),
  );
}

/** Whether files of two folders exist and have the same content. */
async function areSame(one: string, other: string, files: readonly string[]): Promise<boolean> {
  for (const file of files) {
    const [a, b] = [path.join(one, file), path.join(other, file)];
    if (!(await exists(a)) || !(await exists(b))) return false;
    if ((await stat(a)).size !== (await stat(b)).size || (await digestOf(a)) !== (await digestOf(b)))
      return false;
  }
  return true;
}

async function digestOf(file: string): Promise<string> {
  const digest = createHash('sha256');
  await pipeline(createReadStream(file), digest);
  return digest.digest('hex');
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
