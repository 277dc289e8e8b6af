import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventInfo, RepoInfo, RepoRequest, RequestedRepo } from '@koji/core/api';
import { encodeFault, encodeResponse } from '@koji/core/wire';
import { sql } from '../src/db/sql.js';
import { startHub } from '../src/hub.js';
import { databases, describeOnPostgres } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

const [READY, EXPIRED, DELETED, PROBLEM] = [1, 2, 3, 4];
/** So long that within a test nothing happens by the clock. */
const never = '100000';

/** Asks until an answer fulfils a condition, and returns it. */
async function until<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
  for (const end = performance.now() + 20_000; ;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    if (performance.now() > end) throw new Error(`it stays so: ${JSON.stringify(answer)}`);
    await sleep(10);
  }
}

/** A hub that looks after its repos, with a builder that the test plays. */
class Site {
  private tags = 0;

  private constructor(
    readonly hub: TestHub,
    readonly admin: Asking,
    readonly alice: Asking,
    private readonly builder: Caller,
  ) {}

  static async start(
    kind: (typeof databases)[number],
    options: Readonly<Record<string, string>>,
  ): Promise<Site> {
    const hub = await startTestHub(kind, { RepoManager: 'hub', RunInterval: '0', ...options });
    const admin = await asking(hub, 'kojiadmin');
    const alice = await asking(hub, 'alice');
    return new Site(hub, admin, alice, await hub.builder('b1.example.com', ['x86_64']));
  }

  async newTag(extra: object = {}): Promise<string> {
    const name = `f${(this.tags += 1)}-build`;
    await this.admin('createTag', [name], { arches: 'x86_64', extra });
    return name;
  }

  requests(tag: string): Promise<RepoRequest[]> {
    return this.admin('repo.queryQueue', [[['tag_name', tag]], '**', { order: 'id' }]);
  }

  /** Waits until the latest request of a tag is so. */
  async request(tag: string, isSo: (request: RepoRequest) => boolean): Promise<RepoRequest> {
    const found = await until(
      async () => (await this.requests(tag)).at(-1),
      (request) => request !== undefined && isSo(request),
    );
    return found!;
  }

  async begin(taskId: number, tag: string, named: object = {}): Promise<number> {
    await this.admin('assignTask', [taskId, 'b1.example.com', true]);
    await this.builder('host.openTask', [taskId]);
    const [id] = (await this.builder('host.repoInit', [tag], { task_id: taskId, ...named })) as number[];
    return id!;
  }

  async close(taskId: number, repoId: number): Promise<void> {
    await this.builder('host.repoDone', [repoId, {}]);
    await this.builder('host.closeTask', [taskId, encodeResponse([repoId, 1])]);
  }

  /** Does what a builder does for a newRepo task. */
  async make(taskId: number, tag: string): Promise<number> {
    const id = await this.begin(taskId, tag);
    await this.close(taskId, id);
    return id;
  }

  async fail(taskId: number): Promise<void> {
    await this.admin('assignTask', [taskId, 'b1.example.com', true]);
    await this.builder('host.openTask', [taskId]);
    await this.builder('host.failTask', [taskId, encodeFault(1000, 'no space')]);
  }

  /** Makes a repo that nobody waits for. */
  async madeRepo(tag: string): Promise<number> {
    const [id] = (await this.builder('host.repoInit', [tag])) as number[];
    await this.builder('host.repoDone', [id, {}]);
    return id!;
  }

  repo(id: number): Promise<RepoInfo> {
    return this.admin('repoInfo', [id]);
  }

  folder(tag: string, ...names: string[]): string {
    return path.join(this.hub.kojiDir, 'repos', tag, ...names);
  }

  /** Lets a repo have its state since a number of seconds ago. */
  age(id: number, seconds: number): Promise<unknown> {
    const time = new Date(Date.now() - seconds * 1000);
    return this.hub.database.write((db) =>
      db.run(sql`UPDATE repo SET state_time = ${time}, creation_time = ${time} WHERE id = ${id}`),
    );
  }
}

const hasTask = ({ task_id: id }: RepoRequest): boolean => id !== null;

