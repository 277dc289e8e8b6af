import { cp, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  BuildError,
  GenericError,
  PathInfo,
  REPO_STATES,
  filesBelow,
  isDebuginfo,
  messageOf,
  nameOf,
  writeIndentedJson,
} from '@koji/core';
import { truthy } from '@koji/core/api';
import type { TaggedRpm } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { BaseTaskHandler, RefuseTask } from '@koji/plugin-sdk';
import { settingsOf } from '../settings.js';
import { archesInRepo, isMultilibArch } from './arches.js';
import { missingSignatures, planDistRpms, type ChosenRpm } from './dist-rpms.js';
import type { DistRepoOptions } from './dist-repo.js';

/** An rpm as the hub finds it in `kojipkgs`. */
interface ListedRpm extends ChosenRpm {
  /** Its file on this builder. */
  readonly _pkgpath: string;
  /** The folder of its metadata; absent for the repo's own. */
  readonly _subrepo?: string;
}

/** The rpms of the repo by their file names. */
type Listed = ReadonlyMap<string, ListedRpm>;

/** A folder whose metadata are made. */
interface Part {
  /** Below the repo; empty for the repo itself. */
  readonly folder: string;
  readonly log: string;
}

/** Makes the metadata of one arch of a repo for distribution, of rpms signed with some keys. */
export class CreateDistRepoTask extends BaseTaskHandler {
  static override readonly Methods = ['createdistrepo'];
  static override readonly _taskWeight = 1.5;

  private readonly paths = new PathInfo(this.options.topdir);
  private readonly repoDir = path.join(this.workdir, 'repo');

  /**
   * @param arch that of the repo
   * @throws RefuseTask when this builder can't see the hub's files, or the repo takes in packages of another architecture
   */
  // eslint-disable-next-line max-params -- the order of a task's arguments is Koji's
  async handler(
    tag: string | number,
    repo_id: number,
    arch: string,
    keys: readonly string[],
    opts: DistRepoOptions,
  ): Promise<null> {
    await this.checkBuilder(arch, opts);
    const repo = await this.session.repoInfo(repo_id, named({ strict: true }));
    if (repo.state !== REPO_STATES.INIT)
      throw new GenericError(
        `Repo ${repo.id} not in INIT state (got ${nameOf(REPO_STATES, repo.state) ?? repo.state})`,
      );
    await mkdir(this.repoDir, { recursive: true });
    const deltas = await this.deltaFolders(opts.delta ?? []);
    const old = await this.session.getRepo(tag, named({ dist: true, state: REPO_STATES.READY }));
    const rpms = await this.findRpms(tag, arch, { keys, opts });
    await this.describe(rpms);
    const oldDir = old && path.join(this.paths.distrepo(old.id, repo.tag_name), arch);
    const comps = path.join(this.paths.distrepo(repo.id, repo.tag_name), 'groups', 'comps.xml');
    for (const part of partsOf(rpms)) await this.create(part, { comps, oldDir, deltas, opts });
    if (rpms.size === 0)
      await writeFile(
        path.join(this.repoDir, 'repodata/EMPTY_REPO'),
        'This repo is empty because its tag has no content for this arch\n',
      );
    const about = { tag: String(tag), repodir: this.repoDir, repo_id, arch, keys, opts: { ...opts } };
    await this.runCallbacks('postCreateDistRepo', about);
    await this.upload();
    return null;
  }

  private async checkBuilder(arch: string, { multilib }: DistRepoOptions): Promise<void> {
    const repos = path.join(this.options.topdir, 'repos-dist');
    if (!(await stat(repos).catch(() => null))) throw new RefuseTask(`No access to repos dir ${repos}`);
    if (truthy(multilib) && isMultilibArch(arch))
      throw new RefuseTask('multilib repos need a kojid with the Python modules dnf and multilib');
  }

