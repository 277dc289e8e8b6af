import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BuildError, BuildrootError, filesBelow, makeFolderBelow, pathOfOpen, readPom } from '@koji/core';
import type { BuildRoot } from '../buildroot/index.js';
import { Scm } from '../scm/index.js';
import { settingsOf } from '../settings.js';
import type { MavenCoordinates } from './maven.js';
import { listRepository } from './maven-repository.js';
import { mavenEnvironment, mavenSettings, mavenWords, pomOf, type MavenWords } from './maven-settings.js';
import { RootedTask, warningOf, type RootedOptions } from './rooted.js';
import { zipSources } from './sources-zip.js';

/** Options of a build with Maven. */
export interface BuildMavenOptions extends RootedOptions, MavenWords {
  readonly jvm_options?: readonly string[] | null;
  /** Variables of mvn's environment. */
  readonly envs?: Readonly<Record<string, string>> | null;
  /** An SCM URL with patches of the sources. */
  readonly patches?: string | null;
  /** Packages to install besides the group. */
  readonly packages?: readonly string[] | null;
  /** Further repositories: tasks by id, builds by `NAME-VERSION-RELEASE`. */
  readonly deps?: readonly (number | string)[] | null;
}

/** The result of a build with Maven; paths in the task's output. */
interface MavenResult {
  readonly maven_info: MavenCoordinates;
  readonly buildroot_id: number;
  readonly logs: readonly string[];
  /** Names by folder. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  readonly warning?: string;
}

/** Archives of sources on the builder, by the end of the names that they get. */
type Archives = ReadonlyMap<string, string>;

// As programs inside see them.
const output = '/maven/output';
const home = '/builddir/.m2';

/** Builds a Maven project with mvn of the tag's group `maven-build`. */
export class BuildMavenTask extends RootedTask {
  static override readonly Methods = ['buildMaven'];
  static override readonly _taskWeight = 1.5;

  async handler(
    url: string,
    build_tag: { readonly id: number },
    opts: BuildMavenOptions | null = null,
  ): Promise<MavenResult> {
    const options = opts ?? {};
    const scm = await this.allowed(url, options);
    const repo = await this.requestedRepo(options);
    const arch = await this.noarchRoot(build_tag.id, repo);
    const request = { tag: build_tag.id, arch, repoId: repo.id, installGroup: 'maven-build', setupDns: true };
    return this.inRoot(request, async (root) => {
      if (options.packages && options.packages.length > 0) await root.install(options.packages);
      if (!(await root.list('/usr/bin')).includes('mvn'))
        throw new BuildError('/usr/bin/mvn was not found in the buildroot');
      const archives = new Map<string, string>();
      const sources = await this.checkOut(root, scm, { build_tag, options, archives });
      await this.build(root, sources, options);
      const pom = await this.readPom(root, path.posix.join(sources, pomOf(options)), pomOf(options));
      return this.handIn(root, { pom, archives, hasPatches: Boolean(options.patches) });
    });
  }

  private async allowed(url: string, { scratch = null }: BuildMavenOptions): Promise<Scm> {
    const scm = Scm.parse(url, { allowPassword: settingsOf(this).allow_password_in_scm_url });
    await scm.assertAllowed(this, { scratch });
    return scm;
  }