describe.each(databases)(
  'a hub that looks after its repos on $name, without a look at the clock,',
  (kind) => {
    let site: Site;

    beforeAll(async () => {
      site = await Site.start(kind, { RepoInterval: never });
    });
    afterAll(() => site.hub.stop());

    it('starts a newRepo as soon as there is a change in a tag with repo.auto', async () => {
      const tag = await site.newTag({ 'repo.auto': true });
      const first = await site.request(tag, hasTask);
      const info = await site.admin('getTaskInfo', [first.task_id], { request: true });
      expect(info).toMatchObject({ method: 'newRepo', request: [{ id: first.tag_id, name: tag }, {}] });
      const user = await site.admin<{ name: string }>('getUser', [info.owner]);
      expect(user.name).toBe('kojira');
      await site.make(first.task_id!, tag);
      await site.request(tag, ({ repo_id: id }) => id !== null);

      await site.admin('editTag2', [tag], { arches: 'x86_64 aarch64' });
      const { id: change } = await site.admin<EventInfo>('getLastEvent');
      const second = await site.request(tag, (request) => request.id !== first.id && hasTask(request));
      expect(second.min_event).toBe(change);
      const repo = (await site.requests(tag))[0]!.repo_id!;
      await until(
        () => site.repo(repo),
        ({ end_event: end }) => end === change,
      );
    });

    it('starts one for a tag that inherits the change, but none while another for it runs', async () => {
      const parent = await site.newTag();
      const tag = await site.newTag({ 'repo.auto': true });
      const first = await site.request(tag, hasTask);
      const running = await site.begin(first.task_id!, tag);
      await site.admin('setInheritanceData', [
        tag,
        [inheritanceOf((await site.admin('getTag', [parent])).id)],
      ]);
      await site.admin('packageListAdd', [parent, 'bash', 'kojiadmin']);
      // A request for another tag, served after the change, shows that the change was processed.
      const other = await site.newTag({ 'repo.auto': true });
      await site.request(other, hasTask);
      expect(await site.requests(tag)).toHaveLength(1);
      await site.close(first.task_id!, running);
      const second = await site.request(tag, (request) => request.id !== first.id && hasTask(request));
      expect(second.tries).toBe(1);
    });

    it('makes the task of a request at once, and serves the request when the task is done', async () => {
      const tag = await site.newTag();
      const asked = await site.alice<RequestedRepo>('repo.request', [tag]);
      const { id, task_id: task } = await site.request(tag, hasTask);
      expect(id).toBe(asked.request!.id);
      const repo = await site.make(task!, tag);
      expect(await site.admin('repo.checkRequest', [id])).toMatchObject({
        repo: { id: repo, state: READY },
        request: { active: false },
      });
    });

    it('gives the next request its task when one that filled the queue has ended', async () => {
      const names: string[] = [];
      while (names.length < 12) names.push(await site.newTag());
      for (const tag of names) await site.alice('repo.request', [tag]);
      const running = await site.request(names[0]!, hasTask);
      const last = names.at(-1)!;
      expect((await site.requests(last))[0]).toMatchObject({ task_id: null });
      for (const tag of names.slice(0, -1)) {
        const { task_id: task } = await site.request(tag, hasTask);
        await site.make(task!, tag);
      }
      expect(running.tries).toBe(1);
      await site.request(last, hasTask);
    });

    it('leaves a request whose task failed for later', async () => {
      const tag = await site.newTag();
      await site.alice('repo.request', [tag]);
      const { task_id: task } = await site.request(tag, hasTask);
      await site.fail(task!);
      const other = await site.newTag();
      await site.alice('repo.request', [other]);
      await site.request(other, hasTask);
      expect(await site.requests(tag)).toMatchObject([{ task_id: task, tries: 1, active: true }]);
    });
  },
);

const inheritanceOf = (parent: unknown): object => ({
  parent_id: parent,
  priority: 0,
  maxdepth: null,
  intransitive: false,
  noconfig: false,
  pkg_filter: '',
});

