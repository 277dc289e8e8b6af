import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { cpus, freemem, machine, totalmem } from 'node:os';
import path from 'node:path';
import {
  BuildrootError,
  GenericError,
  buildMacros,
  extraRepoLines,
  listBelow,
  openFileBelow,
  plain,
  settingsBelow,
} from '@koji/core';
import { truthy } from '@koji/core/api';
import { outputOf, runProgram } from '@koji/plugin-sdk/host';
import type { ProgramOptions } from '@koji/plugin-sdk/host';
import type { ExitStatus, LogSource } from '@koji/plugin-sdk';
import type { Backend, RootParts, RootPlaces, RunOptions, SrpmSources } from '../backend.js';
import { limitWords } from '../limits.js';
import { repoUrls } from '../request.js';
import { mountsBelow, unmount } from '../mounts.js';
import { rootsFolder } from '../notes.js';
import { Rpmbuild, type Step } from '../rpmbuild.js';
import { baseFolder, cacheFolder, ensureBase } from './base.js';
import { builderHome, builderId, insideRoot, type InsideRoot } from './bwrap.js';
import { databaseOnRoot, dnfCommand, localRepos, type PackageSource } from './dnf.js';
import { writeRootFiles } from './files.js';
import { isRich, richName, richPlace, writeRichSpec } from './rich.js';

/** Arches besides its own that a machine runs, as `setarch` and rpm call them. */
const companions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  x86_64: { i386: 'i686' },
  aarch64: { armhfp: 'armv7hl' },
  ppc64le: {},
  s390x: {},
};

/**
 * A buildroot made by dnf of this host: a layer over a base that all buildroots of the same repo, arch and group share, in
 * which bubblewrap runs programs. Its root is a mount of this process's namespace.
 *
 * In its folder: `upper` (what differs from the base), `work` (overlayfs's own), `root` (where it is mounted), `result`,
 * `settings` (of dnf).
 */
export class SandboxBackend implements Backend {
  readonly name = 'sandbox';
  readonly installWords = 'dnf install';
  readonly hasOwnPackages = true;
  readonly warning = null;
  readonly places: RootPlaces;
  readonly base: string;
  readonly configFile = null;
  private last = 'dnf';
  private readonly outputs = new Set<string>();
  private readonly source: Omit<PackageSource, 'folders'>;
  private localRepos: readonly string[] | null = null;
  /** The name that setarch and rpm have for the arch, when it is not the host's own. */
  private readonly other: string | null;

  constructor(private readonly parts: RootParts) {
    const { options, repo, arch, config, name, task, request } = parts;
    const top = path.join(rootsFolder(options), name);
    this.places = { top, root: path.join(top, 'root'), result: path.join(top, 'result') };
    this.other = arch === machine() ? null : (companions[machine()]?.[arch] ?? arch);
    this.source = {
      urls: repoUrls(options, { repoId: repo.id, tagName: repo.tag_name, arch }),
      repoLines: extraRepoLines(config.extra),
      releasever: plain(config.extra['mock.releasever'] ?? '1'),
      forcearch: this.other,
      cache: cacheFolder(options, repo.id, arch),
      options,
    };
    const group = request?.installGroup ?? 'build';
    this.base = parts.base ?? baseFolder(options, { repoId: repo.id, arch, group, source: this.source });
    this.outputs.add(this.output);
    for (const key of ['mock.module_setup_commands', 'mock.plugin_conf.sign_enable'])
      if (request && truthy(config.extra[key]))
        task.logger.warn(`the tag's ${key} has no effect: the back end sandbox does not know it`);
  }

  get program(): string {
    return this.last;
  }

  private get output(): string {
    return path.join(this.parts.task.workdir, 'sandbox_output.log');
  }

