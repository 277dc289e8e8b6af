// npm run interop -- packages DIR: builds the source trees in DIR, each a folder with a spec file and its sources, from git on a
// new hub and builder with the back end sandbox, against a distribution out of this machine's own packages. Prints of each
// whether it was built, or why not. What fails for want of another package is tried again once that is built.
// --backend has another back end make the buildroots, --distribution a FOLDER that make-distribution.mjs made before, --only
// takes one package, --keep leaves everything where it is.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { siteFolder, startBuildSite } from '../build-site.mjs';

const more = fileURLToPath(new URL('./fedora.json', import.meta.url));
const closed = 2;

/** The lines of a log that say why a build failed. */
function reason(text) {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const missing = lines.flatMap(
    (line) => /nothing provides (.*?) needed by|Unable to find a match: (.*)/.exec(line)?.slice(1) ?? [],
  );
  const noPackage = lines.flatMap((line) => /^No match for argument: (.*)$/.exec(line)?.[1] ?? []);
  const names = [...new Set([...missing, ...noPackage].filter(Boolean))];
  if (names.length > 0) return { missing: names, text: `not in the distribution: ${names.join(', ')}` };
  const telling =
    /error:|^\*\*\*|\*\*\* .*(Error \d|No rule)|^FAIL: |command not found|No such file or directory$|File not found/i;
  const errors = lines.filter(
    (line) => telling.test(line) && !/^(checking|RPM build errors|error: Bad exit)/.test(line),
  );
  return { missing: [], text: errors.slice(-3).join(' | ').slice(0, 400) };
}

/** How a build ended. */
async function outcome(site, id) {
  const { session } = site;
  const info = await session.call('getTaskInfo', [id]);
  const seconds = Math.round(info.completion_ts - info.start_ts);
  if (info.state === closed) {
    const [build] = await session.call('listBuilds', [], { taskID: id });
    const rpms = await session.listRPMs(build.build_id);
    const kinds = [...new Set(rpms.map(({ arch }) => arch))].filter((arch) => arch !== 'src').join(' and ');
    return {
      built: true,
      missing: [],
      seconds,
      text: `${build.nvr}: ${rpms.length - 1} packages (${kinds})`,
    };
  }
  const fault = await session.call('getTaskResult', [id, false]);
  const failed = (await session.call('getTaskChildren', [id])).find(({ state }) => state === 5);
  const logs = failed ? site.file('koji', 'work', 'tasks', String(failed.id % 10000), String(failed.id)) : '';
  const log = /see (\w+\.log)/.exec(fault.faultString)?.[1];
  const file = path.join(logs, log ?? '');
  const found = log && existsSync(file) ? reason(readFileSync(file, 'utf8')) : { missing: [], text: '' };
  return {
    built: false,
    ...found,
    seconds,
    text: [fault.faultString, found.text].filter(Boolean).join(': '),
  };
}

/** The trees in a folder: the names of packages, as their spec files have them, and where they are. */
function treesIn(folder) {
  const found = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return found.flatMap(({ name }) => {
    const spec = readdirSync(path.join(folder, name)).find((file) => file.endsWith('.spec'));
    return spec ? [{ name: path.basename(spec, '.spec'), folder: path.join(folder, name) }] : [];
  });
}

async function build(site, trees) {
  const asked = [];
  for (const tree of trees) {
    const url = site.git.commit(tree.name, tree.folder);
    asked.push({ tree, id: await site.session.call('build', [url, 'f44']) });
  }
  const failed = [];
  for (const { tree, id } of asked) {
    await site.ended(id);
    const { built, missing, seconds, text } = await outcome(site, id);
    if (!built) failed.push({ ...tree, missing });
    console.log(`${built ? 'built ' : 'FAILED'} ${tree.name} in ${seconds} s: ${text}`);
  }
  return failed;
}

/** Runs the command; `args` are the words after its name. */
export async function buildPackages(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      backend: { type: 'string', default: 'sandbox' },
      distribution: { type: 'string' },
      keep: { type: 'boolean' },
      only: { type: 'string', multiple: true },
    },
  });
  const [given] = positionals;
  const trees =
    given && existsSync(given)
      ? treesIn(path.resolve(given)).filter(({ name }) => !values.only || values.only.includes(name))
      : [];
  if (trees.length === 0) {
    console.error(
      'usage: npm run interop -- packages [--backend NAME] [--distribution FOLDER] [--keep] [--only NAME]… DIR, where DIR has a folder for each package with its spec file and sources',
    );
    process.exitCode = 2;
    return;
  }
  const folder = siteFolder('packages');
  console.log(`${trees.length} packages; everything is in ${folder}`);
  let site = null;
  try {
    site = await startBuildSite({
      folder,
      distribution: values.distribution ?? ['--compiler', '--more', more],
      inherits: true,
      kojid: {
        maxjobs: 200,
        buildroot_backend: values.backend,
        ...(values.keep ? { buildroot_basic_cleanup_delay: 86_400, failed_buildroot_lifetime: 86_400 } : {}),
      },
    });
    await site.startBuilder();
    for (const { name } of trees) await site.session.call('packageListAdd', ['f44', name, 'kojiadmin']);
    let failed = await build(site, trees);
    // A missing package may have been built by now.
    while (failed.length > 0) {
      const again = failed.filter(({ missing }) => missing.length > 0);
      if (again.length === 0) break;
      const rest = await build(site, again);
      if (rest.length === again.length) break;
      failed = rest;
    }
    if (failed.length > 0) process.exitCode = 1;
    console.log(String(execFileSync('uptime')).trim());
  } finally {
    await site?.stop();
    if (!values.keep) removeFolder(folder);
  }
}

/** Removes a folder; without root, what builds have made in it belongs to accounts of this user's range. */
function removeFolder(folder) {
  const words = process.getuid() === 0 ? [] : ['unshare', '--user', '--map-root-user', '--map-auto', '--'];
  const [program, ...args] = [...words, 'rm', '-rf', '--', folder];
  execFileSync(program, args);
}
