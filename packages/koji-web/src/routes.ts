import { BR_STATES, BUILD_STATES } from '@koji/core';
import {
  choice,
  flag,
  id,
  ids,
  neededText,
  optionalId,
  optionalRef,
  order,
  prefix,
  ref,
  start,
  state,
  text,
  whole,
} from './params.js';
import { moment } from './moments.js';
import type { Given, Params, Values } from './params.js';

/** An entry of the menu. */
export type MenuEntry =
  | 'Overview'
  | 'Packages'
  | 'Builds'
  | 'Tasks'
  | 'Tags'
  | 'Targets'
  | 'Users'
  | 'Hosts'
  | 'Reports'
  | 'Search'
  | 'API';

/** Declaration of a page. */
export interface Route<P extends Params = Params> {
  readonly doc: string;
  readonly params: P;
  /** The menu entry that is highlighted on the page. */
  readonly menu: MenuEntry | null;
  /** Only for logged-in visitors. */
  readonly needsLogin?: boolean;
  /** Search engines may index it, but never with filters. */
  readonly indexed?: boolean;
  /** Expensive for the hub, and therefore limited for each address: always, or with a parameter. */
  readonly heavy?: true | string;
}

const route = <const P extends Params>(declared: Route<P>): Route<P> => declared;

const buildColumns = ['build_id', 'nvr', 'owner_name', 'completion_time', 'state'] as const;
const buildColumnsOfTag = [...buildColumns, 'tag_name'] as const;
const packageColumns = ['package_name', 'package_id', 'tag_name', 'owner_name', 'blocked'] as const;
const taskColumns = [
  'id',
  'method',
  'owner',
  'arch',
  'completion_time',
  'state',
  'create_time',
  'host_id',
] as const;
const nameColumns = ['name', 'id'] as const;
const fileColumns = ['name', 'size'] as const;
const countColumns = <const T extends string>(counted: T) => ['name', counted] as const;