  private async deltaFolders(repos: readonly number[]): Promise<string[]> {
    const folders: string[] = [];
    for (const id of repos) {
      const repo = await this.session.repoInfo(id, named({ strict: true }));
      if (!repo.dist) throw new GenericError('Base repo for deltas must also be a dist repo');
      const folder = this.paths.distrepo(id, repo.tag_name);
      if (!(await stat(folder).catch(() => null)))
        throw new GenericError(`Base drpm repo missing: ${folder}`);
      folders.push(folder);
    }
    return folders;
  }

  private async findRpms(
    tag: string | number,
    arch: string,
    { keys, opts }: { readonly keys: readonly string[]; readonly opts: DistRepoOptions },
  ): Promise<Listed> {
    const { rpms, folders } = await this.taggedRpms(tag, arch, opts);
    const { chosen, unsigned } = planDistRpms(rpms, keys);
    if (truthy(opts.write_signed_rpms)) await this.writeSigned(chosen);
    const skips = truthy(opts.skip_missing_signatures);
    const listed = new Map<string, ListedRpm>();
    const missing: string[] = [];
    for (const rpm of [...chosen, ...(skips ? [] : unsigned.map((one) => one.rpm))]) {
      const folder = folders.get(rpm.build_id) ?? '';
      const below = rpm.sigkey === null ? this.paths.rpm(rpm) : this.paths.signed(rpm, rpm.sigkey);
      const file = `${folder}/${below}`;
      const sub = truthy(opts.split_debuginfo) && isDebuginfo(rpm.name) ? { _subrepo: 'debug' } : {};
      if (await stat(file).catch(() => null))
        listed.set(path.basename(file), { ...rpm, _pkgpath: file, ...sub });
      else missing.push(file);
    }
    if (missing.length > 0) await this.failFor(missing);
    if (unsigned.length === 0) return listed;
    await this.uploadText('missing_signatures.log', missingSignatures(unsigned, keys, skips));
    if (!skips && !truthy(opts.allow_missing_signatures))
      throw new GenericError('Unsigned packages found. See missing_signatures.log');
    return listed;
  }

  private async taggedRpms(
    tag: string | number,
    arch: string,
    { event, latest = false, inherit = false }: DistRepoOptions,
  ): Promise<{ readonly rpms: TaggedRpm[]; readonly folders: Map<number, string> }> {
    const rpms: TaggedRpm[] = [];
    const folders = new Map<number, string>();
    for (const one of archesInRepo(arch)) {
      const about = named({ event, arch: one, latest, inherit, rpmsigs: true });
      const answer = await this.session.listTaggedRPMS(tag, about);
      const [found = [], builds = []] = answer;
      for (const build of builds) {
        if (build.draft) throw new BuildError(`Draft build: ${build.nvr} is not allowed`);
        folders.set(build.id, this.paths.build(build));
      }
      rpms.push(...found);
    }
    return { rpms, folders };
  }

  private async writeSigned(rpms: readonly ChosenRpm[]): Promise<void> {
    const lines: string[] = [];
    for (const { id, best_key: key = '' } of rpms)
      try {
        await this.session.host.writeSignedRPM(id, key);
        lines.push(`Signed RPM ${id} is written with ${key} key.\n`);
      } catch (error) {
        lines.push(`FAILED: Signed RPM ${id} is not written with ${key} key, error: ${messageOf(error)}\n`);
      }
    if (lines.length > 0) await this.uploadText('written_signed_rpms.log', lines.join(''));
  }

  private async failFor(missing: readonly string[]): Promise<never> {
    const head =
      'Some rpm files were missing.\nMost likely, you want to create these signed copies.\n\nMissing files:\n';
    const lines = [...missing].sort().map((file) => `${file}\n`);
    await this.uploadText('missing_files.log', head + lines.join(''));
    throw new GenericError('Packages missing from the filesystem. See missing_files.log.');
  }

