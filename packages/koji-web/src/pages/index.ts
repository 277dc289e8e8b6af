import { activesession } from '../login/sessions.js';
import { tokens } from '../login/tokens.js';
import type { AnyPage } from '../page.js';
import type { RouteName } from '../routes.js';
import { api } from './api.js';
import { buildinfo } from './build-details.js';
import { builds } from './builds.js';
import { comparebuilds } from './compare-builds.js';
import { comparetags } from './compare-tags.js';
import { recentbuilds } from './feeds.js';
import { home } from './home.js';
import { channelinfo, hostinfo, hosts } from './hosts.js';
import { getfile, taskstatus, viewlog, watchlogs } from './logs.js';
import { packageinfo, packages } from './packages.js';
import { buildsbyday, buildsbystatus, buildtimes } from './report-builds.js';
import {
  buildsbytarget,
  buildsbyuser,
  packagesbyuser,
  rpmsbyhost,
  tasksbyhost,
  tasksbyuser,
} from './report-counts.js';
import { hostuse } from './report-hosts.js';
import { clusterhealth, reports } from './reports.js';
import { buildrootinfo, buildroots, repoinfo, reporequest, reporequests } from './repos.js';
import { archiveinfo, archivelist, fileinfo, rpminfo, rpmlist } from './rpms.js';
import { search, suggest } from './search.js';
import { taghistory } from './tag-history.js';
import { buildtargetinfo, buildtargets, externalrepoinfo, taginfo, tags } from './tags.js';
import { taskinfo, tasks } from './tasks.js';
import { userinfo, users } from './users.js';

/** The page of every route. */
export const pages: Readonly<Record<RouteName, AnyPage>> = {
  index: home,
  packages,
  packageinfo,
  builds,
  buildinfo,
  comparebuilds,
  tasks,
  taskinfo,
  taskstatus,
  getfile,
  viewlog,
  watchlogs,
  tags,
  taginfo,
  taghistory,
  comparetags,
  externalrepoinfo,
  rpminfo,
  archiveinfo,
  fileinfo,
  rpmlist,
  archivelist,
  buildroots,
  buildrootinfo,
  repoinfo,
  reporequests,
  reporequest,
  hosts,
  hostinfo,
  channelinfo,
  users,
  userinfo,
  buildtargets,
  buildtargetinfo,
  search,
  suggest,
  recentbuilds,
  reports,
  packagesbyuser,
  buildsbyuser,
  tasksbyuser,
  rpmsbyhost,
  tasksbyhost,
  buildsbystatus,
  buildsbytarget,
  buildsbyday,
  buildtimes,
  hostuse,
  clusterhealth,
  activesession,
  tokens,
  api,
};
