import { GenericError, REPO_MERGE_MODES, parseInteger } from '@koji/core';
import type { ExternalRepo } from '@koji/core/api';
import { pythonStr } from '@koji/core/text';
import { named } from '@koji/core/wire';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { queriedEvent } from '../events.js';
import { flag, int, text, texts } from '../options.js';

const listExternalRepos = command({
  name: 'list-external-repos',
  category: 'info',
  examples: ['list-external-repos --tag=f44-build'],
  summary: 'List external repos',
  usage: 'list-external-repos [options]',
  anonymous: true,
  data: { of: 'listExternalRepos' },
  options: {
    url: text('--url', 'Select by url'),
    name: text('--name', 'Select by name'),
    id: int('--id', 'Select by id'),
    tag: text('--tag', 'Select by tag'),
    used: flag('--used', 'List which tags use the repo(s)'),
    inherit: flag('--inherit', 'Follow tag inheritance when selecting by tag'),
    event: int('--event', 'Query at event', { metavar: 'EVENT#' }),
    ts: int('--ts', 'Query at last event before timestamp', { metavar: 'TIMESTAMP' }),
    repo: int('--repo', 'Query at event corresponding to (nonexternal) repo', { metavar: 'REPO#' }),
    quiet: flag('--quiet', 'Do not display the column headers'),
  },
  async run(run) {
    const { args, options, global, session, print, connect, usageError } = run;
    if (args.length > 0) return usageError('This command takes no arguments');
    await connect();
    const event = await queriedEvent(run, options);
    const at = event ? { event: event.id } : {};
    const repo = options.id || options.name || null;
    if (options.tag && options.inherit && repo !== null)
      return usageError("Can't select by repo when using --inherit");
    const show = (found: readonly object[], titles: readonly string[], rows: readonly string[]): void => {
      run.data(found);
      if (!(options.quiet ?? global.quiet)) for (const line of titles) print(line);
      for (const line of rows) print(line);
    };
    if (!options.tag && !options.used) {
      const repos = await session.listExternalRepos(named({ info: repo, url: options.url ?? null, ...at }));
      const row = (name: string, url: string): string => `${name.padEnd(25)} ${url}`;
      show(
        repos,
        [row('External repo name', 'URL'), row('-'.repeat(25), '-'.repeat(40))],
        repos.map(({ name, url }) => row(name, url)),
      );
    } else if (options.tag && !options.inherit) {
      const repos = await session.getTagExternalRepos(
        named({ tag_info: options.tag, repo_info: repo, ...at }),
      );
      show(
        repos,
        [
          tagRow('Pri', 'External repo name', 'Mode', 'URL'),
          tagRow('---', '-'.repeat(25), '-'.repeat(10), '-'.repeat(40)),
        ],
        repos.map((entry) =>
          tagRow(String(entry.priority), entry.external_repo_name, pythonStr(entry.merge_mode), entry.url),
        ),
      );
    } else {
      const repos = options.tag
        ? await session.getExternalRepoList(named({ tag_info: options.tag, ...at }))
        : await session.getTagExternalRepos(named({ repo_info: repo, ...at }));
      show(
        repos,
        [
          tagsRow('Tag', 'Pri', 'Mode', 'External repo name'),
          tagsRow('-'.repeat(20), '---', '-'.repeat(10), '-'.repeat(25)),
        ],
        repos.map((entry) =>
          tagsRow(
            entry.tag_name,
            String(entry.priority),
            pythonStr(entry.merge_mode),
            entry.external_repo_name,
          ),
        ),
      );
    }
  },
});

const tagRow = (priority: string, name: string, mode: string, url: string): string =>
  `${priority.padEnd(3)} ${name.padEnd(25)} ${mode.padEnd(10)} ${url}`;

const tagsRow = (tag: string, priority: string, mode: string, name: string): string =>
  `${tag.padEnd(20)} ${priority.padEnd(3)} ${mode.padEnd(10)} ${name}`;

/** Parses `tag::priority`; the priority is null if it is to be chosen. */
function tagAndPriority(given: string): { tag: string; priority: number | null } {
  const at = given.lastIndexOf('::');
  if (at === -1) return { tag: given, priority: null };
  const [tag, text] = [given.slice(0, at), given.slice(at + 2)];
  if (text === 'auto' || text === '-1') return { tag, priority: null };
  const priority = parseInteger(text);
  if (priority === null) throw new GenericError(`Invalid priority: ${text}`);
  return { tag, priority: Number(priority) };
}

/** Returns a priority after the existing ones, with space for others in between. */
async function freePriority({ session }: Run, tag: string): Promise<number> {
  const repos = await session.getTagExternalRepos(named({ tag_info: tag }));
  const last = repos.at(-1);
  return last ? Math.floor((last.priority + 7) / 5) * 5 : 5;
}

