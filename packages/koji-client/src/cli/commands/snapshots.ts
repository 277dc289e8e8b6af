import { GenericError } from '@koji/core';
import { named } from '@koji/core/wire';
import { asctime } from '@koji/core/text';
import { command } from '../command.js';
import { eventOf } from '../events.js';
import { flag, int, noFlag } from '../options.js';
import { checkPerm } from '../permissions.js';

const batchOption = { ...int('--batch', undefined, { metavar: 'SIZE' }), initial: 100 };

const cloneTag = command({
  name: 'clone-tag',
  category: 'admin',
  arguments: ['tag', 'tag'],
  examples: ['clone-tag f44 f45'],
  summary: 'Duplicate the contents of one tag onto another tag',
  usage: `clone-tag [options] <src-tag> <dst-tag>
clone-tag will create the destination tag if it does not already exist`,
  options: {
    config: flag('--config', 'Copy config from the source to the dest tag'),
    groups: flag('--groups', 'Copy group information'),
    pkgs: flag('--pkgs', 'Copy package list from the source to the dest tag'),
    builds: flag('--builds', 'Tag builds into the dest tag'),
    all: flag('--all', 'The same as --config --groups --pkgs --builds'),
    latest_only: flag('--latest-only', 'Tag only the latest build of each package'),
    inherit_builds: flag(
      '--inherit-builds',
      'Include all builds inherited into the source tag into the dest tag',
    ),
    ts: int('--ts', 'Clone tag at last event before specific timestamp', { metavar: 'TIMESTAMP' }),
    delete: noFlag('--no-delete', "Don't delete any existing content in dest tag."),
    event: int('--event', 'Clone tag at a specific event'),
    repo: int('--repo', 'Clone tag at a specific repo event'),
    verbose: flag(['-v', '--verbose']),
    notify: flag('--notify', 'Send tagging/untagging notifications'),
    force: flag(['-f', '--force'], 'override tag locks if necessary'),
    test: flag(['-n', '--test']),
    batch: batchOption,
  },
  async run(run) {
    const { args, options, session, print, login, usageError } = run;
    const [from, to] = args;
    if (from === undefined || to === undefined || args.length !== 2)
      return usageError('This command takes two arguments: <src-tag> <dst-tag>');
    await login();
    if (!options.test) await checkPerm(run, 'tag');
    if (from === to) return usageError('Source and destination tags must be different.');
    if (options.batch < 0) return usageError('batch size must be bigger than zero');
    const event = await eventOf(run, options);
    if (event) print(`Cloning at event ${event.id} (${asctime(event.ts)})`);
    const part = (given: boolean | undefined): boolean => given ?? options.all ?? false;
    if (part(options.builds) && !part(options.pkgs))
      return usageError("--builds can't be used without also specifying --pkgs");
    const source = await session.getBuildConfig(from, event?.id ?? null).catch((error: unknown) => {
      if (error instanceof GenericError) return null;
      throw error;
    });
    if (!source) return usageError(`No such src-tag: ${from}`);
    const target = await session.getTag(to);
    if ((source.locked || target?.locked) && !options.force)
      return usageError(
        'Error: You are attempting to clone from or to a tag which is locked.\n' +
          'Please use --force if this is what you really want to do.',
      );
    if (options.test) return usageError('server-side operation, test output is no longer available');
    const parts = {
      config: part(options.config),
      pkgs: part(options.pkgs),
      builds: part(options.builds),
      groups: part(options.groups),
      latest_only: options.latest_only ?? false,
      inherit_builds: options.inherit_builds ?? false,
      event: event?.id ?? null,
      force: options.force ?? false,
    };
    if (target)
      await session.snapshotTagModify(source.id, to, named({ ...parts, remove: options.delete ?? true }));
    else await session.snapshotTag(source.id, to, named(parts));
  },
});

export const snapshots = [cloneTag];