  /** Checks sources and patches out and patches the sources; returns where they are, as programs inside see them. */
  private async checkOut(
    root: BuildRoot,
    scm: Scm,
    {
      build_tag: { id: buildTag },
      options,
      archives,
    }: {
      readonly build_tag: { readonly id: number };
      readonly options: BuildMavenOptions;
      readonly archives: Map<string, string>;
    },
  ): Promise<string> {
    const about = { buildTag, scratch: (options.scratch ?? null) as boolean | null, buildroot: root };
    for (const folder of ['maven/build', 'maven/patches', output, `${home}/repository`])
      await makeFolderBelow(root.rootDir, folder.replace(/^\//, ''));
    const at = (place: string): string => path.join(root.rootDir, place);
    const archive = async (name: string, folder: string): Promise<void> => {
      archives.set(name, path.join(this.workdir, name));
      await zipSources(folder, path.join(this.workdir, name));
    };
    const { folder } = await scm.checkout(this, at('maven/build'), about);
    await archive('scm-sources.zip', folder);
    let patches: string | null = null;
    if (options.patches) {
      const from = await this.allowed(options.patches, options);
      const found = await from.checkout(this, at('maven/patches'), {
        ...about,
        log: 'patches.log',
        withCommon: false,
      });
      await archive('patches.zip', found.folder);
      patches = root.pathWithin(found.folder);
    }
    await writeFile(at(`${home}/settings.xml`), this.settings(root, options), { flag: 'wx' });
    for (const place of ['maven', home]) await root.giveToBuilder(at(place));
    const sources = root.pathWithin(folder);
    if (patches !== null) await this.patch(root, sources, { patches, url: options.patches ?? '' });
    return sources;
  }

  private settings(root: BuildRoot, { deps }: BuildMavenOptions): string {
    const { topurl, topdir } = settingsOf(this);
    const [top = `file://${topdir}`] = topurl?.split(/\s+/).filter(Boolean) ?? [];
    const { tagName, repo } = root;
    return mavenSettings({ taskId: this.id, tagName, repoId: repo.id, top, output, deps: deps ?? [] });
  }

  private async patch(
    root: BuildRoot,
    sources: string,
    { patches, url }: { readonly patches: string; readonly url: string },
  ): Promise<void> {
    const names = (await root.list(patches)).filter((name) => name.endsWith('.patch')).sort();
    if (names.length === 0) throw new BuildError(`no patches found at ${url}`);
    for (const name of names) {
      const file = path.posix.relative(sources, path.posix.join(patches, name));
      const words = ['patch', '--verbose', '--no-backup-if-mismatch', '-p1', '-i', file];
      const status = await root.run(words, { as: 'builder', cwd: sources, log: 'patches.log' });
      if (!status.success)
        throw new BuildError(`error applying patches from ${url}, see patches.log for details`);
    }
  }

  private async build(root: BuildRoot, sources: string, options: BuildMavenOptions): Promise<void> {
    await root.startBuilding();
    const status = await root.run(['/usr/bin/mvn', ...mavenWords(options)], {
      as: 'builder',
      cwd: sources,
      env: mavenEnvironment(options.jvm_options, options.envs),
    });
    const ignored = settingsOf(this).maven_repo_ignore.split(/\s+/).filter(Boolean);
    const used = await listRepository(root, `${home}/repository`, ignored);
    const about = {
      ignore: await listRepository(root, output, [...ignored, '*.log']),
      project: true,
      // An unknown result must not hide why the build failed.
      ignore_unknown: !status.success,
      extra_deps: options.deps ?? null,
    };
    await this.session.call('host.updateMavenBuildRootList', [root.id, this.id, used], about);
    if (!status.success)
      throw new BuildrootError(`error building Maven package, ${root.describe(status, 'root.log')}`);
  }

  private async readPom(root: BuildRoot, within: string, name: string): Promise<MavenCoordinates> {
    const handle = await root.openFile(within).catch((cause: unknown) => {
      throw new BuildError(`${name} does not exist`, { cause });
    });
    try {
      const { group_id, artifact_id, version } = await readPom(pathOfOpen(handle, within));
      return { group_id, artifact_id, version };
    } finally {
      await handle.close();
    }
  }

  /** Uploads what mvn has deployed, and the archives of the sources. */
  private async handIn(
    root: BuildRoot,
    {
      pom,
      archives,
      hasPatches,
    }: { readonly pom: MavenCoordinates; readonly archives: Archives; readonly hasPatches: boolean },
  ): Promise<MavenResult> {
    const logs: string[] = [];
    const files: Record<string, string[]> = {};
    for (const [end, file] of archives) {
      const name = `${pom.artifact_id}-${pom.version}-${end}`;
      await this.uploadFile(file, { name });
      (files[''] ??= []).push(name);
    }
    const top = output.slice(1);
    for await (const { below, isFile } of filesBelow(root.rootDir, top)) {
      const place = path.relative(top, below);
      if (!isFile) throw new BuildError(`${place} among what was deployed is no regular file`);
      const directory = path.dirname(place) === '.' ? '' : path.dirname(place);
      await root.uploadFile(`/${below}`, { directory });
      if (place.endsWith('.log')) logs.push(place);
      else (files[directory] ??= []).push(path.basename(place));
    }
    const own = [...root.logs, 'checkout.log', ...(hasPatches ? ['patches.log'] : [])];
    return {
      maven_info: pom,
      buildroot_id: root.id,
      logs: [...new Set([...logs, ...own])],
      files,
      ...warningOf(root),
    };
  }
}
