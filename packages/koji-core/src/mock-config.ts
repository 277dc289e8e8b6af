import { byText } from './sort-texts.js';
import { truthy } from './api/method.js';
import { plain, repr } from './repr.js';

/** Settings of a buildroot for mock. */
export interface MockConfig {
  /** Name of the buildroot and of its folder below `mockdir`. */
  readonly name: string;
  readonly arch: string;
  /** Tag and repo id, for a comment in a builder's buildroot. */
  readonly tagName: string;
  readonly repoId?: number;
  /** The buildroot's id at the hub, which a builder uses to recognise it; null for a user's own. */
  readonly buildrootId?: number | null;
  /** Package sources: the folder that contains `repodata`; the others are tried after the first. */
  readonly baseUrls: readonly string[];
  readonly mockdir?: string;
  /** Target of rpmbuild; default: the arch. */
  readonly targetArch?: string;
  /** The group of packages to install first. */
  readonly installGroup?: string;
  /** Whether programs inside may use the network and DNS. */
  readonly network?: boolean;
  /** Copy `/etc/hosts` from the host. */
  readonly hosts?: string | null;
  /** Maximum seconds for a build. */
  readonly rpmbuildTimeout?: number;
  /** Proxy for package downloads. */
  readonly proxy?: string | null;
  /** Host folders to mount, by destination: `{ dirs: { '/dev': '/dev' } }`. */
  readonly binds?: Readonly<Record<string, Readonly<Record<string, string>>>> | null;
  /** Whether mock creates `/dev` itself; null uses mock's default, or false with binds. */
  readonly internalDevSetup?: boolean | null;
  readonly packager?: string;
  readonly vendor?: string;
  readonly distribution?: string;
  readonly mockHost?: string;
  /** More values of `config_opts`: `{ package_manager: 'dnf' }`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** More values of `config_opts['plugin_conf']`; a struct is set by its keys. */
  readonly plugins?: Readonly<Record<string, unknown>>;
  /** Macros of the tag, by name with the `%`. */
  readonly macros?: Readonly<Record<string, string>>;
  /** Environment variables of the tag. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Additional lines for the section of the repo: `best=1`. */
  readonly repoLines?: readonly string[];
  /** Contents of `/etc/mavenrc`; null for none. */
  readonly mavenrc?: string | null;
}

const home = '/builddir';

type Extra = Readonly<Record<string, unknown>>;

/** How to use a tag's extra data. */
export interface MockSettingsOptions {
  /** The arch for `mock.forcearch`. */
  readonly forceArch: string;
  /** Whether tags may choose a bootstrap image. */
  readonly images: boolean;
}

/** Returns the buildroot settings in a tag's extra data (`mock.*`, `rpm.macro.*`, `rpm.env.*`). */
export function mockSettings(
  extra: Extra,
  { forceArch, images }: MockSettingsOptions,
): Required<Pick<MockConfig, 'options' | 'macros' | 'environment' | 'repoLines'>> {
  const options: Record<string, unknown> = {};
  const image = extra['mock.bootstrap_image'];
  if (truthy(extra['mock.forcearch'])) options.forcearch = forceArch;
  if (truthy(extra['mock.package_manager'])) options.package_manager = extra['mock.package_manager'];
  if (truthy(image) && images) Object.assign(options, { use_bootstrap_image: true, bootstrap_image: image });
  if ('mock.use_bootstrap' in extra) options.use_bootstrap = truthy(extra['mock.use_bootstrap']);
  for (const key of ['module_setup_commands', 'releasever'])
    if (`mock.${key}` in extra) options[key] = extra[`mock.${key}`];
  return {
    options,
    macros: settingsBelow(extra, 'rpm.macro.', '%'),
    environment: settingsBelow(extra, 'rpm.env.'),
    repoLines: extraRepoLines(extra),
  };
}

/** Returns the lines that a tag adds to the section of its repo. */
export function extraRepoLines(extra: Extra): string[] {
  return [
    ...(truthy(extra['mock.yum.module_hotfixes']) ? ['module_hotfixes=1'] : []),
    ...(truthy(extra['mock.yum.best']) ? [`best=${Math.trunc(Number(extra['mock.yum.best']))}`] : []),
  ];
}

/** Returns a tag's values under a prefix, renamed with another prefix: `rpm.macro.dist` as `%dist`. */
export function settingsBelow(extra: Extra, prefix: string, mark = ''): Record<string, string> {
  const found = Object.entries(extra).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(found.map(([key, value]) => [mark + key.slice(prefix.length), plain(value)]));
}

/**
 * Returns mock's configuration for a buildroot, a Python file. Like Koji's, it sets only values that differ from mock's
 * defaults, in a fixed order.
 *
 * @see https://rpm-software-management.github.io/mock/
 */
