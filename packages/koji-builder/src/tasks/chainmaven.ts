import { BuildError } from '@koji/core';
import { truthy } from '@koji/core/api';
import type { TagInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { repoOf } from './repo-request.js';
import { sameBuild, without } from './maven-duplicates.js';

/** A package of a chain: where its sources are, what must be built before it, and options of its build. */
export interface ChainedBuild {
  readonly scmurl: string;
  /** Other packages of the chain; of a wrapper the one that it wraps. */
  readonly buildrequires?: readonly string[];
  /** `maven`, the default, or `wrapper`. */
  readonly type?: string;
  readonly [option: string]: unknown;
}

/** Options of a chain; the first two are passed on to its builds. */
export interface ChainMavenOptions {
  readonly skip_tag?: unknown;
  readonly scratch?: unknown;
  /** Whether mvn reports everything. */
  readonly debug?: unknown;
  /** Whether packages are built again that are built with these options. */
  readonly force?: unknown;
}

/** Outcome of a package of the chain: a build by `NAME-VERSION-RELEASE`, or the task of a scratch build. */
type Made = string | number;

/** Common data of all packages of a chain. */
interface Chain {
  readonly builds: Readonly<Record<string, ChainedBuild>>;
  readonly target: string | number;
  readonly destination: TagInfo;
  readonly options: ChainMavenOptions;
}

/** Builds Maven projects, and wrappers of them, each as soon as those that it needs are built. */
export class ChainMavenTask extends BaseTaskHandler {
  static override readonly Methods = ['chainmaven'];
  static override readonly _taskWeight = 0.2;
  private readonly done = new Map<string, Made>();

  async handler(
    builds: Readonly<Record<string, ChainedBuild>>,
    target: string | number,
    opts: ChainMavenOptions | null = null,
  ): Promise<string[]> {
    const info = await this.session.getBuildTarget(target);
    if (!info) throw new BuildError(`unknown build target: ${target}`);
    const destination = await this.session.getTag(info.dest_tag, named({ strict: true }));
    const chain = { builds, target, destination, options: opts ?? {} };
    await this.checkPackages(chain);
    const todo = new Set(Object.keys(builds));
    const running = new Map<number, string>();
    const results: string[] = [];
    for (;;) {
      const ready = [...todo].filter((name) =>
        this.needsOf(chain, name).every((need) => this.done.has(need)),
      );
      if (ready.length === 0 && running.size === 0) break;
      for (const name of ready) {
        todo.delete(name);
        const earlier = await this.findBuilt(chain, name);
        if (earlier) {
          this.done.set(name, earlier.nvr);
          results.push(`${earlier.nvr} previously built from ${builds[name]?.scmurl}`);
        } else running.set(await this.start(chain, name), name);
      }
      if (running.size > 0) results.push(...(await this.finished(chain, running)));
    }
    if (todo.size > 0) throw new BuildError('unable to run chain build, circular dependencies');
    return results;
  }

  private async checkPackages({ builds, destination: { id, name: tag }, options }: Chain): Promise<void> {
    if (truthy(options.scratch) || truthy(options.skip_tag)) return;
    for (const name of Object.keys(builds)) {
      const listed = await this.session.getPackageConfig(id, name);
      if (!listed) throw new BuildError(`package ${name} not in list for tag ${tag}`);
      if (listed.blocked) throw new BuildError(`package ${name} is blocked for tag ${tag}`);
    }
  }

  private needsOf({ builds }: Chain, name: string): readonly string[] {
    return builds[name]?.buildrequires ?? [];
  }

  /** Everything that a package needs, also by way of others. */
  private allNeeds(chain: Chain, name: string, found = new Set<Made>()): Set<Made> {
    for (const need of this.needsOf(chain, name)) {
      const made = this.done.get(need);
      if (made !== undefined) found.add(made);
      this.allNeeds(chain, need, found);
    }
    return found;
  }

  /** Options of a package's build, without those of the chain. */
  private optionsOf(chain: Chain, name: string): Record<string, unknown> {
    const step = this.stepOf(chain, name);
    const own = without(step, ['scmurl', 'buildrequires', 'type']);
    const deps = (step.type ?? 'maven') === 'maven' ? [...this.allNeeds(chain, name)] : [];
    return deps.length > 0 ? { ...own, deps } : own;
  }

  private stepOf({ builds }: Chain, name: string): ChainedBuild {
    const step = builds[name];
    if (!step) throw new BuildError(`no such package in the chain: ${name}`);
    return step;
  }

  /** The latest build of a package, if it was made of the same sources in the same way. */
  private async findBuilt(chain: Chain, name: string): Promise<{ readonly nvr: string } | null> {
    if (truthy(chain.options.force)) return null;
    const [latest] = await this.session.getLatestBuilds(chain.destination.name, named({ package: name }));
    if (!latest?.task_id) return null;
    const { request } = await this.session.getTaskInfo(
      latest.task_id,
      named({ request: true, strict: true }),
    );
    const step = this.stepOf(chain, name);
    const wraps = step.type === 'wrapper' ? this.done.get(this.needsOf(chain, name)[0] ?? '') : undefined;
    const wanted = { url: step.scmurl, wraps, options: this.optionsOf(chain, name) };
    return sameBuild(request as readonly unknown[], wanted) ? latest : null;
  }

  private async start(chain: Chain, name: string): Promise<number> {
    const { target, options } = chain;
    const { scmurl: url, type = 'maven' } = this.stepOf(chain, name);
    const shared = Object.entries({ skip_tag: options.skip_tag, scratch: options.scratch });
    const own = {
      ...this.optionsOf(chain, name),
      ...Object.fromEntries(shared.filter(([, value]) => value !== undefined)),
    };
    if (type === 'maven') {
      const given = (own as { maven_options?: readonly string[] }).maven_options ?? [];
      const debug = truthy(options.debug) ? { maven_options: [...given, '--debug'] } : {};
      return this.subtask('maven', [url, target, { ...own, ...debug }], { label: name });
    }
    if (type !== 'wrapper') throw new BuildError(`unsupported build type: ${type}`);
    const wrapped = this.done.get(this.needsOf(chain, name)[0] ?? '');
    const [build, task] =
      typeof wrapped === 'number'
        ? [null, await this.session.getTaskInfo(wrapped, named({ request: true, strict: true }))]
        : [await this.session.getBuild(wrapped ?? '', true), null];
    const info = await this.session.getBuildTarget(target, named({ strict: true }));
    const repo = await repoOf(this, info.build_tag, { builds: [], latest: false });
    const args = [url, info, build, task, { ...own, repo_id: repo.id }] as const;
    return this.subtask('wrapperRPM', args, { label: name });
  }

  /** Waits until one of the builds has ended or more; one that fails lets the others end first. */
  private async finished(chain: Chain, running: Map<number, string>): Promise<string[]> {
    const ended = await this.wait([...running.keys()], { all: false }).catch(async (error: unknown) => {
      await this.wait([...running.keys()]).catch(() => null);
      throw error;
    });
    const said: string[] = [];
    for (const id of ended.keys()) {
      const name = running.get(id);
      if (name === undefined) continue;
      running.delete(id);
      const { scmurl: url, type } = this.stepOf(chain, name);
      if (truthy(chain.options.scratch)) {
        this.done.set(name, type === 'wrapper' ? id : await this.mavenTaskBelow(id));
        said.push(`${name} built from ${url} by task ${id}`);
      } else {
        const [build] = await this.session.listBuilds(named({ taskID: id }));
        if (!build) throw new BuildError(`could not find build for task ${id}`);
        this.done.set(name, build.nvr);
        said.push(`${build.nvr} built from ${url}`);
      }
    }
    return said;
  }

  /** The task whose output is the repository of a scratch build. */
  private async mavenTaskBelow(id: number): Promise<number> {
    const children = await this.session.getTaskChildren(id);
    const built = children.find(({ method }) => method === 'buildMaven');
    if (!built) throw new BuildError(`could not find buildMaven subtask of ${id}`);
    return built.id;
  }
}
