import { named } from '@koji/core/wire';
import { parseInteger } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import { buildLabel } from '@koji/core/text';
import { runsInBackground } from '../background.js';
import { command } from '../command.js';
import { flag } from '../options.js';
import { waitOptions } from '../starting.js';
import { watch } from './watching.js';

const moveBuild = command({
  name: 'move-build',
  category: 'bind',
  arguments: ['tag', 'tag', 'build...'],
  examples: ['move-build f44-testing f44 bash-5.2-1'],
  summary: "'Move' one or more builds between tags",
  usage: 'move-build [options] <tag1> <tag2> <pkg> [<pkg> ...]',
  options: {
    force: flag('--force', 'force operation'),
    wait: waitOptions('tasks', 'Do not wait on tasks'),
    all: flag('--all', "move all instances of a package, <pkg>'s are package names"),
  },
  async run(run) {
    const { args, options, session, print, login, usageError } = run;
    const [from, to, ...names] = args;
    if (from === undefined || to === undefined || names.length === 0)
      return usageError(
        options.all
          ? 'This command, with --all, takes at least three arguments: two tags and one or more package names'
          : "This command takes at least three arguments: two tags and one or more package n-v-r's",
      );
    await login();
    const tasks: number[] = [];
    const force = options.force ?? false;
    if (options.all) {
      for (const name of names) {
        if (await session.getPackage(name))
          tasks.push(...(await session.moveAllBuilds(from, to, name, force)));
        else print(`No such package: ${name}, skipping.`);
      }
    } else {
      const builds = new Map<number, BuildInfo>();
      for (const nvr of names) {
        const build = await session.getBuild(nvr);
        if (build) builds.set(build.id, build);
        else print(`No such build: ${nvr}, skipping.`);
      }
      for (const build of builds.values()) {
        const id = await session.moveBuild(from, to, build.id, force);
        tasks.push(id);
        print(`Created task ${id}, moving ${buildLabel(build)}`);
      }
    }
    return (options.wait ?? !runsInBackground()) ? watch(run, tasks) : 0;
  },
});

const promoteBuild = command({
  name: 'promote-build',
  category: 'misc',
  arguments: ['build'],
  examples: ['promote-build bash-5.2-1,draft_12'],
  summary: 'Promote a draft build',
  usage: 'promote-build [options] <draft-build>',
  options: { force: flag(['-f', '--force'], 'force operation') },
  async run({ args, options, session, print, login, usageError, fail }) {
    const [given] = args;
    if (given === undefined || args.length !== 1) return usageError('Please specify a draft build');
    await login();
    const { force = false } = options;
    if (force && !(await session.hasPerm('admin'))) return usageError('--force requires admin privilege');
    const id = parseInteger(given);
    const build = await session.getBuild(id === null ? given : Number(id));
    if (!build) return fail(`No such build: ${given}`);
    if (!build.draft) return fail(`Not a draft build: ${given}`);
    const promoted = await session.promoteBuild(build.id, named({ force }));
    print(`${build.nvr} has been promoted to ${promoted.nvr}`);
  },
});

export const moving = [moveBuild, promoteBuild];