  async configure(): Promise<{ file: string; log: string }> {
    const { arch, task, request } = this.parts;
    if (this.other !== null && !(arch in (companions[machine()] ?? {})))
      throw new BuildrootError(`this host (${machine()}) can't run programs for ${arch}`);
    const { urls, repoLines, releasever } = this.source;
    const { installGroup: group = 'build', setupDns: network = false } = request ?? {};
    const about = { base: this.base, group, urls, repoLines, releasever, network, macros: this.macros() };
    const file = path.join(task.workdir, 'sandbox_config.log');
    await writeFile(file, `${JSON.stringify(about, null, 2)}\n`);
    return { file, log: 'sandbox_config.log' };
  }

  async init(): Promise<ExitStatus> {
    const { request, options } = this.parts;
    const { top, result } = this.places;
    for (const folder of [result, this.settings]) await mkdir(folder, { recursive: true });
    await writeFile(path.join(result, 'hw_info.log'), hardware());
    const group = request?.installGroup ?? 'build';
    const failed = await ensureBase(this.base, async (root) => {
      const status = await this.dnf(root, ['install', `@${group}`]);
      if (status.success) await this.moveDatabase(root);
      return status;
    });
    if (failed) return failed;
    const log = path.join(result, 'root.log');
    await appendFile(log, `The packages of the group ${group} are in the base ${path.basename(this.base)}\n`);
    this.outputs.add(log);
    const layer = path.join(top, 'upper');
    await mkdir(layer, { recursive: true });
    await writeRootFiles(layer, path.join(this.base, 'root'), {
      macros: this.macros(),
      tmpDir: options.chroot_tmpdir,
      network: this.hasNetwork,
    });
    await this.attach();
    this.last = 'uname';
    return this.run(['uname', '-r'], {});
  }

  async install(names: readonly string[]): Promise<ExitStatus> {
    return this.dnf(this.places.root, ['install', '--', ...names]);
  }

  async run(command: readonly string[], options: RunOptions): Promise<ExitStatus> {
    const {
      as = 'root',
      cwd = '/',
      network = this.hasNetwork,
      env = {},
      timeout,
      log,
      machine: other,
    } = options;
    const output = log === undefined ? this.output : path.join(this.parts.task.workdir, path.basename(log));
    this.last = path.posix.basename(command[0] ?? '');
    return this.inside({ command, as, cwd, network, env, other: other ?? this.other }, output, timeout);
  }

  async buildSrpm({ spec, sources }: SrpmSources): Promise<ExitStatus> {
    const within = (file: string): string => `/${path.relative(this.places.root, file)}`;
    return this.ended(await this.rpmbuild().pack({ spec: within(spec), sources: within(sources) }));
  }

  async rebuildSrpm(srpm: string): Promise<ExitStatus> {
    return this.ended(await this.rpmbuild().repack(srpm));
  }

  async build(srpm: string, { arch }: { readonly arch: string }): Promise<ExitStatus> {
    return this.ended(await this.rpmbuild().build(srpm, arch));
  }

  async giveToBuilder(folder: string): Promise<void> {
    const command = ['chown', '-R', '-h', `${builderId}:${builderId}`, '--', folder];
    const { status, stderr } = await outputOf(command);
    if (!status.success)
      throw new BuildrootError(`could not give ${folder} to the builder: ${stderr.trim()}`);
  }

  async logs(): Promise<(string | LogSource)[]> {
    const { top, root } = this.places;
    const found = async (folder: string, below: string, wanted: RegExp): Promise<LogSource[]> => {
      const entries = await listBelow(folder, below).catch(() => []);
      return entries
        .filter((entry) => entry.isFile() && wanted.test(entry.name))
        .map(({ name }) => path.join(below, name))
        .map((log) => ({ file: path.join(folder, log), open: () => openFileBelow(folder, log) }));
    };
    return [
      ...(await found(top, 'result', /\.log$/)),
      ...(await found(root, 'var/log', /^dnf[\w.-]*\.log$/)).slice(0, mostLogs),
      ...this.outputs,
    ];
  }

