import * as fc from 'fast-check';
import type { HistoryRow } from '@koji/core/api';
import { history } from '../src/domain/history/history.js';
import { sql } from '../src/db/sql.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { callerOf } from './support/caller.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

type Answer = Record<string, HistoryRow[]>;

/** Rows that no method makes yet: a target, groups of packages and of users, a content generator, an external repo. */
async function fill(hub: TestHub): Promise<void> {
  await hub.database.write(async (db) => {
    const rows = history(callerOf(db, 1));
    await db.run(sql`INSERT INTO build_target (name) VALUES ('f44')`);
    await db.run(sql`INSERT INTO content_generator (name) VALUES ('osbs')`);
    await db.run(sql`INSERT INTO external_repo (id, name) VALUES (5, 'mirror')`);
    await db.run(sql`INSERT INTO groups (name) VALUES ('build'), ('core')`);
    await db.run(sql`INSERT INTO users (name, status, usertype) VALUES ('testers', 0, 2)`);
    const userId = async (name: string): Promise<number> =>
      (await db.get<{ id: number }>(sql`SELECT id FROM users WHERE name = ${name}`))!.id;
    const [bob, testers] = [await userId('bob'), await userId('testers')];
    const [base, dev, build, core, repo] = [1, 2, 1, 2, 5];
    await rows.insert('build_target_config', { build_target_id: 1, build_tag: dev, dest_tag: base });
    await rows.insert('cg_users', { cg_id: 1, user_id: bob });
    await rows.insert('user_groups', { user_id: bob, group_id: testers });
    await rows.insert('external_repo_config', { external_repo_id: repo, url: 'http://mirror/' });
    await rows.insert('external_repo_data', { external_repo_id: repo, data: '{"ratio": 2.0}' });
    await rows.insert('tag_external_repos', { tag_id: base, external_repo_id: repo, priority: 5 });
    await rows.insert('group_config', { group_id: build, tag_id: base, display_name: 'Build' });
    await rows.insert('group_req_listing', { group_id: build, tag_id: base, req_id: core });
    await rows.insert('group_package_listing', {
      group_id: build,
      tag_id: base,
      package: 'bash',
      type: 'mandatory',
    });
  });
}

