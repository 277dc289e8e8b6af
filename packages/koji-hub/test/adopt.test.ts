import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { HubConfig } from '@koji/core/config';
import { adopt } from '../src/adopt/adopt.js';
import type { AdoptOptions } from '../src/adopt/adopt.js';
import { reportOptions } from '../src/adopt/config-report.js';
import { verify } from '../src/adopt/verify.js';
import { checkPassword, hashPassword, testCost } from '../src/auth/passwords.js';
import { makeConfig } from '../src/config.js';
import type { Connection } from '../src/db/connection.js';
import { migrate, schemaState } from '../src/db/migrate.js';
import { migrations } from '../src/db/migrations/index.js';
import { sql } from '../src/db/sql.js';
import { startHub } from '../src/hub.js';
import { databases, describeOnPostgres } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

const hash = (password: string): Promise<string> => hashPassword(password, testCost);
/** More rows than a batch has. */
const tasks = 5500;

/** Some of what a hub of Koji has; all of it in one transaction, as the rows point at each other. */
const filling = `
  INSERT INTO events (time) SELECT timestamptz '2024-01-02 03:04:05.678901+00' + n * interval '1 second' FROM generate_series(1, 9) n;
  INSERT INTO users (name, password, status, usertype) VALUES ('anna', 'plain text', 0, 0), ('krb', NULL, 0, 0),
    ('builder', 'secret', 0, 1), ('empty', '', 0, 0);
  INSERT INTO user_perms (create_event, user_id, perm_id, creator_id) VALUES (1, 1, 1, 1);
  INSERT INTO sessions (user_id, key, authtype, hostip, callnum) VALUES (1, '1-key', 0, '-', 3);
  INSERT INTO sessions (user_id, key, authtype, hostip, callnum, master) VALUES (1, '2-key', 0, '-', 3, 1);
  INSERT INTO host (user_id, name, task_load) VALUES (3, 'builder', 1.25);
  INSERT INTO host_config (create_event, host_id, arches, capacity, creator_id) VALUES (2, 1, 'x86_64', 2, 1);
  INSERT INTO task (state, channel_id, owner, method, request, arch, create_time)
    SELECT 2, 1, 1, 'sleep', '<params/> ä ' || n, 'noarch', '2024-01-02 00:00:00+00' FROM generate_series(1, ${tasks}) n;
  INSERT INTO package (name) VALUES ('pkg');
  INSERT INTO build (volume_id, pkg_id, version, release, epoch, create_event, completion_time, state, task_id, owner, extra)
    VALUES (0, 1, '1', '1', NULL, 3, '2024-05-06 07:08:09.5+00', 1, 7, 1, '{"a": [1.5, "ü"]}');
  INSERT INTO tag (name) VALUES ('t1'), ('t2'), ('gone');
  DELETE FROM tag WHERE name = 'gone';
  INSERT INTO tag_config (create_event, tag_id, arches, creator_id) VALUES (4, 1, 'x86_64', 1), (5, 2, NULL, 1);
  INSERT INTO tag_listing (create_event, build_id, tag_id, creator_id) VALUES (6, 1, 1, 1);
  INSERT INTO tag_listing (create_event, build_id, tag_id, creator_id, revoke_event, revoker_id, active)
    VALUES (5, 1, 1, 1, 6, 1, NULL);
  INSERT INTO repo (create_event, tag_id, state, opts) VALUES (6, 1, 1, '{"src": true, "n": null}');
  INSERT INTO scheduler_sys_data (name, data) VALUES ('last_run_ts', '1700000000.25');
  INSERT INTO proton_queue (address, props, body) VALUES ('topic://a', '{"a": 1}', '{}');
  CREATE TABLE plugin_of_theirs (id integer);
  ALTER TABLE tag ADD COLUMN colour text;
  ALTER TABLE users ALTER COLUMN password TYPE varchar(255)`;

