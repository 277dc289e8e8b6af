import { BuildError, canonArch, plain } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { BuildConfig, RepoInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { matchesAny } from '@koji/core/policy';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { isScmUrl } from '../scm/url.js';
import { settingsOf } from '../settings.js';
import { anyOneOf, planBuildArches, planNoarchTask, type SourceArches } from './arches.js';
import { assertBuildPolicies, findPlace, type BuildOptions, type BuildPlace } from './build-place.js';
import { gatherResults, type ArchResult, type BuiltFiles } from './build-results.js';
import { repoOf } from './repo-request.js';
import { resultOf } from './subtasks.js';
import { readSourcePackage, type SourcePackage } from './srpm-header.js';
import { tagInSubtask } from './subtasks.js';

/** The result of a subtask that makes a source package. */
interface SrpmResult {
  /** The path below the hub's work folder. */
  readonly srpm: string;
  /** Where the sources came from. */
  readonly source?: Origin;
}

interface Origin {
  readonly source: string;
  readonly url: string;
}

/** Data of a build once its repo is known. */
interface Ground {
  readonly place: BuildPlace;
  readonly repo: RepoInfo;
  /** The build tag at the event of all questions about tags. */
  readonly config: BuildConfig;
  readonly event: number;
  readonly options: BuildOptions;
}

/** Builds a package: its source package, then each architecture in a subtask of its own, then the import and the tag. */
export class BuildTask extends BaseTaskHandler {
  static override readonly Methods = ['build'];
  static override readonly _taskWeight = 0.2;

  /**
   * @param src an SCM URL, or an uploaded source package by its path below the hub's work folder
   * @param target a build target; with the option repo_id also a destination tag, or null for none
   */
  async handler(
    src: string,
    target: string | number | null,
    opts: BuildOptions | null = null,
  ): Promise<null> {
    const options = opts ?? {};
    if (options.arch_override && !truthy(options.scratch))
      throw new BuildError('arch_override is only allowed for scratch builds');
    const place = await findPlace(this, target, options);
    const metadata = customMetadata(options);
    if (typeof src !== 'string') throw new BuildError(`Invalid source specification: ${plain(src)}`);
    await assertBuildPolicies(this, src, place, options);
    const ground = await this.groundOf(place, options);
    const made = await this.makeSrpm(src, ground);
    const source = await readSourcePackage(this, made.srpm);
    const arches = planBuildArches({
      tag: ground.config,
      extraArches: await this.checkPackage(source.name, ground),
      source,
      override: truthy(options.scratch) ? (options.arch_override ?? null) : null,
    });
    if (truthy(options.scratch)) {
      const { srpm, rpms, logs } = await this.buildArches(made.srpm, arches, { ...ground, source });
      await this.session.call('host.moveBuildToScratch', [this.id, srpm, rpms], { logs });
      return null;
    }
    const build = await this.beginBuild(source, made.source, { ...options, metadata });
    try {
      const { srpm, rpms, brmap, logs } = await this.buildArches(made.srpm, arches, { ...ground, source });
      await this.session.call('host.completeBuild', [this.id, build, srpm, rpms, brmap], { logs });
    } catch (error) {
      await this.session.host.failBuild(this.id, build);
      throw error;
    }
    if (!place.skipTag) await tagInSubtask(this, place.destination.id, build);
    return null;
  }

  private async groundOf(place: BuildPlace, options: BuildOptions): Promise<Ground> {
    const { buildTag } = place;
    const wanted = { builds: options.wait_builds ?? [], latest: truthy(options.wait_repo) };
    const repo = place.repo ?? (await repoOf(this, buildTag, wanted));
    const event = place.repo ? repo.create_event : await this.lastEvent();
    const config = await this.session.getBuildConfig(buildTag, event);
    return { place, repo, config, event, options };
  }

  private async lastEvent(): Promise<number> {
    const last = await this.session.getLastEvent();
    if (!last) throw new BuildError('the hub has no events');
    return last.id;
  }

  private async makeSrpm(src: string, { place, repo, config, options }: Ground): Promise<SrpmResult> {
    const fromScm = isScmUrl(src);
    if (!fromScm && !isRebuilt(config, options)) return { srpm: src };
    const method = fromScm ? 'buildSRPMFromSCM' : 'rebuildSRPM';
    const args = [src, place.buildTag, { repo_id: repo.id, scratch: options.scratch ?? null }] as const;
    const arch = this.taskArch('noarch', { config, source: null });
    const id = await this.subtask(method, args, { label: 'srpm', arch });
    const result: SrpmResult = await resultOf(this, id);
    if (!result.source) this.logger.warn('subtask did not provide source data');
    return result;
  }

  /** The architecture that a subtask has at the hub, which decides where it can run. */
  private taskArch(
    arch: string,
    { config, source }: { readonly config: BuildConfig; readonly source: SourceArches | null },
  ): string {
    const literal = settingsOf(this).literal_task_arches.split(/\s+/).filter(Boolean);
    if (matchesAny(arch, literal)) return arch;
    if (arch !== 'noarch') return canonArch(arch);
    const { arches, extra } = config;
    const noarchArches = extra.noarch_arches == null ? null : plain(extra.noarch_arches);
    const choices = planNoarchTask({ tagArches: arches ?? '', noarchArches, source });
    return choices ? anyOneOf(choices) : 'noarch';
  }

  /** Returns the package's further architectures in the destination tag. */
  private async checkPackage(name: string, { place, event, options }: Ground): Promise<string | null> {
    const { id, name: tag } = place.destination;
    const listed = await this.session.getPackageConfig(id, name, named({ event }));
    if (!place.skipTag && !truthy(options.scratch)) {
      if (!listed) throw new BuildError(`package ${name} not in list for tag ${tag}`);
      if (listed.blocked) throw new BuildError(`package ${name} is blocked for tag ${tag}`);
    }
    return listed?.extra_arches ?? null;
  }

  private async beginBuild(
    { name, version, release, epoch }: SourcePackage,
    origin: Origin | undefined,
    { draft, metadata }: BuildOptions & { readonly metadata: object | null },
  ): Promise<number> {
    const extra = {
      ...(origin ? { source: { original_url: origin.url } } : {}),
      ...(metadata ? { custom_user_metadata: metadata } : {}),
    };
    return this.session.host.initBuild({
      name,
      version,
      release,
      epoch,
      task_id: this.id,
      ...(origin ? { source: origin.source } : {}),
      ...(Object.keys(extra).length > 0 ? { extra } : {}),
      ...(truthy(draft) ? { draft } : {}),
    });
  }

  private async buildArches(
    srpm: string,
    arches: readonly string[],
    { place, repo, config, options, source }: Ground & { readonly source: SourcePackage },
  ): Promise<BuiltFiles> {
    const subtasks = new Map<string, number>();
    for (const [i, label] of arches.entries()) {
      const args = [srpm, place.buildTag, label, i === 0, { repo_id: repo.id }] as const;
      const arch = this.taskArch(label, { config, source });
      subtasks.set(label, await this.subtask('buildArch', args, { label, arch }));
    }
    const failAny = truthy(options.fail_fast) || !settingsOf(this).build_arch_can_fail;
    const results = await this.wait([...subtasks.values()], { failAny });
    const byArch = [...subtasks].map(([arch, id]) => [arch, results.get(id) as ArchResult] as const);
    return gatherResults(this.id, byArch);
  }
}

/** Whether an uploaded source package is first rebuilt in a buildroot, which applies the tag's macros. */
function isRebuilt({ extra }: BuildConfig, options: BuildOptions): boolean {
  const own = truthy(options.scratch) ? options.rebuild_srpm : null;
  return truthy(own ?? extra.rebuild_srpm ?? true);
}

function customMetadata({ custom_user_metadata: given }: BuildOptions): object | null {
  if (!truthy(given)) return null;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new BuildError('custom_user_metadata must be serializable to a JSON object');
  return given;
}
