import { parseArches } from '@koji/core';
import type { TagListItem } from '@koji/core/api';
import { matchesAny } from '@koji/core/policy';
import { pythonRepr } from '@koji/core/text';
import { named } from '@koji/core/wire';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { jsonLiteral, valueOfArgument } from '../literals.js';
import { flag, text, texts } from '../options.js';
import { checkPerm } from '../permissions.js';

/** Returns the struct of `--extra key=value` options; values are numbers, constants, JSON, or else text. */
function extraOf(given: readonly string[], { usageError }: Run): Record<string, unknown> {
  const extra: Record<string, unknown> = {};
  for (const option of given) {
    const equals = option.indexOf('=');
    if (equals === -1) return usageError(`--extra '${option}': must be key=value`);
    const key = option.slice(0, equals);
    if (Object.hasOwn(extra, key)) return usageError(`Duplicate extra key: ${key}`);
    extra[key] = valueOrJson(option.slice(equals + 1));
  }
  return extra;
}

function valueOrJson(given: string): unknown {
  const value = valueOfArgument(given);
  if (typeof value !== 'string') return value;
  try {
    return jsonLiteral(given);
  } catch {
    return given;
  }
}

const editTag = command({
  name: 'edit-tag',
  category: 'admin',
  arguments: ['tag'],
  examples: ['edit-tag --arches="x86_64 aarch64" f44-build'],
  summary: 'Alter tag information',
  usage: 'edit-tag [options] <name>',
  options: {
    arches: text('--arches', 'Specify arches'),
    perm: text('--perm', 'Specify permission requirement'),
    no_perm: flag('--no-perm', 'Remove permission requirement'),
    lock: flag('--lock', 'Lock the tag'),
    unlock: flag('--unlock', 'Unlock the tag'),
    rename: text('--rename', 'Rename the tag'),
    maven_support: flag('--maven-support', 'Enable creation of Maven repos for this tag'),
    no_maven_support: flag('--no-maven-support', 'Disable creation of Maven repos for this tag'),
    include_all: flag('--include-all', 'Include all packages in this tag when generating Maven repos'),
    no_include_all: flag(
      '--no-include-all',
      'Do not include all packages in this tag when generating Maven repos',
    ),
    extra: texts(['-x', '--extra'], 'Set tag extra option. JSON-encoded or simple value', {
      metavar: 'key=value',
    }),
    remove_extra: texts(['-r', '--remove-extra'], 'Remove tag extra option', { metavar: 'key' }),
    block_extra: texts(['-b', '--block-extra'], 'Block inherited tag extra option', { metavar: 'key' }),
  },
  async run(run) {
    const { args, options, session, login, usageError } = run;
    const [tag] = args;
    if (tag === undefined || args.length !== 1) return usageError('Please specify a name for the tag');
    await login();
    await session.editTag2(
      tag,
      named({
        ...(options.arches ? { arches: parseArches(options.arches) } : {}),
        ...(options.no_perm ? { perm: null } : options.perm ? { perm: options.perm } : {}),
        ...switched('locked', options.lock, options.unlock),
        ...(options.rename ? { name: options.rename } : {}),
        // If both options are given, the negative one wins, except for the lock.
        ...switched(
          'maven_support',
          options.maven_support && !options.no_maven_support,
          options.no_maven_support,
        ),
        ...switched(
          'maven_include_all',
          options.include_all && !options.no_include_all,
          options.no_include_all,
        ),
        ...(options.extra.length > 0 ? { extra: extraOf(options.extra, run) } : {}),
        remove_extra: options.remove_extra,
        block_extra: options.block_extra,
      }),
    );
  },
});

function switched(name: string, on: boolean | undefined, off: boolean | undefined): Record<string, boolean> {
  return on ? { [name]: true } : off ? { [name]: false } : {};
}

