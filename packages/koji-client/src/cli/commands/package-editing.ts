import { parseArches } from '@koji/core';
import type { Api, NamedArguments, PackageListEntry } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Multicall } from '../../multicall.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag, text } from '../options.js';

/** Checks that packages are in a tag's list, and reports each one that is missing. */
async function checkListed(
  { session, warn, fail }: Run,
  { tag, packages, inherited }: { tag: string; packages: readonly string[]; inherited: boolean },
  missing: (name: string) => string,
): Promise<void> {
  const found = (await session.getTag(tag)) ?? fail(`No such tag: ${tag}`);
  const listed = await session.listPackages(
    named({ tagID: found.id, ...(inherited ? { inherited } : {}), with_owners: false }),
  );
  const names = new Set(listed.map((entry) => entry.package_name));
  const absent = packages.filter((name) => !names.has(name));
  for (const name of absent) warn(missing(name));
  if (absent.length > 0) fail();
}

const noPackages = 'Please specify a tag and at least one package';

/** Returns the tag and the packages of a command line that starts with them. */
function tagAndPackages({ args, usageError }: Run): { tag: string; packages: readonly string[] } {
  const [tag, ...packages] = args;
  if (tag === undefined || packages.length === 0) return usageError(noPackages);
  return { tag, packages };
}

/** Makes a call for each package, all in one request. */
async function forEachPackage(
  { session }: Run,
  packages: readonly string[],
  call: (calls: Multicall, name: string) => unknown,
): Promise<void> {
  const calls = session.multicall({ strict: true });
  for (const name of packages) call(calls, name);
  await calls.run();
}

const blockPkg = command({
  name: 'block-pkg',
  category: 'admin',
  arguments: ['tag', 'package...'],
  examples: ['block-pkg f44 bash'],
  summary: 'Block a package in the listing for tag',
  usage: 'block-pkg [options] <tag> <package> [<package> ...]',
  options: {
    force: flag('--force', 'Override blocks and owner if necessary'),
  },
  async run(run) {
    const { tag, packages } = tagAndPackages(run);
    await run.login();
    await checkListed(
      run,
      { tag, packages, inherited: true },
      (name) => `Package ${name} doesn't exist in tag ${tag}`,
    );
    const force = run.options.force ? { force: true } : {};
    await forEachPackage(run, packages, (calls, name) => calls.packageListBlock(tag, name, named(force)));
  },
});

const removePkg = command({
  name: 'remove-pkg',
  category: 'admin',
  arguments: ['tag', 'package...'],
  examples: ['remove-pkg f44 bash'],
  summary: 'Remove a package from the listing for tag',
  usage: 'remove-pkg [options] <tag> <package> [<package> ...]',
  options: {
    force: flag('--force', 'Override blocks if necessary'),
  },
  async run(run) {
    const { tag, packages } = tagAndPackages(run);
    await run.login();
    await checkListed(
      run,
      { tag, packages, inherited: false },
      (name) => `Package ${name} is not in tag ${tag}`,
    );
    const { force = false } = run.options;
    await forEachPackage(run, packages, (calls, name) => calls.packageListRemove(tag, name, force));
  },
});

const unblockPkg = command({
  name: 'unblock-pkg',
  category: 'admin',
  arguments: ['tag', 'package...'],
  examples: ['unblock-pkg f44 bash'],
  summary: 'Unblock a package in the listing for tag',
  usage: 'unblock-pkg [options] <tag> <package> [<package> ...]',
  options: {},
  async run(run) {
    const { tag, packages } = tagAndPackages(run);
    await run.login();
    await forEachPackage(run, packages, (calls, name) => calls.packageListUnblock(tag, name));
  },
});

const forceOption = flag('--force', 'Force operation');

/** Changes a setting of packages in a tag: it comes first on the command line, before the tag and the packages. */
async function setOfPackages(
  run: Run<{ force: typeof forceOption }>,
  { missing, set }: { missing: string; set: (calls: Multicall, change: PackageChange) => unknown },
): Promise<void> {
  const { args, options, login, usageError } = run;
  const [value, tag, ...packages] = args;
  if (value === undefined || tag === undefined || packages.length === 0) return usageError(missing);
  await login();
  const { force = false } = options;
  await forEachPackage(run, packages, (calls, name) => set(calls, { tag, name, value, force }));
}