/** Every page of Koji, by its name in addresses, with its parameters. Links, JSON and the crawl of the tests come from it. */
export const routes = {
  index: route({
    doc: 'What is going on: running and waiting tasks, newest builds, builders.',
    params: { packageOrder: order('package_name', packageColumns), packageStart: start },
    menu: 'Overview',
    indexed: true,
  }),
  packages: route({
    doc: 'Packages, all of them or those of a tag or user.',
    params: {
      tagID: optionalRef,
      event: moment,
      userID: optionalRef,
      order: order('package_name', packageColumns),
      start,
      prefix,
      inherited: flag(true),
      blocked: flag(true),
    },
    menu: 'Packages',
    heavy: 'tagID',
    indexed: true,
  }),
  packageinfo: route({
    doc: 'A package with its builds and tags.',
    params: {
      packageID: ref,
      tagOrder: order('name', nameColumns),
      tagStart: start,
      buildOrder: order('-completion_time', buildColumns),
      buildStart: start,
    },
    menu: 'Packages',
    indexed: true,
  }),
  builds: route({
    doc: 'Builds by user, tag, package, state and type.',
    params: {
      userID: optionalRef,
      tagID: optionalRef,
      event: moment,
      packageID: optionalRef,
      state: state(BUILD_STATES),
      type: text('all'),
      order: order('-build_id', buildColumnsOfTag),
      start,
      prefix,
      inherited: flag(true),
      latest: flag(true),
    },
    menu: 'Builds',
    heavy: 'tagID',
    indexed: true,
  }),
  buildinfo: route({
    doc: 'A build with its rpms, archives, logs, tags and changelog.',
    params: { buildID: id },
    menu: 'Builds',
    indexed: true,
  }),
  comparebuilds: route({
    doc: 'Two builds beside each other: packages, sizes, files, dependencies, buildroots and times.',
    params: { buildID: optionalRef, otherID: optionalRef, arch: text() },
    menu: 'Builds',
    heavy: 'otherID',
  }),
  tasks: route({
    doc: 'Tasks by owner, state, method, host and channel.',
    params: {
      owner: optionalRef,
      state: choice('active', ['all', 'free', 'open', 'closed', 'canceled', 'assigned', 'failed']),
      view: choice('tree', ['toplevel', 'flat']),
      method: text('all'),
      hostID: optionalRef,
      channelID: optionalRef,
      start,
      order: order('-id', taskColumns),
    },
    menu: 'Tasks',
    indexed: true,
  }),
  taskinfo: route({
    doc: 'A task with its parameters, subtasks, result and output.',
    params: { taskID: id },
    menu: 'Tasks',
    indexed: true,
  }),
  taskstatus: route({
    doc: "A task's state and output files as lines of text.",
    params: { taskID: id },
    menu: null,
  }),
  getfile: route({
    doc: "A file of a task's output, whole or from an offset.",
    params: { taskID: id, name: neededText, volume: text('DEFAULT'), offset: whole(0), size: whole(-1) },
    menu: null,
  }),
  viewlog: route({
    doc: "A log of a task's output, some lines at a time, with search, growing while the task runs; its end unless a line is given.",
    params: { taskID: id, name: neededText, volume: text('DEFAULT'), line: optionalId, find: text() },
    menu: 'Tasks',
    heavy: 'find',
  }),
  watchlogs: route({ doc: 'The logs of tasks, growing.', params: { taskID: ids }, menu: 'Tasks' }),
  tags: route({
    doc: 'Tags.',
    params: { order: order('name', nameColumns), start, childID: optionalId },
    menu: 'Tags',
    indexed: true,
  }),
  taginfo: route({
    doc: 'A tag with its settings, inheritance, repositories and targets.',
    params: { tagID: ref, all: flag(false), childID: optionalId },
    menu: 'Tags',
    indexed: true,
  }),
  taghistory: route({
    doc: 'The builds that came into a tag and left it.',
    params: { tagID: ref },
    menu: 'Tags',
  }),
  comparetags: route({
    doc: 'Two tags, or one tag at two moments, beside each other: latest builds and packages.',
    params: { tagID: ref, otherID: optionalRef, event: moment, otherEvent: moment, inherited: flag(true) },
    menu: 'Tags',
    heavy: true,
  }),
  externalrepoinfo: route({
    doc: 'An external repository and the tags that use it.',
    params: { extrepoID: ref },
    menu: 'Tags',
    indexed: true,
  }),
  rpminfo: route({
    doc: 'An rpm with its headers, dependencies and files.',
    params: {
      rpmID: id,
      fileOrder: order('name', fileColumns),
      fileStart: start,
      buildrootOrder: order('-id', ['id']),
      buildrootStart: start,
    },
    menu: 'Builds',
    indexed: true,
  }),
  archiveinfo: route({
    doc: 'An archive with its files.',
    params: {
      archiveID: id,
      fileOrder: order('name', fileColumns),
      fileStart: start,
      buildrootOrder: order('-id', ['id']),
      buildrootStart: start,
    },
    menu: 'Builds',
    indexed: true,
  }),
  fileinfo: route({
    doc: 'A file in an rpm or archive.',
    params: { filename: neededText, rpmID: optionalId, archiveID: optionalId },
    menu: 'Builds',
  }),
  rpmlist: route({
    doc: 'The rpms of a buildroot or image.',
    params: {
      type: choice('component', ['built', 'image']),
      buildrootID: optionalId,
      imageID: optionalId,
      start,
      order: order('nvr', ['nvr', 'id', 'name']),
    },
    menu: 'Builds',
  }),
  archivelist: route({
    doc: 'The archives of a buildroot or image.',
    params: {
      type: choice('component', ['built', 'image']),
      buildrootID: optionalId,
      imageID: optionalId,
      start,
      order: order('filename', ['filename', 'id']),
    },
    menu: 'Builds',
  }),
  buildroots: route({
    doc: 'The buildroots of a repository.',
    params: { repoID: optionalId, state: state(BR_STATES), order: order('id', ['id', 'state']), start },
    menu: 'Hosts',
  }),
  buildrootinfo: route({
    doc: 'A buildroot: where a build ran.',
    params: { buildrootID: id },
    menu: 'Hosts',
    indexed: true,
  }),
  repoinfo: route({
    doc: 'A repository of a tag.',
    params: { repoID: id },
    menu: 'Tags',
    indexed: true,
  }),
  reporequests: route({
    doc: 'Requests for repositories.',
    params: {
      active: choice('true', ['false', 'all']),
      tag: optionalRef,
      start,
      order: order('-id', ['id', 'priority']),
    },
    menu: 'Tags',
  }),
  reporequest: route({ doc: 'A request for a repository.', params: { reqID: id }, menu: 'Tags' }),
  hosts: route({
    doc: 'Builders with their load and channels.',
    params: {
      state: choice('enabled', ['disabled', 'all']),
      ready: choice('all', ['yes', 'no']),
      channel: text('all'),
      arch: text('all'),
      order: order('name', [
        'name',
        'id',
        'arches',
        'enabled',
        'ready',
        'task_load',
        'capacity',
        'last_update',
      ]),
      start,
    },
    menu: 'Hosts',
    indexed: true,
  }),
  hostinfo: route({
    doc: 'A builder: its settings, tasks and buildroots.',
    params: { hostID: optionalRef, userID: optionalRef },
    menu: 'Hosts',
    indexed: true,
  }),
  channelinfo: route({
    doc: 'A channel with its builders and queue.',
    params: { channelID: id },
    menu: 'Hosts',
    indexed: true,
  }),
  users: route({
    doc: 'Users.',
    params: { order: order('name', nameColumns), start, prefix },
    menu: 'Users',
    indexed: true,
  }),
  userinfo: route({
    doc: 'A user with packages, builds and tasks.',
    params: {
      userID: ref,
      packageOrder: order('package_name', packageColumns),
      packageStart: start,
      buildOrder: order('-completion_time', buildColumns),
      buildStart: start,
    },
    menu: 'Users',
    indexed: true,
  }),
  buildtargets: route({
    doc: 'Build targets.',
    params: { order: order('name', nameColumns), start },
    menu: 'Targets',
    indexed: true,
  }),
  buildtargetinfo: route({
    doc: 'A build target: where builds come from and go to.',
    params: { targetID: optionalRef, name: text() },
    menu: 'Targets',
    indexed: true,
  }),
  search: route({
    doc: 'Search by name. A single result leads to its page.',
    params: {
      terms: text(),
      type: choice('all', ['package', 'build', 'tag', 'target', 'user', 'host', 'rpm', 'maven', 'win']),
      match: choice('glob', ['regexp', 'exact']),
      start,
      order: order('-id', nameColumns),
    },
    menu: 'Search',
    heavy: 'terms',
  }),
  suggest: route({
    doc: 'The few things that the beginning of a search may mean, as JSON.',
    params: { terms: text() },
    menu: null,
  }),
  recentbuilds: route({
    doc: 'The newest builds as an RSS feed; format=atom for Atom.',
    params: {
      user: optionalRef,
      tag: optionalRef,
      package: optionalRef,
      format: choice('rss', ['atom']),
    },
    menu: null,
  }),
  reports: route({ doc: 'The reports.', params: {}, menu: 'Reports', indexed: true }),
  packagesbyuser: route({
    doc: 'Packages by owner.',
    params: { order: order('-packages', countColumns('packages')), start },
    menu: 'Reports',
    heavy: true,
  }),
  buildsbyuser: route({
    doc: 'Builds by owner.',
    params: { order: order('-builds', countColumns('builds')), start, days: whole(30) },
    menu: 'Reports',
    heavy: true,
  }),
  tasksbyuser: route({
    doc: 'Tasks by owner.',
    params: { order: order('-tasks', countColumns('tasks')), start, days: whole(30) },
    menu: 'Reports',
    heavy: true,
  }),
  rpmsbyhost: route({
    doc: 'RPMs by the builder that made them.',
    params: {
      order: order('-rpms', countColumns('rpms')),
      start,
      hostArch: text(),
      rpmArch: text(),
    },
    menu: 'Reports',
    heavy: true,
  }),
  tasksbyhost: route({
    doc: 'Tasks by builder.',
    params: { order: order('-tasks', countColumns('tasks')), start, hostArch: text(), days: whole(30) },
    menu: 'Reports',
    heavy: true,
  }),
  buildsbystatus: route({
    doc: 'Builds by how they ended: succeeded, failed and canceled.',
    params: { days: whole(7) },
    menu: 'Reports',
  }),
  buildsbytarget: route({
    doc: 'Build tasks by target.',
    params: { days: whole(7), order: order('-builds', countColumns('builds')), start },
    menu: 'Reports',
    heavy: true,
  }),
  buildsbyday: route({
    doc: 'Builds a day over a longer time.',
    params: { days: whole(30) },
    menu: 'Reports',
    heavy: true,
  }),
  buildtimes: route({
    doc: 'Queue and build times, median and 95 %, by package, user or host.',
    params: {
      by: choice('package', ['user', 'host']),
      days: whole(7),
      order: order('-count', ['name', 'count', 'queue50', 'queue95', 'run50', 'run95']),
      start,
    },
    menu: 'Reports',
    heavy: true,
  }),
  hostuse: route({
    doc: 'How much of the capacity of builders was used over time.',
    params: { days: whole(1), order: order('name', ['name', 'use']), start },
    menu: 'Reports',
    heavy: true,
  }),
  clusterhealth: route({
    doc: 'Load and capacity of the channels.',
    params: { arch: text('all') },
    menu: 'Reports',
  }),
  activesession: route({
    doc: 'The sessions of the visitor at the hub.',
    params: {},
    needsLogin: true,
    menu: null,
  }),
  tokens: route({
    doc: "The visitor's tokens for programs.",
    params: { ended: flag(false) },
    needsLogin: true,
    menu: null,
  }),
  api: route({
    doc: "The hub's methods.",
    params: { method: text() },
    menu: 'API',
    indexed: true,
  }),
} as const;

