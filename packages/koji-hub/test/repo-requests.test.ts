import type { RepoInfo, RepoRequest, RepoRequestStatus, RequestedRepo } from '@koji/core/api';
import { encodeFault, encodeResponse } from '@koji/core/wire';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

const READY = 1;
const EXPIRED = 2;
const DELETED = 3;
const PROBLEM = 4;

describe.each(databases)('requests for repos on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let alice: Asking;
  let anybody: Asking;
  let builder: Caller;

  beforeAll(async () => {
    hub = await startTestHub(kind, {
      RunInterval: '0',
      MaxRepoTasks: '3',
      MaxRepoTasksMaven: '1',
      RepoRetries: '1',
      EnableMaven: 'on',
    });
    admin = await asking(hub, 'kojiadmin');
    alice = await asking(hub, 'alice');
    anybody = await asking(hub, null);
    builder = await hub.builder('b1.example.com', ['x86_64']);
  });
  afterAll(() => hub.stop());

  let tags = 0;
  const newTag = async (extra: object = {}): Promise<string> => {
    const name = `f${(tags += 1)}-build`;
    await admin('createTag', [name], { arches: 'x86_64', extra });
    return name;
  };
  const request = (tag: string, named: object = {}): Promise<RequestedRepo> =>
    alice('repo.request', [tag], named);
  const check = (id: number): Promise<RepoRequestStatus> => anybody('repo.checkRequest', [id]);
  const requestsOf = (tag: string): Promise<RepoRequest[]> =>
    anybody('repo.queryQueue', [[['tag_name', tag]], '**', { order: 'id' }]);
  /** A repo as a builder makes it. */
  const made = async (tag: string, named: object = {}): Promise<[number, number]> => {
    const [id, event] = (await builder('host.repoInit', [tag], named)) as [number, number];
    await builder('host.repoDone', [id, {}]);
    return [id, event];
  };
  /** Gives the task to the builder and ends it. */
  const endTask = async (taskId: number, result: unknown[] | null): Promise<void> => {
    await admin('assignTask', [taskId, 'b1.example.com', true]);
    await builder('host.openTask', [taskId]);
    if (result) await builder('host.closeTask', [taskId, encodeResponse(result)]);
    else await builder('host.failTask', [taskId, encodeFault(1000, 'no space')]);
  };
  const clear = () => hub.database.write((db) => db.run(sql`DELETE FROM repo_queue`));
  beforeEach(clear);

  it('are created once for all callers, and are served first when somebody is in a hurry', async () => {
    const tag = await newTag();
    const first = await request(tag, { min_event: 'last' });
    expect(first).toMatchObject({
      repo: null,
      duplicate: false,
      request: {
        tag_name: tag,
        owner_name: 'alice',
        priority: 20,
        active: true,
        tries: 0,
        opts: {},
        at_event: null,
      },
    });
    const again = await admin<RequestedRepo>('repo.request', [tag, 'last', null, null, -5]);
    expect(again).toMatchObject({ duplicate: true, request: { id: first.request!.id, priority: 15 } });
    expect((await request(tag, { min_event: 'last', priority: 3 })).request).toMatchObject({ priority: 15 });
    const other = await request(tag, { min_event: 'last', opts: { src: true, maven: null } });
    expect(other).toMatchObject({ duplicate: false, request: { opts: { src: true } } });
    expect((await requestsOf(tag)).map(({ id }) => id)).toEqual([first.request!.id, other.request!.id]);
    await expect(
      anybody('repo.queryQueue', [
        [
          ['opts', '@>', '{"src": true}'],
          ['tag_name', tag],
        ],
        ['id', 'opts'],
      ]),
    ).resolves.toEqual([{ id: other.request!.id, opts: { src: true } }]);
    await admin('repo.setRequestPriority', [first.request!.id, 2]);
    expect((await check(first.request!.id)).request.priority).toBe(2);
  });

  it('are answered by a ready repo that has what is asked for and nothing else', async () => {
    const tag = await newTag();
    const [plain, event] = await made(tag);
    const [source] = await made(tag, { opts: { src: true, debuginfo: true } });
    const found = async (named: object): Promise<number | undefined> =>
      (await anybody<RepoInfo | null>('repo.get', [tag], named))?.id;
    expect(await found({})).toBe(plain);
    expect(await found({ opts: { src: false } })).toBe(plain);
    expect(await found({ opts: { src: true } })).toBeUndefined();
    expect(await found({ opts: { src: true, debuginfo: true } })).toBe(source);
    expect(await found({ at_event: event })).toBe(plain);
    expect(await found({ at_event: event + 1 })).toBeUndefined();
    expect(await found({ min_event: event })).toBe(plain);
    expect(await request(tag)).toMatchObject({ repo: { id: plain }, request: null, duplicate: false });
    expect(await request(tag, { force: true })).toMatchObject({ repo: null, request: { active: true } });
    await builder('host.repoInit', [tag]);
    expect((await anybody<RepoInfo>('getRepo', [tag])).id).toBe(source);
  });

  it('end when a repo that satisfies them gets ready', async () => {
    const tag = await newTag();
    const { request: plain } = await request(tag, { min_event: 'last' });
    const { request: source } = await request(tag, { min_event: 'last', opts: { src: true } });
    const [id] = await made(tag);
    expect(await check(plain!.id)).toMatchObject({ repo: { id }, request: { active: false, repo_id: id } });
    expect(await check(source!.id)).toMatchObject({ repo: null, request: { active: true } });
    const [other] = await made(tag, { opts: { src: true } });
    expect(await check(source!.id)).toMatchObject({ repo: { id: other } });
  });

  it('get their tasks from the queue, as many as may run', async () => {
    const names = [await newTag(), await newTag(), await newTag(), await newTag()];
    for (const tag of names) await request(tag, { min_event: 'last' });
    const [maven, mavenToo] = [await newTag(), await newTag()];
    for (const tag of [maven, mavenToo])
      await admin('repo.request', [tag, 'last', null, { maven: true }, -1]);
    await admin('repo.checkQueue');
    await admin('repo.checkQueue');
    const tasks = await anybody<RepoRequest[]>('repo.queryQueue', [
      [['task_id', 'IS NOT', null]],
      '**',
      { order: 'id' },
    ]);
    // Those in a hurry first, but only one with maven.
    expect(tasks.map(({ tag_name: tag }) => tag)).toEqual([names[0], names[1], maven]);
    expect(tasks.map(({ tries }) => tries)).toEqual([1, 1, 1]);
    const info = await anybody('getTaskInfo', [tasks[2]!.task_id], { request: true });
    expect(info).toMatchObject({
      method: 'newRepo',
      priority: 15,
      request: [
        { id: tasks[2]!.tag_id, name: maven },
        { opts: { maven: true }, __starstar: true },
      ],
    });
    expect(await check(tasks[0]!.id)).toMatchObject({ repo: null, task: { id: tasks[0]!.task_id } });
  });

  it('are tried again when their task fails, and given up after RepoRetries', async () => {
    const tag = await newTag();
    const { request: wanted } = await request(tag, { min_event: 'last' });
    const taskOf = async (): Promise<number | null> => (await check(wanted!.id)).request.task_id;
    await admin('repo.checkQueue');
    const first = (await taskOf())!;
    await endTask(first, null);
    await admin('repo.checkQueue');
    const second = (await taskOf())!;
    expect(second).toBeGreaterThan(first);
    // It returns a repo of another tag, which is useless.
    const [strange] = await made(await newTag());
    await endTask(second, [strange, 1]);
    await admin('repo.checkQueue');
    expect((await check(wanted!.id)).request).toMatchObject({ active: false, tries: 2, repo_id: null });
  });

  it('take the repo of their task even if nothing else told them of it', async () => {
    const tag = await newTag();
    const { request: wanted } = await request(tag, { min_event: 'last' });
    await admin('repo.checkQueue');
    const [id, event] = await made(tag);
    // As if the hub had stopped before it heard that the repo is ready.
    await hub.database.write((db) =>
      db.run(sql`UPDATE repo_queue SET repo_id = NULL, active = TRUE WHERE id = ${wanted!.id}`),
    );
    await endTask((await check(wanted!.id)).request.task_id!, [id, event]);
    await admin('repo.checkQueue');
    expect(await check(wanted!.id)).toMatchObject({ repo: { id }, request: { active: false } });
  });

  it('are forgotten a while after they were served', async () => {
    const [old, fresh] = [await newTag(), await newTag()];
    for (const tag of [old, fresh]) {
      await request(tag, { min_event: 'last' });
      await made(tag);
    }
    const longAgo = new Date(Date.now() - 1441 * 60_000);
    await hub.database.write((db) =>
      db.run(
        sql`UPDATE repo_queue SET update_time = ${longAgo} WHERE tag_id = (SELECT id FROM tag WHERE name = ${old})`,
      ),
    );
    await request(await newTag(), { min_event: 'last' });
    await admin('repo.checkQueue');
    expect(await requestsOf(old)).toEqual([]);
    expect(await requestsOf(fresh)).toHaveLength(1);
  });

  it('are made for tags that want their repos automatically', async () => {
    const auto = await newTag({ 'repo.auto': true, 'repo.lag': 60 });
    const manual = await newTag({ 'repo.auto': false });
    await admin('repo.autoRequests');
    await admin('repo.autoRequests');
    expect(await requestsOf(auto)).toMatchObject([{ priority: 25, owner_name: 'kojiadmin' }]);
    expect(await requestsOf(manual)).toEqual([]);
  });

  it('are refused for what makes no sense', async () => {
    const tag = await newTag();
    const faults = [
      [alice, 'repo.request', ['nope'], {}, 1000, "No such tagInfo: 'nope'"],
      [
        alice,
        'repo.request',
        [tag],
        { min_event: 1, at_event: 1 },
        1019,
        'The min_event and at_event options conflict',
      ],
      [alice, 'repo.request', [tag], { at_event: 987654 }, 1019, 'Invalid event: 987654'],
      [alice, 'repo.request', [tag], { opts: { nope: true } }, 1019, 'Invalid repo option: nope'],
      [alice, 'repo.request', [tag], { opts: ['src'] }, 1019, 'Repo opts must be a dictionary'],
      [alice, 'repo.request', [tag], { priority: -1 }, 1004, 'only admins may create high-priority requests'],
      [anybody, 'repo.request', [tag], {}, 1004, 'you must be logged in for this operation'],
      [anybody, 'repo.checkRequest', [987654], {}, 1000, 'No such request'],
      [anybody, 'repo.query', [[['nope', 1]]], {}, 1019, 'Invalid field for query nope'],
      [anybody, 'repo.query', [[['id', '~', 1]]], {}, 1019, 'Invalid operator: ~'],
      [anybody, 'repo.query', [[['id', '@>', '1']]], {}, 1019, 'Invalid clause: id @> 1'],
      [anybody, 'repo.query', [[['opts', '@>', '{']]], {}, 1019, 'Invalid clause: opts @> {'],
    ] as const;
    for (const [who, method, args, named, code, text] of faults)
      expect(await faultOf(who(method, args, named))).toEqual([code, text]);
    for (const method of ['repo.autoRequests', 'repo.checkQueue', 'repo.updateEndEvents'])
      expect((await faultOf(alice(method)))[0]).toBe(1004);
  });

  it('leave repos that go through their states, deleted only when nothing refers to them', async () => {
    const tag = await newTag();
    const [id] = await made(tag);
    const task = await admin<number>('newRepo', [tag], { src: true });
    const root = await hub.database.write(async (db) => {
      await db.run(
        sql`INSERT INTO buildroot (br_type, container_type, container_arch) VALUES (0, 'chroot', 'x86_64')`,
      );
      const row = await db.get<{ id: number }>(sql`SELECT max(id) AS id FROM buildroot`);
      await db.run(
        sql`INSERT INTO standard_buildroot (buildroot_id, host_id, repo_id, task_id, create_event, state)
            SELECT ${row!.id}, ${builder.hostId}, ${id}, ${task}, max(id), 0 FROM events`,
      );
      return row!.id;
    });
    const state = async (): Promise<number> => (await anybody<RepoInfo>('repoInfo', [id])).state;
    expect(await anybody('repo.references', [id])).toMatchObject([{ id: root, task_id: task, state: 0 }]);
    expect(await admin('repoDelete', [id])).toBe(1);
    expect(await state()).toBe(READY);
    await admin('repoExpire', [id]);
    expect(await state()).toBe(EXPIRED);
    expect(await faultOf(admin('repo.setState', [id, READY]))).toEqual([
      1000,
      `Invalid repo state transition for repo ${id}: EXPIRED -> READY`,
    ]);
    await admin('repoProblem', [id]);
    expect(await state()).toBe(PROBLEM);
    await hub.database.write((db) => db.run(sql`DELETE FROM standard_buildroot`));
    expect(await admin('repoDelete', [id])).toBe(0);
    expect(await state()).toBe(DELETED);
    const active = await anybody<RepoInfo[]>('getActiveRepos');
    expect(active.map((repo) => repo.id)).not.toContain(id);
  });

  it('learn since when a repo is out of date', async () => {
    const tag = await newTag();
    const [id] = await made(tag);
    await admin('repo.updateEndEvents');
    expect(await anybody('repoInfo', [id])).toMatchObject({ end_event: null });
    await admin('editTag2', [tag], { arches: 'aarch64' });
    const change = await anybody<number>('tagLastChangeEvent', [tag]);
    await admin('repo.updateEndEvents');
    expect(await anybody('repoInfo', [id])).toMatchObject({ end_event: change });
  });

  it('tell those who wait what becomes of them', async () => {
    const tag = await newTag();
    const { id } = (await request(tag, { min_event: 'last' })).request!;
    const started = performance.now();
    const served = alice<RepoRequestStatus>('repo.waitForRequest', [id, 60]);
    const [repo] = await made(tag);
    expect(await served).toMatchObject({ repo: { id: repo }, request: { active: false } });
    expect(await alice('repo.waitForRequest', [id])).toMatchObject({ repo: { id: repo } });
    expect(performance.now() - started).toBeLessThan(55_000);
    expect(await faultOf(alice('repo.waitForRequest', [987654]))).toEqual([1000, 'No such request']);
    expect((await faultOf(anybody('repo.waitForRequest', [id])))[0]).toBe(1004);
  });

  it('of tags can wait for changes, inherited ones too', async () => {
    const [tag, parent] = [await newTag(), await newTag()];
    await admin('setInheritanceData', [
      tag,
      [
        {
          parent_id: (await admin<{ id: number }>('getTag', [parent])).id,
          priority: 0,
          maxdepth: null,
          intransitive: false,
          noconfig: false,
          pkg_filter: '',
        },
      ],
    ]);
    const last = await anybody<number>('tagLastChangeEvent', [tag]);
    expect(await alice('waitTagChange', [tag, last - 1, 60])).toBe(last);
    const waiting = alice<number>('waitTagChange', [tag, last, 60]);
    await admin('editTag2', [parent], { extra: { changed: true } });
    expect(await waiting).toBeGreaterThan(last);
    expect(await alice('waitTagChange', [tag, await waiting, 0])).toBe(await waiting);
    expect((await faultOf(alice('waitTagChange', ['nowhere', null])))[0]).toBe(1000);
  });
});
