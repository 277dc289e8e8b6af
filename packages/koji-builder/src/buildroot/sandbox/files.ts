import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { openFileBelow } from '@koji/core';
import { builderHome, builderId, builderName } from './bwrap.js';

/** Contents of a root besides packages. */
export interface RootFiles {
  /** Names with the `%`. */
  readonly macros: Readonly<Record<string, string>>;
  /** A folder for files that both sides see. */
  readonly tmpDir: string;
  /** Whether programs inside resolve names as this host does. */
  readonly network: boolean;
}

/**
 * Writes the builder's account and home, rpm's macros and the names of hosts into an empty folder that will lie over a root:
 * what packages put into the root can't lead these files elsewhere.
 *
 * @param base the root below it
 */
export async function writeRootFiles(layer: string, base: string, files: RootFiles): Promise<void> {
  const put = async (file: string, text: string): Promise<void> => {
    await mkdir(path.dirname(path.join(layer, file)), { recursive: true });
    await writeFile(path.join(layer, file), text);
  };
  const { macros, tmpDir } = files;
  const entry = `${builderName}:x:${builderId}`;
  const account = `${entry}:${builderId}:builds packages:${builderHome}:/bin/bash`;
  await put('etc/passwd', withLine(await textOf(base, 'etc/passwd'), account));
  await put('etc/group', withLine(await textOf(base, 'etc/group'), `${entry}:`));
  const lines = Object.entries(macros).map(([name, value]) => `${name} ${value.replaceAll('\n', '\\\n')}\n`);
  await put(path.join(builderHome, '.rpmmacros'), lines.join(''));
  await put(
    'etc/hosts',
    `127.0.0.1 localhost ${hostname()}\n::1 localhost\n${await hostNames(files.network)}`,
  );
  const resolver = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  await put('etc/resolv.conf', resolver);
  for (const folder of [builderHome, path.join(builderHome, 'build')]) {
    await mkdir(path.join(layer, folder), { recursive: true });
    await chown(path.join(layer, folder), builderId, builderId);
  }
  await mkdir(path.join(layer, tmpDir), { recursive: true, mode: 0o755 });
}

async function hostNames(network: boolean): Promise<string> {
  return network ? readFile('/etc/hosts', 'utf8').catch(() => '') : '';
}

/** A file of the root; empty if there is none. */
async function textOf(base: string, file: string): Promise<string> {
  const handle = await openFileBelow(base, file, 'inside').catch(() => null);
  if (handle === null) return '';
  try {
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function withLine(text: string, line: string): string {
  const name = line.slice(0, line.indexOf(':') + 1);
  const others = text.split('\n').filter((one) => one !== '' && !one.startsWith(name));
  return `${[...others, line].join('\n')}\n`;
}
