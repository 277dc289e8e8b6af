// The calls of the table: what each sends, and over how many connections.
import { encodeCall } from '@koji/core/wire';
import { builds } from './data.mjs';

const starstar = (named) => ({ __starstar: true, ...named });
const numbered = (count, make) => Array.from({ length: count }, (_, i) => make(i));
const nvr = (i) => `bench-${i + 1}-1.${i + 1}-1`;
const each = (make) => () => numbered(100, make);
const always =
  (...call) =>
  () => [encodeCall(...call)];
let unique = 0;

/** Many clients read at a time. */
const connections = 8;
/** One client writes, by one session. */
const writer = { connections: 1, isWrite: true };

/** Tags and untags some builds, other ones each time; by force, since time may have run out between the two. */
function tagAndUntag() {
  const from = (unique += 200);
  return numbered(200, (i) => nvr((from + i) % builds)).flatMap((build) => [
    encodeCall('tagBuildBypass', ['bench', build, true]),
    encodeCall('untagBuildBypass', ['bench', build]),
  ]);
}

export const calls = [
  { name: 'getAPIVersion', isFree: true, bodies: always('getAPIVersion', []) },
  { name: 'getBuild by NVR', bodies: each((i) => encodeCall('getBuild', [nvr(i)])) },
  { name: 'getTag', bodies: always('getTag', ['bench']) },
  { name: 'getTaskInfo with request', bodies: each((i) => encodeCall('getTaskInfo', [i + 1, true])) },
  { name: 'listTasks, 100 rows', bodies: always('listTasks', [{}, { limit: 100, order: '-id' }]) },
  { name: 'getFullInheritance', bodies: always('getFullInheritance', ['bench']) },
  {
    name: 'getLatestBuilds, one package',
    bodies: each((i) => encodeCall('getLatestBuilds', ['bench', null, `bench-${i + 1}`])),
  },
  {
    name: 'listTagged inherited, 2,000 rows',
    bodies: always('listTagged', ['bench', starstar({ inherit: true })]),
  },
  {
    name: 'listPackages inherited, 2,000 rows',
    bodies: always('listPackages', [starstar({ tagID: 'bench', inherited: true })]),
  },
  {
    name: 'multicall of 100 getBuild',
    bodies: always('multiCall', [numbered(100, (i) => ({ methodName: 'getBuild', params: [nvr(i)] }))]),
  },
  {
    name: 'createTag, one session',
    bodies: () => numbered(20_000, () => encodeCall('createTag', [`made-${Date.now()}-${unique++}`])),
    ...writer,
  },
  { name: 'makeTask, one session', bodies: always('makeTask', ['sleep', [1]]), ...writer },
  { name: 'tagBuild and untagBuild, one session', bodies: tagAndUntag, ...writer },
  {
    name: 'search of rpms by pattern',
    bodies: each((i) => encodeCall('search', [`*ch-${i + 101}-p*`, 'rpm', 'glob'])),
  },
  {
    name: 'queryHistory of a build',
    bodies: each((i) => encodeCall('queryHistory', [null, starstar({ build: nvr(i) })])),
  },
  {
    name: 'upload, pieces of 1 MiB',
    query: 'filepath=bench&filename=piece&fileverify=adler32&offset=0&overwrite=1',
    size: 1 << 20,
    bodies: () => [],
    ...writer,
  },
].map((call) => ({ connections, ...call }));
