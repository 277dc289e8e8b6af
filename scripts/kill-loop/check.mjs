// Compares what is there with what the hub has acknowledged, and the file store with the database.
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';

const ended = [2, 3, 5];
const states = { building: 0, complete: 1, deleted: 2, failed: 3, canceled: 4 };

/** Returns every way in which the ledger, the database and the file store do not agree. */
export async function findProblems(system, session, ledger) {
  const problems = [];
  await checkLedger(session, ledger, problems);
  const builds = await session.listBuilds();
  await checkPackages(system, session, { builds, ledger, problems });
  await checkRepos(system, session, problems);
  await checkWork(system, session, problems);
  checkRest(system, problems);
  return problems;
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

/** Everything below packages of every volume: names with a slash behind folders. */
function* walk(folder, below = '') {
  let entries = [];
  try {
    entries = readdirSync(path.join(folder, below), { withFileTypes: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  for (const entry of entries) {
    const name = path.posix.join(below, entry.name);
    yield { name, entry };
    if (entry.isDirectory()) yield* walk(folder, name);
  }
}

async function checkPackages(system, session, { builds, ledger, problems }) {
  const rpms = groupBy(await session.listRPMs(), ({ build_id: id }) => id);
  const archives = groupBy(await session.listArchives(), ({ build_id: id }) => id);
  const known = new Map();
  const folders = new Set();
  for (const build of builds) {
    const { package_name: name, version, release, volume_name: volume } = build;
    const at = `${name}/${version}/${release}`;
    for (const root of ['DEFAULT', 'second'])
      for (const part of [name, `${name}/${version}`]) folders.add(`${root}:${part}`);
    const gone = [states.deleted, states.canceled].includes(build.state);
    const wanted = (ledger.builds.get(build.nvr)?.archives ?? 0) * Number(build.state === states.complete);
    const own = archives.get(build.build_id) ?? [];
    if (own.length < wanted) problems.push(`${build.nvr} has ${own.length} of ${wanted} archives`);
    if (gone) continue;
    if (volume !== 'DEFAULT') known.set(`DEFAULT:${at}`, { link: `../../../vol/${volume}/packages/${at}` });
    const files = new Set([
      ...(rpms.get(build.build_id) ?? []).map(
        (rpm) => `${rpm.arch}/${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}.rpm`,
      ),
      ...own.map((archive) => `images/${archive.filename}`),
    ]);
    known.set(`${volume}:${at}`, { files, isContent: build.cg_id !== null });
  }
  for (const [volume, root] of [
    ['DEFAULT', system.store],
    ['second', path.join(system.store, 'vol/second')],
  ])
    checkVolume(path.join(root, 'packages'), volume, { known, folders, problems });
  for (const [place, { files }] of known)
    for (const file of files ?? []) problems.push(`${place}/${file} is missing`);
}

function checkVolume(packages, volume, { known, folders, problems }) {
  for (const { name, entry } of walk(packages)) {
    const parts = name.split('/');
    const at = `${volume}:${parts.slice(0, 3).join('/')}`;
    if (parts.length < 3) {
      if (!folders.has(at)) problems.push(`${packages}/${name} is of no build`);
      continue;
    }
    const build = known.get(at);
    if (!build) {
      problems.push(`${packages}/${name} is of no build`);
      continue;
    }
    if (build.link) {
      const target = entry.isSymbolicLink() ? readlinkSync(path.join(packages, name)) : null;
      if (target !== build.link)
        problems.push(`${packages}/${name} is no link to ${build.link} but ${target ?? 'a folder'}`);
      continue;
    }
    const below = parts.slice(3).join('/');
    if (parts.length === 3 || entry.isDirectory()) {
      if (readdirSync(path.join(packages, name)).length === 0) problems.push(`${packages}/${name} is empty`);
    } else if (!build.files.delete(below) && !isExpected(below, build))
      problems.push(`${packages}/${name} is not known`);
  }
}

function isExpected(name, { isContent }) {
  if (name.split('/').some((part) => part.startsWith('.'))) return false;
  if (isContent && (name === 'metadata.json' || name.startsWith('data/logs/'))) return true;
  return name.startsWith('data/sigcache/');
}

async function checkRepos(system, session, problems) {
  const repos = path.join(system.store, 'repos');
  for (const tag of names(repos))
    for (const id of names(path.join(repos, tag))) {
      const place = path.join(repos, tag, id);
      if (lstatSync(place).isSymbolicLink()) {
        if (id !== 'latest' || !names(path.join(repos, tag)).includes(readlinkSync(place)))
          problems.push(`${place} leads to ${readlinkSync(place)}`);
      } else if (!/^\d+$/.test(id) || !(await session.repoInfo(Number(id))))
        problems.push(`${place} is of no repo`);
      else
        for (const { name } of walk(place))
          if (/(^|\/)\./.test(name)) problems.push(`${place}/${name} is left over`);
    }
}

/** Uploads that nobody has claimed may stay; names that the hub makes for a moment may not. */
async function checkWork(system, session, problems) {
  for (const root of [system.store, path.join(system.store, 'vol/second')]) {
    const work = path.join(root, 'work');
    for (const { name } of walk(work)) {
      const last = path.posix.basename(name);
      if (last.startsWith('.') && last !== '.user') problems.push(`${work}/${name} is left over`);
    }
    for (const part of names(path.join(work, 'tasks')))
      for (const id of names(path.join(work, 'tasks', part)))
        if (!(await session.getTaskInfo(Number(id))))
          problems.push(`${work}/tasks/${part}/${id} is of no task`);
    for (const folder of names(work))
      if (!['tasks', 'cg', 'img', 'rpms'].includes(folder)) problems.push(`${work}/${folder} is not known`);
  }
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
