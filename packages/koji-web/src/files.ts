/** Addresses of files in the store. */
import { GenericError, PathInfo } from '@koji/core';
import type { BuildInfo, BuildLog, RpmInfo } from '@koji/core/api';
import type { Site } from './site.js';

const store = new PathInfo('/');

/** Returns the address of a path below the top folder of the store. */
export function storeUrl(site: Site, path: string): string {
  return `${site.filesUrl}/${path.replace(/^\/+/, '').split('/').map(encodeURIComponent).join('/')}`;
}

/** Returns the address of an rpm; null if its name is not a valid path. */
export function rpmUrl(site: Site, build: BuildInfo, rpm: RpmInfo): string | null {
  return within(() => storeUrl(site, `${store.build(build)}/${store.rpm(rpm)}`));
}

/** The address of a build's log. */
export function logUrl(site: Site, log: BuildLog): string {
  return storeUrl(site, log.path);
}

/** The address of an archive's folder by its type. */
export function archiveUrl(
  site: Site,
  build: BuildInfo,
  archive: { readonly btype: string; readonly filename: string; readonly relpath?: string | null } & Partial<{
    readonly group_id: string;
    readonly artifact_id: string;
    readonly version: string;
  }>,
): string | null {
  const { btype, filename, group_id: group, artifact_id: artifact, version } = archive;
  return within(() => {
    if (btype === 'maven' && group !== undefined && artifact !== undefined && version !== undefined) {
      const file = store.mavenfile({ group_id: group, artifact_id: artifact, version, filename });
      return storeUrl(site, `${store.mavenbuild(build)}/${file}`);
    }
    if (btype === 'win')
      return storeUrl(
        site,
        `${store.winbuild(build)}/${store.winfile({ filename, relpath: archive.relpath ?? null })}`,
      );
    return storeUrl(site, `${store.typedir(build, btype)}/${filename}`);
  });
}

/** The address of a repository's folder. */
export function repoUrl(
  site: Site,
  repo: { readonly id: number; readonly tag_name: string; readonly dist: boolean },
): string | null {
  return within(() =>
    storeUrl(site, repo.dist ? store.distrepo(repo.id, repo.tag_name) : store.repo(repo.id, repo.tag_name)),
  );
}

/** Names that can't be paths have no address. */
function within(make: () => string): string | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof GenericError) return null;
    throw error;
  }
}
