import { statSync } from 'node:fs';
import { listProfileSettings } from '@koji/core/config';
import type { ProfileSetting } from '@koji/core/config';
import type { GlobalOptions } from '../global-options.js';
import { ok, warning } from './findings.js';
import type { Finding } from './findings.js';

/** Options that are reported even if nobody sets them. */
const essential = ['server', 'weburl', 'topurl', 'topdir', 'authtype'] as const;

/** Reports the values of the profile with their origin, and options without effect. */
export function checkProfile(global: GlobalOptions): Finding[] {
  const { profile, configFile, fromCommandLine } = global;
  const settings = listProfileSettings({ profile, ...(configFile === null ? {} : { configFile }) });
  const given = new Set(fromCommandLine);
  const values = [
    ...[...given].map((name) => ({ name, value: textOf(global, name), from: 'command line' })),
    ...settings
      .filter(({ name }) => !given.has(name))
      .map(({ name, value, file }) => ({ name, value, from: file })),
  ];
  const set = new Set(values.map(({ name }) => name));
  values.push(
    ...essential
      .filter((name) => !set.has(name))
      .map((name) => ({ name, value: textOf(global, name), from: 'default' })),
  );
  const lines = values.map(({ name, value, from }) => `\n  ${name} = ${value} (${from})`);
  return [
    ok('profile', `${profile}${lines.join('')}`, { profile, settings: values }),
    ...settings.flatMap(complaintsAbout),
    ...openPasswordFiles(settings),
  ];
}

function textOf(global: GlobalOptions, name: string): string {
  const value: unknown = global[name as keyof GlobalOptions];
  if (name === 'password') return '(secret)';
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : 'not set';
}

function complaintsAbout({ name, file, known, withoutEffect }: ProfileSetting): Finding[] {
  if (!known)
    return [
      warning(
        'profile',
        `'${name}' in ${file} is no option of koji`,
        'Check the spelling, or remove it unless a plugin uses it.',
      ),
    ];
  if (withoutEffect !== null)
    return [warning('profile', `'${name}' in ${file} has no effect: ${withoutEffect}`, 'Remove it.')];
  return [];
}

function openPasswordFiles(settings: readonly ProfileSetting[]): Finding[] {
  const file = settings.find(({ name }) => name === 'password')?.file;
  const mode = file === undefined ? 0 : (statSync(file, { throwIfNoEntry: false })?.mode ?? 0);
  if (file === undefined || (mode & 0o077) === 0) return [];
  return [warning('profile', `other users can read the password in ${file}`, `Run chmod 600 ${file}.`)];
}
