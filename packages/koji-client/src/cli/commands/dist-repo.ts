import { named } from '@koji/core/wire';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { REPO_STATES } from '@koji/core';
import { uniqueDirectory } from '../../upload.js';
import { uploadShower } from '../uploading.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag, int, noFlag, text, texts } from '../options.js';

import { followTask } from '../starting.js';

const distRepo = command({
  name: 'dist-repo',
  category: 'misc',
  arguments: ['tag', 'text...'],
  examples: ['dist-repo --arch=x86_64 f44 0123abcd'],
  summary: 'Create a yum repo with distribution options',
  usage: `dist-repo [options] <tag> <key_id> [<key_id> ...]

In normal mode, dist-repo behaves like any other koji task.
Sometimes you want to limit running distRepo tasks per tag to only
one. For such behaviour admin (with 'tag' permission) needs to
modify given tag's extra field 'distrepo.cancel_others' to True'
via 'koji edit-tag -x distrepo.cancel_others=True'
`,
  hint: '\n(Specify the --help option for a list of other options)',
  options: {
    allow_missing_signatures: flag(
      '--allow-missing-signatures',
      'For RPMs not signed with a desired key, fall back to the primary copy',
    ),
    arch: texts(
      ['-a', '--arch'],
      'Indicate an architecture to consider. The default is all architectures associated with ' +
        'the given tag. This option may be specified multiple times.',
    ),
    with_src: flag('--with-src', 'Also generate a src repo'),
    split_debuginfo: flag('--split-debuginfo', 'Split debuginfo info a separate repo for each arch'),
    comps: text('--comps', 'Include a comps file in the repodata'),
    delta_rpms: texts(
      '--delta-rpms',
      'Create delta rpms. REPO can be the id of another dist repo or the name of a tag that ' +
        'has a dist repo. May be specified multiple times.',
      { metavar: 'REPO' },
    ),
    event: int('--event', 'Use tag content at event'),
    volume: text('--volume', 'Generate repo on given volume'),
    latest: noFlag('--non-latest', 'Include older builds, not just the latest'),
    multilib: text('--multilib', 'Include multilib packages in the repository using the given config file', {
      metavar: 'CONFIG',
    }),
    noinherit: flag('--noinherit', 'Do not consider tag inheritance'),
    wait: [
      flag('--wait', 'Wait for the task to complete, even if running in the background'),
      noFlag('--nowait', 'Do not wait for the task to complete'),
    ],
    skip_missing_signatures: flag(
      '--skip-missing-signatures',
      'Skip RPMs not signed with the desired key(s)',
    ),
    zck: flag('--zck', 'Generate zchunk files as well as the standard repodata'),
    zck_dict_dir: text(
      '--zck-dict-dir',
      'Directory containing compression dictionaries for use by zchunk (on builder)',
    ),
    write_signed_rpms: flag('--write-signed-rpms', 'Write a signed rpms for given tag'),
    skip_stat: [
      flag('--skip-stat', 'Skip rpm stat during createrepo (override default builder setting)'),
      noFlag('--no-skip-stat', "Don't skip rpm stat during createrepo (override default builder setting)"),
    ],
  },
  async run(run) {
    const { args, options, global, session, print, login, usageError } = run;
    const [tag, ...keys] = args;
    if (tag === undefined) return usageError('You must provide a tag to generate the repo from');
    if (keys.length === 0 && !options.allow_missing_signatures)
      return usageError('Please specify one or more GPG key IDs (or --allow-missing-signatures)');
    if (options.allow_missing_signatures && options.skip_missing_signatures)
      return usageError('allow_missing_signatures and skip_missing_signatures are mutually exclusive');
    await login();
    const directory = uniqueDirectory('cli-dist-repo');
    const comps = options.comps ? await uploadConfig(run, options.comps, directory) : options.comps;
    const delta: number[] = [];
    for (const repo of options.delta_rpms) delta.push(await deltaRepo(run, repo));
    const arches = await archesOf(run, tag, options.arch);
    if (options.multilib) checkMultilib(run, options.multilib, arches);
    const multilib = options.multilib
      ? await uploadConfig(run, options.multilib, directory)
      : options.multilib;
    const arch = arches.filter((name) => name !== 'noarch');
    if (options.with_src && !arch.includes('src')) arch.push('src');
    if (arch.length === 0) return usageError('No arches left.');
    const id = await session.distRepo(
      tag,
      keys,
      named({
        arch,
        comps: comps ?? null,
        delta,
        event: options.event ?? null,
        volume: options.volume ?? null,
        inherit: !options.noinherit,
        latest: options.latest ?? true,
        multilib: multilib ?? null,
        split_debuginfo: options.split_debuginfo ?? false,
        skip_missing_signatures: options.skip_missing_signatures ?? false,
        allow_missing_signatures: options.allow_missing_signatures ?? false,
        zck: options.zck ?? false,
        zck_dict_dir: options.zck_dict_dir ?? null,
        write_signed_rpms: options.write_signed_rpms ?? false,
        ...(options.skip_stat === undefined ? {} : { createrepo_skip_stat: options.skip_stat }),
      }),
    );
    print(`Creating dist repo for tag ${tag}`);
    return followTask(run, id, { wait: options.wait, silent: true, quietWatch: global.quiet });
  },
});

