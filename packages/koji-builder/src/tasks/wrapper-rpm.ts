import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:fs';
import path from 'node:path';
import { BuildError, entriesBelow, sortTexts } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { BuildInfo, HostInfo, RepoInfo, TargetInfo } from '@koji/core/api';
import { RpmHeader } from '@koji/core/rpm';
import { named } from '@koji/core/wire';
import { RefuseTask } from '@koji/plugin-sdk';
import type { BuildRoot } from '../buildroot/index.js';
import { Scm, type Checkout } from '../scm/index.js';
import { withoutPassword } from '../scm/url.js';
import { settingsOf } from '../settings.js';
import { repoOf } from './repo-request.js';
import { RootedTask, checkStep, warningOf, type RootedOptions } from './rooted.js';
import { checkSpec } from './spec-file.js';
import { fillTemplate, lacksTemplates } from './spec-template.js';
import { tagInSubtask } from './subtasks.js';
import { findWrapped, type WrappedFiles, type WrappedTask } from './wrapped-files.js';

/** Options of a wrapper; all but `repo_id` and `scratch` are for those that people ask for. */
export interface WrapperOptions extends RootedOptions {
  /** The rpms become a build of their own. */
  readonly create_build?: unknown;
  /** The new build begins as a draft. */
  readonly draft?: unknown;
  /** Stored with the new build. */
  readonly custom_user_metadata?: unknown;
  readonly skip_tag?: unknown;
  readonly wait_repo?: unknown;
  readonly wait_builds?: readonly string[] | null;
}

/** The result of a wrapper; names of files in the task's output. */
interface WrapperResult {
  readonly buildroot_id: number;
  readonly srpm: string;
  readonly rpms: readonly string[];
  readonly logs: readonly string[];
  readonly source: Checkout['origin'];
  readonly custom_user_metadata?: unknown;
  readonly warning?: string;
}

/** A spec file that was made of a template. */
interface Spec {
  /** Its place, as a path of the host. */
  readonly file: string;
  /** Where it comes from. */
  readonly origin: Checkout['origin'];
}

/** Common data of all steps of a wrapper. */
interface Ground {
  readonly scm: Scm;
  readonly target: TargetInfo;
  readonly files: WrappedFiles;
  readonly options: WrapperOptions;
}

/** Wraps files of a build, or of a task, into rpms: their spec file is a template that is filled with what there is. */
export class WrapperRpmTask extends RootedTask {
  static override readonly Methods = ['wrapperRPM'];
  static override readonly _taskWeight = 1.5;
  /** The build of its own, once it has begun. */
  private begun: number | null = null;

  override async checkHost(host: HostInfo, args: readonly unknown[]): Promise<void> {
    await super.checkHost(host, args);
    const lacking = await lacksTemplates(settingsOf(this));
    if (lacking !== null) throw new RefuseTask(`wrapperRPM needs ${lacking}`);
  }

  protected override rootTag(args: readonly unknown[]): unknown {
    return (args[1] as Partial<TargetInfo> | null)?.build_tag;
  }

  /**
   * @param spec_url an SCM URL with a file `*.spec.tmpl`
   * @param build the build to wrap, or the one that the task makes
   * @param task the task whose output is wrapped; its caller imports the rpms. Without it they are imported here
   */
  // eslint-disable-next-line max-params -- the order of a task's arguments is Koji's
  async handler(
    spec_url: string,
    build_target: TargetInfo,
    build: BuildInfo | null,
    task: WrappedTask | null,
    opts: WrapperOptions | null = null,
  ): Promise<WrapperResult> {
    const options = opts ?? {};
    const files = await findWrapped(this.session, { build, task });
    const scm = Scm.parse(spec_url, { allowPassword: settingsOf(this).allow_password_in_scm_url });
    await scm.assertAllowed(this, { scratch: options.scratch ?? null });
    const repo = await this.repoOf(build_target.build_tag, options);
    const arch = await this.noarchRoot(build_target.build_tag, repo);
    const request = { tag: build_target.build_tag, arch, repoId: repo.id, installGroup: 'wrapper-rpm-build' };
    try {
      const ground = { scm, target: build_target, files, options };
      const result = await this.inRoot(request, (root) => this.make(root, ground));
      if (!task) await this.import(result, { build, options });
      if (!task && this.begun !== null && !truthy(options.skip_tag))
        await tagInSubtask(this, build_target.dest_tag, this.begun);
      return result;
    } catch (error) {
      if (this.begun !== null) await this.session.host.failBuild(this.id, this.begun);
      throw error;
    }
  }

  private async repoOf(tag: number, options: WrapperOptions): Promise<RepoInfo> {
    if (options.repo_id) return this.requestedRepo(options);
    return repoOf(this, tag, { builds: options.wait_builds ?? [], latest: truthy(options.wait_repo) });
  }

  private async make(root: BuildRoot, ground: Ground): Promise<WrapperResult> {
    const { scm, target, files, options } = ground;
    const about = { buildTag: target.build_tag, scratch: truthy(options.scratch), buildroot: root };
    const checkout = await scm.checkout(this, path.join(root.tmpDir, 'scmroot'), about);
    const template = await findTemplate(checkout.folder);
    if (template === null)
      throw new BuildError(`no spec file template found at URL: ${withoutPassword(scm.info.url)}`);
    const sources = path.dirname(template);
    await this.copyFiles(sources, files);
    const spec = { file: await this.writeSpec(template, files), origin: checkout.origin };
    await root.giveToBuilder(path.join(root.tmpDir, 'scmroot'));
    await root.startBuilding();
    checkStep(root, await root.buildSrpm({ spec: spec.file, sources }), 'error building srpm');
    const srpm = await this.takeSource(root);
    if (truthy(options.create_build) && !truthy(options.scratch))
      this.begun = await this.beginBuild(srpm, spec, ground);
    const status = await root.build(srpm, { arch: 'noarch' });
    await root.updateList();
    checkStep(root, status, 'error building package (arch noarch)');
    return this.handIn(root, spec, options);
  }