  logOf(): string {
    if (this.last === 'dnf') return 'root.log';
    return this.last === 'rpm' || this.last === 'rpmbuild' ? 'build.log' : path.basename(this.output);
  }

  /** Mounts the layer over the base, unless it is mounted already. */
  async attach(): Promise<void> {
    const { top, root } = this.places;
    if ((await mountsBelow(root)).length > 0) return;
    const lower = path.join(this.base, 'root');
    const [upper, work] = [path.join(top, 'upper'), path.join(top, 'work')];
    for (const folder of [root, upper, work]) await mkdir(folder, { recursive: true });
    const places = `lowerdir=${escaped(lower)},upperdir=${escaped(upper)},workdir=${escaped(work)}`;
    let problem = '';
    for (const more of ['', ',userxattr']) {
      const words = ['mount', '-t', 'overlay', 'overlay', '-o', `${places}${more}`, root];
      const { status, stderr } = await outputOf(words);
      if (status.success) return;
      problem = stderr.trim();
    }
    throw new GenericError(
      `could not mount ${root} over ${lower}: ${problem}. Set rootsdir in kojid.conf to a folder on a disk of its own, ` +
        'not on the layers of a container',
    );
  }

  /** Everything that ran inside has ended with its command; the files stay below `upper`. */
  async kill(): Promise<void> {
    const failed = await unmount(this.places.root);
    if (failed.length > 0) this.parts.task.logger.warn(`Unable to unmount: ${failed.join(', ')}`);
  }

  private get hasNetwork(): boolean {
    return this.parts.request?.setupDns ?? false;
  }

  private get settings(): string {
    return path.join(this.places.top, 'settings');
  }

  private macros(): Record<string, string> {
    const { options, arch, request, config } = this.parts;
    const { packager, vendor, distribution, mockhost: mockHost } = options;
    const targetArch = request?.arch === 'armhfp' ? 'armv7hl' : (request?.arch ?? arch);
    const macros = settingsBelow(config.extra, 'rpm.macro.', '%');
    return buildMacros({ arch, targetArch, packager, vendor, distribution, mockHost, macros });
  }

  private rpmbuild(): Rpmbuild {
    const { root, result } = this.places;
    const output = path.join(result, 'build.log');
    const env = settingsBelow(this.parts.config.extra, 'rpm.env.');
    // Where nothing that the root has can be in its way: each command gets a fresh /tmp.
    const sourceAt = (srpm: string): string => `/tmp/${path.basename(srpm)}`;
    return new Rpmbuild({
      root,
      result,
      topdir: `${builderHome}/build`,
      extra: [],
      sourceAt,
      run: (command, srpm) => {
        const files = srpm === undefined ? {} : { [srpm]: sourceAt(srpm) };
        const about = {
          as: 'builder',
          cwd: builderHome,
          network: this.hasNetwork,
          other: this.other,
        } as const;
        return this.inside({ ...about, command, env, files }, output, this.parts.options.rpmbuild_timeout);
      },
      install: (requirements) => this.installRequirements(requirements),
    });
  }

  /** Installs requirements of a build; those that are conditions by a package that requires them. */
  private async installRequirements(requirements: readonly string[]): Promise<Step> {
    const { root } = this.places;
    const rich = requirements.filter(isRich);
    const words = ['install', '--', ...requirements.filter((one) => !isRich(one))];
    if (rich.length === 0) return { program: 'dnf', status: await this.dnf(root, words) };
    const folder = path.join(this.settings, 'requirements');
    const command = await writeRichSpec(folder, rich);
    const about = {
      as: 'root',
      cwd: '/',
      network: false,
      env: { HOME: '/root' },
      other: this.other,
    } as const;
    const made = await this.inside({ ...about, command, binds: { [folder]: richPlace } }, this.output);
    if (!made.success) return { program: 'rpmbuild', status: made };
    const status = await this.dnf(root, [...words, `/settings/requirements/${richName}.rpm`]);
    if (!status.success) return { program: 'dnf', status };
    return {
      program: 'rpm',
      status: await this.run(['rpm', '-e', '--nodeps', richName], { network: false }),
    };
  }

