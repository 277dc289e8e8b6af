// Kills hub, kojid and task processes by SIGKILL at random moments under load, over and over, and compares the actual state
// with the acknowledged changes: node scripts/kill-loop.mjs [--seconds N | --kills N] [--database sqlite|postgres] [--seed N]
// [--workers N] [--pause MS] [--keep]. Each client pauses for as long as --pause at most between two calls. PostgreSQL is a
// server of its own unless KOJI_TEST_POSTGRES names one.
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { findProblems, openTasks } from './kill-loop/check.mjs';
import { Ledger, Load } from './kill-loop/load.mjs';
import { System, childrenOf } from './kill-loop/system.mjs';
import { startPostgres } from './postgres.mjs';
import { root } from './setup.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    kills: { type: 'string' },
    database: { type: 'string', default: 'sqlite' },
    seed: { type: 'string' },
    workers: { type: 'string' },
    pause: { type: 'string', default: '60' },
    keep: { type: 'boolean', default: false },
  },
});
const isPostgres = values.database === 'postgres';
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const workers = Number(values.workers ?? (isPostgres ? 2 : 1));
const { ClientSession } = await import(
  pathToFileURL(path.join(root, 'packages/koji-client/dist/index.js')).href
);

/** Numbers below a bound, the same ones for the same seed. */
function dice(start) {
  let state = start;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
// The choice of victims does not depend on how many random numbers the load has drawn.
const random = dice(seed);

const kills = { hub: 0, worker: 0, builder: 0, task: 0, start: 0 };
const killCount = () => Object.values(kills).reduce((sum, count) => sum + count, 0);
let began = Date.now();
const isOver = () =>
  values.kills === undefined
    ? Date.now() - began > Number(values.seconds ?? 60) * 1000
    : killCount() >= Number(values.kills);
/** Kills between two comparisons. */
const stretch = 15;

const database = isPostgres ? await makePostgres() : { setting: 'sqlite:koji.db', remove: () => undefined };
const system = await System.create({ database: database.setting, workers });
console.log(`seed ${seed}, ${values.database}, ${workers} processes of the hub, in ${system.folder}`);
let problems = [];
try {
  problems = await loop();
} catch (error) {
  problems.push(error.stack);
} finally {
  await system.stop({ keep: values.keep || problems.length > 0 });
  await database.remove();
}
for (const problem of problems) console.error(problem);
if (problems.length > 0)
  console.error(`${problems.length} problems with --seed ${seed}; all is kept in ${system.folder}`);
process.exit(problems.length > 0 ? 1 : 0);

async function loop() {
  await prepare();
  began = Date.now();
  const ledger = new Ledger();
  const load = new Load(system, ledger, { random: dice(seed + 1), pause: Number(values.pause), connect });
  load.start();
  let found = [];
  while (!isOver() && found.length === 0) {
    for (let i = 0; i < stretch && !isOver(); i += 1) {
      await sleep(50 + random(900));
      await killSomething();
    }
    found = await load.rest(() => compare(ledger));
    report(ledger);
  }
  await load.stop();
  if (found.length === 0) found = await compare(ledger);
  report(ledger);
  for (const [text, count] of ledger.faults) console.log(`  ${count} times: ${text}`);
  return found;
}

/** Lets everything come to rest, then compares. */
async function compare(ledger) {
  const session = await connect();
  try {
    await allEnded(session);
    let found = [];
    // The builder may still be removing a folder, and a process that is started again its predecessor's journals.
    for (let tries = 0; tries < 40; tries += 1) {
      found = await findProblems(system, session, ledger);
      if (found.length === 0) break;
      await sleep(500);
    }
    const bad = system.text('hub.log').match(/^.*(cannot recover|an action failed|is not used).*$/gm) ?? [];
    return [...found, ...bad];
  } finally {
    await session.close();
  }
}

/** Waits for the end of every task; a machine may be slow, but something must come to its end. */
async function allEnded(session) {
  const patience = 180_000;
  for (let [count, since] = [Infinity, Date.now()]; ; await sleep(200)) {
    const open = await openTasks(session);
    if (open.length === 0) return;
    if (open.length < count) [count, since] = [open.length, Date.now()];
    else if (Date.now() - since > patience)
      throw new Error(
        `stuck: ${open.map(({ id, method, state: at }) => `${method} ${id} in state ${at}`).join(', ')}`,
      );
  }
}

async function prepare() {
  system.start('hub');
  await system.answers();
  const session = await connect();
  await session.addHost('builder', ['x86_64', 'noarch']);
  await system.setPassword('builder');
  await session.call('editHost', ['builder'], { capacity: 20 });
  await session.addHostToChannel('builder', 'createrepo');
  await session.createTag('base', null, 'noarch');
  await session.addVolume('second');
  await session.grantCGAccess('kojiadmin', 'generator', true);
  for (let i = 0; i < 5; i += 1) await session.packageListAdd('base', `cg${i}`, 'kojiadmin');
  await session.close();
  const before = system.logins();
  system.start('builder');
  await system.builderReady(before);
}

/** A session that waits for a hub that is down. */
async function connect() {
  for (;;) {
    const session = new ClientSession(system.url, { maxRetries: 400, retryInterval: 0.2 });
    try {
      await session.login(system.login.user, system.login.password);
      return session;
    } catch (error) {
      await session.close();
      if (typeof error?.faultCode === 'number') throw error;
      await sleep(100);
    }
  }
}

async function killSomething() {
  const kind = random(10);
  if (kind < 5) await killHub();
  else if (kind < 7) {
    const before = system.logins();
    await system.kill('builder');
    kills.builder += 1;
    await sleep(random(200));
    // The last process of the hub may have been killed just before.
    await system.answers();
    system.start('builder');
    await system.builderReady(before);
  } else killOne('task', childrenOf(system.pid('builder')));
}

async function killHub() {
  if (workers > 1 && random(2)) {
    killOne('worker', childrenOf(system.pid('hub')));
    return;
  }
  await system.kill('hub');
  kills.hub += 1;
  // A start may be killed in turn: while it recovers, say.
  while (random(3) === 0) {
    system.start('hub');
    await sleep(200 + random(1200));
    await system.kill('hub');
    kills.start += 1;
  }
  system.start('hub');
  await system.answers();
}

function killOne(what, pids) {
  const pid = pids[random(pids.length)];
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended by itself meanwhile.
    if (error.code === 'ESRCH') return;
    throw error;
  }
  kills[what] += 1;
}

function report({ acknowledged, unanswered, tasks, builds, tags }) {
  const seconds = Math.round((Date.now() - began) / 1000);
  const text = Object.entries(kills).map(([name, count]) => `${count} ${name}`);
  console.log(
    `${seconds} s: ${killCount()} kills (${text.join(', ')}), ${acknowledged} calls acknowledged, ${unanswered} without an answer; ${tasks.size} tasks, ${builds.size} builds, ${tags.size} tags`,
  );
}

async function makePostgres() {
  const given = process.env.KOJI_TEST_POSTGRES;
  const server = given ? null : await startPostgres();
  const url = given ?? server.url;
  const require = createRequire(path.join(root, 'packages/koji-hub/package.json'));
  const pg = require('pg');
  const name = `koji_kill_${randomBytes(4).toString('hex')}`;
  const administer = async (statement) => {
    const client = new pg.Client(`${url}postgres`);
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  await administer(`CREATE DATABASE ${name}`);
  return {
    setting: `${url}${name}`,
    async remove() {
      await administer(`DROP DATABASE ${name} WITH (FORCE)`);
      await server?.stop();
    },
  };
}
