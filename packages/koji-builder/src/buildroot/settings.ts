import { readFile } from 'node:fs/promises';
import { GenericError, PathInfo, canonArch, mockConfig, plain } from '@koji/core';
import { truthy, type BuildConfig } from '@koji/core/api';
import type { KojidOptions } from '@koji/core/config';
import type { Logger } from '@koji/core';

/** How a buildroot is to be made. */
export interface BuildRootRequest {
  /** The build tag, by name or id. */
  readonly tag: string | number;
  /** An arch of the tag; its canonical one is the repo's. */
  readonly arch: string;
  /** The repo that its packages come from, one of the tag's. */
  readonly repoId: number;
  /** The group of packages to begin with; default `build`. */
  readonly installGroup?: string;
  /** Whether programs inside may use the network. */
  readonly setupDns?: boolean;
  /** Folders of the host to mount, by where they go: `{ dirs: { '/dev': '/dev' } }`. */
  readonly bindOptions?: Readonly<Record<string, Readonly<Record<string, string>>>> | null;
  /** Whether mock makes `/dev` itself. */
  readonly internalDevSetup?: boolean | null;
}

/** What is known of a buildroot when its configuration is written. */
export interface ConfiguredRoot {
  readonly id: number;
  readonly name: string;
  readonly repoId: number;
  readonly config: BuildConfig;
  readonly request: BuildRootRequest;
}

/**
 * The configuration of mock for a buildroot: from kojid.conf, from the task, and from the tag's extra data (`mock.*`,
 * `rpm.macro.*`, `rpm.env.*`).
 *
 * @throws GenericError when the tag's data asks for signing and does not say how
 */
export async function rootConfig(root: ConfiguredRoot, options: KojidOptions, log: Logger): Promise<string> {
  const { request, config, repoId } = root;
  const { setupDns = false, bindOptions = null, internalDevSetup = null } = request;
  // autoconf does not know armhfp
  const targetArch = request.arch === 'armhfp' ? 'armv7hl' : request.arch;
  const arch = canonArch(request.arch);
  return mockConfig({
    name: root.name,
    arch,
    tagName: config.name,
    repoId,
    buildrootId: root.id,
    baseUrls: repoUrls(options, { repoId, tagName: config.name, arch }),
    mockdir: options.mockdir,
    targetArch,
    installGroup: request.installGroup ?? 'build',
    network: setupDns,
    hosts: setupDns ? await readFile('/etc/hosts', 'utf8').catch(() => null) : null,
    rpmbuildTimeout: options.rpmbuild_timeout,
    proxy: options.yum_proxy,
    binds: bindOptions,
    internalDevSetup,
    packager: options.packager,
    vendor: options.vendor,
    distribution: options.distribution,
    mockHost: options.mockhost,
    ...tagSettings(config.extra, { targetArch, images: options.mock_bootstrap_image, id: root.id, log }),
  });
}

/** Where a repo is: at each topurl, else among the mounted files. */
export function repoUrls(
  { topurl, topdir }: KojidOptions,
  { repoId, tagName, arch }: { readonly repoId: number; readonly tagName: string; readonly arch: string },
): string[] {
  const given = topurl?.split(/\s+/).filter(Boolean) ?? [];
  const urls = given.length > 0 ? given : [`file://${topdir}`];
  return urls.map((top) => `${new PathInfo(top).repo(repoId, tagName)}/${arch}`);
}

interface About {
  readonly targetArch: string;
  /** Whether the builder lets tags choose images to begin with. */
  readonly images: boolean;
  readonly id: number;
  readonly log: Logger;
}

type Extra = Readonly<Record<string, unknown>>;

function tagSettings(extra: Extra, about: About) {
  const image = extra['mock.bootstrap_image'];
  const usesImage = truthy(image) && about.images;
  if (truthy(image) && !about.images)
    about.log.warn(
      `Mock bootstrap image requested by buildroot ${about.id}, but forbidden on builder: mock_bootstrap_image in kojid.conf allows it`,
    );
  const options: Record<string, unknown> = {};
  if (truthy(extra['mock.forcearch'])) options.forcearch = about.targetArch;
  if (truthy(extra['mock.package_manager'])) options.package_manager = extra['mock.package_manager'];
  if (usesImage) Object.assign(options, { use_bootstrap_image: true, bootstrap_image: image });
  if ('mock.use_bootstrap' in extra) options.use_bootstrap = truthy(extra['mock.use_bootstrap']);
  for (const key of ['module_setup_commands', 'releasever'])
    if (`mock.${key}` in extra) options[key] = extra[`mock.${key}`];
  return {
    options,
    plugins: signing(extra),
    macros: startingWith(extra, 'rpm.macro.', '%'),
    environment: startingWith(extra, 'rpm.env.', ''),
    repoLines: [
      ...(truthy(extra['mock.yum.module_hotfixes']) ? ['module_hotfixes=1'] : []),
      ...(truthy(extra['mock.yum.best']) ? [`best=${Math.trunc(Number(extra['mock.yum.best']))}`] : []),
    ],
  };
}

function signing(extra: Extra): Record<string, unknown> {
  const names = ['cmd', 'opts'].map((name) => `mock.plugin_conf.sign_opts.${name}`);
  if (!('mock.plugin_conf.sign_enable' in extra)) return {};
  if (!names.every((name) => name in extra))
    throw new GenericError("Tag is not configured properly for mock's sign plugin");
  const [cmd, opts] = names.map((name) => extra[name]);
  return { sign_enable: extra['mock.plugin_conf.sign_enable'], sign_opts: { cmd, opts } };
}

function startingWith(extra: Extra, prefix: string, mark: string): Record<string, string> {
  const found = Object.entries(extra).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(found.map(([key, value]) => [mark + key.slice(prefix.length), plain(value)]));
}