/** Takes the schema back to 1.34. */
const to134 = `
  DROP TABLE repo_queue, external_repo_data;
  ALTER TABLE repo DROP COLUMN creation_time, DROP COLUMN state_time, DROP COLUMN begin_event, DROP COLUMN end_event,
    DROP COLUMN opts, DROP COLUMN custom_opts;
  DROP INDEX rpminfo_nvra;
  DELETE FROM locks WHERE name = 'repo-queue'`;

/** Takes the schema from 1.34 back to 1.33. */
const to133 = `
  DROP TABLE scheduler_task_runs, scheduler_host_data, scheduler_sys_data, scheduler_task_refusals, scheduler_log_messages;
  ALTER TABLE build DROP COLUMN draft CASCADE, DROP COLUMN promotion_time CASCADE, DROP COLUMN promoter;
  ALTER TABLE rpminfo DROP COLUMN draft CASCADE;
  ALTER TABLE rpminfo ADD CONSTRAINT rpminfo_build_id_fkey FOREIGN KEY (build_id) REFERENCES build (id),
    ADD CONSTRAINT rpminfo_unique_nvra UNIQUE (name, version, release, arch, external_repo_id);
  DELETE FROM locks WHERE name = 'scheduler'; DELETE FROM permissions WHERE name = 'draft-promoter'`;

/** An rpm of a build and one of an external repository. */
const rpms = `
  INSERT INTO external_repo (name) VALUES ('outside');
  INSERT INTO rpminfo (build_id, name, version, release, arch, external_repo_id, payloadhash, size, buildtime)
    VALUES (1, 'pkg', '1', '1', 'src', 0, 'x', 5000000000, 1), (NULL, 'pkg', '1', '1', 'src', 1, 'x', 2, 1)`;

