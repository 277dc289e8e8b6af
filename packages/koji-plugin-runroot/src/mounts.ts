import path from 'node:path';
import { GenericError } from '@koji/core';
import { option, pluginConfig } from '@koji/plugin-sdk';
import type { Mount } from '@koji/builder/buildroot';

const split = (text: string): string[] => text.split(',').filter(Boolean);
const substitutions = (text: string): string[][] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => line.split(','));

const relative = (paths: readonly string[]): string | null => {
  const wrong = paths.find((one) => !one.startsWith('/'));
  return wrong === undefined ? null : `'${wrong}' is not an absolute path`;
};
const absolutePaths = (doc: string) =>
  option.checked(option.text('', `${doc}; commas between them`), (value) => relative(split(value)));

const config = pluginConfig('runroot', {
  runroot: {
    internal_dev_setup: option.checked(
      option.text('', 'Whether mock makes /dev itself; empty leaves it to mock'),
      (value) => (/^(|yes|no|true|false|on|off|1|0)$/i.test(value) ? null : 'not a boolean (yes or no)'),
    ),
  },
  paths: {
    default_mounts: absolutePaths('What every buildroot has mounted'),
    safe_roots: absolutePaths('Below which tasks may ask for mounts'),
    path_subs: option.checked(
      option.text('', 'Lines `from,to`: what is put for parts of mounts that tasks ask for'),
      (value) => {
        const wrong = substitutions(value).find((pair) => pair.length !== 2);
        if (wrong) return `bad runroot substitution: ${wrong.join(',')}`;
        return relative(substitutions(value).map(([from = '']) => from));
      },
    ),
  },
  'path*': {
    mountpoint: option.required(option.text('', 'Where it is mounted, with all that is below it')),
    path: option.required(option.text('', 'What is mounted there')),
    fstype: option.required(option.text('', 'Its type, as for mount -t')),
    options: option.required(
      option.checked(option.text('', 'Its options, as for mount -o'), (value) =>
        split(value).includes('bg') ? 'background mount not allowed' : null,
      ),
    ),
  },
});

/** Whether mock is to make `/dev`; null leaves it to mock. */
export function internalDevSetup(): boolean | null {
  const { internal_dev_setup: value } = config.runroot;
  return value === '' ? null : /^(yes|true|on|1)$/i.test(value);
}

/**
 * Returns the mounts of a buildroot: first the default ones, then those of the task, which are writable.
 *
 * @throws GenericError for a path below no safe root, and for one that no section `pathN` is for
 */
export function mountsFor(asked: readonly string[]): Mount[] {
  const { default_mounts: always, safe_roots: safeRoots, path_subs: subs } = config.paths;
  const roots = split(safeRoots);
  const writable = asked.map((given) => {
    const normal = path.posix.normalize(given).replace(/(?<=.)\/$/, '');
    if (!roots.some((root) => isBelow(normal, root)))
      throw new GenericError(`read-write mount point is not safe: ${given}`);
    return substitutions(subs).reduce((at, [from = '', to = '']) => at.replaceAll(from, to), normal);
  });
  return [...split(always).map((at) => mountOf(at, false)), ...writable.map((at) => mountOf(at, true))];
}

function mountOf(at: string, isWritable: boolean): Mount {
  const sections = [...config['path*']]
    .filter(([name]) => /^path\d+$/.test(name))
    .sort(([a], [b]) => Number(a.slice(4)) - Number(b.slice(4)));
  const found = sections.map(([, section]) => section).find(({ mountpoint }) => isBelow(at, mountpoint));
  if (!found) throw new GenericError(`bad config: missing corresponding mountpoint for ${at}`);
  const options = split(found.options).map((one) => (isWritable && one === 'ro' ? 'rw' : one));
  return {
    device: path.posix.join(found.path, at.slice(found.mountpoint.replace(/\/+$/, '').length)),
    at,
    type: options.includes('bind') ? 'none' : found.fstype,
    options: options.join(','),
  };
}

/** Whether a path is a folder or below it; `/a/tmp2` is not below `/a/tmp`. */
function isBelow(at: string, folder: string): boolean {
  const top = folder.replace(/\/+$/, '');
  return at === top || at.startsWith(`${top}/`);
}
