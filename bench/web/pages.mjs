// The pages that are measured: every page of the table of routes, some in several ways.

/** Pages whose work is not theirs. */
export const unmeasured = {
  getfile: 'as long as the file is',
  logout: 'a form with one button',
  assets: 'files',
  events: 'never ends',
  oidclogin: 'leads to another server',
  oidccallback: 'comes from another server',
};

const onlyId = ['canceltask', 'freetask', 'resubmittask'];

/** Returns what to ask for by a name; names that start with `my ` are asked for by a visitor who is logged in. */
export function addressesOf(ids, one) {
  const anyPackage = () => 1 + (one() % 5000);
  const anyTask = () => ids.task - (one() % 9000);
  const fixed = (address) => () => address;
  const pages = {
    overview: fixed(''),
    'my overview': fixed(''),
    packages: fixed('packages'),
    'packages of the tag': fixed('packages?tagID=bench'),
    'packages of the tag, without blocked ones': fixed('packages?tagID=bench&blocked=0&prefix=b&start=2500'),
    'packages of a user': fixed(`packages?userID=kojiadmin`),
    'a package': () => `packageinfo?packageID=${anyPackage()}`,
    'list of builds': fixed('builds'),
    'list of builds, its middle': () => `builds?start=${50 * Math.floor(one() / 100)}`,
    'builds of the tag': fixed('builds?tagID=bench'),
    'builds of the tag, by name, its middle': fixed('builds?tagID=bench&order=nvr&start=2500'),
    'builds of the tag, not only the latest': fixed('builds?tagID=bench&latest=0&start=10000'),
    'builds of a user in the tag': () => `builds?tagID=bench&userID=${ids.user + (one() % 300)}`,
    'builds of the tag as JSON': fixed('builds.json?tagID=bench'),
    'build, any': () => `buildinfo?buildID=${one()}`,
    'my build': () => `buildinfo?buildID=${one()}`,
    'a build with files': fixed(`buildinfo?buildID=${ids.measured}`),
    'two builds': () => `comparebuilds?buildID=${one()}&otherID=${one()}`,
    tasks: fixed('tasks?state=all'),
    'tasks of a user': () => `tasks?state=all&view=flat&owner=${ids.user + (one() % 300)}`,
    'a task': () => `taskinfo?taskID=${anyTask()}`,
    'my task': () => `taskinfo?taskID=${anyTask()}`,
    'state of a task': fixed(`taskstatus?taskID=${ids.log}`),
    'end of a log of 80 MB': fixed(`viewlog?taskID=${ids.log}&name=build.log`),
    'search in a log of 80 MB': fixed(`viewlog?taskID=${ids.log}&name=build.log&find=nothing%20of%20it`),
    'growing logs': fixed(`watchlogs?taskID=${ids.log}`),
    tags: fixed('tags'),
    'tag with 20,000 builds': fixed('taginfo?tagID=bench'),
    'my tag with 20,000 builds': fixed('taginfo?tagID=bench'),
    'history of the tag': fixed('taghistory?tagID=bench'),
    'tag compared with its parent': fixed('comparetags?tagID=bench&otherID=bench-parent'),
    'tag compared with itself at an event': fixed('comparetags?tagID=bench&event=15000'),
    'an external repository': fixed(`externalrepoinfo?extrepoID=${ids.externalRepo}`),
    'an rpm': fixed(`rpminfo?rpmID=${ids.rpm}`),
    'an rpm in 400 buildroots': fixed('rpminfo?rpmID=5'),
    'an archive': fixed('archiveinfo?archiveID=1'),
    'a file': fixed(`fileinfo?rpmID=${ids.rpm}&filename=/usr/share/measured/7`),
    'rpms of a buildroot': fixed('rpmlist?buildrootID=5'),
    'archives of a buildroot': fixed('archivelist?buildrootID=5&type=built'),
    'buildroots of a repository': fixed(`buildroots?repoID=${ids.repo}`),
    'a buildroot': fixed('buildrootinfo?buildrootID=5'),
    'a repository': fixed(`repoinfo?repoID=${ids.repo}`),
    'requests for repositories': fixed('reporequests?active=all'),
    'a request for a repository': fixed(`reporequest?reqID=${ids.request}`),
    hosts: fixed('hosts'),
    'a host': fixed('hostinfo?hostID=3'),
    'a channel': fixed('channelinfo?channelID=1'),
    users: fixed('users'),
    'a user': () => `userinfo?userID=${ids.user + (one() % 300)}`,
    'a user who owns 5,000 packages': fixed('userinfo?userID=kojiadmin'),
    targets: fixed('buildtargets'),
    'a target': fixed(`buildtargetinfo?targetID=${ids.target}`),
    'search for everything': fixed('search?terms=bench-package-00*&type=all&match=glob'),
    'search for builds': fixed('search?terms=bench-package-*&type=build&match=glob'),
    'as you type': fixed('suggest?terms=bench-p'),
    feed: fixed('recentbuilds'),
    'feed of the tag': fixed('recentbuilds?tag=bench'),
    'feed of the tag, Atom': fixed('recentbuilds?tag=bench&format=atom'),
    reports: fixed('reports'),
    api: fixed('api'),
    'a method': fixed('api?method=getBuild'),
    'my sessions': fixed('activesession'),
    'the login': fixed('login'),
  };
  for (const report of ['packagesbyuser', 'buildsbyuser', 'tasksbyuser', 'rpmsbyhost', 'tasksbyhost'])
    pages[report] = fixed(report);
  for (const report of [
    'buildsbystatus',
    'buildsbytarget?days=30',
    'buildsbyday',
    'hostuse?days=7',
    'clusterhealth',
  ])
    pages[report] = fixed(report);
  for (const by of ['package', 'user', 'host'])
    pages[`times by ${by}`] = fixed(`buildtimes?days=30&by=${by}`);
  for (const action of onlyId) pages[`my ${action}`] = fixed(`${action}?taskID=${ids.log}`);
  const forms = [
    `cancelbuild?buildID=${ids.measured}`,
    `tagbuild?buildID=${ids.measured}`,
    'untagbuild?buildID=20000&tagID=bench',
    'notificationcreate',
    `notificationedit?notificationID=${ids.notification}`,
    `notificationdelete?notificationID=${ids.notification}`,
    'tagcreate',
    'tagedit?tagID=bench',
    'tagdelete?tagID=bench',
    'tagparent?tagID=bench&action=add',
    'buildtargetcreate',
    `buildtargetedit?targetID=${ids.target}`,
    `buildtargetdelete?targetID=${ids.target}`,
    'hostedit?hostID=1',
    'enablehost?hostID=1',
    'disablehost?hostID=1',
    'grantpermission?userID=kojiadmin',
    'revokepermission?userID=kojiadmin&permission=admin',
    'activesessiondelete?sessionID=1',
  ];
  for (const address of forms) pages[`my ${address.split('?')[0]}`] = fixed(address);
  return pages;
}
