import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientSession } from '@koji/client';
import { TASK_STATES } from '@koji/core';
import { buildRpms } from './support/rpms.js';
import { databases } from './support/databases.js';
import { System, until } from './support/system.js';

// A failure is repeated with KOJI_TEST_SEED.
const seed = Number(process.env.KOJI_TEST_SEED ?? Date.now() % 1_000_000);
let state = seed;
function random(below: number): number {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

const names = Array.from({ length: 12 }, (_, i) => `crash${i}`);
const rounds = 8;

/** What the hub has said is done. */
interface Acknowledged {
  readonly tags: string[];
  readonly rpms: number[];
  readonly tasks: number[];
  readonly tagged: string[];
}

/** Every process whose parent is the builder: tasks, and the one that waits for the next task. */
function taskProcesses(builder: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === builder;
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function killSomething(system: System): Promise<string> {
  const victim = (['hub', 'builder', 'task'] as const)[random(3)];
  if (victim === 'hub') {
    await system.kill('koji-hub');
    await sleep(random(300));
    await system.startHub();
  } else if (victim === 'builder') {
    await system.kill('kojid');
    await sleep(random(300));
    await system.startBuilder();
  } else {
    const processes = taskProcesses(system.pid('kojid'));
    const pid = processes[random(processes.length)];
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }
  return victim ?? '';
}

/** Does the whole path over and over; what fails while something is down is tried no further. */
async function work(
  session: ClientSession,
  rpms: Map<string, string[]>,
  done: Acknowledged,
  over: () => boolean,
): Promise<void> {
  const attempt = async (step: () => Promise<unknown>): Promise<void> => {
    await step().catch(() => undefined); // not acknowledged, so nothing is promised
  };
  for (let i = 0; !over(); i++) {
    await attempt(async () => {
      await session.createTag(`tag${i}`);
      done.tags.push(`tag${i}`);
    });
    await attempt(async () => done.tasks.push(await session.makeTask('sleep', [random(3) / 10])));
    if (i % 4 === 0) await attempt(async () => done.tasks.push(await session.makeTask('waittest', [1, 0.1])));
    const name = names[i];
    for (const file of name === undefined ? [] : (rpms.get(name) ?? [])) {
      await attempt(async () => {
        await session.upload(file, `crash/${i}`, { overwrite: true });
        const { id } = await session.importRPM(`crash/${i}`, path.basename(file));
        done.rpms.push(id);
      });
    }
    await sleep(200); // the builder has to come after
    if (name === undefined) continue;
    await attempt(async () => {
      await session.packageListAdd('tag0', name, 'kojiadmin');
      done.tasks.push(await session.tagBuild('tag0', `${name}-1-1`));
      done.tagged.push(name);
    });
  }
  await session.close();
}

describe.each(databases)('on $name', ({ create }) => {
  test(`kill -9 of hub, builder and tasks loses nothing acknowledged and leaves no task stuck (seed ${seed})`, async () => {
    const database = await create();
    const system = await System.create({ hub: { Database: database.setting } });
    try {
      const rpms = buildRpms(system.folder, names);
      await system.startHub();
      await system.startBuilder();
      system.koji('call', 'editHost', 'builder', 'capacity=10.0');
      const done: Acknowledged = { tags: [], rpms: [], tasks: [], tagged: [] };
      let over = false;
      const session = new ClientSession(system.url, { maxRetries: 400, retryInterval: 0.3 });
      // A login is tried once only, so it comes before the first kill.
      await session.login('kojiadmin', 'secret');
      const working = work(session, rpms, done, () => over);
      for (let i = 0; i < rounds; i++) {
        await sleep(200 + random(800));
        await killSomething(system);
      }
      over = true;
      await working;
      await check(system, done);
    } catch (error) {
      await system.stop({ keep: true });
      throw new Error(`${String(error)}\nlogs and database are in ${system.folder}`, { cause: error });
    } finally {
      await system.stop();
      await database.remove();
    }
  }, 600_000);
});

async function check(system: System, done: Acknowledged): Promise<void> {
  const session = new ClientSession(system.url, {});
  await session.login('kojiadmin', 'secret');
  expect(done.tasks.length).toBeGreaterThan(0);
  const ended: unknown[] = [TASK_STATES.CLOSED, TASK_STATES.FAILED, TASK_STATES.CANCELED];
  const open = async (): Promise<unknown[]> =>
    (await session.listTasks()).filter((task) => !ended.includes(task.state));
  await until('every task has ended', async () => (await open()).length === 0, 180).catch(
    async (error: unknown) => {
      throw new Error(`stuck: ${JSON.stringify(await open())}`, { cause: error });
    },
  );
  const listed = await session.listTasks();
  const states = new Map(listed.map((task) => [task.id, task.state]));
  for (const id of done.tasks) expect(states.has(id)).toBe(true);
  const tags = new Set((await session.listTags()).map((tag) => tag.name));
  for (const tag of done.tags) expect(tags).toContain(tag);
  await checkFiles(system, session, done);
  await session.close();
}

/** Acknowledged RPMs are in the database, and database and file store hold the same RPMs. */
async function checkFiles(system: System, session: ClientSession, done: Acknowledged): Promise<void> {
  const inDatabase = await session.listRPMs();
  const ids = new Set(inDatabase.map((rpm) => rpm.id));
  for (const id of done.rpms) expect(ids).toContain(id);
  const packages = system.path('koji', 'packages');
  const files = readdirSync(packages, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.rpm') && statSync(path.join(packages, file)).isFile())
    .map((file) => path.basename(file));
  const wanted = inDatabase.map((rpm) => `${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}.rpm`);
  expect(files.sort()).toEqual(wanted.sort());
}
