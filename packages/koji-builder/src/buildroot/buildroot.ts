import { copyFile, lstat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import {
  BuildrootError,
  GenericError,
  REPO_STATES,
  canonArch,
  listBelow,
  makeFolderBelow,
  messageOf,
  nameOf,
  openFileBelow,
  pathOfOpen,
  readBounded,
} from '@koji/core';
import type { BuildConfig, BuildrootRpmRef, RepoInfo } from '@koji/core/api';
import type { KojidOptions } from '@koji/core/config';
import type { BaseTaskHandler, ExitStatus, GrowingLogs, LogSource } from '@koji/plugin-sdk';
import { settingsOf } from '../settings.js';
import type { Backend, BackendName, RunOptions, SrpmSources } from './backend.js';
import { chosenBackend, openBackend } from './backends.js';
import { listArguments, listByHost, parseInstalled, withOrigins, type InstalledRpm } from './installed.js';
import { pathInRoot, unmount, type Mount } from './mounts.js';
import { readNote, writeNote } from './notes.js';
import { repoUrls, type BuildRootRequest } from './request.js';

interface Parts {
  readonly id: number;
  readonly arch: string;
  readonly repo: RepoInfo;
  readonly config: BuildConfig;
  readonly backend: Backend;
}

/**
 * A folder in which a task runs programs of a distribution, and its record at the hub. A back end (mock, a sandbox, the host
 * itself) creates it: option `buildroot_backend` of kojid.conf. At the hub it is INIT after its creation, WAITING and BUILDING
 * when the task requests it, and EXPIRED after {@link BuildRoot.expire}. kojid removes the folder some time later, and expires
 * the buildroot itself if the task ended without doing so.
 *
 * @example async function listPackages(task: BaseTaskHandler, tag: string, repoId: number): Promise<void> {
 *   const root = await BuildRoot.create(task, { tag, arch: 'x86_64', repoId });
 *   try {
 *     await root.init();
 *     const status = await root.run(['rpm', '-qa']);
 *     if (!status.success) throw new BuildrootError(root.describe(status));
 *   } finally {
 *     await root.expire();
 *   } }
 */
export class BuildRoot {
  /** The buildroot's id at the hub. */
  readonly id: number;
  /** `TAG-ID-REPO`: the name of its folder. */
  readonly name: string;
  /** The arch of its repo, a canonical one. */
  readonly arch: string;
  /** The repo that its packages come from. */
  readonly repo: RepoInfo;
  /** The build tag as it was when the repo was made. */
  readonly config: BuildConfig;
  private readonly options: KojidOptions;
  private readonly made: Backend;
  private readonly growing: GrowingLogs;
  private readonly mounted: string[] = [];
  /** Logs that were uploaded at once. */
  private readonly whole: string[] = [];

  private constructor(
    private readonly task: BaseTaskHandler,
    { id, arch, repo, config, backend }: Parts,
  ) {
    this.id = id;
    this.arch = arch;
    this.repo = repo;
    this.config = config;
    this.name = rootName(repo, id);
    this.options = settingsOf(task);
    this.made = backend;
    this.growing = task.growingLogs(() => backend.logs());
  }

  /**
   * Makes a buildroot at the hub and writes what it is made from; nothing is installed before {@link init}.
   *
   * @throws BuildrootError when the repo is not one of the tag's or can't be used any more; ConfigError when this builder
   *   has no back end that works
   */
  static async create(task: BaseTaskHandler, request: BuildRootRequest): Promise<BuildRoot> {
    const { session, logger } = task;
    const repo = await session.repoInfo(request.repoId);
    if (!repo) throw new BuildrootError(`No such repo: ${request.repoId}`);
    const config = await session.getBuildConfig(request.tag, repo.create_event);
    checkRepo(repo, config);
    if (repo.state === REPO_STATES.EXPIRED) logger.info(`Requested repo (${repo.id}) is no longer current`);
    const arch = canonArch(request.arch);
    const options = settingsOf(task);
    const kind = await chosenBackend(options);
    const id = await session.host.newBuildRoot(repo.id, arch, task.id);
    const about = { id, arch, repo, config };
    const backend = openBackend(kind, { ...about, task, options, name: rootName(repo, id), request });
    const root = new BuildRoot(task, { ...about, backend });
    await writeNote(options, {
      ...{ id, task: task.id, name: root.name, backend: kind, folder: backend.places.top },
      ...{ config: backend.configFile, base: backend.base },
    });
    const written = await backend.configure();
    if (written) {
      await task.uploadFile(written.file, { name: written.log });
      root.whole.push(written.log);
    }
    return root;
  }

  /** A buildroot that exists on this host, by its id; {@link close} it in the end. */
  static async open(task: BaseTaskHandler, id: number): Promise<BuildRoot> {
    const { repo_id: repoId, arch } = await task.session.getBuildroot(id, true);
    if (repoId === null || arch === null)
      throw new BuildrootError(`Buildroot ${id} was not made from a repo by a builder`);
    const repo = await task.session.repoInfo(repoId);
    if (!repo) throw new BuildrootError(`No such repo: ${repoId}`);
    const config = await task.session.getBuildConfig(repo.tag_id, repo.create_event);
    const options = settingsOf(task);
    const about = { id, arch, repo, config };
    const parts = { ...about, task, options, name: rootName(repo, id), request: null };
    const note = await readNote(options, id);
    const backend = openBackend(
      note?.backend ?? 'mock',
      note === null ? parts : { ...parts, base: note.base },
    );
    await backend.attach();
    return new BuildRoot(task, { ...about, backend });
  }

  /** The name of the build tag. */
  get tagName(): string {
    return this.repo.tag_name;
  }

  /** The back end. */
  get backend(): BackendName {
    return this.made.name;
  }

  /** Warning for users of the results, for example that they depend on the machine; null for none. */
  get warning(): string | null {
    return this.made.warning;
  }

  /** The folder that is `/` inside. */
  get rootDir(): string {
    return this.made.places.root;
  }

  /** The program that ran last, for messages: with mock always `mock`. */
  get program(): string {
    return this.made.program;
  }

  /** Where the back end puts logs and what it built. */
  get resultDir(): string {
    return this.made.places.result;
  }

  /** The names of its logs in the task's output. */
  get logs(): string[] {
    return [...this.whole, ...this.growing.sent];
  }

  /** A folder for files that programs inside need. `/tmp` is unsuitable because another folder is mounted there. */
  get tmpDir(): string {
    return path.join(this.rootDir, this.options.chroot_tmpdir);
  }

  /** Where its repo is, for programs inside. */
  get repoUrl(): string {
    return repoUrls(this.options, { repoId: this.repo.id, tagName: this.tagName, arch: this.arch })[0] ?? '';
  }

  /**
   * A path below {@link rootDir} as programs inside see it.
   *
   * @throws BuildrootError for a path that is not below it
   */
  pathWithin(file: string): string {
    const below = path.relative(this.rootDir, file);
    if (below === '..' || below.startsWith('../') || path.isAbsolute(below))
      throw new BuildrootError(`${file} is not within the buildroot at ${this.rootDir}`);
    return path.join('/', below);
  }

  /**
   * Where a path that programs inside see is on the host. Symbolic links are followed as inside: whatever a package or a
   * command put there, the answer is in the buildroot. It holds as long as nothing runs inside; {@link openFile} and
   * {@link uploadFile} need no such care.
   */
  hostPath(within: string): Promise<string> {
    return pathInRoot(this.rootDir, within);
  }

  /**
   * Opens a file for reading, by the path that programs inside see. Symbolic links are followed as inside, also while programs
   * change them.
   *
   * @throws GenericError if it is not a regular file; an error with the code ENOENT if there is none
   */
  openFile(within: string): Promise<FileHandle> {
    return openFileBelow(this.rootDir, within, 'inside');
  }

  /** Uploads a file to the task's output, by the path that programs inside see; see {@link openFile}. */
  async uploadFile(
    within: string,
    to: { readonly name?: string; readonly directory?: string } = {},
  ): Promise<void> {
    const handle = await this.openFile(within);
    try {
      const { name = path.posix.basename(within), directory = '' } = to;
      await this.task.uploadFile(pathOfOpen(handle, await this.hostPath(within)), { name, directory });
    } finally {
      await handle.close();
    }
  }

  /** The names in a folder, by the path that programs inside see; none when there is no such folder. */
  async list(within: string): Promise<string[]> {
    return (await listBelow(this.rootDir, within, 'inside')).map(({ name }) => name);
  }

  /** A log that a program inside writes, by the path that it sees, for `growingLogs` of the task. */
  log(within: string): LogSource {
    return { file: path.join(this.rootDir, within), open: () => this.openFile(within) };
  }

  /**
   * Installs the packages of its group and reports them to the hub.
   *
   * @throws BuildrootError when that fails or nothing is installed after it; the buildroot is expired then
   */
  async init(): Promise<void> {
    const status = await this.during(() => this.made.init());
    if (!status.success) {
      await this.expire();
      throw new BuildrootError(`could not init ${this.backend} buildroot, ${this.describe(status)}`);
    }
    const packages = await this.packages().catch(async (error: unknown) => {
      await this.expire();
      throw error;
    });
    await this.task.session.host.setBuildRootList(this.id, packages);
  }

  /**
   * Installs more packages and reports to the hub what is installed.
   *
   * @throws BuildrootError when they can't be installed
   */
  async install(names: readonly string[]): Promise<void> {
    const status = await this.during(() => this.made.install(names));
    await this.updateList();
    if (!status.success)
      throw new BuildrootError(status.describe([this.made.installWords, ...names].join(' ')));
  }

  /** Reports to the hub what is installed now. */
  async updateList(): Promise<void> {
    await this.task.session.host.updateBuildRootList(this.id, await this.packages());
  }

  /**
   * Runs a command inside; its output is uploaded while it runs.
   *
   * @param command the program and its arguments, without a shell
   * @throws GenericError when it can't be started
   */
  run(command: readonly string[], options: RunOptions = {}): Promise<ExitStatus> {
    return this.during(() => this.made.run(command, options));
  }

  /** Makes a source rpm from a spec file and a folder of sources as the unprivileged user; it is among the {@link results}. */
  buildSrpm(from: SrpmSources): Promise<ExitStatus> {
    return this.during(() => this.made.buildSrpm(from));
  }

  /**
   * Rebuilds a source rpm with the tag's macros; it is among the {@link results}.
   *
   * @param srpm a path of the host
   * @throws BuildError when it has no spec file or more than one
   */
  rebuildSrpm(srpm: string): Promise<ExitStatus> {
    return this.during(() => this.made.rebuildSrpm(srpm));
  }

  /**
   * Installs what a source rpm needs and builds it as the unprivileged user; the rpms and a source rpm are among the
   * {@link results}.
   *
   * @param srpm a path of the host
   */
  build(srpm: string, options: { readonly arch: string }): Promise<ExitStatus> {
    return this.during(() => this.made.build(srpm, options));
  }

  /**
   * The names of the files in {@link resultDir}, in alphabetical order.
   *
   * @throws BuildrootError if one of them is not a regular file
   */
  async results(): Promise<string[]> {
    const found = await listBelow(path.dirname(this.resultDir), path.basename(this.resultDir));
    const strange = found.find((entry) => !entry.isFile());
    if (strange)
      throw new BuildrootError(`${path.join(this.resultDir, strange.name)} is no regular file, so no result`);
    return found.map(({ name }) => name).sort();
  }

  /** Copies a result to another folder of the host; no link is followed. */
  async copyResult(name: string, to: string): Promise<void> {
    const handle = await openFileBelow(this.resultDir, name);
    try {
      await copyFile(pathOfOpen(handle, path.join(this.resultDir, name)), to);
    } finally {
      await handle.close();
    }
  }

  /**
   * Gives files that the task put inside to the unprivileged user, so that it may change them.
   *
   * @param folder a path of the host below {@link rootDir}
   */
  giveToBuilder(folder: string): Promise<void> {
    this.pathWithin(folder);
    return this.made.giveToBuilder(folder);
  }

  private async during(work: () => Promise<ExitStatus>): Promise<ExitStatus> {
    const status = await this.growing.during(work());
    await this.checkFolders();
    return status;
  }

  /**
   * Refuses to continue if {@link rootDir}, {@link tmpDir} or {@link resultDir} have become links, because paths are based on
   * them.
   */
  private async checkFolders(): Promise<void> {
    const top = path.dirname(this.rootDir);
    for (const folder of [this.rootDir, this.tmpDir, this.resultDir])
      for (let place = folder; place.startsWith(`${top}/`); place = path.dirname(place))
        if ((await lstat(place).catch(() => null))?.isSymbolicLink())
          throw new BuildrootError(`${place} is a symbolic link, which could lead out of the buildroot`);
  }

  /**
   * Mounts something of the host inside; {@link unmount} takes it away again, and must before the buildroot is removed.
   *
   * @param log the log of the task that gets what mount says
   * @throws GenericError when it can't be mounted
   */
  async mount({ device, at, type, options }: Mount, log: string): Promise<void> {
    const place = await this.hostPath(at);
    await makeFolderBelow(this.rootDir, path.relative(this.rootDir, place));
    const status = await this.task.logOutput(['mount', '-t', type, '-o', options, device, place], log);
    if (!status.success) throw new GenericError(`Unable to mount ${place}: ${status.describe('mount')}`);
    this.mounted.push(place);
  }

  /** Unmounts everything below the buildroot, including foreign mounts; failures are reported in kojid.log. */
  async unmount(): Promise<void> {
    const failed = await unmount(this.rootDir, this.mounted.splice(0));
    if (failed.length > 0) this.task.logger.warn(`Unable to unmount: ${failed.join(', ')}`);
  }

  /**
   * How the back end's program ended, and which log to read: `mock exited with status 10; see build.log for more
   * information`.
   */
  describe(status: ExitStatus, log = this.made.logOf(status)): string {
    return `${status.describe(this.made.program)}; see ${log} for more information`;
  }

  /**
   * The rpms that are installed now, each with where it came from.
   *
   * @throws BuildrootError when rpm knows of none, neither that of the host nor the buildroot's own
   */
  async packages(): Promise<BuildrootRpmRef[]> {
    if (!this.made.hasOwnPackages) return [];
    return this.origins(parseInstalled(await this.listInstalled()));
  }

  private async listInstalled(): Promise<string> {
    const copy = path.join(this.task.workdir, `rpmdb-${this.id}`);
    let problem = 'its database is neither in /usr/lib/sysimage/rpm nor in /var/lib/rpm';
    const byHost = await listByHost(this.rootDir, copy).catch((error: unknown) => {
      problem = messageOf(error);
      return '';
    });
    const listed = byHost || (await this.listInside());
    if (listed === '')
      throw new BuildrootError(
        `no rpm is known to be installed in ${this.name}: ${problem}, and rpm in the buildroot lists none. ` +
          'The rpm that made it may keep its database elsewhere: %_dbpath is ~/.rpmdb on Debian. ' +
          "With mock, let it use a bootstrap root, or set %_dbpath in mock's configuration",
      );
    return listed;
  }

  /** The list from rpm in the buildroot, which knows the location of its database. */
  private async listInside(): Promise<string> {
    const list = '/builddir/installed-rpms.list';
    const words = listArguments.map((word) => `'${word}'`).join(' ');
    const command = `rm -f ${list}; rpm ${words} > ${list}`;
    const status = await this.run(['/bin/sh', '-c', command]);
    if (!status.success) return '';
    const handle = await openFileBelow(this.rootDir, list);
    try {
      return (await readBounded(handle, longestList)).toString('utf8');
    } finally {
      await handle.close();
    }
  }

  /**
   * Says of rpms that came out of its repo where they are from, as `packages` does.
   *
   * @throws BuildError when one is from nowhere; BuildrootError when it is not the one that the repo lists
   */
  async origins(rpms: readonly InstalledRpm[]): Promise<BuildrootRpmRef[]> {
    return withOrigins(this.task, rpms, this);
  }

  /** Ends everything that runs inside. */
  kill(): Promise<void> {
    return this.made.kill();
  }

  /** Gives up what this process holds of the buildroot, such as mounts; its files stay. */
  async close(): Promise<void> {
    await this.made.kill();
  }

  /** Tells the hub that the build begins. */
  async startBuilding(): Promise<void> {
    await this.task.session.host.setBuildRootState(this.id, 'BUILDING');
  }

  /** Ends what runs inside and tells the hub that the buildroot is needed no more; its files stay for a while. */
  async expire(): Promise<void> {
    await this.close();
    await this.task.session.host.setBuildRootState(this.id, 'EXPIRED');
  }
}

/** Most bytes that a list of rpms has. */
const longestList = 1 << 28;

function rootName(repo: RepoInfo, id: number): string {
  return `${repo.tag_name}-${id}-${repo.id}`;
}

function checkRepo(repo: RepoInfo, config: BuildConfig): void {
  if (repo.tag_id !== config.id)
    throw new BuildrootError(`tag/repo mismatch: ${config.name} vs ${repo.tag_name}`);
  if (repo.state !== REPO_STATES.READY && repo.state !== REPO_STATES.EXPIRED)
    throw new BuildrootError(
      `Requested repo (${repo.id}) is ${nameOf(REPO_STATES, repo.state) ?? repo.state}`,
    );
  // It becomes a folder's name and a comment in a configuration.
  if (!/^[^/\s\p{Cc}]+$/u.test(repo.tag_name))
    throw new BuildrootError(`a buildroot can't be named by the tag ${JSON.stringify(repo.tag_name)}`);
}