/** The table of routes, as a type. */
export type Routes = typeof routes;
/** The name of a page. */
export type RouteName = keyof Routes;
/** The values of a page's parameters. */
export type ParamsOf<N extends RouteName> = Values<Routes[N]['params']>;

/** Returns the declaration of a page; undefined for a name that no page has. */
export function findRoute(name: string): Route | undefined {
  return Object.hasOwn(routes, name) ? routes[name as RouteName] : undefined;
}

/**
 * Returns the address of a page, relative to any other: `buildinfo?buildID=5`. Parameters that are null or have their default
 * are left out.
 */
export function link<N extends RouteName>(page: N, given: Given<Routes[N]['params']> = {}): string {
  const { params }: Route = routes[page];
  return addressOf(page === 'index' ? './' : page, params, given);
}

/** Returns a path with parameters as {@link link} writes them. */
export function addressOf<P extends Params>(path: string, params: P, given: Given<P>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given as Given<Params>)) {
    const kind = params[name];
    if (value === null || value === undefined || !kind) continue;
    for (const one of [value].flat<(string | number | readonly (string | number)[])[]>())
      if (kind.required || !isDefault(one, kind.default)) query.append(name, String(one));
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Flags are 0 and 1 in addresses. */
function isDefault(value: string | number, usual: unknown): boolean {
  return value === (typeof usual === 'boolean' ? Number(usual) : usual);
}
