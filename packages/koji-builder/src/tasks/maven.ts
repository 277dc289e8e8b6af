import { BuildError } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { NewBuildData, TagInfo, TargetInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { resultOf, tagInSubtask } from './subtasks.js';

/** The coordinates of a Maven project. */
export interface MavenCoordinates {
  readonly group_id: string;
  readonly artifact_id: string;
  readonly version: string;
}

/** Options of a Maven build; those of Maven are passed on to its subtask. */
export interface MavenOptions {
  readonly scratch?: unknown;
  readonly skip_tag?: unknown;
  readonly repo_id?: number | null;
  /** An SCM URL with a template of a spec file, to wrap the results into rpms. */
  readonly specfile?: string | null;
  readonly [option: string]: unknown;
}

type Results = Readonly<Record<string, unknown>>;

/** The options that the subtask gets, in the order of Koji. */
const passedOn = [
  ...['goals', 'profiles', 'properties', 'envs', 'patches', 'packages', 'jvm_options', 'maven_options'],
  ...['deps', 'scratch'],
] as const;

/** Builds a Maven project in a subtask, maybe wraps the results into rpms, imports and tags them. */
export class MavenTask extends BaseTaskHandler {
  static override readonly Methods = ['maven'];
  static override readonly _taskWeight = 0.2;

  async handler(url: string, target: string | number, opts: MavenOptions | null = null): Promise<null> {
    const { session } = this;
    const options = opts ?? {};
    const info = await session.getBuildTarget(target);
    if (!info) throw new BuildError(`unknown build target: ${target}`);
    const strict = named({ strict: true });
    const destination = await session.getTag(info.dest_tag, strict);
    const buildTag = await session.getTag(info.build_tag, strict);
    const repo = await this.repoOf(buildTag, options);
    const given = passedOn.filter((key) => key in options).map((key) => [key, options[key]] as const);
    const args = [url, buildTag, { ...Object.fromEntries(given), repo_id: repo }] as const;
    const built = await this.subtask('buildMaven', args, { label: 'build', arch: 'noarch' });
    const results: Results = { ...(await resultOf(this, built)), task_id: built };
    const scratch = truthy(options.scratch);
    const build = scratch ? null : await this.beginBuild(results, destination, options);
    try {
      const wrapped = options.specfile
        ? await this.wrap(options.specfile, built, { info, build, repo })
        : null;
      if (build) await session.host.completeMavenBuild(this.id, build.id, results, wrapped);
      else await session.host.moveMavenBuildToScratch(this.id, results, wrapped);
    } catch (error) {
      if (build) await session.host.failBuild(this.id, build.id);
      throw error;
    }
    if (build && !truthy(options.skip_tag)) await tagInSubtask(this, destination.id, build.id);
    return null;
  }

  private async repoOf(tag: TagInfo, { repo_id: given }: MavenOptions): Promise<number> {
    if (given) return given;
    const repo = await this.session.getRepo(tag.id);
    if (!repo) throw new BuildError(`no repo for tag ${tag.name}`);
    return repo.id;
  }

  private async beginBuild(
    results: Results,
    destination: TagInfo,
    options: MavenOptions,
  ): Promise<NewBuildData & { readonly id: number }> {
    const maven = results.maven_info as MavenCoordinates;
    if (maven.version.endsWith('-SNAPSHOT'))
      throw new BuildError('-SNAPSHOT versions are only supported in scratch builds');
    const data = mavenNvr(maven);
    if (!truthy(options.skip_tag)) {
      const listed = await this.session.getPackageConfig(destination.id, data.name);
      if (!listed) throw new BuildError(`package ${data.name} not in list for tag ${destination.name}`);
      if (listed.blocked) throw new BuildError(`package ${data.name} is blocked for tag ${destination.name}`);
    }
    return (await this.session.host.initMavenBuild(this.id, { ...data }, { ...maven })) as NewBuildData & {
      readonly id: number;
    };
  }

  private async wrap(
    specUrl: string,
    built: number,
    {
      info,
      build,
      repo,
    }: { readonly info: TargetInfo; readonly build: NewBuildData | null; readonly repo: number },
  ): Promise<Results> {
    const task = await this.session.getTaskInfo(built, named({ strict: true }));
    const args = [specUrl, info, build, task, { repo_id: repo }] as const;
    const id = await this.subtask('wrapperRPM', args, { label: 'rpm', arch: 'noarch' });
    return { ...(await resultOf(this, id)), task_id: id };
  }
}

/** Returns the build that a Maven project becomes: the hub chooses its release. */
export function mavenNvr({ group_id: group, artifact_id: artifact, version }: MavenCoordinates) {
  const name = `${group}-${artifact}`;
  const rest = { version: version.replaceAll('-', '_'), release: null, epoch: null };
  return { name, ...rest, package_name: name };
}