export function mockConfig(config: MockConfig): string {
  const { buildrootId = null, binds = null } = config;
  const about =
    buildrootId === null
      ? []
      : [
          '',
          `# Koji buildroot id: ${buildrootId}`,
          `# Koji buildroot name: ${config.name}`,
          `# Koji repo id: ${config.repoId}`,
          `# Koji tag: ${config.tagName}`,
        ];
  const sections = [
    assignments('config_opts', optionsOf(config)),
    assignments(`config_opts['plugin_conf']`, pluginsOf(config)),
    ...(binds === null ? [] : [bindLines(binds)]),
    assignments(`config_opts['macros']`, buildMacros(config)),
  ];
  const environment = assignments(`config_opts['environment']`, config.environment ?? {});
  if (environment.length > 0) sections.push(environment);
  const files = assignments(`config_opts['files']`, filesOf(config));
  return [
    '# Auto-generated by the Koji build system',
    ...about,
    '',
    ...sections.flatMap((lines) => [...lines, '']),
    ...files,
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function optionsOf(config: MockConfig): Record<string, unknown> {
  const { network = false, binds = null } = config;
  const internalDevSetup = config.internalDevSetup ?? (binds === null ? null : false);
  return {
    root: config.name,
    basedir: config.mockdir ?? '/var/lib/mock',
    target_arch: targetOf(config),
    chroothome: home,
    chroot_setup_cmd: `install @${config.installGroup ?? 'build'}`,
    rpmbuild_networking: network,
    use_host_resolv: network,
    rpmbuild_timeout: config.rpmbuildTimeout ?? 86_400,
    dnf_warning: false,
    use_bootstrap_image: false,
    ...config.options,
    'yum.conf': packageManagerConfig(config),
    ...(internalDevSetup === null ? {} : { internal_dev_setup: internalDevSetup }),
  };
}

function packageManagerConfig({ baseUrls, proxy, repoLines = [] }: MockConfig): string {
  const [first = '', ...others] = baseUrls;
  const lines = [
    '[main]',
    ...(proxy ? [`proxy=${proxy}`] : []),
    'cachedir=/var/cache/yum',
    'debuglevel=1',
    'logfile=/var/log/yum.log',
    'reposdir=/dev/null',
    'retries=20',
    'obsoletes=1',
    'gpgcheck=0',
    'assumeyes=1',
    'keepcache=1',
    'install_weak_deps=0',
    'strict=1',
    '',
    '# repos',
    '',
    '[build]',
    'name=build',
    `baseurl=${first}`,
    ...others.map((url) => `        ${url}`),
    ...repoLines,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function pluginsOf({ plugins = {} }: MockConfig): Record<string, unknown> {
  return { ccache_enable: false, yum_cache_enable: false, root_cache_enable: false, ...plugins };
}

/** The macros of a build, names with the `%`: result paths, packager, target, and those of the tag. */
export function buildMacros(
  config: Pick<
    MockConfig,
    'arch' | 'targetArch' | 'vendor' | 'packager' | 'distribution' | 'macros' | 'mockHost'
  >,
): Record<string, string> {
  const target = targetOf(config);
  return {
    '%_rpmfilename': '%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
    '%vendor': config.vendor ?? 'Koji',
    '%packager': config.packager ?? 'Koji',
    '%distribution': config.distribution ?? 'Unknown',
    ...config.macros,
    // A tag can't change the result paths and the target.
    '%_topdir': `${home}/build`,
    '%_host_cpu': target,
    '%_host': `${target}-${config.mockHost ?? 'koji-linux-gnu'}`,
  };
}

function filesOf({ network = false, hosts = null, mavenrc = null }: MockConfig): Record<string, string> {
  return {
    ...(network && hosts !== null ? { 'etc/hosts': hosts } : {}),
    ...(mavenrc === null ? {} : { 'etc/mavenrc': mavenrc }),
  };
}

function bindLines(binds: NonNullable<MockConfig['binds']>): string[] {
  return Object.entries(binds).flatMap(([kind, mounts]) =>
    Object.entries(mounts).map(
      ([from, to]) =>
        `config_opts['plugin_conf']['bind_mount_opts'][${repr(kind)}].append((${repr(from)}, ${repr(to)}))`,
    ),
  );
}

function targetOf({ arch, targetArch = arch }: Pick<MockConfig, 'arch' | 'targetArch'>): string {
  return targetArch;
}

function assignments(target: string, values: Readonly<Record<string, unknown>>): string[] {
  const sorted = Object.entries(values).sort(byText(([name]) => name));
  return sorted.flatMap(([key, value]) => {
    const place = `${target}[${repr(key)}]`;
    if (target !== 'config_opts' && isStruct(value)) return [`${place} = {}`, ...assignments(place, value)];
    return [`${place} = ${repr(value)}`];
  });
}

function isStruct(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