interface PackageChange {
  readonly tag: string;
  readonly name: string;
  readonly value: string;
  readonly force: boolean;
}

const setPkgArches = command({
  name: 'set-pkg-arches',
  category: 'admin',
  arguments: ['text', 'tag', 'package...'],
  examples: ['set-pkg-arches "x86_64 i686" f44 bash'],
  summary: 'Set the list of extra arches for a package',
  usage: 'set-pkg-arches [options] <arches> <tag> <package> [<package> ...]',
  options: { force: forceOption },
  run: (run) =>
    setOfPackages(run, {
      missing: 'Please specify an archlist, a tag, and at least one package',
      set: (calls, { tag, name, value, force }) =>
        calls.packageListSetArches(tag, name, parseArches(value), force),
    }),
});

const setPkgOwner = command({
  name: 'set-pkg-owner',
  category: 'admin',
  arguments: ['user', 'tag', 'package...'],
  examples: ['set-pkg-owner alice f44 bash'],
  summary: 'Set the owner for a package',
  usage: 'set-pkg-owner [options] <owner> <tag> <package> [<package> ...]',
  options: { force: forceOption },
  run: (run) =>
    setOfPackages(run, {
      missing: 'Please specify an owner, a tag, and at least one package',
      set: (calls, { tag, name, value, force }) => calls.packageListSetOwner(tag, name, value, force),
    }),
});

type OwnedPackage = PackageListEntry;

const setPkgOwnerGlobal = command({
  name: 'set-pkg-owner-global',
  category: 'admin',
  arguments: ['user', 'package...'],
  examples: ['set-pkg-owner-global --old-user=bob alice bash'],
  summary: 'Set the owner for a package globally',
  usage: 'set-pkg-owner-global [options] <owner> <package> [<package> ...]',
  options: {
    verbose: flag('--verbose', 'List changes'),
    test: flag('--test', 'Test mode'),
    old_user: text(['--old-user', '--from'], 'Only change ownership for packages belonging to this user', {
      metavar: 'OLD_USER, --from=OLD_USER',
    }),
  },
  async run(run) {
    const { args, options, session, print, login, usageError, fail } = run;
    const [owner, ...packages] = args;
    if (owner === undefined || (packages.length === 0 && !options.old_user))
      return usageError(
        options.old_user ? 'Please specify an owner' : 'Please specify an owner and at least one package',
      );
    await login();
    const find = async (name: string): Promise<{ id: number; name: string }> =>
      (await session.getUser(name)) ?? fail(`No such user: ${name}`);
    const user = await find(owner);
    const old = options.old_user ? await find(options.old_user) : null;
    for (const entry of await ownedPackages(run, packages, old)) {
      const change = `owner for ${entry.package_name} in tag ${entry.tag_name}: ${entry.owner_name} -> ${user.name}`;
      if (user.id === entry.owner_id) {
        if (options.verbose)
          print(`Preserving owner=${user.name} for package ${entry.package_name} in tag ${entry.tag_name}`);
      } else if (options.test) {
        print(`Would have changed ${change}`);
      } else {
        if (options.verbose) print(`Changing ${change}`);
        await session.packageListSetOwner(entry.tag_id, entry.package_name, user.id);
      }
    }
  },
});

/** Returns entries of package lists; a filter removes packages that are in none. */
async function listedPackages(
  session: Run['session'],
  filter: NamedArguments<Api['listPackages']>,
): Promise<OwnedPackage[]> {
  return (await session.listPackages(named(filter))).filter((entry) => 'tag_id' in entry);
}

async function ownedPackages(
  { session, print, fail }: Run,
  packages: readonly string[],
  old: { id: number; name: string } | null,
): Promise<OwnedPackage[]> {
  const owned = { with_dups: true, ...(old ? { userID: old.id } : {}) };
  const all: OwnedPackage[] = [];
  for (const name of packages) {
    const entries = await listedPackages(session, { pkgID: name, ...owned });
    if (entries.length === 0) print(`No data for package ${name}`);
    all.push(...entries);
  }
  if (packages.length > 0 || !old) return all;
  const entries = await listedPackages(session, owned);
  return entries.length > 0 ? entries : fail(`No data for user ${old.name}`);
}

export const packageEditing = [blockPkg, removePkg, unblockPkg, setPkgArches, setPkgOwner, setPkgOwnerGlobal];
