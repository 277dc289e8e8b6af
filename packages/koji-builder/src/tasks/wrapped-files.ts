import path from 'node:path';
import { BUILD_STATES, BuildError, PathInfo } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import { buildLabel, taskLabel, type LabelledTask } from '@koji/core/text';
import { named } from '@koji/core/wire';
import type { HubSession } from '@koji/plugin-sdk';
import { mavenNvr, type MavenCoordinates } from './maven.js';
import type { TemplateValues } from './spec-template.js';

/** The task whose output is wrapped. */
export interface WrappedTask extends LabelledTask {
  readonly id: number;
  readonly method: string;
}

/** The request of a wrapper: a build, a task that made one, or both. */
export interface Wrapped {
  readonly build: BuildInfo | null;
  readonly task: WrappedTask | null;
}

/** Files to make wrapper rpms of, and what the template of their spec file can name. */
export interface WrappedFiles {
  /** Their paths below the hub's file store. */
  readonly places: readonly string[];
  readonly values: TemplateValues;
}

interface FoundFile {
  /** Its path below the hub's file store. */
  readonly place: string;
  /** Its path for templates: below its build's folder of the type; of a task's output the same as its place. */
  readonly within: string;
}

// Its paths begin with the slash after the file store.
const store = new PathInfo('');

/**
 * Finds what a wrapper is made of. The output of a task counts where there is one: a build that is not complete has no files.
 *
 * @throws BuildError when there is nothing to wrap
 */
export async function findWrapped(session: HubSession, { build, task }: Wrapped): Promise<WrappedFiles> {
  if (!build && !task) throw new BuildError('build and/or task must be specified');
  const about = build ? await aboutBuild(session, build) : null;
  const found = task
    ? await outputOf(session, task)
    : build && about
      ? await archivesOf(session, build, about)
      : [];
  const files = found.filter(({ within }) => path.posix.extname(within) !== '.log');
  if (files.length === 0)
    throw new BuildError(
      `no output found for ${task ? taskLabel(task) : build ? buildLabel(build) : 'nothing'}`,
    );
  const names = files.map(({ within }) => path.posix.basename(within));
  const artifacts: Record<string, string[]> = {};
  for (const name of names) (artifacts[path.posix.extname(name)] ??= []).push(name);
  return {
    places: files.map(({ place }) => place),
    values: {
      artifacts,
      all_artifacts: names,
      all_artifacts_with_path: files.map(({ within }) => within),
      ...(build ? { ...nvrOf(build), ...about?.info } : task ? await aboutTask(session, task) : {}),
    },
  };
}

function nvrOf({ epoch = null, name, version, release }: Partial<BuildInfo>): TemplateValues {
  return { epoch, name, version, release };
}

interface AboutBuild {
  readonly type: 'maven' | 'win' | 'image' | null;
  readonly info: TemplateValues;
}

async function aboutBuild(session: HubSession, { id }: BuildInfo): Promise<AboutBuild> {
  const maven = await session.getMavenBuild(id);
  if (maven) return { type: 'maven', info: { maven_info: maven } };
  const win = await session.getWinBuild(id);
  if (win) return { type: 'win', info: { win_info: win } };
  const image = await session.getImageBuild(id);
  return image ? { type: 'image', info: { image_info: image } } : { type: null, info: {} };
}

async function outputOf(session: HubSession, { id }: WrappedTask): Promise<FoundFile[]> {
  const output = (await session.listTaskOutput(id, false, true)) as Readonly<
    Record<string, readonly string[]>
  >;
  return Object.entries(output).flatMap(([file, volumes]) =>
    volumes.map((volume) => {
      const place = `${store.task(id, volume)}/${file}`.slice(1);
      return { place, within: place };
    }),
  );
}

async function archivesOf(session: HubSession, build: BuildInfo, { type }: AboutBuild): Promise<FoundFile[]> {
  if (build.state !== BUILD_STATES.COMPLETE)
    throw new BuildError('cannot call wrapperRPM on a build that did not complete successfully');
  if (type === null) throw new BuildError('unsupported build type');
  const folder = store.typedir(build, type).slice(1);
  const archives = await session.listArchives(named({ buildID: build.id, type }));
  return archives.map((archive) => {
    const { filename, group_id = '', artifact_id = '', version = '' } = archive;
    const within =
      type === 'maven'
        ? store.mavenfile({ filename, group_id, artifact_id, version })
        : type === 'win'
          ? store.winfile(archive)
          : filename;
    return { place: `${folder}/${within}`, within };
  });
}

/** Template values if the wrapped task makes no build. */
async function aboutTask(session: HubSession, { id, method }: WrappedTask): Promise<TemplateValues> {
  const result = (await session.getTaskResult(id)) as Readonly<Record<string, unknown>>;
  if (method === 'buildMaven') {
    const maven = result.maven_info as MavenCoordinates;
    return { ...nvrOf({ ...mavenNvr(maven), release: '0.scratch' }), maven_info: maven };
  }
  const nvr = nvrOf(result);
  return method === 'vmExec' ? { ...nvr, win_info: { platform: result.platform } } : nvr;
}
