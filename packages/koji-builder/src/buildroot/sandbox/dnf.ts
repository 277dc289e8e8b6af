import { mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KojidOptions } from '@koji/core/config';
import { onRoot } from './bwrap.js';

/** Where rpm of this host puts its database in a root, whatever its own setting is: on Debian that is `~/.rpmdb`. */
export const databaseOnRoot = '/var/lib/rpm';

/** The packages of one repo, and how dnf gets them. */
export interface PackageSource {
  /** The folder with `repodata`; more than one are mirrors. */
  readonly urls: readonly string[];
  /** More lines for the section of the repo: `best=1`. */
  readonly repoLines: readonly string[];
  readonly releasever: string;
  /** The arch to install for, when it is not the host's. */
  readonly forcearch: string | null;
  /** Downloads and metadata of this repo alone: another one's may be of the same names. */
  readonly cache: string;
  /** Folders of this host that the repo's metadata refers to: external repos with `file:` urls. */
  readonly folders: readonly string[];
  readonly options: Pick<KojidOptions, 'yum_proxy' | 'topdir'>;
}

/** The folders of this host that are repos by one of these urls, where `$arch` stands for the arch. */
export async function localRepos(urls: readonly string[], arch: string): Promise<string[]> {
  const found: string[] = [];
  for (const url of urls.filter((one) => one.startsWith('file:///'))) {
    const folder = path.resolve(fileURLToPath(url.replaceAll('$arch', arch)));
    if (await stat(path.join(folder, 'repodata/repomd.xml')).catch(() => null)) found.push(folder);
  }
  return found;
}

/**
 * The command that lets dnf of this host change a root. No setting, plugin or variable of the host is used: Debian's dnf
 * would take packages that other roots had.
 *
 * @param settings a folder for dnf's configuration
 */
export async function dnfCommand(
  source: PackageSource,
  { root, settings }: { readonly root: string; readonly settings: string },
  words: readonly string[],
): Promise<string[]> {
  const { cache, forcearch, releasever, urls, folders, options } = source;
  const home = path.join(settings, 'home');
  await mkdir(home, { recursive: true });
  await mkdir(cache, { recursive: true });
  await writeFile(path.join(home, '.rpmmacros'), `%_dbpath ${databaseOnRoot}\n`);
  await writeFile(path.join(settings, 'dnf.conf'), configuration(source));
  const isLocal = urls.some((url) => url.startsWith('file:'));
  const read = [...(isLocal ? [options.topdir] : []), ...folders];
  const dnf = [
    ...['dnf', '--assumeyes', '--config=/settings/dnf.conf', '--installroot=/buildroot'],
    ...[`--releasever=${releasever}`, '--disableplugin=*'],
    ...(forcearch === null ? [] : [`--forcearch=${forcearch}`]),
    ...words,
  ];
  return onRoot({
    command: dnf,
    folders: { [root]: '/buildroot', [cache]: '/cache' },
    files: { [settings]: '/settings', ...Object.fromEntries(read.map((folder) => [folder, folder])) },
    home: '/settings/home',
  });
}

function configuration({ urls, repoLines, options }: PackageSource): string {
  const lines = [
    '[main]',
    ...(options.yum_proxy ? [`proxy=${options.yum_proxy}`] : []),
    'cachedir=/cache',
    'keepcache=1',
    'reposdir=/nonexistent',
    'varsdir=/nonexistent',
    'plugins=1',
    'gpgcheck=0',
    'obsoletes=1',
    'retries=20',
    'install_weak_deps=0',
    'strict=1',
    'metadata_expire=0',
    '',
    '[build]',
    'name=build',
    'enabled=1',
    `baseurl=${urls.join('\n        ')}`,
    'metadata_expire=0',
    ...repoLines,
  ];
  return `${lines.join('\n')}\n`;
}