const addExternalRepo = command({
  name: 'add-external-repo',
  category: 'admin',
  arguments: ['text', 'text'],
  examples: ['add-external-repo -t f44-build::10 base https://mirror.example/f44/$arch/'],
  summary: 'Create an external repo and/or add one to a tag',
  usage: 'add-external-repo [options] <name> [<url>]',
  options: {
    tag: texts(['-t', '--tag'], 'Also add repo to tag. Use tag::N to set priority'),
    priority: int(['-p', '--priority'], 'Set priority (when adding to tag)'),
    mode: text(['-m', '--mode'], 'Set merge mode'),
    arches: text(['-a', '--arches'], 'Use only subset of arches from given repo', {
      metavar: 'ARCH1,ARCH2, ...',
    }),
  },
  async run(run) {
    const { args, options, session, print, login, usageError } = run;
    const [name, url] = args;
    await login();
    if (options.mode && !(REPO_MERGE_MODES as readonly string[]).includes(options.mode))
      return usageError(`Invalid mode: ${options.mode}`);
    if (options.mode && options.tag.length === 0)
      return usageError('The --mode option can only be used with --tag');
    if (name === undefined || args.length > 2) return usageError('Incorrect number of arguments');
    let repo: ExternalRepo;
    if (url === undefined) {
      repo = await session.getExternalRepo(name, named({ strict: true }));
      if (options.tag.length === 0) return usageError('A url is required to create an external repo entry');
    } else {
      repo = await session.createExternalRepo(name, url);
      print(`Created external repo ${repo.id}`);
    }
    for (const given of options.tag) {
      const { tag, priority: own } = tagAndPriority(given);
      const priority = own ?? options.priority ?? (await freePriority(run, tag));
      await session.addExternalRepoToTag(
        tag,
        repo.name,
        priority,
        named({
          ...(options.mode ? { merge_mode: options.mode } : {}),
          ...(options.arches ? { arches: options.arches } : {}),
        }),
      );
      print(`Added external repo ${repo.name} to tag ${tag} (priority ${priority})`);
    }
  },
});

const editExternalRepo = command({
  name: 'edit-external-repo',
  category: 'admin',
  arguments: ['external-repo'],
  examples: ['edit-external-repo --url=https://mirror.example/f44/$arch/ base'],
  summary: 'Edit data for an external repo',
  usage: 'edit-external-repo [options] <name>',
  options: {
    url: text('--url', 'Change the url'),
    name: text('--name', 'Change the name'),
    tag: text(['-t', '--tag'], 'Edit the repo properties for the tag.'),
    priority: int(['-p', '--priority'], 'Edit the priority of the repo for the tag specified by --tag.'),
    mode: text(
      ['-m', '--mode'],
      'Edit the merge mode of the repo for the tag specified by --tag. Options: bare, simple, koji.',
    ),
    arches: text(['-a', '--arches'], 'Use only subset of arches from given repo', {
      metavar: 'ARCH1,ARCH2, ...',
    }),
  },
  async run({ args, options, session, login, usageError }) {
    const [name] = args;
    if (name === undefined || args.length !== 1) return usageError('Incorrect number of arguments');
    const repo = {
      ...(options.url ? { url: options.url } : {}),
      ...(options.name ? { name: options.name } : {}),
    };
    const inTag = {
      ...(options.priority === undefined ? {} : { priority: options.priority }),
      ...(options.mode ? { merge_mode: options.mode } : {}),
      ...(options.arches === undefined ? {} : { arches: options.arches }),
    };
    if (options.tag && Object.keys(inTag).length === 0)
      return usageError('At least, one of priority and merge mode should be specified');
    for (const key of ['priority', 'mode', 'arches'] as const)
      if (!options.tag && options[key] !== undefined)
        return usageError(`If ${key} is specified, --tag must be specified as well`);
    if (!options.tag && Object.keys(repo).length === 0) return usageError('No changes specified');
    await login();
    if (Object.keys(repo).length > 0) await session.editExternalRepo(name, named(repo));
    if (options.tag)
      await session.editTagExternalRepo(named({ ...inTag, tag_info: options.tag, repo_info: name }));
  },
});

const removeExternalRepo = command({
  name: 'remove-external-repo',
  category: 'admin',
  arguments: ['external-repo', 'tag...'],
  examples: ['remove-external-repo base f44-build'],
  summary: 'Remove an external repo from a tag or tags, or remove entirely',
  usage: 'remove-external-repo <repo> [<tag> ...]',
  options: {
    alltags: flag('--alltags', 'Remove from all tags'),
    force: flag('--force', 'Force action'),
  },
  async run({ args, options, session, print, warn, login, usageError, fail }) {
    const [repo, ...given] = args;
    if (repo === undefined) return usageError('Incorrect number of arguments');
    await login();
    const uses = await session.getTagExternalRepos(named({ repo_info: repo }));
    const current = uses.map((use) => use.tag_name);
    if (options.alltags && given.length > 0) return usageError('Do not specify tags when using --alltags');
    if (options.alltags && current.length === 0 && !options.force) {
      warn(`External repo ${repo} not associated with any tags`);
      return;
    }
    const tags = options.alltags ? current : given;
    if (tags.length === 0) {
      if (current.length > 0 && !options.force) {
        warn(`Error: external repo ${repo} used by tag(s): ${current.join(', ')}`);
        fail('Use --force to remove anyway');
      }
      await session.deleteExternalRepo(repo);
    }
    for (const tag of tags) {
      if (current.includes(tag)) await session.removeExternalRepoFromTag(tag, repo);
      else print(`External repo ${repo} not associated with tag ${tag}`);
    }
  },
});

export const externalRepos = [listExternalRepos, addExternalRepo, editExternalRepo, removeExternalRepo];
