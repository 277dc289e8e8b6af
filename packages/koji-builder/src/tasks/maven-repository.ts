import path from 'node:path';
import { BuildrootError, filesBelow, openFileBelow } from '@koji/core';
import { matchesAny } from '@koji/core/policy';
import type { BuildRoot } from '../buildroot/index.js';
import type { MavenCoordinates } from './maven.js';

/** An artifact in a repository of Maven, as the hub is told about it. */
export interface MavenPackage {
  readonly maven_info: MavenCoordinates;
  readonly files: readonly { readonly path: string; readonly filename: string; readonly size: number }[];
}

/**
 * Lists the artifacts in a repository of Maven in a buildroot; no link is followed.
 *
 * @param within its folder, as programs inside see it
 * @param ignored globs of names and paths that are left out
 * @throws BuildrootError for a file that is in no folder of an artifact
 */
export async function listRepository(
  { rootDir }: BuildRoot,
  within: string,
  ignored: readonly string[],
): Promise<MavenPackage[]> {
  const byFolder = new Map<string, MavenPackage['files'][number][]>();
  const top = within.replace(/^\/+/, '');
  for await (const { below, isFile } of filesBelow(rootDir, top)) {
    const place = path.relative(top, below);
    const [folder, filename] = [path.dirname(place), path.basename(place)];
    if (!isFile || matchesAny(filename, ignored) || matchesAny(place, ignored)) continue;
    const file = { path: folder, filename, size: await sizeOf(rootDir, below) };
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), file]);
  }
  return [...byFolder].map(([folder, files]) => ({ maven_info: coordinatesOf(folder, files), files }));
}

async function sizeOf(top: string, below: string): Promise<number> {
  const handle = await openFileBelow(top, below);
  try {
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

function coordinatesOf(folder: string, files: MavenPackage['files']): MavenCoordinates {
  const parts = folder.split('/');
  const [version, artifact] = [parts.at(-1), parts.at(-2)];
  if (parts.length < 3 || version === undefined || artifact === undefined)
    throw new BuildrootError(
      `files found in unexpected path in local Maven repo, directory: ${folder === '.' ? '' : folder}, ` +
        `files: ${files.map(({ filename }) => filename).join(', ')}`,
    );
  return { version, artifact_id: artifact, group_id: parts.slice(0, -2).join('.') };
}
