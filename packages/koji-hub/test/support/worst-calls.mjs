// Runs calls that give a hub much to do, and prints for each, as a line of JSON, how long it held up the hub's event loop and
// how long the calls of another client took meanwhile. Used by a test and by the benchmark `loop`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { encodeCall } from '@koji/core/wire';

const [dist, folder, url, size = '20000'] = process.argv.slice(2);
const count = Number(size);
const load = (name) => import(pathToFileURL(path.join(dist, name)).href);
const { openDatabase } = await load('db/database.js');
const { sql } = await load('db/sql.js');

const numbers = sql`WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`;

async function fill() {
  const database = await openDatabase({ url, folder });
  await database.write(async (db) => {
    await db.run(sql`INSERT INTO users (name, status, usertype) VALUES ('owner', 0, 0)`);
    await db.run(sql`INSERT INTO events (id, time) VALUES (1000000, CURRENT_TIMESTAMP)`);
    await db.run(sql`INSERT INTO package (name) ${numbers} SELECT 'aaaaaaaaaaaaaaaa-' || n FROM numbers`);
    await db.run(sql`INSERT INTO build (volume_id, pkg_id, version, release, create_event, completion_time, owner, state)
      SELECT 0, package.id, '1', CAST(again.n AS text), 1000000, CURRENT_TIMESTAMP, 1, 1 FROM package,
      (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3) AS again`);
    await db.run(sql`INSERT INTO tag (name) VALUES ('wide')`);
    await db.run(sql`INSERT INTO tag_config (tag_id, create_event, creator_id) VALUES (1, 1000000, 1)`);
    await db.run(sql`INSERT INTO tag_packages (package_id, tag_id, create_event, creator_id)
      SELECT id, 1, 1000000, 1 FROM package`);
    await db.run(sql`INSERT INTO tag_package_owners (package_id, tag_id, owner, create_event, creator_id)
      SELECT id, 1, 1, 1000000, 1 FROM package`);
    await db.run(sql`INSERT INTO tag_listing (build_id, tag_id, create_event, creator_id)
      SELECT id, 1, 1000000, 1 FROM build`);
  });
  await database.close();
}

const named = (values) => ({ ...values, __starstar: true });
const bytes = 4_100_000;
const fit = (unit) => unit.repeat(Math.floor(bytes / unit.length));
const many = (length, make) => Array.from({ length }, (_, i) => make(i));
/** A call with one argument that is XML already. */
const raw = (method, value) =>
  `<methodCall>\n<methodName>${method}</methodName>\n<params>\n<param>\n<value>${value}</value></param></params></methodCall>`;
const struct = (length) => Object.fromEntries(many(length, (i) => [`k${i}`, i]));
const calls = (methodName, params, length) => many(length, () => ({ methodName, params }));

const worst = [
  [
    'count of builds by pattern',
    encodeCall('listBuilds', [named({ pattern: '*a*a*b', queryOpts: { countOnly: true } })]),
  ],
  [
    'all builds, sorted',
    encodeCall('listBuilds', [named({ queryOpts: { order: '-nvr,owner_name,-release' } })]),
  ],
  [
    'last builds, by offset',
    encodeCall('listBuilds', [named({ queryOpts: { order: 'nvr', offset: 3 * count - 5 } })]),
  ],
  ['search by regular expression', encodeCall('search', ['(a|b)*c', 'build', 'regexp'])],
  ['all packages', encodeCall('listPackages', [])],
  [
    'packages of a tag, sorted',
    encodeCall('listPackages', [named({ tagID: 'wide', queryOpts: { order: '-package_name,owner_name' } })]),
  ],
  ['builds of a tag', encodeCall('listTagged', ['wide'])],
  ['latest builds of a tag', encodeCall('getLatestBuilds', ['wide'])],
  ['history of a tag', encodeCall('queryHistory', [named({ tag: 'wide' })])],
  [
    'filtered results',
    encodeCall('countAndFilterResults', [
      'listPackagesSimple',
      named({ filterOpts: { order: '-package_name' } }),
    ]),
  ],
  ['multicall of lookups', encodeCall('multiCall', [calls('getTag', ['wide'], 20_000)])],
  [
    'multicall of counts',
    encodeCall('multiCall', [calls('listBuilds', [named({ queryOpts: { countOnly: true } })], 10)]),
  ],
  ['wide list', encodeCall('echo', [many(100_000, (i) => i)])],
  ['wide struct', encodeCall('echo', [struct(50_000)])],
  ['many named arguments', encodeCall('getTag', [named(struct(50_000))])],
  ['wide list for a lookup', encodeCall('getTaskInfo', [many(100_000, (i) => i)])],
  ['less-than signs', encodeCall('echo', ['<'.repeat(1_000_000)])],
  ['carriage returns', raw('echo', `<string>${fit('\r')}</string>`)],
  ['character references', raw('echo', `<string>${fit('&#65;')}</string>`)],
  ['character references in an attribute', raw('echo', `<string a="${fit('&#65;')}">a</string>`)],
  ['comments', raw('echo', `<string>${fit('<!---->')}</string>`)],
  ['white space around a number', raw('echo', `<int>${fit(' ')}1</int>`)],
  ['base64 in short lines', raw('echo', `<base64>${fit('AAA\n')}</base64>`)],
  ['instructions before the call', fit('<?a ?>') + raw('echo', '<string>a</string>')],
];

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

/** Sends a body and reads all of the answer. */
function post(target, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'text/xml', 'Content-Length': Buffer.byteLength(body) };
    const request = http.request(target, { method: 'POST', agent, headers }, (answer) => {
      answer.on('data', () => undefined);
      answer.on('end', () => resolve(answer.statusCode)).on('error', reject);
    });
    request.on('error', reject).end(body);
  });
}

await fill();
const hub = fork(path.join(import.meta.dirname, 'watched-hub.mjs'), [dist, folder, url], { execArgv: [] });
const [started] = await once(hub, 'message');
const target = `${started.url}/kojihub`;
async function ask(question) {
  hub.send(question);
  const [answer] = await once(hub, 'message');
  return answer;
}
const other = fork(path.join(import.meta.dirname, 'other-client.mjs'), { execArgv: [] });
other.send({ target });
await once(other, 'message');
for (const [name, body] of worst) {
  let best = null;
  // Once more, where the first run compiled code and opened connections.
  for (let attempt = 0; attempt < 3 && (best === null || best.slice > 50); attempt++) {
    await ask('delay');
    other.send('begin');
    const began = performance.now();
    const status = await post(target, body);
    const took = performance.now() - began;
    other.send('end');
    const [times] = await once(other, 'message');
    const { delay, slice } = await ask('delay');
    const { pace } = await ask('pace');
    const p99 = times[Math.min(times.length - 1, Math.floor(times.length * 0.99))] ?? 0;
    if (best === null || slice < best.slice) best = { name, status, took, slice, pace, delay, p99 };
  }
  console.log(JSON.stringify(best));
}
other.send('stop');
hub.send('stop');
await once(hub, 'exit');
agent.destroy();
