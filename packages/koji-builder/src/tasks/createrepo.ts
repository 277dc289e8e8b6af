import { cp, mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GenericError, PathInfo, REPO_STATES, nameOf, sortTexts } from '@koji/core';
import type { RepoInfo, TagExternalRepo } from '@koji/core/api';
import { BaseTaskHandler, RefuseTask } from '@koji/plugin-sdk';
import { outputOf } from '@koji/plugin-sdk/host';

/** The result of a `createrepo` task: the folder of the upload area, and the files of `repodata` in it. */
export type RepoData = [string, string[]];

/** Makes the metadata of one arch of a repo that begins, with that of the external repos of its tag merged in. */
export class CreaterepoTask extends BaseTaskHandler {
  static override readonly Methods = ['createrepo'];
  static override readonly _taskWeight = 1.5;

  private readonly outDir = path.join(this.workdir, 'repo');
  private readonly dataDir = path.join(this.outDir, 'repodata');

  /**
   * @param oldrepo a repo whose metadata is used again where it is still right
   * @throws RefuseTask when this builder can't see the hub's files
   */
  async handler(repo_id: number, arch: string, oldrepo: { readonly id: number } | null): Promise<RepoData> {
    const repo = await this.session.repoInfo(repo_id);
    if (!repo) throw new GenericError(`No such repo: ${repo_id}`);
    if (repo.state !== REPO_STATES.INIT)
      throw new GenericError(
        `Repo ${repo.id} not in INIT state (got ${nameOf(REPO_STATES, repo.state) ?? repo.state})`,
      );
    const folder = await repoFolder(this, repo);
    const pkglist = path.join(folder, arch, 'pkglist');
    const { size } = await stat(pkglist).catch(() => {
      throw new GenericError(`Repo directory missing: ${path.join(folder, arch)}`);
    });
    const comps = path.join(folder, 'groups', 'comps.xml');
    const groups = (await isFile(comps)) ? ['-g', comps] : [];
    await mkdir(this.outDir, { recursive: true });
    if (size > 0) await this.createFrom(path.join(folder, arch), { arch, groups, oldrepo });
    else await this.create([...groups, this.outDir]);
    const external = await this.session.getExternalRepoList(repo.tag_id, repo.create_event);
    if (external.length > 0) await this.merge(external, { arch, groups, repo, folder });
    else if (size === 0)
      await writeFile(
        path.join(this.dataDir, 'EMPTY_REPO'),
        'This repo is empty because its tag has no content for this arch\n',
      );
    const about = { tag: repo.tag_name, repodir: this.outDir, repo_id: repo.id, arch };
    await this.runCallbacks('postCreateRepo', about);
    return uploadRepoData(this, this.dataDir);
  }

  private async createFrom(
    folder: string,
    { arch, groups, oldrepo }: { arch: string; groups: readonly string[]; oldrepo: { id: number } | null },
  ): Promise<void> {
    const old =
      oldrepo && this.options.createrepo_update !== false ? await this.oldData(oldrepo.id, arch) : null;
    const update: string[] = [];
    if (old !== null) {
      // The origin of each rpm is determined again when external repos are merged.
      await cp(old, this.dataDir, { recursive: true, filter: (file) => !file.endsWith('pkgorigins.gz') });
      update.push('--update', ...(this.options.createrepo_skip_stat === false ? [] : ['--skip-stat']));
    }
    await this.create(['-i', path.join(folder, 'pkglist'), ...groups, ...update, folder]);
  }

  private async oldData(id: number, arch: string): Promise<string | null> {
    const old = await this.session.repoInfo(id);
    if (!old) return null;
    const folder = path.join(new PathInfo(this.options.topdir).repo(old.id, old.tag_name), arch, 'repodata');
    if (await isFile(path.join(folder, 'repomd.xml'))) return folder;
    this.logger.warn(`old repodata is missing: ${folder}`);
    return null;
  }

