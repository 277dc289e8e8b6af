import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseInteger } from '@koji/core';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag } from '../options.js';

interface Page {
  readonly page: string;
  /** Returns the id for the page, or null for a name that the hub does not know. */
  readonly find: (session: Run['session'], name: string | number) => Promise<number | null>;
}

const idOf = (found: { readonly id: number } | null): number | null => found?.id ?? null;

/** The pages of the web interface that show one object. */
const pages: Readonly<Record<string, Page>> = {
  build: {
    page: 'buildinfo?buildID=',
    find: async (session, name) => idOf(await session.getBuild(name)),
  },
  buildroot: {
    page: 'buildrootinfo?buildrootID=',
    find: async (session, name) => (typeof name === 'number' ? idOf(await session.getBuildroot(name)) : null),
  },
  channel: {
    page: 'channelinfo?channelID=',
    find: async (session, name) => idOf(await session.getChannel(name)),
  },
  host: { page: 'hostinfo?hostID=', find: async (session, name) => idOf(await session.getHost(name)) },
  package: {
    page: 'packageinfo?packageID=',
    find: async (session, name) => idOf(await session.getPackage(name)),
  },
  repo: {
    page: 'repoinfo?repoID=',
    find: async (session, name) => (typeof name === 'number' ? idOf(await session.repoInfo(name)) : null),
  },
  rpm: { page: 'rpminfo?rpmID=', find: async (session, name) => idOf(await session.getRPM(name)) },
  tag: { page: 'taginfo?tagID=', find: async (session, name) => idOf(await session.getTag(name)) },
  target: {
    page: 'buildtargetinfo?targetID=',
    find: async (session, name) => idOf(await session.getBuildTarget(name)),
  },
  task: {
    page: 'taskinfo?taskID=',
    find: async (session, name) => (typeof name === 'number' ? idOf(await session.getTaskInfo(name)) : null),
  },
  user: { page: 'userinfo?userID=', find: async (session, name) => idOf(await session.getUser(name)) },
};

/** The kinds of objects that `koji open` supports. */
export const openKinds = Object.keys(pages);

const open = command({
  name: 'open',
  category: 'info',
  extra: true,
  arguments: ['kind', 'name...'],
  examples: ['open build bash-5.2-1'],
  summary: 'Print the address of a web page and open it on a desktop',
  usage: `open [options] <kind> <name|id> [<name|id> ...]

Kinds: ${openKinds.join(', ')}`,
  anonymous: true,
  options: { print_only: flag(['-n', '--print'], 'Only print the address') },
  async run(run) {
    const { args, options, global, print, warn, connect, usageError } = run;
    const [kind = '', ...names] = args;
    if (names.length === 0) return usageError('Please specify a kind and a name');
    const page = Object.hasOwn(pages, kind) ? pages[kind] : undefined;
    if (!page) return usageError(`No such kind: ${kind}. Kinds: ${openKinds.join(', ')}`);
    await connect();
    let failed = false;
    for (const name of names) {
      const id = await find(run, page, name);
      if (id === null) {
        warn(`No such ${kind}: ${name}`);
        failed = true;
        continue;
      }
      const url = `${global.weburl.replace(/\/+$/, '')}/${page.page}${id}`;
      print(url);
      if (!options.print_only && hasDesktop()) failed = !(await openInBrowser(url, run)) || failed;
    }
    return failed ? 1 : 0;
  },
});

/** A number may also be a name, for example of a package. */
async function find({ session }: Run, page: Page, name: string): Promise<number | null> {
  const id = parseInteger(name);
  const found = typeof id === 'number' ? await page.find(session, id) : null;
  return found ?? page.find(session, name);
}

/** Returns whether the command was started from a desktop session. */
function hasDesktop(): boolean {
  const { DISPLAY, WAYLAND_DISPLAY, BROWSER } = process.env;
  if (!process.stdout.isTTY) return false;
  return process.platform === 'darwin' || Boolean(DISPLAY || WAYLAND_DISPLAY || BROWSER);
}

async function openInBrowser(url: string, { warn }: Run): Promise<boolean> {
  const own = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const program = process.env['BROWSER']?.split(':')[0] || own;
  const child = spawn(program, [url], { stdio: 'ignore', detached: true });
  try {
    await once(child, 'spawn');
    child.unref();
    return true;
  } catch {
    warn(`Cannot start ${program}. Set BROWSER, or open the address yourself.`);
    return false;
  }
}

export const opening = [open];
