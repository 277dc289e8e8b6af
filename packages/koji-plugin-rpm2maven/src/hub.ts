import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { readPom } from '@koji/core';
import type { MavenPath } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import { matchesAny } from '@koji/core/policy';
import { callback, context, option, pluginConfig } from '@koji/plugin-sdk';
import { unpackRpm } from './payload.js';

const config = pluginConfig('rpm2maven', {
  patterns: {
    rpm_names: option.required(option.words([], 'Names of the rpms that have artifacts: patterns')),
    artifact_paths: option.required(option.words([], 'The folders in them that have artifacts: patterns')),
  },
  limits: {
    unpacked_size: option.checked(
      option.integer(2 * 1024 ** 3, 'Bytes that the payload of such an rpm may have, unpacked'),
      (bytes) => (bytes > 0 ? null : 'must be above 0'),
    ),
  },
});

/** Imports the Maven artifacts of an rpm that is imported into the rpm's build. */
export const importMaven = callback('postImport', async (_event, payload) => {
  if (!context.options.EnableMaven || payload.type !== 'rpm' || payload.filepath === null) return;
  const { build, rpm, filepath } = payload;
  const { rpm_names: names, artifact_paths: folders } = config.patterns;
  // The files of a source rpm are in no folder.
  const isSource = rpm.arch === 'src' || rpm.arch === 'nosrc';
  if (isSource || !matchesAny(rpm.name, names)) return;
  const unpacked = await unpackRpm(filepath, {
    into: await newFolder(build),
    isWanted: (folder) => matchesAny(folder, folders),
    most: config.limits.unpacked_size,
  });
  await importArtifacts(await artifactsIn(unpacked), build, rpm.name);
});

/** A folder that lasts as long as the call. */
async function newFolder({ nvr }: BuildInfo): Promise<string> {
  const all = path.join(context.paths.work(), 'rpm2maven');
  await mkdir(all, { recursive: true });
  const folder = await mkdtemp(path.join(all, `${nvr}-`));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  // Not before: the hub finishes or undoes its moves with the files that it moved.
  context.afterCommit(remove);
  context.onRollback(remove);
  return folder;
}

/** A file and the artifact that it is of. */
interface Artifact {
  readonly file: string;
  readonly info: MavenPath;
}

/** The files of folders with one .pom, which describes them. */
async function artifactsIn(folders: readonly (readonly string[])[]): Promise<Artifact[]> {
  const artifacts: Artifact[] = [];
  for (const files of folders) {
    const [pom, ...more] = files.filter((file) => file.endsWith('.pom'));
    if (pom === undefined || more.length > 0) continue;
    const info = await readPom(pom);
    artifacts.push(...files.map((file) => ({ file, info })));
  }
  return artifacts;
}

async function importArtifacts(
  artifacts: readonly Artifact[],
  build: BuildInfo,
  rpmName: string,
): Promise<void> {
  if (artifacts.length === 0) return;
  const { name, version, release } = build;
  // Nobody can tell which of the artifacts is the one that the build is of.
  const maven = { group_id: name, artifact_id: rpmName, version: `${version}-${release}` };
  await context.callUnchecked('createMavenBuild', [build.id, maven]);
  for (const { file, info } of artifacts) {
    if (!(await context.call('getArchiveType', [path.basename(file)]))) continue;
    const uploaded = path.relative(context.paths.work(), file);
    await context.callUnchecked('importArchive', [uploaded, build.id, 'maven', { ...info }]);
  }
}