  private async create(args: readonly string[]): Promise<void> {
    const program =
      this.options.use_createrepo_c === false ? ['createrepo'] : ['createrepo_c', '--error-exit-val'];
    const command = [...program, '-vd', '-o', this.outDir, ...args];
    const status = await this.logOutput(command, 'createrepo.log');
    if (!status.success)
      throw new GenericError(`failed to create repo: ${status.describe(command.join(' '))}`);
  }

  private async merge(
    external: readonly TagExternalRepo[],
    {
      arch,
      groups,
      repo,
      folder,
    }: { arch: string; groups: readonly string[]; repo: RepoInfo; folder: string },
  ): Promise<void> {
    // Old hubs know only one mode.
    const modes = [
      ...new Set(external.map(({ merge_mode: mode }: Partial<TagExternalRepo>) => mode ?? 'koji')),
    ];
    if (modes.length > 1)
      throw new GenericError(`Found multiple merge modes for external repos: ${modes.join(', ')}`);
    // The name distinguishes rpms of the tag itself from others in the merged repo's list of origins.
    const own = path.join(this.workdir, `repo_${repo.id}_premerge`);
    await rename(this.outDir, own);
    await mkdir(this.outDir);
    const urls = external
      .filter(({ arches }) => !arches || arches.split(/\s+/).includes(arch))
      .map(({ url }) => url.replaceAll('$arch', arch));
    const blocked = modes[0] === 'bare' ? [] : ['-b', path.join(folder, arch, 'blocklist')];
    const expand = (await mergerepoVersion()) >= 15_011 ? ['--arch-expand'] : [];
    const command = ['mergerepo_c', ...modeArgs(modes[0]), ...blocked, '-a', arch, '-o', this.outDir];
    const repos = [`file://${own}/`, ...urls].flatMap((url) => ['-r', url]);
    const status = await this.logOutput([...command, ...expand, ...groups, ...repos], 'mergerepos.log', {
      env: { TMPDIR: this.workdir },
    });
    if (!status.success)
      throw new GenericError(`failed to merge repos: ${status.describe(command.join(' '))}`);
  }
}

function modeArgs(mode: string | undefined): string[] {
  if (mode === 'bare') return ['--pkgorigins', '--all'];
  return mode === 'simple' ? ['--koji', '--simple'] : ['--koji'];
}

/** 0.15.11 is 15011; 0 if there is none. */
async function mergerepoVersion(): Promise<number> {
  const said = await outputOf(['mergerepo_c', '--version'], { timeout: 60 }).catch(() => ({ stdout: '' }));
  const [, major = 0, minor = 0, patch = 0] = /(\d+)\.(\d+)\.(\d+)/.exec(said.stdout) ?? [];
  return Number(major) * 1_000_000 + Number(minor) * 1000 + Number(patch);
}

const isFile = (file: string): Promise<boolean> =>
  stat(file).then(
    (found) => found.isFile(),
    () => false,
  );

/**
 * The folder of a repo that begins.
 *
 * @throws RefuseTask when this builder can't see the hub's files; GenericError when only that folder is missing
 */
export async function repoFolder(
  { options }: BaseTaskHandler,
  { id, tag_name: tag }: Pick<RepoInfo, 'id' | 'tag_name'>,
): Promise<string> {
  await checkRepos(options.topdir);
  const folder = new PathInfo(options.topdir).repo(id, tag);
  if (await stat(folder).catch(() => null)) return folder;
  throw new GenericError(`Repo directory missing: ${folder}`);
}

/** Refuses the task where the hub's files are not mounted: another builder may have them. */
export async function checkRepos(topdir: string): Promise<void> {
  const repos = path.join(topdir, 'repos');
  if (!(await stat(repos).catch(() => null))) throw new RefuseTask(`No access to repos dir ${repos}`);
}

/** Uploads the files of a folder `repodata` to the task's output, or to a folder of it. */
export async function uploadRepoData(task: BaseTaskHandler, folder: string, to = ''): Promise<RepoData> {
  const files = sortTexts(await readdir(folder));
  for (const file of files) await task.uploadFile(path.join(folder, file), { directory: to });
  return [path.posix.join(task.getUploadDir(), to), files];
}
