import { opendir, stat } from 'node:fs/promises';
import path from 'node:path';
import { GenericError, byText } from '@koji/core';
import type { BuildInfo, BuildLog } from '@koji/core/api';
import type { Call } from '../../call.js';

/** The logs in the folder of a build, by folder and name. */
export async function listBuildLogs(call: Call, build: BuildInfo): Promise<BuildLog[]> {
  const folder = call.hub.paths.buildLogs(build);
  const found = await stat(folder).catch(() => null);
  if (!found) return [];
  if (!found.isDirectory()) throw new GenericError(`Not a directory: ${folder}`);
  const base = path.relative(call.hub.paths.topdir, folder);
  const logs: BuildLog[] = [];
  const open = ['.'];
  for (let dir = open.pop(); dir !== undefined; dir = open.pop()) {
    for await (const entry of await opendir(path.join(folder, dir))) {
      const { name } = entry;
      if (entry.isDirectory()) open.push(dir === '.' ? name : `${dir}/${name}`);
      else if (entry.isFile()) logs.push({ name, dir, path: `${base}/${dir}/${name}` });
      else call.log.warn(`not a regular file among the logs of a build: ${path.join(folder, dir, name)}`);
    }
  }
  return logs.sort(byText((log) => log.path));
}
