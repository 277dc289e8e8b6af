import { named } from '@koji/core/wire';
import { parseArches } from '@koji/core';
import { command } from '../command.js';
import { flag, text } from '../options.js';

const addPkg = command({
  name: 'add-pkg',
  category: 'admin',
  arguments: ['tag', 'package...'],
  examples: ['add-pkg --owner=alice f44 bash'],
  summary: 'Add a package to the listing for tag',
  usage: 'add-pkg [options] --owner <owner> <tag> <package> [<package> ...]',
  options: {
    force: flag('--force', 'Override blocks if necessary'),
    owner: text('--owner', 'Specify owner'),
    extra_arches: text('--extra-arches', 'Specify extra arches'),
  },
  async run({ args, options, session, print, login, usageError, fail }) {
    const [tag, ...packages] = args;
    const { owner } = options;
    if (tag === undefined || packages.length === 0)
      return usageError('Please specify a tag and at least one package');
    if (!owner) return usageError('Please specify an owner for the package(s)');
    if (!(await session.getUser(owner))) fail(`No such user: ${owner}`);
    await login();
    const found = (await session.getTag(tag)) ?? fail(`No such tag: ${tag}`);
    const listed = await session.listPackages(
      named({
        tagID: found.id,
        with_owners: false,
      }),
    );
    const known = new Set(listed.map((entry) => entry.package_name));
    for (const name of packages) if (known.has(name)) print(`Package ${name} already exists in tag ${tag}`);
    const added = packages.filter((name) => !known.has(name));
    const arches = options.extra_arches ? { extra_arches: parseArches(options.extra_arches) } : {};
    print(`Adding ${added.length} packages to tag ${found.name}`);
    const calls = session.multicall({ strict: true });
    for (const name of added)
      calls.packageListAdd(
        tag,
        name,
        owner,
        named({
          force: options.force ?? false,
          block: false,
          ...arches,
        }),
      );
    await calls.run();
  },
});

export const packages = [addPkg];
