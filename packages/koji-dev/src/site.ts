import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { machine, tmpdir } from 'node:os';
import path from 'node:path';
import { makeDemo } from './demo.js';
import type { Passwords } from './demo.js';
import type { Plugin } from './plugin.js';

/** The name of the builder. */
const builder = 'builder.localhost';

/** Options of a site. */
export interface SiteOptions {
  readonly plugin: Plugin;
  /** Where to keep it; null for a temporary folder. */
  readonly folder: string | null;
  /** Whether somebody may stop the programs in a debugger for as long as they like. */
  readonly patient: boolean;
}

/** The folder with configuration, database and files of the programs around a plugin. */
export class Site {
  private constructor(
    readonly folder: string,
    readonly passwords: Passwords,
    private readonly options: SiteOptions,
  ) {}

  /** Opens a site that was kept, or makes one with a database and demo data. */
  static async open(options: SiteOptions): Promise<Site> {
    const folder = options.folder ?? (await mkdtemp(path.join(await realpath(tmpdir()), 'koji-dev-')));
    try {
      return await Site.openIn(folder, options);
    } catch (error) {
      if (options.folder === null) await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private static async openIn(folder: string, options: SiteOptions): Promise<Site> {
    await mkdir(path.join(folder, 'loaded'), { recursive: true });
    const state = path.join(folder, 'passwords.json');
    const isKept = existsSync(state);
    const passwords = isKept
      ? (JSON.parse(await readFile(state, 'utf8')) as Passwords)
      : { admin: newPassword(), builder: newPassword() };
    const site = new Site(folder, passwords, options);
    await site.linkPlugin();
    if (!isKept) {
      await makeDemo(folder, { passwords, builder, arch: machine() });
      await writeFile(state, JSON.stringify(passwords), { mode: 0o600 });
    }
    return site;
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  /** Writes hub.conf. */
  async configureHub(address: string): Promise<void> {
    const { plugin, patient } = this.options;
    await this.write('hub.conf', 'hub', {
      Listen: address,
      Database: 'sqlite:koji.db',
      KojiDir: this.path('store'),
      LogLevel: 'INFO',
      LogFormat: '%(levelname)s %(name)s: %(message)s',
      PluginPath: this.path('loaded'),
      PluginFailure: 'skip',
      MemoryWarnThreshold: String(1024 * 1024),
      ...(plugin.modules.hub ? { Plugins: plugin.name } : {}),
      ...(plugin.modules.web ? { WebPlugins: plugin.name } : {}),
      ...(patient ? { BlockLimit: '0', CallbackTimeout: '86400' } : {}),
    });
  }

  /** Writes the configuration of those that talk to the hub at a URL. */
  async configureOthers(url: string): Promise<void> {
    const { plugin } = this.options;
    const remote = { server: `${url}/kojihub`, topurl: `${url}/kojifiles`, topdir: this.path('store') };
    await this.write('kojid.conf', 'kojid', {
      ...remote,
      user: builder,
      password: this.passwords.builder,
      workdir: this.path('work'),
      log_level: 'INFO',
      minspace: '0',
      maxload: '0',
      retry_interval: '2',
      shutdowntimeout: '1',
      // With more, nobody could tell to which one a debugger of the next task must attach.
      spare_processes: '1',
      pluginpath: this.path('loaded'),
      ...(plugin.modules.builder ? { plugins: plugin.name } : {}),
    });
    await this.write('koji.conf', 'koji', {
      ...remote,
      weburl: `${url}/koji`,
      authtype: 'password',
      user: 'admin',
      password: this.passwords.admin,
      plugin_paths: this.path('loaded'),
    });
  }

  /** Removes it, unless it is to be kept. */
  async close(): Promise<void> {
    if (this.options.folder === null) await rm(this.folder, { recursive: true, force: true });
  }

  /** Links the plugin, and what its folder `dev` has for the configuration. */
  private async linkPlugin(): Promise<void> {
    const { name, folder } = this.options.plugin;
    await this.link(folder, path.join('loaded', name));
    const settings = path.join(folder, 'dev');
    if (!existsSync(settings)) return;
    await this.link(settings, 'plugins');
    await mkdir(this.path('hub.conf.d'), { recursive: true });
    await this.link(path.join(settings, 'hub.conf'), path.join('hub.conf.d', 'plugin.conf'));
  }

  private async link(to: string, name: string): Promise<void> {
    if (!existsSync(to)) return;
    await rm(this.path(name), { recursive: true, force: true });
    await symlink(to, this.path(name));
  }

  private async write(
    name: string,
    section: string,
    settings: Readonly<Record<string, string>>,
  ): Promise<void> {
    const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`);
    await writeFile(this.path(name), `[${section}]\n${lines.join('')}`, { mode: 0o600 });
  }
}

const newPassword = (): string => randomBytes(9).toString('base64url');
