// Calls whose answers have the same size whatever the size of the database, for the data of the benchmark `load`.
import { encodeCall } from '@koji/core/wire';
import { buildsOfAPackage, countsAt, rpmsOfABuild } from '../load/data.mjs';

const starstar = (named) => ({ __starstar: true, ...named });
const prefixes = ['python-', 'rust-', 'perl-', 'lib'];
let unique = 0;

/** The calls at a scale, each with its requests: a hundred things that lie all over the tables. */
export function callsAt(scale) {
  const { builds, packages, rpms, tags, tasks } = countsAt(scale);
  const spread = (count, make) => () =>
    Array.from({ length: 100 }, (_, i) => make(1 + Math.floor((count * ((i * 37) % 100)) / 100)));
  const packageOf = (i) => `${prefixes[i % 4]}bench${i}`;
  const nvrOf = (build) => {
    const at = build - 1;
    return `${packageOf(1 + (at % packages))}-1.${1 + Math.floor(at / packages)}-1`;
  };
  const monthAgo = Math.floor(Date.now() / 1000) - 30 * 86_400;
  const reads = {
    'getBuild by NVR': spread(builds, (i) => encodeCall('getBuild', [nvrOf(i)])),
    getTag: spread(tags, (i) => encodeCall('getTag', [`bench-${i}`])),
    'getTaskInfo with request': spread(tasks, (i) => encodeCall('getTaskInfo', [i, true])),
    'listTasks, newest 100': () => [encodeCall('listTasks', [{}, { limit: 100, order: '-id' }])],
    'listTasks after a time, 20': () => [
      encodeCall('listTasks', [{ createdAfter: monthAgo }, { limit: 20, order: '-id' }]),
    ],
    'listTasks of a user, 20': spread(100, (i) =>
      encodeCall('listTasks', [{ owner: 2 + (i % 10) }, { limit: 20, order: '-id' }]),
    ),
    getFullInheritance: spread(tags, (i) => encodeCall('getFullInheritance', [`bench-${i}`])),
    'getLatestBuilds, one package': spread(packages, (i) =>
      encodeCall('getLatestBuilds', ['bench', null, packageOf(i)]),
    ),
    'listTagged, one package': spread(packages, (i) =>
      encodeCall('listTagged', ['bench', starstar({ inherit: true, package: packageOf(i) })]),
    ),
    'listTagged of a small tag': spread(tags, (i) =>
      encodeCall('listTagged', [`bench-${i}`, starstar({ inherit: true })]),
    ),
    'listPackages of a small tag': spread(tags, (i) =>
      encodeCall('listPackages', [starstar({ tagID: `bench-${i}`, inherited: true })]),
    ),
    'listBuilds of a package': spread(packages, (i) =>
      encodeCall('listBuilds', [starstar({ packageID: packageOf(i) })]),
    ),
    'listRPMs of a build': spread(builds, (i) => encodeCall('listRPMs', [i])),
    'getRPM by id': spread(rpms, (i) => encodeCall('getRPM', [i])),
    'search of builds by pattern': spread(packages, (i) =>
      encodeCall('search', [`*${packageOf(i)}-1.2-*`, 'build', 'glob']),
    ),
    'search of rpms by pattern': spread(packages, (i) =>
      encodeCall('search', [`*${packageOf(i)}-devel*`, 'rpm', 'glob']),
    ),
    'queryHistory of a build': spread(builds, (i) =>
      encodeCall('queryHistory', [null, starstar({ build: nvrOf(i) })]),
    ),
    'queryHistory of a tag': spread(tags, (i) =>
      encodeCall('queryHistory', [null, starstar({ tag: `bench-${i}` })]),
    ),
  };
  const writes = {
    createTag: () =>
      Array.from({ length: 5000 }, () => encodeCall('createTag', [`made-${Date.now()}-${unique++}`])),
    makeTask: () => [encodeCall('makeTask', ['sleep', [1]])],
    'tagBuild and untagBuild': () =>
      Array.from({ length: 100 }, () => nvrOf(1 + (unique++ % builds))).flatMap((nvr) => [
        encodeCall('tagBuildBypass', ['bench', nvr]),
        encodeCall('untagBuildBypass', ['bench', nvr]),
      ]),
  };
  return Object.entries({ ...reads, ...writes }).map(([name, bodies]) => ({ name, bodies }));
}

/** Description of the size of every package and build, for the page. */
export const shape = `${buildsOfAPackage} builds of each package, ${rpmsOfABuild} rpms of each build`;
