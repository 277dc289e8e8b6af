// Compares the actual state with the changes that the hub has acknowledged, and the file store with the database.
import { readdirSync } from 'node:fs';
import path from 'node:path';

const ended = [2, 3, 5];
const states = { building: 0, complete: 1, deleted: 2, failed: 3, canceled: 4 };

/** Returns every way in which the ledger, the database and the file store do not agree. */
export async function findProblems(system, session, ledger) {
  const problems = [];
  await checkLedger(session, ledger, problems);
  const builds = await session.listBuilds();
  await checkArchives(session, { builds, ledger, problems });
  const known = foldersOf(builds);
  for (const problem of await system.fsck())
    if (!passes(problem, known)) problems.push(`${problem.kind}: ${problem.path} ${problem.text}`);
  checkWork(system, problems);
  checkRest(system, problems);
  return problems;
}

/** Folders of packages and versions that builds have or had, below the packages of a volume. */
function foldersOf(builds) {
  return new Set(builds.flatMap(({ package_name: name, version }) => [name, `${name}/${version}`]));
}

/**
 * Whether it goes by itself: an empty folder of a package or version that the database knows, which the next build of the
 * package takes, and a repo whose task was killed, which expires.
 */
function passes({ kind, path: place, text }, known) {
  const [, below] = /^(?:vol\/[^/]+\/)?packages\/(.+)$/.exec(place) ?? [];
  if (kind === 'extra' && text === 'is an empty folder') return known.has(below);
  return kind === 'half-done' && text.includes('still being made although its task is over');
}

async function checkLedger(session, ledger, problems) {
  const tags = new Set((await session.listTags()).map(({ name }) => name));
  for (const name of ledger.tags) if (!tags.has(name)) problems.push(`tag ${name} is lost`);
  for (const name of ledger.deletedTags) if (tags.has(name)) problems.push(`deleted tag ${name} is back`);
  const rpms = new Set((await session.listRPMs()).map(({ id }) => id));
  for (const id of ledger.rpms) if (!rpms.has(id)) problems.push(`rpm ${id} is lost`);
  const tasks = new Set((await session.listTasks()).map(({ id }) => id));
  for (const id of ledger.tasks) if (!tasks.has(id)) problems.push(`task ${id} is lost`);
  const users = new Set((await session.listUsers()).map(({ name }) => name));
  for (const name of ledger.users) if (!users.has(name)) problems.push(`user ${name} is lost`);
  const builds = new Map((await session.listBuilds()).map((build) => [build.nvr, build]));
  const tagged = new Set((await session.listTagged('base')).map(({ nvr }) => nvr));
  for (const [nvr, { state, volume, tags: wanted }] of ledger.builds) {
    const found = builds.get(nvr);
    if (!found) {
      problems.push(`build ${nvr} is lost`);
      continue;
    }
    if (state !== undefined && found.state !== state)
      problems.push(`build ${nvr} has state ${found.state}, not ${state}`);
    if (state === states.complete && volume !== undefined && found.volume_name !== volume)
      problems.push(`build ${nvr} is on volume ${found.volume_name}, not ${volume}`);
    if (state === states.complete && wanted.has('base') && !tagged.has(nvr))
      problems.push(`build ${nvr} is not tagged`);
  }
}

/** Every build has the archives that were acknowledged. */
async function checkArchives(session, { builds, ledger, problems }) {
  const archives = groupBy(await session.listArchives(), ({ build_id: id }) => id);
  for (const build of builds) {
    const wanted = (ledger.builds.get(build.nvr)?.archives ?? 0) * Number(build.state === states.complete);
    const own = archives.get(build.build_id) ?? [];
    if (own.length < wanted) problems.push(`${build.nvr} has ${own.length} of ${wanted} archives`);
  }
}

/** Uploads that nobody has claimed may stay; what else there is in the work folders is not the load's. */
function checkWork(system, problems) {
  for (const root of [system.store, path.join(system.store, 'vol/second')])
    for (const folder of names(path.join(root, 'work')))
      if (!['tasks', 'cg', 'img', 'rpms'].includes(folder))
        problems.push(`${root}/work/${folder} is not known`);
}

function checkRest({ store, workers, ...system }, problems) {
  const tops = ['.hub', 'packages', 'repos', 'repos-dist', 'scratch', 'vol', 'work'];
  for (const name of names(store)) if (!tops.includes(name)) problems.push(`${store}/${name} is not known`);
  for (const name of names(path.join(store, 'vol/second')))
    if (!['packages', 'toplink', 'work'].includes(name)) problems.push(`vol/second/${name} is not known`);
  for (const top of ['scratch', 'repos-dist'])
    for (const name of names(path.join(store, top))) problems.push(`${store}/${top}/${name} is not known`);
  const processes = names(path.join(store, '.hub/journal'));
  if (processes.length !== workers)
    problems.push(`${processes.length} processes have journals, not ${workers}`);
  for (const id of processes)
    for (const name of names(path.join(store, '.hub/journal', id)))
      problems.push(`a journal is left over: ${id}/${name}`);
  const tasks = path.join(system.folder, 'builder/tasks');
  for (const part of names(tasks))
    for (const id of names(path.join(tasks, part)))
      problems.push(`the builder keeps the folder of task ${id}`);
}

/** The tasks that have not ended. */
export async function openTasks(session) {
  return (await session.listTasks()).filter(({ state }) => !ended.includes(state));
}

function names(folder) {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

function groupBy(rows, key) {
  const groups = new Map();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return groups;
}
