/** The account inside that builds: no account of the host has it, nor a service that systemd gives one for a while. */
export const builderId = 61_000;
/** Its name, as mock calls it. */
export const builderName = 'mockbuild';
/** Its home. */
export const builderHome = '/builddir';

/**
 * Capabilities of root inside: change owners and accounts, as needed for installing packages, but not mount or load anything.
 */
const rootCapabilities = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP', 'SETFCAP'],
  ...['SYS_CHROOT', 'NET_BIND_SERVICE', 'AUDIT_WRITE'],
];
/** Capabilities needed to become the builder, who has none of them. */
const builderCapabilities = ['SETGID', 'SETUID', 'SYS_CHROOT'];

/** A command in a root, as bubblewrap is told it. */
export interface InsideRoot {
  /** The folder that becomes `/`. */
  readonly root: string;
  readonly command: readonly string[];
  readonly as: 'root' | 'builder';
  readonly cwd: string;
  readonly network: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** Folders of the host, by where they go; `/dev` means that of the host. */
  readonly binds?: Readonly<Record<string, string>>;
  /** Files of the host that can only be read, by where they go. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The environment that every command inside has, as with mock. */
const environment = {
  PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
  HOME: builderHome,
  SHELL: '/bin/bash',
  TERM: 'vt100',
  LANG: 'C.UTF-8',
};

/** Nothing that a command starts outlives it, sees other processes, or reaches the network unless it may. */
const apart = [
  ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
  ...['--die-with-parent', '--new-session', '--clearenv'],
];

/** The command that runs another one in a root. */
export function insideRoot(inside: InsideRoot): string[] {
  const { root, command, as, cwd, network, binds = {}, files = {} } = inside;
  const variables = Object.entries({ ...environment, ...inside.env });
  const usesHostDev = Object.values(binds).includes('/dev');
  return [
    ...['bwrap', ...apart, ...(network ? [] : ['--unshare-net'])],
    ...['--bind', root, '/', ...(usesHostDev ? ['--dev-bind', '/dev', '/dev'] : ['--dev', '/dev'])],
    ...['--perms', '1777', '--tmpfs', '/dev/shm', '--proc', '/proc', '--ro-bind', '/sys', '/sys'],
    ...['--perms', '1777', '--tmpfs', '/tmp'],
    ...Object.entries(binds).flatMap(([from, to]) => (to === '/dev' ? [] : ['--bind', from, to])),
    ...Object.entries(files).flatMap(([from, to]) => ['--ro-bind', from, to]),
    ...variables.flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--chdir', cwd],
    ...capabilities(as === 'root' ? rootCapabilities : builderCapabilities),
    ...['--', ...(as === 'root' ? [] : asBuilder), ...command],
  ];
}

/** In the root's own coreutils, which every root has; the folder stays the same. */
const asBuilder = [
  ...['/usr/sbin/chroot', `--userspec=${builderId}:${builderId}`, '--groups=', '--skip-chdir', '/'],
];

/** A program of the host that changes a root: it sees nothing of the host but programs and what names need. */
export interface OnRoot {
  readonly command: readonly string[];
  /** Folders that it may change, by where they go. */
  readonly folders: Readonly<Record<string, string>>;
  /** Files and folders that it may read, by where they go. */
  readonly files: Readonly<Record<string, string>>;
  readonly home: string;
}

const hostFiles = [
  ...[
    '/etc/ssl',
    '/etc/pki',
    '/etc/ca-certificates',
    '/etc/crypto-policies',
    '/etc/resolv.conf',
    '/etc/hosts',
  ],
  ...['/etc/nsswitch.conf', '/etc/passwd', '/etc/group', '/etc/ld.so.cache', '/etc/alternatives'],
  ...['/etc/rpm', '/etc/localtime'],
];
const hostFolders = ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/lib32', '/libx32', '/usr/local'];

/** The command that runs a package manager of the host on a root, with the network. */
export function onRoot({ command, folders, files, home }: OnRoot): string[] {
  return [
    ...['bwrap', ...apart],
    ...hostFolders.flatMap((folder) => ['--ro-bind-try', folder, folder]),
    ...hostFiles.flatMap((file) => ['--ro-bind-try', file, file]),
    ...['--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp', '--tmpfs', '/var/tmp', '--tmpfs', '/run'],
    ...Object.entries(folders).flatMap(([from, to]) => ['--bind', from, to]),
    ...Object.entries(files).flatMap(([from, to]) => ['--ro-bind', from, to]),
    ...['--setenv', 'PATH', '/usr/sbin:/usr/bin:/sbin:/bin', '--setenv', 'HOME', home],
    ...['--setenv', 'LANG', 'C.UTF-8', '--chdir', '/'],
    ...capabilities([...rootCapabilities, 'MKNOD']),
    ...['--', ...command],
  ];
}

function capabilities(names: readonly string[]): string[] {
  return ['--cap-drop', 'ALL', ...names.flatMap((name) => ['--cap-add', `CAP_${name}`])];
}
