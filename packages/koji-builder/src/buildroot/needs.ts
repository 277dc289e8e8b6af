import { access, constants, readFile, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import { outputOf } from '@koji/plugin-sdk/host';
import type { BackendName } from './backend.js';
import { rootsFolder } from './notes.js';
import { asRootWords, idsInRange, isRoot } from './userns.js';

/** A requirement of a back end, and whether it is met. */
export interface Need {
  /** Name of the requirement. */
  readonly what: string;
  /** The problem; null if it is met. */
  readonly problem: string | null;
  /** Remedy for the problem. */
  readonly remedy: string;
  /** Whether the back end works without it, less well. */
  readonly isOptional?: boolean;
}

/** All requirements of a back end, checked. */
export function needsOf(backend: BackendName, options: KojidOptions): Promise<Need[]> {
  if (backend === 'mock') return needsOfMock(options);
  return backend === 'sandbox' ? needsOfSandbox(options) : needsOfHost(options);
}

/** The first problem that keeps a back end from working, with what to do about it; null when it works. */
export async function problemOf(backend: BackendName, options: KojidOptions): Promise<string | null> {
  const broken = (await needsOf(backend, options)).find((need) => need.problem !== null && !need.isOptional);
  return broken ? `${broken.what}: ${broken.problem}. ${broken.remedy}` : null;
}

async function needsOfMock(options: KojidOptions): Promise<Need[]> {
  const { mockpath, mockuser } = options;
  const found = await stat(mockpath).catch(() => null);
  const group = await outputOf(['getent', 'group', 'mock'], { timeout: 60 }).catch(() => null);
  const account =
    mockuser === '' || !isRoot()
      ? null
      : await outputOf(['id', '--', mockuser], { timeout: 60 }).catch(() => null);
  return [
    need(`mock at ${mockpath}`, found?.isFile() ? null : 'no such program', 'Install mock, or set mockpath'),
    ...(isRoot() && mockuser !== ''
      ? [
          need(
            "the group 'mock'",
            group?.status.success ? null : 'there is none',
            'Install mock, which makes it, or run `groupadd -r mock`',
          ),
          need(
            `the account '${mockuser}' (mockuser)`,
            account?.status.success ? null : 'there is none',
            `Run \`useradd -r -G mock ${mockuser}\`, or set mockuser`,
          ),
        ]
      : []),
    await freeSpace(options, options.mockdir, 'mockdir'),
  ];
}

async function needsOfSandbox(options: KojidOptions): Promise<Need[]> {
  const programs = ['bwrap', 'dnf', 'rpm', 'mount', 'unshare', 'flock'];
  const packages: Readonly<Record<string, string>> = {
    bwrap: 'bubblewrap',
    dnf: 'dnf',
    rpm: 'rpm',
    mount: 'mount (util-linux)',
    unshare: 'util-linux',
    flock: 'util-linux',
    newuidmap: 'uidmap (shadow-utils)',
  };
  const missing = async (name: string): Promise<Need> =>
    need(
      `the program ${name}`,
      (await findProgram(name)) === null ? 'not found in PATH' : null,
      `Install the package ${packages[name]}`,
    );
  const found = await Promise.all(programs.map(missing));
  const ids = isRoot() ? [] : await needsOfRange(await missing('newuidmap'));
  const canTry = [...found, ...ids].every(({ problem }) => problem === null);
  return [
    ...found,
    ...ids,
    ...(canTry ? [await tryNamespaces(), await tryOverlay(options)] : []),
    await freeSpace(options, rootsFolder(options), 'rootsdir'),
    await localPlugin(),
    await databasePath(),
  ];
}

async function needsOfRange(newuidmap: Need): Promise<Need[]> {
  const enough = 65_536;
  const counts = await Promise.all((['/etc/subuid', '/etc/subgid'] as const).map(idsInRange));
  return [
    newuidmap,
    need(
      `${enough} ids in /etc/subuid and /etc/subgid`,
      Math.min(...counts) >= enough ? null : `this user has ${counts.join(' and ')}`,
      'Run `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER` as root',
    ),
  ];
}

/** Tries bubblewrap with the options of a build. */
async function tryNamespaces(): Promise<Need> {
  const command = [
    ...asRootWords(),
    ...['bwrap', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'],
    ...['--perms', '1777', '--tmpfs', '/tmp'],
    ...[
      '--unshare-pid',
      '--unshare-net',
      '--unshare-ipc',
      '--unshare-uts',
      '--die-with-parent',
      '--',
      'true',
    ],
  ];
  return need(
    'namespaces for processes, mounts and network',
    await failureOf(command),
    'In a container, run it with --privileged, or with --cap-add=SYS_ADMIN and unmasked /proc; on a host, set ' +
      'user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns with sysctl',
  );
}

async function tryOverlay(options: KojidOptions): Promise<Need> {
  const folder = rootsFolder(options);
  const script = `set -e; mkdir -p "$1"; d=$(mktemp -d "$1/.try-XXXXXX"); trap 'umount "$d/m" 2>/dev/null; rm -rf "$d"' EXIT
mkdir "$d/l" "$d/u" "$d/w" "$d/m"; o="lowerdir=$d/l,upperdir=$d/u,workdir=$d/w"
mount -t overlay overlay -o "$o" "$d/m" 2>/dev/null || mount -t overlay overlay -o "$o,userxattr" "$d/m"`;
  const words = [
    'unshare',
    '--mount',
    ...(isRoot() ? [] : ['--user', '--map-root-user', '--map-auto']),
    '--',
  ];
  return need(
    `overlayfs below ${folder} (rootsdir)`,
    await failureOf([...words, '/bin/sh', '-c', script, 'sh', folder]),
    'Set rootsdir to a folder on a disk of its own (in a container, on a volume)',
  );
}

async function failureOf(command: readonly string[]): Promise<string | null> {
  try {
    const { status, stderr } = await outputOf(command, { timeout: 60 });
    if (status.success) return null;
    return stderr.trim().split('\n')[0] || status.describe(command[0] ?? '');
  } catch (error) {
    return messageOf(error);
  }
}

/** Debian's dnf copies what it installs to the host and takes it from there again; kojid turns it off for its own. */
async function localPlugin(): Promise<Need> {
  const file = '/etc/dnf/plugins/local.conf';
  const text = await readFile(file, 'utf8').catch(() => '');
  return {
    ...need(
      "dnf's plugin `local` turned off",
      /^\s*enabled\s*=\s*(1|true|yes)\s*$/im.test(text) ? `${file} enables it` : null,
      `Set enabled = 0 in ${file}: kojid's own calls of dnf leave it out, others on this host do not`,
    ),
    isOptional: true,
  };
}

async function databasePath(): Promise<Need> {
  const command = ['rpm', '--eval', '%{_dbpath}'];
  const place = await outputOf(command, { timeout: 60 }).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
  return {
    ...need(
      "rpm's database where roots have it",
      place === '' || place.startsWith('/var/lib/') || place.startsWith('/usr/lib/')
        ? null
        : `%_dbpath is ${place}`,
      'kojid sets it for its own calls; for `rpm --root` by hand add --dbpath /var/lib/rpm',
    ),
    isOptional: true,
  };
}

async function needsOfHost(options: KojidOptions): Promise<Need[]> {
  const programs = ['rpmbuild', 'rpm', ...(isRoot() ? ['setpriv'] : [])];
  const found = await Promise.all(
    programs.map(async (name) =>
      need(
        `the program ${name}`,
        (await findProgram(name)) === null ? 'not found in PATH' : null,
        `Install ${name === 'setpriv' ? 'util-linux' : 'rpm-build (Debian: rpm)'}`,
      ),
    ),
  );
  return [...found, await freeSpace(options, rootsFolder(options), 'rootsdir')];
}

async function freeSpace({ minspace }: KojidOptions, folder: string, option: string): Promise<Need> {
  let place = folder;
  let space = await statfs(place).catch(() => null);
  while (space === null && place !== '/') {
    place = path.dirname(place);
    space = await statfs(place).catch(() => null);
  }
  const free = space === null ? 0 : Math.floor((space.bavail * space.bsize) / 1024 / 1024);
  return {
    ...need(
      `${minspace} MB free (minspace) in ${folder} (${option})`,
      free >= minspace ? null : `${free} MB are free`,
      `Free some, set ${option} to a larger disk, or lower minspace`,
    ),
    // The loop waits for space and reports it.
    isOptional: true,
  };
}

async function findProgram(name: string): Promise<string | null> {
  for (const folder of (process.env.PATH ?? '').split(':').filter(Boolean)) {
    const file = path.join(folder, name);
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  return null;
}

function need(what: string, problem: string | null, remedy: string): Need {
  return { what, problem, remedy };
}
