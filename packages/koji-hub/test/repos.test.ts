import type { RepoInfo } from '@koji/core/api';
import { sql } from '../src/db/sql.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('repos on $name', (kind) => {
  let hub: TestHub;
  let anybody: Asking;
  let events: number[];
  let taskId: number;

  beforeAll(async () => {
    hub = await startTestHub(kind);
    const admin = await asking(hub, 'kojiadmin');
    anybody = await asking(hub, null);
    await admin('createTag', ['f44-build']);
    await admin('createTag', ['other']);
    taskId = await admin<number>('makeTask', ['newRepo', ['f44-build']]);
    events = await hub.database.write(async (db) => {
      const made: number[] = [];
      for (let i = 0; i < 5; i++) {
        const time = new Date(Date.UTC(2024, 0, 1, 0, 0, i, 500));
        const row = await db.get<{ id: number }>(
          sql`INSERT INTO events (time) VALUES (${time}) RETURNING id`,
        );
        made.push(row!.id);
      }
      const options = '{"src": false, "ratio": 2.0}';
      const repo = (state: number, event: number, second: number, dist: boolean) =>
        db.run(
          sql`INSERT INTO repo (creation_time, state_time, create_event, begin_event, end_event, tag_id, state, dist, opts, custom_opts, task_id)
              SELECT ${new Date(Date.UTC(2024, 1, 1, 0, 0, second))}, ${new Date(Date.UTC(2024, 1, 2))},
                ${event}, ${made[0]!}, ${dist ? null : made[4]!}, tag.id, ${state}, ${dist},
                ${dist ? null : options}, ${dist ? null : '{}'}, ${dist ? null : taskId}
              FROM tag WHERE name = 'f44-build'`,
        );
      await repo(1, made[1]!, 10, false);
      await repo(2, made[2]!, 20, false);
      await repo(1, made[3]!, 5, false);
      await repo(1, made[3]!, 30, true);
      return made;
    });
  });
  afterAll(() => hub.stop());

  const found = async (named: object, tag: unknown = 'f44-build'): Promise<number | null> =>
    (await anybody<RepoInfo | null>('getRepo', [tag], named))?.id ?? null;

  it('are told with their events, options and task', async () => {
    await expect(anybody('repoInfo', [1])).resolves.toEqual({
      id: 1,
      tag_id: 1,
      tag_name: 'f44-build',
      state: 1,
      state_time: '2024-02-02 00:00:00+00:00',
      state_ts: Date.UTC(2024, 1, 2) / 1000,
      creation_time: '2024-02-01 00:00:10+00:00',
      creation_ts: Date.UTC(2024, 1, 1) / 1000 + 10,
      create_event: events[1],
      create_ts: Date.UTC(2024, 0, 1) / 1000 + 1.5,
      begin_event: events[0],
      begin_ts: Date.UTC(2024, 0, 1) / 1000 + 0.5,
      end_event: events[4],
      end_ts: Date.UTC(2024, 0, 1) / 1000 + 4.5,
      dist: false,
      opts: { src: false, ratio: 2 },
      custom_opts: {},
      task_id: taskId,
      task_state: 0,
    });
    await expect(anybody('repoInfo', ['4'])).resolves.toMatchObject({
      dist: true,
      end_event: null,
      end_ts: null,
      opts: null,
      custom_opts: null,
      task_id: null,
      task_state: null,
    });
  });

  it('of a tag are the newest one that is ready, of a state, or not after an event', async () => {
    await expect(found({})).resolves.toBe(1);
    await expect(found({}, 1)).resolves.toBe(1);
    await expect(found({}, 'other')).resolves.toBeNull();
    await expect(found({ state: 2 })).resolves.toBe(2);
    await expect(found({ state: '2' })).resolves.toBe(2);
    await expect(found({ state: 3 })).resolves.toBeNull();
    await expect(found({ dist: true })).resolves.toBe(4);
    await expect(found({ event: events[2] })).resolves.toBe(2);
    await expect(found({ event: events[2], dist: true })).resolves.toBeNull();
    await expect(found({ event: 2 ** 40 })).resolves.toBe(2);
    await expect(found({ min_event: events[2] })).resolves.toBe(3);
    await expect(found({ min_event: 2 ** 40 })).resolves.toBeNull();
  });

  it('that do not exist are null, and a fault when asked for strictly', async () => {
    for (const id of [987654, null, 2 ** 40]) {
      await expect(anybody('repoInfo', [id])).resolves.toBeNull();
      await expect(faultOf(anybody('repoInfo', [id], { strict: true }))).resolves.toEqual([
        1000,
        'query returned no rows',
      ]);
    }
  });

  it('are refused for anything but an id, tag, state, event or yes and no', async () => {
    const notInt = "Invalid type for value 'x': <class 'str'>, expected type <class 'int'>";
    const faults = [
      ['repoInfo', ['x'], {}, 1019, notInt],
      ['getRepo', ['nope'], {}, 1000, 'No such entry in table tag: nope'],
      ['getRepo', [99999], {}, 1000, 'No such entry in table tag: 99999'],
      ['getRepo', ['other'], { state: 'x' }, 1019, notInt],
      ['getRepo', ['other'], { event: 'x' }, 1019, notInt],
      ['getRepo', ['other'], { min_event: 'x' }, 1019, notInt],
      ['getRepo', ['other'], { dist: null }, 1019, "Invalid type, expected type <class 'bool'>"],
    ] as const;
    for (const [method, args, named, code, text] of faults)
      await expect(faultOf(anybody(method, args, named))).resolves.toEqual([code, text]);
  });
});