describe.each(databases)('a hub that looks after its repos on $name, by the clock,', (kind) => {
  let site: Site;

  beforeAll(async () => {
    site = await Site.start(kind, {
      RepoInterval: '1',
      RepoRetries: '2',
      RepoRecheckPeriod: '1',
      RepoLifetime: '1000',
      DistRepoLifetime: '1000',
      ExpiredRepoLifetime: '1000',
      RepoInitTimeout: '1000',
    });
  });
  afterAll(() => site.hub.stop());

  it('tries a failed request again up to RepoRetries, then gives it up', async () => {
    const tag = await site.newTag();
    await site.alice('repo.request', [tag]);
    const tasks = new Set<number>();
    for (let tries = 1; tries <= 3; tries += 1) {
      const request = await site.request(tag, (found) => found.tries === tries && hasTask(found));
      tasks.add(request.task_id!);
      await site.fail(request.task_id!);
    }
    const last = await site.request(tag, ({ active }) => !active);
    expect(last).toMatchObject({ tries: 3, repo_id: null });
    expect(tasks.size).toBe(3);
  });

  it('expires old repos and deletes them with their folders, but keeps those in use', async () => {
    const tag = await site.newTag();
    const [old, used, current] = [
      await site.madeRepo(tag),
      await site.madeRepo(tag),
      await site.madeRepo(tag),
    ];
    await site.admin('editTag2', [tag], { arches: 'aarch64' });
    for (const id of [old, used]) await site.age(id, 2000);
    for (const id of [old, used])
      await until(
        () => site.repo(id),
        ({ state }) => state === EXPIRED,
      );
    expect((await site.repo(current)).state).toBe(READY);
    await referTo(site, used);
    for (const id of [used, old]) await site.age(id, 2000);
    await until(
      () => site.repo(old),
      ({ state }) => state === DELETED,
    );
    await until(
      async () => readdir(site.folder(tag)),
      (names) => names.every((name) => [String(used), String(current), 'latest'].includes(name)),
    );
    expect((await site.repo(used)).state).toBe(EXPIRED);
    expect(existsSync(site.folder(tag, String(used), 'repo.json'))).toBe(true);
  });

  it('marks a repo as broken that does not get ready, or whose task failed', async () => {
    const tag = await site.newTag();
    await site.alice('repo.request', [tag]);
    const { task_id: task } = await site.request(tag, hasTask);
    const failed = await site.begin(task!, tag);
    await site.fail(task!);
    await until(
      () => site.repo(failed),
      ({ state }) => state === PROBLEM,
    );
    const other = await site.newTag();
    await site.alice('repo.request', [other]);
    const { task_id: otherTask } = await site.request(other, hasTask);
    const slow = await site.begin(otherTask!, other);
    await site.age(slow, 2000);
    await until(
      () => site.repo(slow),
      ({ state }) => state === PROBLEM,
    );
  });

  it('removes folders of repos that it does not know, and nothing that a link leads to', async () => {
    const tag = await site.newTag();
    const repo = await site.madeRepo(tag);
    const treasure = path.join(site.hub.kojiDir, 'packages', 'treasure');
    await mkdir(treasure, { recursive: true });
    await writeFile(path.join(treasure, 'file'), 'kept');
    const strays = ['900001', '900002', 'notes'].map((name) => site.folder(tag, name));
    for (const stray of strays) await mkdir(stray);
    await symlink(treasure, path.join(strays[0]!, 'link'));
    await symlink(treasure, site.folder(tag, '900003'));
    const longAgo = new Date(Date.now() - 2_000_000);
    for (const stray of [strays[0]!, strays[2]!]) await utimes(stray, longAgo, longAgo);
    await until(
      async () => readdir(site.folder(tag)),
      (names) => !names.some((name) => name.includes('900001')),
    );
    expect((await readdir(site.folder(tag))).sort()).toEqual(
      [String(repo), '900002', '900003', 'latest', 'notes'].sort(),
    );
    expect(existsSync(path.join(treasure, 'file'))).toBe(true);
  });

  it('deletes a repo to distribute from the volume that it is on', async () => {
    const tag = await site.newTag();
    await mkdir(path.join(site.hub.kojiDir, 'vol/big/packages'), { recursive: true });
    await site.admin('addVolume', ['big']);
    await site.admin('distRepo', [tag, []], { arch: ['x86_64'], volume: 'big' });
    const [{ id }] = await site.admin<[RepoInfo]>('repo.query', [[['tag_name', tag]]]);
    const link = path.join(site.hub.kojiDir, 'repos-dist', tag, String(id));
    const folder = path.join(site.hub.kojiDir, 'vol/big/repos-dist', tag, String(id));
    expect([existsSync(link), existsSync(folder)]).toEqual([true, true]);
    await site.admin('repoProblem', [id]);
    await site.age(id, 2000);
    await until(
      async () => [existsSync(link), existsSync(folder)],
      (found) => !found.includes(true),
    );
    // The folders are out of the way a moment before the transaction ends.
    await until(
      () => site.repo(id),
      ({ state }) => state === DELETED,
    );
  });

  it('notes when an external repo changed, and makes the repos that use it again', async () => {
    let time = 1_700_000_000;
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (request.url?.includes('huge')) endless(response);
      else response.end(`<repomd><data type="primary"><timestamp>${time}</timestamp></data></repomd>`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const tag = await site.newTag({ 'repo.auto': true });
      for (const [name, place] of [
        ['epel', `${url}/epel/$arch`],
        ['huge', `${url}/huge`],
        ['local', 'file:///etc'],
      ] as const) {
        await site.admin('createExternalRepo', [name, place]);
        await site.admin('addExternalRepoToTag', [tag, name, name.length * 7 + name.charCodeAt(0)]);
      }
      const dataOf = (name: string): Promise<unknown> => site.admin('repo.getExternalRepoData', [name]);
      await until(
        () => dataOf('epel'),
        (data) => (data as { max_ts?: number } | null)?.max_ts === time,
      );
      expect(asked).toContain('/epel/x86_64/repodata/repomd.xml');
      const first = await site.request(tag, hasTask);
      await site.make(first.task_id!, tag);
      await site.request(tag, ({ repo_id: id }) => id !== null);
      time += 60;
      await site.request(tag, (request) => request.id !== first.id && hasTask(request));
      expect([await dataOf('huge'), await dataOf('local')]).toEqual([null, null]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

/** An answer that never ends. */
function endless(response: ServerResponse): void {
  const block = Buffer.alloc(256 * 1024, ' ');
  const more = (): void => {
    if (response.destroyed) return;
    if (response.write(block)) setImmediate(more);
    else response.once('drain', more);
  };
  more();
}

/** Lets a buildroot refer to a repo. */
async function referTo(site: Site, repoId: number): Promise<void> {
  await site.hub.database.write(async (db) => {
    await db.run(
      sql`INSERT INTO buildroot (br_type, container_type, container_arch) VALUES (0, 'chroot', 'x86_64')`,
    );
    await db.run(
      sql`INSERT INTO standard_buildroot (buildroot_id, host_id, repo_id, task_id, create_event, state)
          SELECT (SELECT max(id) FROM buildroot), (SELECT max(id) FROM host), ${repoId}, (SELECT max(id) FROM task),
            (SELECT max(id) FROM events), 0`,
    );
  });
}

describeOnPostgres('two hubs on one database', (kind) => {
  it('make one task for each request, and one of them continues when the other has stopped', async () => {
    const site = await Site.start(kind, { RepoInterval: '1' });
    const { config } = site.hub;
    const other = await startHub({ ...config, options: { ...config.options, Listen: '127.0.0.1:0' } });
    try {
      const names: string[] = [];
      while (names.length < 8) names.push(await site.newTag({ 'repo.auto': true }));
      for (const tag of names) await site.request(tag, hasTask);
      const tasks = await site.admin<{ id: number }[]>('listTasks', [{ method: 'newRepo' }]);
      expect(tasks).toHaveLength(names.length);
      for (const tag of names) expect(await site.requests(tag)).toHaveLength(1);
    } finally {
      await other.stop();
    }
    const tag = await site.newTag();
    await site.alice('repo.request', [tag]);
    await site.request(tag, hasTask);
    await site.hub.stop();
  });
});

test.each([
  ['that leaves repos to a kojira', { RepoManager: 'external' }],
  ['that answers admins only', { LockOut: 'yes' }],
])('a hub %s makes no task and no user', async (_, options) => {
  const hub = await startTestHub(databases[0]!, { ...options, RepoInterval: '1' });
  try {
    const admin = await asking(hub, 'kojiadmin');
    await admin('createTag', ['f44-build'], { arches: 'x86_64', extra: { 'repo.auto': true } });
    await admin('repo.request', ['f44-build', 'last']);
    await sleep(1500);
    expect(await admin('listTasks')).toEqual([]);
    expect(await admin('getUser', ['kojira'])).toBeNull();
  } finally {
    await hub.stop();
  }
});
