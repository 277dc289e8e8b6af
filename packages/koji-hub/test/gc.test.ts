import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { BuildInfo } from '@koji/core/api';
import { sql } from '../src/db/sql.js';
import { gcOptions, readGcConfig } from '../src/gc/config.js';
import { durationText, parseDuration } from '../src/gc/durations.js';
import { hubApi } from '../src/gc/hub-api.js';
import { readPrunePolicy } from '../src/gc/prune.js';
import { collectGarbage, runGc } from '../src/gc/run.js';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';
import { tinyRpm } from './support/tiny-rpm.js';

const day = 86_400;
const DELETED = 2;

/** A mail server that keeps what it gets. */
class Mailbox {
  readonly mails: { readonly to: string[]; readonly text: string }[] = [];
  private constructor(private readonly server: Server) {}

  static async open(): Promise<Mailbox> {
    const server = createServer();
    const box = new Mailbox(server);
    server.on('connection', (socket) => {
      let [to, data]: [string[], string[] | null] = [[], null];
      let rest = '';
      socket.write('220 hello\r\n');
      socket.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\r\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          if (data && line !== '.') {
            data.push(line);
            continue;
          }
          if (data) box.mails.push({ to, text: data.join('\n') });
          if (data) [to, data] = [[], null];
          if (line.startsWith('RCPT')) to.push(line.replace(/.*<(.*)>/, '$1'));
          if (line === 'DATA') data = [];
          socket.write(line === 'DATA' ? '354 go\r\n' : '250-yes\r\n250 fine\r\n');
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return box;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
  }
}

describe.each(databases)('garbage collection on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;
  let caller: Caller;
  let folder: string;
  let mailbox: Mailbox;

  beforeAll(async () => {
    hub = await startTestHub(kind, { EmailDomain: 'example.com', KojiWebURL: 'http://web/koji' });
    caller = await hub.login('kojiadmin');
    admin = await asking(hub, 'kojiadmin');
    folder = await mkdtemp(path.join(os.tmpdir(), 'koji-gc-'));
    mailbox = await Mailbox.open();
    await admin('createTag', ['trashcan']);
  });
  afterAll(async () => {
    mailbox.close();
    await hub.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A build with a source rpm and its files; signed if a key is given. */
  const newBuild = async (name: string, release: string, key?: string): Promise<number> => {
    const file = `${name}-1-${release}.src.rpm`;
    const upload = path.join(hub.kojiDir, 'work', 'gc');
    await mkdir(upload, { recursive: true });
    await writeFile(path.join(upload, file), tinyRpm({ name, version: '1', release, arch: 'x86_64' }));
    const rpm = await admin<{ id: number; build_id: number }>('importRPM', ['gc', file]);
    if (key !== undefined)
      await hub.database.write((db) =>
        db.run(sql`INSERT INTO rpmsigs (rpm_id, sigkey, sighash) VALUES (${rpm.id}, ${key}, 'x')`),
      );
    return rpm.build_id;
  };
  const tag = async (name: string, build: number): Promise<void> => {
    const { package_name: pkg } = await admin<BuildInfo>('getBuild', [build]);
    await admin('packageListAdd', [name, pkg, 'kojiadmin']);
    await admin('tagBuildBypass', [name, build]);
  };
  const tagsOf = async (build: number): Promise<string[]> =>
    (await admin<{ name: string }[]>('listTags', [build])).map(({ name }) => name);
  const stateOf = async (build: number): Promise<number> =>
    (await admin<BuildInfo>('getBuild', [build])).state;

  /** Runs a collection so many days from now. */
  const collect = async (
    days: number,
    actions: string,
    { apply = true, conf = '' }: { apply?: boolean; conf?: string } = {},
  ): Promise<{ report: string; failed: number }> => {
    const file = path.join(folder, 'koji-gc.conf');
    await writeFile(file, `[main]\nsmtp_host = ${mailbox.address}\n${conf}\n`);
    const lines: string[] = [];
    const failed = await collectGarbage(
      hubApi((method, args, named) => caller(method, args, named)),
      {
        config: readGcConfig(hub.config, file),
        hubConfig: hub.config,
        actions: [actions],
        apply,
        now: Date.now() / 1000 + days * day,
        print: (line) => lines.push(line),
      },
    );
    return { report: lines.join('\n'), failed };
  };

  it('puts builds that nobody uses in the trashcan after a while, and mails their owners', async () => {
    await admin('createTag', ['f44']);
    const [idle, tagged, signed] = [
      await newBuild('idle', '1'),
      await newBuild('used', '1'),
      await newBuild('signed', '1', 'abcd1234'),
    ];
    await tag('f44', tagged);
    const conf = 'unprotected_keys = beta*\ndebug = yes';
    expect((await collect(4, 'trash', { conf })).report).toContain(
      'idle-1-1: left alone, it was untagged, or made, not long ago',
    );
    const dry = await collect(6, 'trash', { apply: false, conf });
    expect(dry.report).toContain('a dry run: nothing is changed without --apply');
    expect(dry.report).toContain('idle-1-1: would be trashed, owner kojiadmin');
    expect(dry.report).toContain('mail to kojiadmin@example.com: would be sent, 1 builds');
    expect([await tagsOf(idle), mailbox.mails]).toEqual([[], []]);

    const { report, failed } = await collect(6, 'trash', { conf });
    expect(report).toContain('signed-1-1: left alone, it is signed with the key abcd1234');
    expect(report).toContain('== trashed: 1');
    expect(failed).toBe(0);
    expect([await tagsOf(idle), await tagsOf(tagged), await tagsOf(signed)]).toEqual([
      ['trashcan'],
      ['f44'],
      [],
    ]);
    expect(mailbox.mails).toHaveLength(1);
    const [{ to, text }] = mailbox.mails as [(typeof mailbox.mails)[0]];
    expect(to).toEqual(['kojiadmin@example.com']);
    expect(text).toContain('Subject: 1 build marked for deletion');
    expect(text).toContain(`Build: idle-1-1\nhttp://web/koji/buildinfo?buildID=${idle}`);
    // Another name of the key unprotects the build.
    const alias = 'unprotected_keys = beta*\nkey_aliases =\n  ABCD1234 beta-key\n  short';
    await collect(6, 'trash', { conf: alias });
    expect(await tagsOf(signed)).toEqual(['trashcan']);
  });

  it('deletes what was in the trashcan for long, and takes out what somebody wants', async () => {
    await admin('createTag', ['f45']);
    const [gone, wanted, signed] = [
      await newBuild('gone', '1'),
      await newBuild('wanted', '1'),
      await newBuild('release', '1', 'feed5678'),
    ];
    for (const build of [gone, wanted, signed]) await tag('trashcan', build);
    await tag('f45', wanted);
    const files = path.join(hub.kojiDir, 'packages/gone/1/1');
    expect(existsSync(files)).toBe(true);
    const conf = 'pkg_filter = gone, wanted, release';
    expect((await collect(27, 'delete', { conf })).report).toContain('0 builds looked at');
    expect((await collect(29, 'salvage', { apply: false, conf })).report).toContain(
      'wanted-1-1: would be salvaged, tagged f45',
    );
    const dry = (await collect(29, 'delete', { apply: false, conf })).report;
    expect(dry).toContain('gone-1-1: would be deleted');
    expect([await stateOf(gone), await tagsOf(wanted)]).toEqual([1, ['trashcan', 'f45']]);

    const { report, failed } = await collect(29, 'delete', { conf });
    expect(report).toContain('release-1-1: salvaged, signed with the key feed5678');
    expect(failed).toBe(0);
    expect([await stateOf(gone), await stateOf(wanted), await stateOf(signed)]).toEqual([DELETED, 1, 1]);
    expect([await tagsOf(gone), await tagsOf(wanted), await tagsOf(signed)]).toEqual([[], ['f45'], []]);
    expect(existsSync(files)).toBe(false);
  });

  it('reports a build that can’t be deleted, and continues', async () => {
    const [stuck, free] = [await newBuild('stuck', '1'), await newBuild('unstuck', '1')];
    for (const build of [stuck, free]) await tag('trashcan', build);
    await hub.database.write(async (db) => {
      await db.run(sql`UPDATE build SET state = 0, completion_time = NULL WHERE id = ${stuck}`);
    });
    const { report, failed } = await collect(29, 'delete', { conf: 'pkg_filter = *stuck' });
    expect(report).toContain('stuck-1-1: FAILED: Cannot delete build, still building');
    expect(failed).toBe(1);
    expect(await stateOf(free)).toBe(DELETED);
  });

  it('prunes tags as the policy says, and deletes what is in no tag then if it is told to', async () => {
    for (const name of ['f46', 'f46-locked', 'f46-other']) await admin('createTag', [name]);
    const [zero, one, two, three, signed] = [
      await newBuild('tool', '0'),
      await newBuild('tool', '1'),
      await newBuild('tool', '2'),
      await newBuild('tool', '3'),
      await newBuild('tool', '4', 'beta1'),
    ];
    const kept = [await newBuild('kept', '1'), await newBuild('kept', '2'), await newBuild('kept', '3')];
    for (const build of [zero, one, two, three, signed, ...kept]) await tag('f46', build);
    await tag('f46-locked', one);
    await tag('f46-other', two);
    await admin('editTag2', ['f46-locked'], { locked: true });
    const conf = [
      'purge = yes',
      'debug = yes',
      'tag_filter = f46*',
      '[prune]',
      'policy =',
      '  # these stay',
      '  package kept :: keep',
      '  tag f46-other :: keep',
      '  sig beta* :: skip',
      '  order < 1 :: keep',
      '  age < 1 week :: keep',
      '  order >= 1 :: untag',
    ].join('\n');
    expect((await collect(3, 'prune', { conf })).report).toContain('0 builds untagged');
    const dry = (await collect(8, 'prune', { apply: false, conf })).report;
    expect(dry).toContain('tool-1-3 in f46: keep by line 5');
    expect(dry).toContain('tag f46-locked: left alone, it is locked');
    expect(dry).toContain('== would be untagged: 3, would be purged: 1');
    expect(await tagsOf(zero)).toEqual(['f46']);

    const { report, failed } = await collect(8, 'prune', { conf });
    expect(report).toContain('tool-1-2: kept, still tagged f46-other');
    expect(failed).toBe(0);
    const left = await Promise.all([one, two].map(tagsOf));
    expect(left).toEqual([['f46-locked'], ['f46-other']]);
    for (const build of [three, signed, ...kept]) expect(await tagsOf(build)).toEqual(['f46']);
    expect([await stateOf(zero), await stateOf(one)]).toEqual([DELETED, 1]);
  });

  it('runs as a command at a hub, in the name of a user', async () => {
    await newBuild('leftover', '1');
    const lines: string[] = [];
    const args = { file: undefined, actions: ['trash'], apply: false, purge: false, noMail: true };
    const run = (user: string | undefined): Promise<number> =>
      runGc(hub.config, { ...args, user, verbose: true }, (line) => lines.push(line));
    expect(await run('kojiadmin')).toBe(0);
    expect(lines.join('\n')).toContain('leftover-1-1: left alone');
    await expect(run(undefined)).rejects.toThrow('name the user to work as');
    await expect(run('nobody')).rejects.toThrow("there is no user 'nobody'");
    await hub.login('alice');
    await expect(run('alice')).rejects.toThrow('koji-hub user grant alice admin');
    const sessions = await hub.database.read((db) =>
      db.all(
        sql`SELECT id FROM sessions WHERE closed = FALSE AND user_id = (SELECT id FROM users WHERE name = 'alice')`,
      ),
    );
    expect(sessions).toHaveLength(1);
  });
});

describe('koji-gc.conf', () => {
  const config = { file: '/nonexistent/hub.conf' } as Parameters<typeof readGcConfig>[0];

  it('is read as Koji has it', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'koji-gc-'));
    const file = path.join(folder, 'koji-gc.conf');
    try {
      await writeFile(
        file,
        '[main]\nkey_aliases =\n    30C9ECF8 fedora-test\n    4F2A6FD2 fedora-gold\nunprotected_keys =\n    fedora-test\n' +
          'server = https://koji/kojihub\ngrace_period = 2 weeks\n\n[prune]\npolicy =\n    sig fedora-gold :: keep\n' +
          '    tag *-testing :: {\n        sig fedora-test :: keep\n    }\n' +
          '    tag *-updates && sig fedora-* && age < 12 weeks :: keep\n    volume archive !! untag\n    hastag f?-gold :: skip\n',
      );
      const { options, policy } = readGcConfig(config, file);
      expect(options).toMatchObject({ grace_period: '2 weeks', delay: '5 days', trashcan_tag: 'trashcan' });
      expect(readPrunePolicy(policy!).names).toEqual(['prune']);
      await writeFile(file, '[main]\ndelay = soon\nmail = perhaps\n');
      expect(() => readGcConfig(config, file)).toThrow(/delay[^]*mail|mail[^]*delay/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('has its options in the documentation', async () => {
    const text = await readFile(new URL('../../../docs/garbage-collection.md', import.meta.url), 'utf8');
    const documented = [...text.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name);
    const effective = Object.entries(gcOptions).filter(([, option]) => option.withoutEffect === undefined);
    for (const [name] of effective) expect(documented).toContain(name);
  });

  it.each([
    ['order > many :: untag', 'no value to compare'],
    ['age ~ 2 weeks :: untag', 'compares nothing'],
    ['age > soon :: untag', 'no value to compare'],
    ['tag x :: delete', 'none of keep, untag and skip'],
    ['user bob :: keep', 'missing test handler'],
  ])('refuses the rule %s', (rule, problem) => expect(() => readPrunePolicy(rule)).toThrow(problem));

  it('formats times', () => {
    const times = ['5 days', '4 weeks', '1 week 12 hours', '90min', '1.5 hours', '10s', '5days 2 hr'];
    expect(times.map(parseDuration)).toEqual([432_000, 2_419_200, 648_000, 5400, 5400, 10, 439_200]);
    expect(['', 'soon', '5', '5 years', 'days 5', '5 days later'].map(parseDuration)).toEqual(
      Array.from({ length: 6 }, () => null),
    );
    expect([432_000, 3600, 90, 86_400].map(durationText)).toEqual([
      '5 days',
      '1 hour',
      '90 seconds',
      '1 day',
    ]);
  });
});
