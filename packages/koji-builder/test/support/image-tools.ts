import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('python', import.meta.url));

/**
 * Makes a Python in a folder that has stand-ins for ImageFactory, oz and pykickstart; returns the options of kojid.conf for it.
 * Accounts without rights must find their way to the folder.
 *
 * @param sources folders that have modules. Default: the stand-ins
 */
export function imageTools(
  folder: string,
  sources: readonly string[] = [modules],
): { readonly image_python: string; readonly imagefactory_plugins: string } {
  const at = (name: string): string => path.join(folder, name);
  const { stdout } = spawnSync('/usr/bin/python3', ['-V'], { encoding: 'utf8' });
  const packages = `lib/python${/\d+\.\d+/.exec(stdout)?.[0]}/site-packages`;
  for (const name of ['bin', packages, 'plugins.d']) mkdirSync(at(name), { recursive: true });
  symlinkSync('/usr/bin/python3', at('bin/python3'));
  writeFileSync(at('pyvenv.cfg'), 'home = /usr/bin\ninclude-system-site-packages = false\n');
  writeFileSync(path.join(at(packages), 'images.pth'), `${sources.join('\n')}\n`);
  return { image_python: at('bin/python3'), imagefactory_plugins: at('plugins.d') };
}