const removeTag = command({
  name: 'remove-tag',
  category: 'admin',
  arguments: ['tag'],
  examples: ['remove-tag f43'],
  summary: 'Remove a tag',
  usage: 'remove-tag [options] <name>',
  options: {},
  async run(run) {
    const { args, session, login, usageError, fail } = run;
    const [name] = args;
    if (name === undefined || args.length !== 1) return usageError('Please specify a tag to remove');
    await login();
    await checkPerm(run, 'tag');
    const tag = (await session.getTag(name)) ?? fail(`No such tag: ${name}`);
    await session.deleteTag(tag.id);
  },
});

/** The settings that locking a tag changes. */
type LockableTag = Pick<TagListItem, 'id' | 'name' | 'locked' | 'perm_id'>;

/** Returns the tags whose names match any of the patterns. */
async function tagsLike({ session, print }: Run, patterns: readonly string[]): Promise<LockableTag[]> {
  const all = await session.listTags();
  const found = all.filter(({ name }) => matchesAny(name, patterns));
  if (found.length === 0) print('No tags matched');
  return found;
}

const lockTag = command({
  name: 'lock-tag',
  category: 'admin',
  arguments: ['tag...'],
  examples: ['lock-tag f43'],
  summary: 'Lock a tag',
  usage: 'lock-tag [options] <tag> [<tag> ...]',
  options: {
    perm: text('--perm', 'Specify permission requirement'),
    glob: flag('--glob', 'Treat args as glob patterns'),
    master: flag('--master', 'Lock the master lock'),
    test: flag(['-n', '--test'], 'Test mode'),
  },
  async run(run) {
    const { args, options, session, print, login, usageError } = run;
    if (args.length === 0) return usageError('Please specify a tag');
    await login();
    const perms = await session.getAllPerms();
    const perm = options.perm ?? 'admin';
    const permId = perms.find(({ name }) => name === perm)?.id ?? run.fail(`No such permission: ${perm}`);
    const tags = options.glob ? await tagsLike(run, args) : [];
    for (const name of options.glob ? [] : args)
      tags.push(await session.getTag(name, named({ strict: true })));
    for (const tag of tags) {
      if (options.master) {
        if (tag.locked) print(`Tag ${tag.name}: master lock already set`);
        else if (options.test) print(`Would have set master lock for: ${tag.name}`);
        else await session.editTag2(tag.id, named({ locked: true }));
      } else if (tag.perm_id === permId) {
        print(`Tag ${tag.name}: ${perm} permission already required`);
      } else if (options.test) {
        print(`Would have set permission requirement ${perm} for tag ${tag.name}`);
      } else {
        await session.editTag2(tag.id, named({ perm_id: permId }));
      }
    }
  },
});

const unlockTag = command({
  name: 'unlock-tag',
  category: 'admin',
  arguments: ['tag...'],
  examples: ['unlock-tag f43'],
  summary: 'Unlock a tag',
  usage: 'unlock-tag [options] <tag> [<tag> ...]',
  options: {
    glob: flag('--glob', 'Treat args as glob patterns'),
    test: flag(['-n', '--test'], 'Test mode'),
  },
  async run(run) {
    const { args, options, session, print, login, usageError } = run;
    if (args.length === 0) return usageError('Please specify a tag');
    await login();
    const tags = options.glob ? await tagsLike(run, args) : [];
    for (const name of options.glob ? [] : args)
      tags.push((await session.getTag(name)) ?? usageError(`No such tag: ${name}`));
    for (const tag of tags) {
      const changes = { ...(tag.locked ? { locked: false } : {}), ...(tag.perm_id ? { perm: null } : {}) };
      if (Object.keys(changes).length === 0) print(`Tag ${tag.name}: not locked`);
      else if (options.test) print(`Tag ${tag.name}: skipping changes: ${pythonRepr(changes)}`);
      else await session.editTag2(tag.id, named(changes));
    }
  },
});

export const tagEditing = [editTag, removeTag, lockTag, unlockTag];
