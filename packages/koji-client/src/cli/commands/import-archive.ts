import { basename } from 'node:path';
import { parseNVR, readPom } from '@koji/core';
import { runsInBackground } from '../background.js';
import { uniqueDirectory } from '../../upload.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import type { BuildRef } from '@koji/core/api';
import { valueOfArgument } from '../literals.js';
import { flag, text } from '../options.js';

import { linkIntoWork, uploadShower } from '../uploading.js';

const importArchive = command({
  name: 'import-archive',
  category: 'admin',
  arguments: ['build', 'file...'],
  examples: ['import-archive --type=maven bash-docs-5.2-1 docs.zip'],
  summary: 'Import an archive file and associate it with a build',
  usage: 'import-archive <build-id|n-v-r> <archive_path> [<archive_path2 ...]',
  options: {
    noprogress: flag('--noprogress', 'Do not display progress of the upload'),
    create_build: flag('--create-build', 'Auto-create builds as needed'),
    link: flag('--link', 'Attempt to hardlink instead of uploading'),
    type: text('--type', 'The type of archive being imported. Currently supported types: maven, win, image'),
    type_info: text(
      '--type-info',
      'Type-specific information to associate with the archives. For Maven archives this should be a local path to a .pom file. For Windows archives this should be relpath:platforms[:flags])) Images need an arch',
    ),
  },
  async run(run) {
    const { args, options, session, print, write, login, usageError } = run;
    const [given, ...files] = args;
    if (given === undefined || files.length === 0)
      return usageError('You must specify a build ID or N-V-R and an archive to import');
    await login();
    const { type } = options;
    if (!type) return usageError('You must specify an archive type');
    const info = await archiveInfo(run, type, options.type_info);
    const known = await session.getBuild(valueOfArgument(given) as BuildRef);
    if (!known && !options.create_build) return usageError(`No such build: ${given}`);
    const build = known ?? (await createBuild(run, given, type, info));
    for (const file of files) {
      const name = basename(file);
      print(`Uploading archive: ${name}`);
      const directory = uniqueDirectory('cli-import');
      const shown = !runsInBackground() && !options.noprogress;
      if (options.link) await linkIntoWork(run, file, directory);
      else await session.upload(file, directory, shown ? { onProgress: uploadShower({ write }) } : {});
      print('');
      await session.importArchive(`${directory}/${name}`, build, type, info);
      print(`Imported: ${name}`);
    }
  },
});

async function checkMayImport({ session, usageError }: Run, perm: string): Promise<void> {
  if ((await session.hasPerm(perm)) || (await session.hasPerm('admin'))) return;
  usageError(`This action requires the ${perm} privilege`);
}

type ArchiveFacts = Readonly<Record<string, unknown>>;

/** Returns the type information that the hub needs for the archives. */
async function archiveInfo(run: Run, type: string, given: string | undefined): Promise<ArchiveFacts> {
  const { usageError } = run;
  if (!['maven', 'win', 'image'].includes(type)) return usageError(`Unsupported archive type: ${type}`);
  await checkMayImport(run, `${type}-import`);
  if (!given)
    return usageError(
      type === 'maven'
        ? '--type-info must point to a .pom file when importing Maven archives'
        : '--type-info must be specified',
    );
  if (type === 'maven') {
    const { group_id, artifact_id, version } = await readPom(given);
    return { group_id, artifact_id, version };
  }
  if (type === 'image') return { arch: given };
  const [, relpath, platforms, flags = ''] = /^([^:]*):([^:]*)(?::([^]*))?$/.exec(given) ?? [];
  if (relpath === undefined || platforms === undefined)
    return usageError('--type-info must be in relpath:platforms[:flags] format');
  const words = (list: string): string[] => list.split(/\s+/).filter(Boolean);
  return { relpath, platforms: words(platforms), flags: words(flags) };
}

async function createBuild(
  { session }: Run,
  nvr: string,
  type: string,
  info: ArchiveFacts,
): Promise<BuildRef> {
  const { name, version, release, epoch } = parseNVR(nvr);
  const build = { name, version, release, epoch: epoch === '' ? null : Number(epoch) };
  if (type === 'maven') await session.createMavenBuild(build, info);
  // The platform of an imported build is unknown.
  else if (type === 'win') await session.createWinBuild(build, { platform: 'import' });
  else await session.createImageBuild(build);
  return build;
}

export const archiveImports = [importArchive];