  private ended({ program, status }: Step): ExitStatus {
    this.last = program;
    return status;
  }

  private async inside(
    inside: Omit<InsideRoot, 'root'> & { readonly other: string | null },
    output: string,
    timeout?: number,
  ): Promise<ExitStatus> {
    const { options, name, config, request } = this.parts;
    const { other } = inside;
    const env = { ...settingsBelow(config.extra, 'rpm.env.'), ...inside.env };
    const asked = Object.assign({}, ...Object.values(request?.bindOptions ?? {})) as Record<string, string>;
    const binds = { ...asked, ...inside.binds };
    const command = [
      ...(await limitWords(options, name)),
      ...(other === null ? [] : ['setarch', other, '--']),
      ...insideRoot({ ...inside, root: this.places.root, env, binds }),
    ];
    return this.log(command, inside.command, output, timeout === undefined ? {} : { timeout });
  }

  private async dnf(root: string, words: readonly string[]): Promise<ExitStatus> {
    const { options, name } = this.parts;
    await mkdir(this.settings, { recursive: true });
    this.localRepos ??= await this.findLocalRepos();
    const source = { ...this.source, folders: this.localRepos };
    const command = await dnfCommand(source, { root, settings: this.settings }, words);
    const status = await this.log(
      [...(await limitWords(options, name)), ...command],
      ['dnf', ...words],
      path.join(this.places.result, 'root.log'),
    );
    this.last = 'dnf';
    return status;
  }

  private async findLocalRepos(): Promise<string[]> {
    const { repo, arch, task } = this.parts;
    const repos = await task.session.getExternalRepoList(repo.tag_id, repo.create_event);
    return localRepos(
      repos.map(({ url }) => url),
      arch,
    );
  }

  /** Runs a program, and notes when in `state.log`. */
  private async log(
    command: readonly string[],
    words: readonly string[],
    output: string,
    how: ProgramOptions = {},
  ): Promise<ExitStatus> {
    this.outputs.add(output);
    const note = (text: string): Promise<void> =>
      appendFile(path.join(this.places.result, 'state.log'), `${new Date().toISOString()} - ${text}\n`);
    this.parts.task.logger.info(words.join(' '));
    await note(`Start: ${words.join(' ')}`);
    const status = await runProgram(command, output, { ...how, endsAll: true });
    await note(`Finish: ${status.describe(words[0] ?? '')}`);
    return status;
  }

  /** Moves rpm's database to where rpm of the root looks for it. */
  private async moveDatabase(root: string): Promise<void> {
    const script = `own=$(rpm --eval '%{_dbpath}') && [ "$own" != "$1" ] && [ ! -e "$own/rpmdb.sqlite" ] || exit 0
mkdir -p "$own" && cp -a "$1/." "$own/" && rm -rf "$1" && ln -s "../..$own" "$1"`;
    const words = ['/bin/sh', '-c', script, 'sh', databaseOnRoot];
    const about = { root, as: 'root', cwd: '/', network: false, env: {} } as const;
    await this.log(insideRoot({ ...about, command: words }), ['sh'], this.output);
  }
}

/** How many logs of the package manager are uploaded. */
const mostLogs = 100;

/** As mount(8) takes paths among the options of overlayfs. */
const escaped = (folder: string): string => folder.replace(/[\\:,]/g, '\\$&');

function hardware(): string {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`;
  const all = cpus();
  return [
    `CPU: ${all.length} × ${all[0]?.model ?? 'unknown'} (${machine()})`,
    `Memory: ${megabytes(totalmem())}, ${megabytes(freemem())} free`,
    '',
  ].join('\n');
}
