import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { runKoji } from '../../../koji-client/test/support/hub.js';
import type { Ran } from '../../../koji-client/test/support/hub.js';

/** The built `koji` command of an admin, with an official plugin installed beside its configuration. */
export interface KojiWithPlugin {
  koji(...args: string[]): Promise<Ran>;
  remove(): Promise<void>;
}

/** Installs a plugin, by its name in koji.conf, for a command that talks to a hub. */
export async function kojiWith(plugin: string, { url }: TestHub): Promise<KojiWithPlugin> {
  const folder = await mkdtemp(path.join(tmpdir(), 'koji-command-'));
  await mkdir(path.join(folder, 'node_modules/@koji'), { recursive: true });
  const place = path.join(import.meta.dirname, `../../../koji-plugin-${plugin}`);
  await symlink(place, path.join(folder, `node_modules/@koji/plugin-${plugin}`));
  const profile = path.join(folder, 'koji.conf');
  const login = 'authtype = password\nuser = kojiadmin\npassword = test';
  await writeFile(
    profile,
    `[koji]\nserver = ${url}\nweburl = http://web\n${login}\nplugins = ${plugin}\npoll_interval = 1\n`,
  );
  return {
    koji: (...args) => runKoji(['-c', profile, ...args], { cwd: folder }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
