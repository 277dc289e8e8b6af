import path from 'node:path';

/** A build as paths need it. */
export interface BuildPath {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  /** Absent or null is the default volume. */
  readonly volume_name?: string | null;
}

/** An RPM as paths need it. */
export interface RpmPath {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
}

/** An artifact of Maven as paths need it. */
export interface MavenPath {
  readonly group_id: string;
  readonly artifact_id: string;
  readonly version: string;
}

/**
 * Joins path parts so that none can lead out of the first: each is normalised before it is judged.
 *
 * @throws RangeError for a part that is absolute or begins with `..`
 */
export function joinSafe(base: string, ...parts: readonly string[]): string {
  const safe = parts.map((part) => {
    if (part.includes('\0')) throw new RangeError(`Invalid path segment: ${JSON.stringify(part)}`);
    const normal = path.posix.normalize(part).replace(/(?<=.)\/$/, '');
    if (normal === '..' || normal.startsWith('../') || normal.startsWith('/'))
      throw new RangeError(`Invalid path segment: ${part}`);
    return normal;
  });
  return path.posix.join(base, ...safe);
}

/**
 * Where everything lies in the file store, as in Koji: an existing store can be taken over. Paths are made from names that
 * were checked when they came in; a stranger's path goes through {@link joinSafe}.
 */
export class PathInfo {
  /** @param topdir the root of the file store */
  constructor(readonly topdir: string = '/mnt/koji') {}

  /** The root of a volume; `DEFAULT` and null are the store itself. */
  volumedir(volume: string | null = null): string {
    return volume === null || volume === 'DEFAULT' ? this.topdir : `${this.topdir}/vol/${volume}`;
  }

  /** A build's folder, on its volume. */
  build({ name, version, release, volume_name }: BuildPath): string {
    return `${this.volumedir(volume_name)}/packages/${name}/${version}/${release}`;
  }

  /** The artifacts of maven of a build, as a repository of maven. */
  mavenbuild(build: BuildPath): string {
    return `${this.build(build)}/maven`;
  }

  /** Relative to a maven repository. */
  mavenrepo({ group_id, artifact_id, version }: MavenPath): string {
    return `${group_id.replaceAll('.', '/')}/${artifact_id}/${version}`;
  }

  /** Relative to a maven repository. */
  mavenfile(info: MavenPath & { readonly filename: string }): string {
    return `${this.mavenrepo(info)}/${info.filename}`;
  }

  /** The files of a Windows build. */
  winbuild(build: BuildPath): string {
    return `${this.build(build)}/win`;
  }

  /** Relative to {@link winbuild}. */
  winfile({ filename, relpath }: { readonly filename: string; readonly relpath?: string | null }): string {
    return relpath ? `${relpath}/${filename}` : filename;
  }

  /** The images of a build. */
  imagebuild(build: BuildPath): string {
    return `${this.build(build)}/images`;
  }

  /** The files of one build type of a build. */
  typedir(build: BuildPath, btype: string): string {
    if (btype === 'maven') return this.mavenbuild(build);
    if (btype === 'win') return this.winbuild(build);
    return btype === 'image' ? this.imagebuild(build) : `${this.build(build)}/files/${btype}`;
  }

  /** Relative to the build's folder. */
  rpm({ name, version, release, arch }: RpmPath): string {
    return `${arch}/${name}-${version}-${release}.${arch}.rpm`;
  }

  /** A signed copy, relative to the build's folder. */
  signed(rpm: RpmPath, sigkey: string): string {
    return `data/signed/${sigkey}/${this.rpm(rpm)}`;
  }

  /** A kept signature header, relative to the build's folder. */
  sighdr(rpm: RpmPath, sigkey: string): string {
    return `data/sigcache/${sigkey}/${this.rpm(rpm)}.sig`;
  }

  /** The logs of a build. */
  buildLogs(build: BuildPath): string {
    return `${this.build(build)}/data/logs`;
  }

  /** A repo of a build tag. */
  repo(repoId: number, tag: string): string {
    return `${this.topdir}/repos/${tag}/${repoId}`;
  }

  /** A repo for distribution. */
  distrepo(repoId: number, tag: string, volume: string | null = null): string {
    return `${this.volumedir(volume)}/repos-dist/${tag}/${repoId}`;
  }

  /** What repos of a tag keep between them. */
  repocache(tag: string): string {
    return `${this.topdir}/repos/${tag}/cache`;
  }

  /** A task's folder, relative to {@link work}. */
  taskrelpath(taskId: number): string {
    return `tasks/${taskId % 10000}/${taskId}`;
  }

  /** The upload and task area. */
  work(volume: string | null = null): string {
    return `${this.volumedir(volume)}/work`;
  }

  /** The results of scratch builds. */
  scratch(): string {
    return `${this.topdir}/scratch`;
  }

  /** What a task uploaded. */
  task(taskId: number, volume: string | null = null): string {
    return `${this.work(volume)}/${this.taskrelpath(taskId)}`;
  }
}