  /** Writes the lists of the rpms and links to them. */
  private async describe(rpms: Listed): Promise<void> {
    const at = (...names: string[]): string => path.join(this.repoDir, ...names);
    await writeFile(at('kojipkgs'), writeIndentedJson(Object.fromEntries(rpms)));
    for (const { folder } of partsOf(rpms)) {
      await mkdir(at(folder), { recursive: true });
      const own = [...rpms].filter(([, rpm]) => (rpm._subrepo ?? '') === folder);
      const lines = own.map(([name]) => `${folder === '' ? '' : '../'}${linkOf(name)}\n`);
      await writeFile(at(folder, 'pkglist'), lines.join(''));
    }
    for (const [name, { _pkgpath: file }] of rpms) {
      await mkdir(path.dirname(at(linkOf(name))), { recursive: true });
      await symlink(file, at(linkOf(name)));
    }
  }

  private async create(
    { folder, log }: Part,
    {
      comps,
      oldDir,
      deltas,
      opts,
    }: {
      readonly comps: string;
      readonly oldDir: string | null;
      readonly deltas: readonly string[];
      readonly opts: DistRepoOptions;
    },
  ): Promise<void> {
    const to = path.join(this.repoDir, folder);
    const settings = settingsOf(this);
    if (!settings.use_createrepo_c && truthy(opts.zck))
      throw new GenericError("createrepo doesn't support zchunks");
    const command = [
      ...(settings.use_createrepo_c ? ['createrepo_c', '--error-exit-val'] : ['createrepo']),
      ...['-vd', '-i', path.join(to, 'pkglist')],
      ...((await isFile(comps)) ? ['-g', comps] : []),
      ...(oldDir !== null && settings.createrepo_update
        ? await this.copyOld(path.join(oldDir, folder, 'repodata'), to, opts)
        : []),
      ...(deltas.length > 0 ? ['--deltas', ...deltas.flatMap((one) => ['--oldpackagedirs', one])] : []),
      ...(truthy(opts.zck) ? ['--zck'] : []),
      ...(await zckDictionaries(opts)),
      to,
    ];
    const status = await this.logOutput(command, log);
    if (!status.success)
      throw new GenericError(`failed to create repo: ${status.describe(command.join(' '))}`);
  }

  /** Copies older metadata, and returns the arguments that let createrepo take from them what is still right. */
  private async copyOld(
    old: string,
    to: string,
    { createrepo_skip_stat: own = null }: DistRepoOptions,
  ): Promise<string[]> {
    if (!(await stat(old).catch(() => null))) {
      this.logger.warn(`old repodata is missing: ${old}`);
      return [];
    }
    const filter = (file: string): boolean => !file.endsWith('pkgorigins.gz');
    await cp(old, path.join(to, 'repodata'), { recursive: true, filter });
    return ['--update', ...((own ?? settingsOf(this).distrepo_skip_stat) ? ['--skip-stat'] : [])];
  }

  /** Uploads everything but the links, and last the list of what was uploaded. */
  private async upload(): Promise<void> {
    const files: string[] = [];
    for await (const { below, isFile: own } of filesBelow(this.repoDir)) if (own) files.push(below);
    files.sort();
    for (const file of files) {
      const folder = path.dirname(file);
      await this.uploadFile(path.join(this.repoDir, file), { directory: folder === '.' ? '' : folder });
    }
    await this.uploadText('repo_manifest', writeIndentedJson(files));
  }
}

function partsOf(rpms: Listed): Part[] {
  const subrepos = new Set([...rpms.values()].flatMap(({ _subrepo: folder }) => folder ?? []));
  return [
    { folder: '', log: 'createrepo.log' },
    ...[...subrepos].map((folder) => ({ folder, log: `createrepo_${folder}.log` })),
  ];
}

const linkOf = (name: string): string => `Packages/${name.charAt(0).toLowerCase()}/${name}`;

async function zckDictionaries({ zck, zck_dict_dir: folder }: DistRepoOptions): Promise<string[]> {
  if (!folder) return [];
  if (!truthy(zck)) throw new GenericError('--zck-dict-dir makes no sense without --zck');
  const found = await stat(folder).catch(() => null);
  if (!found) throw new GenericError(`zchunk dir path doesn't exist: ${folder}`);
  if (!found.isDirectory()) throw new GenericError(`zchunk dir path is file: ${folder}`);
  return ['--zck-dict-dir', path.normalize(folder)];
}

const isFile = (file: string): Promise<boolean> =>
  stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
