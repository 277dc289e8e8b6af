import { named } from '@koji/core/wire';
import { parseArches } from '@koji/core';
import { command } from '../command.js';
import { valueOfArgument } from '../literals.js';
import { flag, text, texts } from '../options.js';

/** Returns the struct of `--extra key=value` options. */
function extraOf(given: readonly string[], fail: (message: string) => never): Record<string, unknown> {
  return Object.fromEntries(
    given.map((option) => {
      const equals = option.indexOf('=');
      if (equals === -1) return fail(`--extra '${option}': must be key=value`);
      return [option.slice(0, equals), valueOfArgument(option.slice(equals + 1))];
    }),
  );
}

const addTag = command({
  name: 'add-tag',
  category: 'admin',
  arguments: ['text'],
  examples: ['add-tag --parent=f44 --arches="x86_64 aarch64" f44-build'],
  summary: 'Add a new tag to the database',
  usage: 'add-tag [options] <name>',
  options: {
    parent: text('--parent', 'Set a parent tag with priority 0'),
    arches: text('--arches', 'Specify arches'),
    maven_support: flag('--maven-support', 'Enable creation of Maven repos for this tag'),
    include_all: flag('--include-all', 'Include all packages in this tag when generating Maven repos'),
    extra: texts(['-x', '--extra'], 'Set tag extra option', { metavar: 'key=value' }),
  },
  async run({ args, options, session, login, usageError, fail }) {
    const [name] = args;
    if (name === undefined || args.length !== 1) return usageError('Please specify a name for the tag');
    await login();
    if (!(await session.hasPerm('admin')) && !(await session.hasPerm('tag')))
      return usageError('This action requires tag or admin privileges');
    await session.createTag(
      name,
      named({
        ...(options.parent ? { parent: options.parent } : {}),
        ...(options.arches ? { arches: parseArches(options.arches) } : {}),
        ...(options.maven_support ? { maven_support: true } : {}),
        ...(options.include_all ? { maven_include_all: true } : {}),
        ...(options.extra.length > 0 ? { extra: extraOf(options.extra, fail) } : {}),
      }),
    );
  },
});

export const tags = [addTag];
