import path from 'node:path';
import { GenericError } from './faults.js';

/** The fields of a build that paths are made of. */
export interface BuildPath {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  /** Absent or null is the default volume. */
  readonly volume_name?: string | null;
}

/** The fields of an RPM that paths are made of. */
export interface RpmPath {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
}

/** The fields of a Maven artifact that paths are made of. */
export interface MavenPath {
  readonly group_id: string;
  readonly artifact_id: string;
  readonly version: string;
}

/**
 * Longest name in bytes, like Koji's MaxNameLengthInternal, which is one more than file systems allow. As in Koji, a tag with
 * such a name can be created and used, but a repo for it has no folder.
 */
const longestName = 256;
/** Longest relative path in bytes. Leaves room for the parent folder. */
const longestPath = 3000;

/** Whether a text contains a control character, such as a null byte or line end, which no name may have. */
function hasControls(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text);
}

/**
 * Returns the problem of a name for a folder or file, worded to follow the name in a message, or null. Slashes are allowed;
 * every part between them is checked.
 */
export function nameProblem(name: string): string | null {
  if (hasControls(name)) return 'it has a control character';
  for (const part of name.split('/')) {
    if (part === '') return name === '' ? 'it is empty' : 'a part of it between slashes is empty';
    if (part.startsWith('.')) return `${name.includes('/') ? 'a part of it' : 'it'} begins with a dot`;
    if (Buffer.byteLength(part) > longestName) return 'it is too long';
  }
  return Buffer.byteLength(name) > longestPath ? 'it is too long' : null;
}

/**
 * Joins path parts so that the result stays below the first. Each part is normalised before it is checked.
 *
 * @throws GenericError for a part that is absolute, begins with `..`, contains a control character, or is too long for a
 *   file system
 */
export function joinSafe(base: string, ...parts: readonly string[]): string {
  const safe = parts.map((part) => {
    const normal = path.posix.normalize(part).replace(/(?<=.)\/$/, '');
    const isOutside = normal === '..' || normal.startsWith('../') || normal.startsWith('/');
    if (isOutside || hasControls(part) || isTooLong(normal))
      throw new GenericError(`Invalid path segment: ${shown(part)}`);
    return normal;
  });
  return path.posix.join(base, ...safe);
}

function isTooLong(relative: string): boolean {
  // Files that Koji itself wrote may have names as long as file systems allow.
  const longest =
    relative.length > 255 / 3 && relative.split('/').some((part) => Buffer.byteLength(part) > 255);
  return longest || Buffer.byteLength(relative) > longestPath;
}

function shown(part: string): string {
  const text = hasControls(part) ? JSON.stringify(part) : part;
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

/**
 * Returns a path of names after checking that none of them leads elsewhere.
 *
 * @throws GenericError for an empty part, `.`, `..`, or a control character
 */
function checked(relative: string): string {
  if (/(?:^|\/)\.{0,2}(?:\/|$)/.test(relative) || hasControls(relative))
    throw new GenericError(`Invalid path segment: ${shown(relative)}`);
  return relative;
}

/** An unsigned rpm has no key, so its paths have an empty part. */
function keyFolder(sigkey: string): string {
  return sigkey === '' ? '' : checked(sigkey);
}

/**
 * The layout of the file store, the same as in Koji, so that an existing store can be used. Names are checked when they are
 * created. A name that would still lead out of its folder (`..`, an empty one, one with a control character) is refused with a
 * GenericError. For a whole relative path, use {@link joinSafe} instead.
 */
export class PathInfo {
  /** @param topdir the root of the file store */
  constructor(readonly topdir: string = '/mnt/koji') {}

  /** The root of a volume; `DEFAULT` and null are the store itself. */
  volumedir(volume: string | null = null): string {
    return volume === null || volume === 'DEFAULT' ? this.topdir : `${this.topdir}/vol/${checked(volume)}`;
  }

  /** A build's folder, on its volume. */
  build({ name, version, release, volume_name }: BuildPath): string {
    return `${this.volumedir(volume_name)}/packages/${checked(`${name}/${version}/${release}`)}`;
  }

  /** The artifacts of maven of a build, as a repository of maven. */
  mavenbuild(build: BuildPath): string {
    return `${this.build(build)}/maven`;
  }

  /** Relative to a maven repository. */
  mavenrepo({ group_id, artifact_id, version }: MavenPath): string {
    return checked(`${group_id.replaceAll('.', '/')}/${artifact_id}/${version}`);
  }

  /** Relative to a maven repository. */
  mavenfile(info: MavenPath & { readonly filename: string }): string {
    return `${this.mavenrepo(info)}/${checked(info.filename)}`;
  }

  /** The files of a Windows build. */
  winbuild(build: BuildPath): string {
    return `${this.build(build)}/win`;
  }

  /** Relative to {@link winbuild}. */
  winfile({ filename, relpath }: { readonly filename: string; readonly relpath?: string | null }): string {
    return checked(relpath ? `${relpath}/${filename}` : filename);
  }

  /** The images of a build. */
  imagebuild(build: BuildPath): string {
    return `${this.build(build)}/images`;
  }

  /** The files of one build type of a build. */
  typedir(build: BuildPath, btype: string): string {
    if (btype === 'maven') return this.mavenbuild(build);
    if (btype === 'win') return this.winbuild(build);
    return btype === 'image' ? this.imagebuild(build) : `${this.build(build)}/files/${checked(btype)}`;
  }

  /** Relative to the build's folder. */
  rpm({ name, version, release, arch }: RpmPath): string {
    return checked(`${arch}/${name}-${version}-${release}.${arch}.rpm`);
  }

  /** A signed copy, relative to the build's folder. */
  signed(rpm: RpmPath, sigkey: string): string {
    return `data/signed/${keyFolder(sigkey)}/${this.rpm(rpm)}`;
  }

  /** A kept signature header, relative to the build's folder. */
  sighdr(rpm: RpmPath, sigkey: string): string {
    return `data/sigcache/${keyFolder(sigkey)}/${this.rpm(rpm)}.sig`;
  }

  /** The logs of a build. */
  buildLogs(build: BuildPath): string {
    return `${this.build(build)}/data/logs`;
  }

  /** A repo of a build tag. */
  repo(repoId: number, tag: string): string {
    return `${this.topdir}/repos/${checked(`${tag}/${repoId}`)}`;
  }

  /** A dist repo. */
  distrepo(repoId: number, tag: string, volume: string | null = null): string {
    return `${this.volumedir(volume)}/repos-dist/${checked(`${tag}/${repoId}`)}`;
  }

  /** Data that the repos of a tag share. */
  repocache(tag: string): string {
    return `${this.topdir}/repos/${checked(tag)}/cache`;
  }

  /** A task's folder, relative to {@link work}. */
  taskrelpath(taskId: number): string {
    return checked(`tasks/${taskId % 10000}/${taskId}`);
  }

  /** The upload and task area. */
  work(volume: string | null = null): string {
    return `${this.volumedir(volume)}/work`;
  }

  /** The results of scratch builds. */
  scratch(): string {
    return `${this.topdir}/scratch`;
  }

  /** The files that a task uploaded. */
  task(taskId: number, volume: string | null = null): string {
    return `${this.work(volume)}/${this.taskrelpath(taskId)}`;
  }
}