describeOnPostgres('koji-hub adopt', ({ create }) => {
  const made: TestDatabase[] = [];
  let source: TestDatabase;
  let lines: string[];

  /** A database of Koji's: our first migration is its schema. */
  beforeAll(async () => {
    source = await create({ empty: true });
    const database = await source.open();
    await migrate(database, migrations.slice(0, 1));
    await database.close();
    await query(source, `DROP TABLE migrations; ${filling}`);
  });
  afterAll(() => source.drop());
  beforeEach(() => void (lines = []));
  afterEach(async () => {
    for (const database of made.splice(0)) await database.drop();
  });

  const query = async (database: TestDatabase, text: string): Promise<void> => {
    const client = new pg.Client(database.url);
    await client.connect();
    try {
      await client.query(text);
    } finally {
      await client.end();
    }
  };
  const madeBy = async (database: Promise<TestDatabase>): Promise<TestDatabase> => {
    const one = await database;
    made.push(one);
    return one;
  };
  /** Another database of Koji's with what the first one has. */
  const copyOfSource = async (): Promise<TestDatabase> => {
    const copy = await madeBy(create({ empty: true }));
    const [from, to] = [new URL(source.url).pathname.slice(1), new URL(copy.url).pathname.slice(1)];
    const client = new pg.Client(process.env.KOJI_TEST_POSTGRES! + 'postgres');
    await client.connect();
    await client.query(`DROP DATABASE ${to}`);
    await client.query(`CREATE DATABASE ${to} TEMPLATE ${from}`);
    await client.end();
    return copy;
  };
  const configOf = ({ folder, url }: TestDatabase): HubConfig =>
    makeConfig(folder, { Database: url, KojiDir: folder, Listen: '127.0.0.1:0', RepoManager: 'external' });
  const taking = (target: TestDatabase, options: Partial<AdoptOptions> = {}): Promise<boolean> =>
    adopt(configOf(target), {
      from: source.url,
      confirm: async () => true,
      tell: (line) => void lines.push(line),
      hash,
      ...options,
    });
  const read = async <T>(target: TestDatabase, work: (db: Connection) => Promise<T>): Promise<T> => {
    const database = await target.open();
    const result = await database.read(work);
    await database.close();
    return result;
  };

  /** The facts of the filling as an adopted database has them. */
  const checkFacts = (target: TestDatabase): Promise<void> =>
    read(target, async (db) => {
      const [count] = await db.all(
        sql`SELECT (SELECT count(*) FROM task) AS tasks, (SELECT count(*) FROM sessions) AS sessions,
              (SELECT count(*) FROM tag_listing WHERE active = TRUE) AS listed, (SELECT count(*) FROM locks) AS locks`,
      );
      expect(count).toEqual({ tasks, sessions: 2, listed: 1, locks: 3 });
      const event = await db.get(sql`SELECT time FROM events WHERE id = 1`);
      expect(event).toEqual({ time: '2024-01-02 03:04:06.678901+00:00' });
      const build = await db.get(sql`SELECT draft, epoch, completion_time, extra FROM build`);
      const extra = '{"a": [1.5, "ü"]}';
      expect(build).toEqual({
        draft: false,
        epoch: null,
        completion_time: '2024-05-06 07:08:09.500000+00:00',
        extra,
      });
      expect(await db.get(sql`SELECT request, create_time FROM task WHERE id = 5499`)).toEqual({
        request: '<params/> ä 5499',
        create_time: '2024-01-02 00:00:00+00:00',
      });
      const users = await db.all<{ password: string | null }>(sql`SELECT password FROM users ORDER BY id`);
      expect(await checkPassword('plain text', users[0]!.password)).toBe(true);
      expect(users.map(({ password }) => password === null)).toEqual([false, true, false, true]);
    });

  test.each(databases)('copies to $name, and the hub there continues', async (kind) => {
    const target = await madeBy(kind.create({ empty: true }));
    expect(await taking(target)).toBe(true);
    await checkFacts(target);
    const said = lines.join('\n');
    expect(said).toMatch(/the schema of Koji 1\.35 to 1\.37/);
    expect(said).toMatch(/not copied: proton_queue, 1 rows/);
    expect(said).toMatch(/not copied: plugin_of_theirs, 0 rows/);
    expect(said).toMatch(/not copied: column tag\.colour/);
    expect(said).toMatch(/2 passwords, which Koji stores as they are, are hashed/);
    expect(said).not.toMatch(/plain text|secret/);
    const summary = {
      from: source.url,
      hubs: null,
      sample: 50,
      tell: (line: string) => void lines.push(line),
    };
    expect(await verify(configOf(target), summary)).toMatchObject({ differences: 0 });
    const hub = await startHub(configOf(target));
    await hub.stop();
    const database = await target.open();
    // The id of a tag that Koji deleted is not given again.
    const tag = await database.write((db) =>
      db.get<{ id: number }>(sql`INSERT INTO tag (name) VALUES ('new') RETURNING id`),
    );
    expect(tag).toEqual({ id: 4 });
    await database.write((db) => db.run(sql`UPDATE build SET release = '2'`));
    await database.close();
    lines = [];
    expect(await verify(configOf(target), summary)).toMatchObject({ differences: 2 });
    expect(lines).toEqual(['tag: 2 rows in Koji, 3 here', 'build id 1: release differ']);
    await expect(taking(target)).rejects.toThrow(/has users or events already/);
  });

  test('a dry run tells the plan and changes nothing', async () => {
    const target = await madeBy(create({ empty: true }));
    await taking(target, { dryRun: true });
    expect(lines.join('\n')).toMatch(new RegExp(`task +${tasks}\n`));
    expect(lines.join('\n')).toMatch(/takes about \d+ seconds/);
    const database = await target.open();
    expect(await schemaState(database)).toMatchObject({ applied: [], foreign: false, adopting: false });
    expect(await taking(target, { confirm: async () => false })).toBe(false);
    expect(await schemaState(database)).toMatchObject({ applied: [] });
  });

  test('a copy that was interrupted continues where it stood; until then no hub starts there', async () => {
    const target = await madeBy(databases[0]!.create({ empty: true }));
    const interrupted = { tell: stopAt(/^task: 5000 rows so far/) };
    await expect(taking(target, interrupted)).rejects.toThrow('interrupted');
    await expect(startHub(configOf(target))).rejects.toThrow(/is not complete: run koji-hub adopt again/);
    await query(source, 'UPDATE sessions SET update_time = clock_timestamp()');
    await expect(taking(target)).rejects.toThrow(/begin again with --restart/);
    await expect(taking(target, { restart: true, ...interrupted })).rejects.toThrow('interrupted');
    await taking(target);
    expect(lines.join('\n')).toMatch(/goes on with an interrupted copy, which has 50\d\d rows/);
    await checkFacts(target);
  });

  const stopAt = (pattern: RegExp) => (line: string) => {
    if (pattern.test(line)) throw new Error('interrupted');
  };

  test('a database becomes ours where it is', async () => {
    const target = await copyOfSource();
    await taking(target, { inPlace: true, from: undefined });
    await checkFacts(target);
    const database = await target.open();
    expect(await schemaState(database)).toMatchObject({ pending: [], unknown: [], foreign: false });
    await expect(taking(target, { inPlace: true, from: undefined })).rejects.toThrow(
      /a database of this hub already/,
    );
    await (await startHub(configOf(target))).stop();
  });

  /** The facts of the rows that an older Koji had. */
  const checkOlder = (target: TestDatabase): Promise<void> =>
    read(target, async (db) => {
      expect(await db.all(sql`SELECT draft, size FROM rpminfo ORDER BY id`)).toEqual([
        { draft: false, size: 5_000_000_000 },
        { draft: null, size: 2 },
      ]);
      expect(await db.get(sql`SELECT creation_time, state_time FROM repo`)).toEqual({
        creation_time: '2024-01-02 03:04:11.678901+00:00',
        state_time: '2024-01-02 03:04:11.678901+00:00',
      });
    });

  test.each([
    ['1.33', `${to134}; ${to133}; ${rpms}`],
    [
      '1.34',
      `${to134}; ${rpms.replace('(build_id', '(draft, build_id').replace('(1,', '(FALSE, 1,').replace('(NULL,', '(NULL, NULL,')}`,
    ],
  ])(
    'a schema of %s is copied, or becomes ours in place, with what later ones added',
    async (version, taken) => {
      const old = await copyOfSource();
      await query(old, taken);
      const target = await madeBy(databases[0]!.create({ empty: true }));
      await taking(target, { from: old.url });
      await checkFacts(target);
      await checkOlder(target);
      const [config, tell] = [configOf(target), (line: string) => void lines.push(line)];
      expect(await verify(config, { from: old.url, hubs: null, sample: 50, tell })).toMatchObject({
        differences: 0,
      });
      lines = [];
      await taking(old, { inPlace: true, from: undefined });
      expect(lines[0]).toContain(`the schema of Koji ${version}`);
      expect(lines).toContain('brings its tables to those of Koji 1.35 first');
      const database = await old.open({ described: true });
      const differences = await database.withDataSource((one) => one.driver.createSchemaBuilder().log());
      const text = differences.upQueries.map((one) => one.query);
      await database.close();
      expect(text.filter((line) => !/plugin_of_theirs|colour/.test(line))).toEqual([]);
      await checkFacts(old);
      await checkOlder(old);
      await (await startHub(configOf(old))).stop();
    },
  );

  test('a schema that is too old, half upgraded or none of Koji is refused', async () => {
    const old = await copyOfSource();
    const target = await madeBy(databases[0]!.create({ empty: true }));
    await query(
      old,
      `${to134}; ${to133};
       ALTER TABLE sessions DROP COLUMN renew_time; ALTER TABLE host DROP COLUMN update_time; DROP TABLE locks`,
    );
    await expect(taking(target, { from: old.url })).rejects.toThrow(
      /of Koji 1\.32, an adoption needs 1\.33 or later: run schema-upgrade-1\.32-1\.33\.sql of Koji$/,
    );
    await query(old, 'CREATE TABLE locks (name text)');
    await expect(taking(target, { from: old.url })).rejects.toThrow(
      /of 1\.33 it lacks sessions\.renew_time, host\.update_time/,
    );
    await query(old, 'DROP TABLE tag_listing CASCADE');
    await expect(taking(target, { from: old.url })).rejects.toThrow(
      /no database of Koji: it lacks the tables tag_listing/,
    );
  });

  test('rows that break a constraint are named with a remedy', async () => {
    const broken = await copyOfSource();
    await query(
      broken,
      `ALTER TABLE tag_listing DROP CONSTRAINT tag_listing_build_id_fkey; ALTER TABLE task DROP CONSTRAINT task_weight_check;
       ALTER TABLE package DROP CONSTRAINT package_name_key; ALTER TABLE task ALTER COLUMN arch DROP NOT NULL;
       INSERT INTO tag_listing (create_event, build_id, tag_id, creator_id) VALUES (7, 99, 2, 1);
       UPDATE task SET weight = -1 WHERE id <= 7; UPDATE task SET arch = NULL WHERE id = 9; INSERT INTO package (name) VALUES ('pkg')`,
    );
    const target = await madeBy(create({ empty: true }));
    await expect(taking(target, { from: broken.url })).rejects.toThrow(/cannot be adopted as they are/);
    const said = lines.join('\n');
    expect(said).toMatch(
      /cannot adopt 1 rows of tag_listing: build_id of build\n {2}rows create_event 7, build_id 99, tag_id 2\n/,
    );
    expect(said).toMatch(
      /cannot adopt 7 rows of task: task_weight_check.*\n {2}rows id 1; id 2; id 3; id 4; id 5 …\n/,
    );
    expect(said).toMatch(/cannot adopt 1 rows of task: arch is needed\n {2}rows id 9\n/);
    expect(said).toMatch(
      /cannot adopt 2 rows of package: name are unique\n {2}rows id 1; id 2\n {2}remedy: keep one/,
    );
  });

  test('a source that is in use is refused, unless a snapshot is wanted for a rehearsal', async () => {
    const target = await madeBy(databases[0]!.create({ empty: true }));
    const other = new pg.Client({ connectionString: source.url, application_name: 'mod_wsgi' });
    await other.connect();
    try {
      await expect(taking(target)).rejects.toThrow(/stop the Koji hub/);
      expect(lines.join('\n')).toMatch(/connected to the source: .*\(mod_wsgi\)/);
      expect(await taking(target, { live: true })).toBe(true);
    } finally {
      await other.end();
    }
  });
});