/** Uploads a file for the repo. Its progress bar is shown even without a terminal, as in Koji. */
async function uploadConfig(run: Run, file: string, directory: string): Promise<string> {
  const { session, write, print, usageError } = run;
  if (!existsSync(file)) return usageError(`could not find ${file}`);
  await session.upload(file, directory, { onProgress: uploadShower({ write }) });
  print('');
  return `${directory}/${basename(file)}`;
}

/** Returns the id of the repo for an id or a tag's name. */
async function deltaRepo({ session, usageError }: Run, given: string): Promise<number> {
  if (/^\d+$/.test(given)) return (await session.repoInfo(Number(given), true)).id;
  const find = (state: Record<string, number>): Promise<{ id: number } | null> =>
    session.getRepo(given, named({ ...state, dist: true }));
  const repo = (await find({})) ?? (await find({ state: REPO_STATES.EXPIRED }));
  return repo?.id ?? usageError(`Can't find repo for tag: ${given}`);
}

async function archesOf(run: Run, tag: string, asked: readonly string[]): Promise<string[]> {
  const { session, warn, usageError } = run;
  const info = await session.getTag(tag);
  if (!info) return usageError(`No such tag: ${tag}`);
  const allowed = info.arches || (await inheritedArches(run, tag));
  if (asked.length === 0) {
    const arches = allowed.split(/\s+/).filter(Boolean);
    return arches.length > 0 ? arches : usageError('No arches given and no arches associated with tag');
  }
  for (const arch of asked) {
    if (!allowed) warn(`Tag ${info.name} has an empty arch list`);
    else if (!allowed.includes(arch)) warn(`${arch} is not in the list of tag arches`);
  }
  return [...asked];
}

async function inheritedArches({ session }: Run, tag: string): Promise<string> {
  for (const { parent_id: id } of await session.getFullInheritance(tag)) {
    const parent = await session.getTag(id);
    if (parent?.arches) return parent.arches;
  }
  return '';
}

const multilibArches = [
  ['x86_64', 'i686'],
  ['s390x', 's390'],
  ['ppc64', 'ppc'],
] as const;

function checkMultilib({ usageError }: Run, file: string, arches: readonly string[]): void {
  if (!existsSync(file)) usageError(`could not find ${file}`);
  for (const [wide, narrow] of multilibArches)
    if (arches.includes(wide) && !arches.includes(narrow))
      usageError(`The multilib arch (${narrow}) must be included`);
}

export const distRepos = [distRepo];