describe.each(databases)('history on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let anybody: Asking;

  const ask = (tables: string[] | null, conditions: object = {}): Promise<Answer> =>
    anybody<Answer>('queryHistory', [tables], conditions);
  const tables = async (conditions: object): Promise<Record<string, number>> =>
    Object.fromEntries(
      Object.entries(await ask(null, conditions)).map(([name, rows]) => [name, rows.length]),
    );

  beforeAll(async () => {
    hub = await startTestHub(kind, { DisableNotifications: 'yes' });
    admin = await asking(hub, 'kojiadmin');
    anybody = await asking(hub, null);
    const bob = await asking(hub, 'bob');
    await admin('grantPermission', ['bob', 'tag']);
    await admin('createTag', ['base'], { extra: { k: 1, other: [2] } });
    await admin('createTag', ['dev'], { parent: 'base' });
    await admin('editTag2', ['base'], { arches: 'x86_64', extra: { k: 2 } });
    await admin('addHost', ['b1.example.com', ['x86_64']]);
    await admin('packageListAdd', ['base', 'bash', 'bob']);
    await admin('createEmptyBuild', ['bash', '5', '1', 2]);
    await admin('createEmptyBuild', ['bash', '5', '2', null]);
    await bob('tagBuildBypass', ['base', 'bash-5-1']);
    await admin('tagBuildBypass', ['base', 'bash-5-2']);
    await admin('untagBuildBypass', ['base', 'bash-5-1']);
    await fill(hub);
  });
  afterAll(() => hub.stop());

  it('of a build tells who put it where and took it away, and when', async () => {
    const { tag_listing: rows, ...rest } = await ask(null, { build: 'bash-5-1' });
    expect(rest).toEqual({});
    expect(rows).toHaveLength(1);
    const [row] = rows!;
    expect(row).toEqual({
      active: null,
      'build.state': 1,
      build_id: 1,
      create_event: expect.any(Number) as number,
      create_ts: expect.any(Number) as number,
      creator_id: expect.any(Number) as number,
      creator_name: 'bob',
      epoch: 2,
      name: 'bash',
      release: '1',
      revoke_event: expect.any(Number) as number,
      revoke_ts: expect.any(Number) as number,
      revoker_id: 1,
      revoker_name: 'kojiadmin',
      'tag.name': 'base',
      tag_id: 1,
      version: '5',
    });
    expect(row!.revoke_event).toBeGreaterThan(row!.create_event);
    const event = await anybody<{ ts: number }>('getEvent', [row!.create_event]);
    expect(row!.create_ts).toBe(event.ts);
  });

  it('of everything has each table, with the names that ids stand for and typed values', async () => {
    const all = await ask(null);
    expect(Object.keys(all).sort()).toEqual([
      'build_target_config',
      'cg_users',
      'external_repo_config',
      'external_repo_data',
      'group_config',
      'group_package_listing',
      'group_req_listing',
      'host_channels',
      'host_config',
      'tag_config',
      'tag_external_repos',
      'tag_extra',
      'tag_inheritance',
      'tag_listing',
      'tag_package_owners',
      'tag_packages',
      'user_groups',
      'user_perms',
    ]);
    const expected = {
      build_target_config: { 'build_target.name': 'f44', 'build_tag.name': 'dev', 'dest_tag.name': 'base' },
      cg_users: { 'content_generator.name': 'osbs', 'user.name': 'bob' },
      external_repo_config: { 'external_repo.name': 'mirror', url: 'http://mirror/' },
      external_repo_data: { 'external_repo.name': 'mirror', data: { ratio: 2 } },
      group_config: { 'group.name': 'build', 'tag.name': 'base', blocked: false, is_default: null },
      group_package_listing: { 'group.name': 'build', package: 'bash', type: 'mandatory' },
      group_req_listing: { 'group.name': 'build', 'req.name': 'core', is_metapkg: false },
      host_channels: { 'host.name': 'b1.example.com', 'channels.name': 'default' },
      host_config: { 'host.name': 'b1.example.com', capacity: 2, enabled: true, arches: 'x86_64' },
      tag_external_repos: { 'tag.name': 'base', 'external_repo.name': 'mirror', merge_mode: 'koji' },
      tag_inheritance: { 'tag.name': 'dev', 'parent.name': 'base', intransitive: false, maxdepth: null },
      tag_package_owners: { 'package.name': 'bash', 'tag.name': 'base', 'owner.name': 'bob' },
      tag_packages: { 'package.name': 'bash', 'tag.name': 'base', blocked: false },
      user_groups: { 'user.name': 'bob', 'group.name': 'testers' },
    };
    for (const [table, fields] of Object.entries(expected)) {
      expect(all[table]).toHaveLength(1);
      expect(all[table]![0]).toMatchObject({ ...fields, active: true, creator_name: 'kojiadmin' });
    }
    expect(all.user_perms!.map((row) => [row['user.name'], row['permission.name']])).toContainEqual([
      'bob',
      'tag',
    ]);
    expect(all.tag_extra!.map(({ key, value, active }) => [key, value, active]).sort()).toEqual([
      ['k', '1', null],
      ['k', '2', true],
      ['other', '[2]', true],
    ]);
  });

  it.each([
    [{ build: 'bash-5-2' }, { tag_listing: 1 }],
    [{ build: { name: 'bash', version: '5', release: '2' }, active: false }, { tag_listing: 0 }],
    [
      { package: 'bash' },
      { group_package_listing: 1, tag_listing: 2, tag_package_owners: 1, tag_packages: 1 },
    ],
    [
      { package: 'bash', active: true, tag: 'dev' },
      { group_package_listing: 0, tag_listing: 0, tag_package_owners: 0, tag_packages: 0 },
    ],
    [{ permission: 'tag' }, { tag_config: 0, user_perms: 1 }],
    [{ user: 'bob' }, { cg_users: 1, tag_package_owners: 1, user_groups: 0, user_perms: 1 }],
    [{ user: 'testers' }, { cg_users: 0, tag_package_owners: 0, user_groups: 1, user_perms: 0 }],
    [{ cg: 'osbs' }, { cg_users: 1 }],
    [{ external_repo: 'mirror' }, { external_repo_config: 1, external_repo_data: 1, tag_external_repos: 1 }],
    [{ build_target: 'f44' }, { build_target_config: 1 }],
    [{ group: 'build' }, { group_config: 1, group_package_listing: 1, group_req_listing: 0 }],
    [{ group: 'core' }, { group_config: 0, group_package_listing: 0, group_req_listing: 1 }],
    [{ host: 'b1.example.com' }, { host_channels: 1, host_config: 1 }],
    [{ host: 'nope' }, { host_channels: 0, host_config: 0 }],
    [{ channel: 'default' }, { host_channels: 1 }],
    [{ channel: 'nope' }, { host_channels: 0 }],
    [{ xkey: 'k' }, { tag_extra: 2 }],
    [{ xkey: 'k', active: true }, { tag_extra: 1 }],
    [
      { tag: 'dev' },
      {
        build_target_config: 0,
        group_config: 0,
        group_package_listing: 0,
        group_req_listing: 0,
        tag_config: 1,
        tag_external_repos: 0,
        tag_extra: 0,
        tag_inheritance: 1,
        tag_listing: 0,
        tag_package_owners: 0,
        tag_packages: 0,
      },
    ],
  ])('narrowed to %j has only the tables that know of it', async (conditions, expected) => {
    await expect(tables(conditions)).resolves.toEqual(expected);
  });

  it('finds a tag on both ends of an inheritance link, and a target by where it tags to', async () => {
    await expect(tables({ tag: 'base' })).resolves.toMatchObject({
      build_target_config: 1,
      tag_config: 2,
      tag_inheritance: 1,
      tag_listing: 2,
    });
  });

  it('says which of creation and revocation an editor did, and which a time covers', async () => {
    const byBob = await ask(['tag_listing'], { editor: 'bob' });
    expect(byBob.tag_listing).toMatchObject([{ build_id: 1, _created_by: true, _revoked_by: false }]);
    const byAdmin = await ask(['tag_listing'], { editor: 1, queryOpts: { order: 'build_id' } });
    expect(byAdmin.tag_listing).toMatchObject([
      { build_id: 1, _created_by: false, _revoked_by: true },
      { build_id: 2, _created_by: true, _revoked_by: null },
    ]);
    const [row] = (await ask(['tag_listing'], { build: 1 })).tag_listing!;
    const between = (Number(row!.create_ts) + Number(row!.revoke_ts)) / 2;
    for (const [conditions, expected] of [
      [{ after: between }, { _created_after: false, _revoked_after: true }],
      [{ before: between }, { _created_before: true, _revoked_before: false }],
      [{ afterEvent: row!.create_event }, { _created_after_event: false, _revoked_after_event: true }],
      [
        { beforeEvent: String(row!.revoke_event) },
        { _created_before_event: true, _revoked_before_event: false },
      ],
    ] as const)
      expect((await ask(['tag_listing'], { build: 1, ...conditions })).tag_listing).toMatchObject([expected]);
  });

  it('between any two events is what was created or revoked between them', async () => {
    const names = ['tag_config', 'tag_listing', 'tag_extra'];
    const all = await ask(names);
    const event = fc.integer({ min: -1, max: 40 });
    const compare = (number: number | null, test: (n: number) => boolean): boolean =>
      number !== null && test(number);
    await fc.assert(
      fc.asyncProperty(event, event, async (after, before) => {
        const found = await ask(names, { afterEvent: after, beforeEvent: before });
        for (const name of names) {
          const expected = all[name]!.filter(
            ({ create_event: made, revoke_event: gone }) =>
              (made > after || compare(gone, (n) => n > after)) &&
              (made < before || compare(gone, (n) => n < before)),
          );
          const key = (row: HistoryRow): string =>
            `${row.create_event} ${row.revoke_event ?? ''} ${String(row.key)}`;
          expect(found[name]!.map(key).sort()).toEqual(expected.map(key).sort());
        }
      }),
      { numRuns: 25 },
    );
  });

  it('reads times in the ways that people write them', async () => {
    const at = Date.UTC(2024, 1, 29, 12, 30, 15) / 1000;
    await hub.database.write((db) =>
      db.run(
        sql`UPDATE events SET time = ${new Date(at * 1000)}
            WHERE id = (SELECT create_event FROM tag_config WHERE tag_id = 2)`,
      ),
    );
    const count = async (conditions: object): Promise<unknown> =>
      (await ask(['tag_config'], { tag: 'dev', ...conditions, queryOpts: { countOnly: true } })).tag_config;
    for (const before of [
      '2024-02-29 12:30:15.5',
      '2024-02-29T12:30:16Z',
      '2024-02-29 14:31+02:00',
      '2024-03-01',
      'today',
      at + 0.5,
    ])
      await expect(count({ before })).resolves.toBe(1);
    for (const before of [
      '2024-02-29 12:30:15',
      '2024-02-29 12:30',
      '2024-02-29 14:30 +0200',
      '2024-2-29',
      at,
    ])
      await expect(count({ before })).resolves.toBe(0);
    await expect(count({ after: '2024-02-29 12:30:14.999999' })).resolves.toBe(1);
    await expect(count({ after: 'yesterday' })).resolves.toBe(0);
  });

  it('applies query options to each table', async () => {
    await expect(ask(['tag_config', 'tag_listing'], { queryOpts: { countOnly: true } })).resolves.toEqual({
      tag_config: 3,
      tag_listing: 2,
    });
    const cut = await ask(['tag_config', 'tag_extra'], {
      queryOpts: { order: 'tag.name,-create_event', limit: 1 },
    });
    expect(cut).toMatchObject({
      tag_config: [{ 'tag.name': 'base', arches: 'x86_64', active: true }],
      tag_extra: [{ key: 'k', value: '2' }],
    });
    const { user_groups: lists } = await anybody<Record<string, unknown[][]>>(
      'queryHistory',
      [['user_groups']],
      {
        queryOpts: { asList: true },
      },
    );
    expect(lists![0]![0]).toBe(true);
    expect(lists![0]).toHaveLength(13);
  });

  it('ignores conditions that it does not know, and null for active', async () => {
    await expect(ask(['tag_config'], { bogus: 1, active: null })).resolves.toEqual(await ask(['tag_config']));
    await expect(ask([])).resolves.toEqual({});
  });

  it('looks a thing up only for tables that know of such', async () => {
    await expect(ask(['user_perms'], { tag: 'nope' })).resolves.toEqual({});
    await expect(ask(['group_package_listing'], { package: 'nope' })).resolves.toEqual({
      group_package_listing: [],
    });
  });

  it.each([
    [['nope'], {}, 1000, 'No such history table: nope'],
    ['tag_config', {}, 1000, 'No such history table: t'],
    [['tag_config', 'toString'], {}, 1000, 'No such history table: toString'],
    [5, {}, 1019, 'queryHistory(): tables must be list(str) | null, not 5'],
    [null, { tag: 'nope' }, 1000, 'No such entry in table tag: nope'],
    [null, { build: 'nope-1-1' }, 1000, "No such build: 'nope-1-1'"],
    [null, { package: 'nope' }, 1000, 'No such entry in table package: nope'],
    [null, { user: 'nobody' }, 1000, "No such user: 'nobody'"],
    [null, { editor: 'nobody' }, 1000, "No such user: 'nobody'"],
    [null, { permission: 'nope' }, 1000, 'No such entry in table permissions: nope'],
    [null, { cg: 'nope' }, 1000, 'No such entry in table content_generator: nope'],
    [null, { external_repo: 'nope' }, 1000, 'No such entry in table external_repo: nope'],
    [null, { build_target: 'nope' }, 1000, 'No such entry in table build_target: nope'],
    [null, { group: 'nope' }, 1000, 'No such entry in table groups: nope'],
    [
      ['tag_config'],
      { afterEvent: 'x' },
      1019,
      "Invalid type for value 'x': <class 'str'>, expected type <class 'int'>",
    ],
    [
      ['tag_config'],
      { after: '2024-02-30' },
      1019,
      "queryHistory(): after is no time: '2024-02-30'; give epoch seconds or YYYY-MM-DD HH:MM:SS",
    ],
    [['tag_config'], { before: 1e15 }, 1019, /before is no time/],
    [['tag_config'], { queryOpts: 'x' }, 1019, 'queryHistory(): queryOpts must be dict | null'],
    [['tag_config'], { queryOpts: { order: 'nope' } }, 1019, 'Invalid order: nope'],
  ])('refuses %j with %j', async (given, conditions, code, text) => {
    const [faultCode, faultString] = await faultOf(anybody('queryHistory', [given], conditions));
    expect(faultCode).toBe(code);
    expect(faultString).toEqual(typeof text === 'string' ? text : expect.stringMatching(text));
  });
});
