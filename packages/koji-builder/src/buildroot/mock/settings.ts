import { readFile } from 'node:fs/promises';
import { GenericError, canonArch, mockConfig, mockSettings } from '@koji/core';
import { truthy, type BuildConfig } from '@koji/core/api';
import type { KojidOptions } from '@koji/core/config';
import type { Logger } from '@koji/core';
import { repoUrls, type BuildRootRequest } from '../request.js';

/** Data for the configuration of a buildroot. */
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
 * @throws GenericError if the tag's data requests signing without its parameters
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

interface About {
  readonly targetArch: string;
  /** Whether the builder lets tags choose images to begin with. */
  readonly images: boolean;
  readonly id: number;
  readonly log: Logger;
}

type Extra = Readonly<Record<string, unknown>>;

function tagSettings(extra: Extra, { targetArch, images, id, log }: About) {
  if (truthy(extra['mock.bootstrap_image']) && !images)
    log.warn(
      `Mock bootstrap image requested by buildroot ${id}, but forbidden on builder: mock_bootstrap_image in kojid.conf allows it`,
    );
  return { ...mockSettings(extra, { forceArch: targetArch, images }), plugins: signing(extra) };
}

function signing(extra: Extra): Record<string, unknown> {
  const names = ['cmd', 'opts'].map((name) => `mock.plugin_conf.sign_opts.${name}`);
  if (!('mock.plugin_conf.sign_enable' in extra)) return {};
  if (!names.every((name) => name in extra))
    throw new GenericError("Tag is not configured properly for mock's sign plugin");
  const [cmd, opts] = names.map((name) => extra[name]);
  return { sign_enable: extra['mock.plugin_conf.sign_enable'], sign_opts: { cmd, opts } };
}