  /**
   * Puts the files beside the template. One whose name is taken gets its path as its name, with dashes for slashes, as in Koji;
   * nothing of the checkout leads a file elsewhere.
   */
  private async copyFiles(folder: string, { places }: WrappedFiles): Promise<void> {
    for (const place of places) {
      const file = await this.localPath(place);
      const copyAs = (name: string): Promise<void> =>
        copyFile(file, path.join(folder, name), constants.COPYFILE_EXCL);
      await copyAs(path.basename(place)).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        return copyAs(place.replaceAll('/', '-'));
      });
    }
  }

  /** Fills the template, writes the spec file beside it and uploads it; returns where it is. */
  private async writeSpec(template: string, { values }: WrappedFiles): Promise<string> {
    const text = await fillTemplate(await readFile(template, 'utf8'), {
      python: settingsOf(this).template_python,
      values,
      cwd: path.dirname(template),
      folder: this.workdir,
    });
    const spec = template.slice(0, -'.tmpl'.length);
    await rm(spec, { force: true });
    await writeFile(spec, text, { flag: 'wx' });
    await this.uploadText(path.basename(spec), text);
    checkSpec(text);
    return spec;
  }

  /** Moves the source package out of the results, where the one of the build comes; returns where it is then. */
  private async takeSource(root: BuildRoot): Promise<string> {
    const [srpm, ...more] = (await root.results()).filter((name) => name.endsWith('.src.rpm'));
    if (srpm === undefined) throw new BuildError(`no srpms found in ${root.resultDir}`);
    if (more.length > 0)
      throw new BuildError(`multiple srpms found in ${root.resultDir}: ${[srpm, ...more].join(', ')}`);
    const place = path.join(this.workdir, srpm);
    await root.copyResult(srpm, place);
    await rm(path.join(root.resultDir, srpm));
    return place;
  }

  /** Begins the build that the rpms become; returns its id. */
  private async beginBuild(srpm: string, { origin }: Spec, { target, options }: Ground): Promise<number> {
    const { name, version, release, epoch } = (await RpmHeader.read(srpm)).info();
    const listed = await this.session.getPackageConfig(target.dest_tag, name);
    if (!truthy(options.skip_tag)) {
      const tag = target.dest_tag_name;
      if (!listed) throw new BuildError(`package ${name} not in list for tag ${tag}`);
      if (listed.blocked) throw new BuildError(`package ${name} is blocked for tag ${tag}`);
    }
    return this.session.host.initBuild({
      ...{ name, version, release, epoch, task_id: this.id },
      source: origin.source,
      extra: { source: { original_url: origin.url }, ...metadataOf(options) },
      ...(truthy(options.draft) ? { draft: options.draft } : {}),
    });
  }

  private async handIn(
    root: BuildRoot,
    { file, origin }: Spec,
    options: WrapperOptions,
  ): Promise<WrapperResult> {
    const results = await root.results();
    const rpms = results.filter((name) => name.endsWith('.rpm') && !name.endsWith('.src.rpm'));
    const strange = results.find((name) => !/\.(rpm|log)$/.test(name));
    if (strange !== undefined) throw new BuildError(`unexpected file found in ${root.resultDir}: ${strange}`);
    if (rpms.length === 0) throw new BuildError('no rpms found');
    const srpm = await this.uploadSource(root, root.resultDir);
    for (const name of rpms) await this.uploadResult(root, name);
    return {
      buildroot_id: root.id,
      ...{ srpm, rpms },
      logs: ['checkout.log', path.basename(file), ...root.logs],
      source: origin,
      ...metadataOf(options),
      ...warningOf(root),
    };
  }

  /** Imports what nobody waits for: as a build of its own, a scratch build or rpms of the build that is wrapped. */
  private async import(
    result: WrapperResult,
    { build, options }: { readonly build: BuildInfo | null; readonly options: WrapperOptions },
  ): Promise<void> {
    const { host } = this.session;
    const [srpm = ''] = this.uploaded([result.srpm]);
    const rpms = this.uploaded(result.rpms);
    const logs = named({ logs: { noarch: this.uploaded(result.logs) } });
    if (this.begun !== null) {
      const brmap = Object.fromEntries([srpm, ...rpms].map((file) => [file, result.buildroot_id]));
      await host.completeBuild(this.id, this.begun, srpm, rpms, brmap, logs);
    } else if (truthy(options.scratch)) await host.moveBuildToScratch(this.id, srpm, rpms, logs);
    else if (build) await host.importWrapperRPMs(this.id, build.id, { ...result });
  }
}

/**
 * Finds the template in a checkout, the first in the last folder that has any; null for none. Links are not followed.
 */
async function findTemplate(folder: string): Promise<string | null> {
  const byFolder = new Map<string, string[]>();
  for await (const entry of entriesBelow(folder))
    if (entry.isFile() && entry.name.endsWith('.spec.tmpl'))
      byFolder.set(entry.parentPath, [...(byFolder.get(entry.parentPath) ?? []), entry.name]);
  const last = sortTexts([...byFolder.keys()]).at(-1);
  const [name] = sortTexts(byFolder.get(last ?? '') ?? []);
  return last === undefined || name === undefined ? null : path.join(last, name);
}

function metadataOf({ create_build: creates, custom_user_metadata: metadata }: WrapperOptions) {
  return truthy(creates) && truthy(metadata) ? { custom_user_metadata: metadata } : {};
}