describe("the report on Koji's configuration", () => {
  test('names what has no effect, is unknown, refused, or set elsewhere', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'koji-report-'));
    const write = async (name: string, text: string): Promise<string> => {
      await writeFile(path.join(folder, name), text);
      return path.join(folder, name);
    };
    try {
      const files = [
        await write(
          'hub.conf',
          '[hub]\nDBName = koji\nMaxJobs = ten\nNoSuch = 1\n[policy]\ntag =\n    all :: allow\n',
        ),
        await write('kojid.conf', '[kojid]\nsleeptime = 15\nplugins = runroot\nuse_fast_upload = yes\n'),
        await write('web.conf', '[web]\nSiteName = here\nKojiTheme = mine\n'),
        await write('kojira.conf', '[kojira]\nrepo_lifetime = 5\nqueue_file = x\n'),
        await write('koji.conf', '[koji]\nserver = http://here/kojihub\npyver = 3\n'),
      ];
      const { read, findings } = reportOptions(files);
      expect(read).toBe(12);
      expect(findings.map(({ section, option, finding }) => `${section} ${option} ${finding}`)).toEqual([
        'hub MaxJobs is refused: not a whole number',
        'hub nosuch has no effect: no such option here',
        'kojid use_fast_upload has no effect: uploads are always raw',
        'web kojitheme has no effect: no such option here',
        'kojira repo_lifetime is RepoLifetime of hub.conf, since the hub looks after repos itself',
        'kojira queue_file has no effect, since the hub looks after repos itself',
        'koji pyver has no effect: koji does not run under Python here',
      ]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
