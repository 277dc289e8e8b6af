// npm run interop -- adopt: fills databases by Koji's own hub, takes them over by `koji-hub adopt` (copied to SQLite and to PostgreSQL,
// and in place), and holds what our hub then answers, and what Koji's own command prints of it, against what it was at Koji's hub.
// docs/operations/move-from-koji.md.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual, parseArgs, promisify } from 'node:util';
import { freePort } from '../ports.mjs';
import { startPostgres } from '../postgres.mjs';
import { root } from '../setup.mjs';
import { fillKoji, listAll } from './adopt-fill.mjs';
import {
  admin,
  answering,
  builder,
  bundle,
  kojisHub,
  makeKojiDatabase,
  Programs,
  runSql,
  unpackKoji,
  writeSettings,
} from './site.mjs';

const run = promisify(execFile);
/** Neither scheduler takes tasks from builders that are not there, or forgets refusals, however long this runs. */
const patient = { RunInterval: 1, AssignTimeout: 86_400, HostTimeout: 86_400, SoftRefusalTimeout: 86_400 };

/** Runs the command; `words` are those after its name. */
export async function runAdoption(words) {
  const { values } = parseArgs({
    args: words,
    options: {
      koji: { type: 'string', default: process.env.KOJI_SOURCE ?? '' },
      ref: { type: 'string', default: 'HEAD' },
      python: { type: 'string', default: '/usr/bin/python3' },
      conversations: {
        type: 'string',
        default: process.env.CONFORMANCE_DIR ?? path.join(root, '../shared/conformance'),
      },
      // One of the two databases.
      only: { type: 'string', default: '' },
      keep: { type: 'boolean' },
    },
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-adopt-'));
  const upstream = unpackKoji(values.koji, folder, values.ref);
  if (upstream === null) {
    rmSync(folder, { recursive: true, force: true });
    process.exitCode = 2;
    return;
  }
  const programs = new Programs({ ...process.env, PYTHONPATH: upstream, TZ: 'UTC' });
  const postgres = await startPostgres();
  try {
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    const given = { folder, upstream, python: values.python, programs, postgres };
    if (values.only !== 'conversations') await new Adoption('filled', given).run();
    if (values.only !== 'filled' && existsSync(path.join(values.conversations, 'replay.py')))
      await new Adoption('conversations', {
        ...given,
        conversations: path.resolve(values.conversations),
      }).run();
    else if (values.only !== 'filled')
      console.log(`\nno conversations in ${values.conversations}: name their folder by --conversations`);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    await programs.endAll();
    await postgres.stop();
  }
  if (process.exitCode || values.keep) console.error(`\nthe logs are in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}

/** A database of Koji's with the store of its files, and what becomes of it. */
class Adoption {
  constructor(name, given) {
    Object.assign(this, given, { name, folder: path.join(given.folder, name) });
    this.store = path.join(this.folder, 'store');
    for (const part of ['packages', 'work', 'repos', 'scratch', 'vol/second/packages'])
      mkdirSync(path.join(this.store, part), { recursive: true });
  }

  check(what, good, more = '') {
    console.log(`${good ? 'ok    ' : 'DIFFER'} ${what}`);
    if (good) return;
    process.exitCode = 1;
    if (more) console.log(more);
  }

  /** Starts Koji's hub on a database; all hubs have the same file store. */
  async startKojisHub(database, port) {
    const { python, upstream, store } = this;
    const config = path.join(this.folder, `koji-${port}.conf`);
    writeSettings(config, 'hub', {
      DBConnectionString: database,
      KojiDir: store,
      DisableNotifications: 'True',
      EnableMaven: 'True',
      EnableWin: 'True',
      ...patient,
      PluginPath: path.join(upstream, 'plugins/hub'),
      Plugins: 'echo runroot_hub save_failed_tree sidetag_hub',
    });
    const command = kojisHub({ python, upstream, config, port, store });
    const child = this.programs.start(this.folder, 'koji-hub', command);
    await answering(`http://127.0.0.1:${port}`);
    return child;
  }

  async run() {
    console.log(`\nDatabase '${this.name}'`);
    this.port = await freePort();
    const url = `http://127.0.0.1:${this.port}`;
    const common = {
      server: `${url}/kojihub`,
      topurl: `${url}/kojifiles`,
      topdir: this.store,
      weburl: `${url}/koji`,
    };
    writeSettings(path.join(this.folder, 'koji.conf'), 'koji', { ...common, authtype: 'password' });
    const database = await makeKojiDatabase(this.postgres, `koji_${this.name}`, this.upstream);
    const hub = await this.startKojisHub(database, this.port);
    const filled = await this.fill(database, url, common);
    const { builds, tags, tasks, users } = filled;
    console.log(
      `filled by Koji's hub: ${builds.length} builds, ${tags.length} tags, ${tasks.length} tasks, ${users.length} users`,
    );
    if (this.conversations) this.ask(url, 'answers');
    const before = this.answers(filled);
    await this.programs.end(hub);
    for (const way of ['SQLite', 'PostgreSQL', 'in place'])
      await this.adopt(way, { database, before, filled, url });
  }

  /** Fills the database through Koji's hub. Returns the names of what there is. */
  async fill(database, url, common) {
    const { ClientSession } = await import('@koji/client');
    const session = new ClientSession(`${url}/kojihub`);
    await session.login(admin.user, admin.password);
    // It continues at our hub.
    this.session = session;
    if (!this.conversations) return this.fillByCalls(database, session, common);
    const { api } = await import('@koji/core/api');
    const reading = Object.keys(api).filter((name) => ['read', 'lookup'].includes(api[name].access));
    const words = ['--database', database, '--topdir', this.store];
    const played = this.talk(['play', '--url', `${url}/kojihub`, ...words], JSON.stringify(reading));
    const { steps, agree, questions } = JSON.parse(played.at(-1));
    console.log(
      `played ${steps} recorded steps, ${agree} as recorded; ${questions} questions of them are asked again`,
    );
    return listAll(session);
  }

  talk(words, input) {
    const script = path.join(root, 'scripts/interop/conversations.py');
    const places = ['--folder', this.conversations, '--questions', path.join(this.folder, 'questions.json')];
    const done = spawnSync(this.python, [script, ...words, ...places], {
      cwd: this.folder,
      env: this.programs.env,
      encoding: 'utf8',
      input,
      maxBuffer: 100_000_000,
    });
    if (done.status !== 0) throw new Error(done.stderr);
    return done.stdout.trim().split('\n');
  }

  /** Asks the questions of the conversations at whichever hub answers, and keeps the answers or compares them. */
  ask(url, kept) {
    const file = path.join(this.folder, 'answers.json');
    const words = ['ask', '--url', `${url}/kojihub`, kept ? '--answers' : '--before', file];
    if (kept) return this.talk(words);
    const said = this.talk(words);
    const { questions, results, different } = JSON.parse(said.pop());
    this.check(
      `${questions - different} of ${questions} answers are those of Koji's hub (${results} results, ${questions - results} faults)`,
      different === 0,
      said.join('\n'),
    );
  }

  /** Fills the database by calls, while our builder runs some tasks there. */
  async fillByCalls(database, session, common) {
    await session.call('addHost', [builder.user, ['x86_64', 'noarch']]);
    await runSql(
      database,
      `UPDATE users SET password = '${builder.password}' WHERE name = '${builder.user}'`,
    );
    const work = path.join(this.folder, 'builder');
    for (const part of ['work', 'mock']) mkdirSync(path.join(work, part), { recursive: true });
    const settings = {
      ...common,
      ...builder,
      workdir: path.join(work, 'work'),
      mockdir: path.join(work, 'mock'),
      minspace: 0,
      sleeptime: 1,
      maxload: 0,
    };
    delete settings.weburl;
    writeSettings(path.join(work, 'kojid.conf'), 'kojid', settings);
    symlinkSync(path.join(root, 'node_modules'), path.join(work, 'node_modules'));
    const kojid = this.programs.start(work, 'kojid', [
      process.execPath,
      bundle('koji-builder'),
      '--config',
      'kojid.conf',
    ]);
    const filled = await fillKoji(session, { folder: this.folder, user: admin.user });
    await this.programs.end(kojid);
    return filled;
  }

  /** The output of Koji's own command about everything, from either hub. */
  answers({ builds, tags, tasks, users, hosts, rpms, archives }) {
    const commands = [
      ['list-tags', '--verbose'],
      ['list-targets'],
      ['list-hosts'],
      ['list-channels'],
      ['list-permissions'],
      ['list-users'],
      ['list-volumes'],
      ['call', '--json-output', 'listBTypes'],
      ['call', '--json-output', 'listCGs'],
      ['list-external-repos'],
      ['list-untagged'],
      ['list-tasks', '--all', '--quiet'],
      ...hosts.map((name) => ['hostinfo', name]),
      ['list-history', '--utc', '--events'],
      ...builds.flatMap((nvr) => [
        ['buildinfo', '--changelog', nvr],
        ['list-history', '--utc', '--build', nvr],
      ]),
      ...tags.flatMap((tag) => [
        ['taginfo', tag],
        ['list-tagged', '--inherit', tag],
        ['list-tagged', '--latest', '--inherit', '--rpms', tag],
        ['list-pkgs', '--tag', tag, '--show-blocked'],
        ['list-tag-inheritance', tag],
        ['list-groups', tag],
        ['list-external-repos', '--tag', tag],
        ['list-history', '--utc', '--tag', tag],
      ]),
      ...tasks.map((id) => ['taskinfo', '-v', '-r', String(id)]),
      ...users.flatMap((name) => [
        ['userinfo', name],
        ['list-permissions', '--user', name],
        ['list-pkgs', '--owner', name],
      ]),
      ...rpms.map((name) => ['rpminfo', name]),
      ...archives.map((id) => ['call', '--json-output', 'getArchive', String(id)]),
    ];
    const words = [path.join(root, 'scripts/interop/koji_many.py'), path.join(this.upstream, 'cli/koji')];
    const done = spawnSync(this.python, [...words, '-c', 'koji.conf', '--noauth'], {
      cwd: this.folder,
      env: this.programs.env,
      encoding: 'utf8',
      input: JSON.stringify(commands),
      maxBuffer: 100_000_000,
    });
    if (done.status !== 0) throw new Error(done.stderr);
    const said = JSON.parse(done.stdout);
    return new Map(commands.map((args, i) => [args.join(' '), said[i]]));
  }

  async adopt(way, { database, before, filled, url }) {
    console.log(`\n${way}`);
    const name = way.replace(' ', '-').toLowerCase();
    const here = path.join(this.folder, name);
    mkdirSync(here);
    const ours = `${this.name}_${name.replace('-', '_')}`;
    const target = way === 'SQLite' ? 'sqlite:koji.db' : `${this.postgres.url}${ours}`;
    if (way !== 'SQLite')
      await runSql(
        `${this.postgres.url}postgres`,
        `CREATE DATABASE ${ours}${way === 'in place' ? ` TEMPLATE koji_${this.name}` : ''}`,
      );
    const settings = {
      Database: target,
      KojiDir: this.store,
      Listen: `127.0.0.1:${this.port}`,
      DisableNotifications: 'True',
      EnableMaven: 'True',
      EnableWin: 'True',
      ...patient,
      Plugins: 'echo runroot save-failed-tree sidetag',
      LogFile: path.join(here, 'hub.log'),
      RepoManager: 'external',
    };
    writeSettings(path.join(here, 'hub.conf'), 'hub', settings);
    const from = way === 'in place' ? ['--in-place'] : ['--from', database];
    const hub = (...words) => {
      const done = spawnSync(process.execPath, [bundle('koji-hub'), '--config', 'hub.conf', ...words], {
        cwd: here,
        encoding: 'utf8',
      });
      return { ...done, said: `${done.stdout}${done.stderr}` };
    };
    const dry = hub('adopt', ...from, '--dry-run');
    this.check(
      'adopt --dry-run tells what it would do',
      dry.status === 0 && /takes about/.test(dry.said),
      dry.said,
    );
    const adopted = hub('adopt', ...from, '--yes');
    this.check('adopt', adopted.status === 0, adopted.said);
    const verified = hub('adopt', '--verify', '--from', database, '--sample', '500');
    this.check(
      `adopt --verify: ${verified.stdout.trim().split('\n').at(-1)}`,
      verified.status === 0,
      verified.said,
    );
    const words = [process.execPath, bundle('koji-hub'), '--config', 'hub.conf'];
    const running = this.programs.start(here, 'koji-hub', words);
    await answering(url);
    const after = this.answers(filled);
    const different = [...before].filter(([command, said]) => !isSame(command, said, after.get(command)));
    this.check(
      `Koji's command prints the same in ${before.size - different.length} of ${before.size} runs`,
      different.length === 0,
      different.map(([command, said]) => `--- koji ${command}\n${said}+++\n${after.get(command)}`).join('\n'),
    );
    const other = await freePort();
    const kojis = await this.startKojisHub(database, other);
    const answers = hub(
      'adopt',
      '--verify',
      '--from',
      database,
      '--sample',
      '500',
      '--hub',
      `http://127.0.0.1:${other}/kojihub`,
      '--hub',
      `${url}/kojihub`,
    );
    this.check(
      `adopt --verify with both hubs: ${answers.stdout.trim().split('\n').at(-1)}`,
      answers.status === 0,
      answers.said,
    );
    await this.programs.end(kojis);
    if (this.conversations) this.ask(url);
    await this.goOn(way);
    await this.programs.end(running);
    if (way !== 'SQLite') await this.goBack(target, before, filled);
  }

  /** Koji's own hub on the database after ours, which left a tag there. */
  async goBack(target, before, filled) {
    const hub = await this.startKojisHub(target, this.port);
    const after = this.answers(filled);
    const different = [...before].filter(
      ([command, said]) =>
        !/^list-(tags|history)/.test(command) && !isSame(command, said, after.get(command)),
    );
    const shown = different.map(
      ([command, said]) => `--- koji ${command}\n${said}+++\n${after.get(command)}`,
    );
    this.check(
      'the hub of Koji runs on the database that ours has used',
      shown.length === 0,
      shown.join('\n'),
    );
    await this.programs.end(hub);
  }

  /** Logins and sessions of Koji remain valid, and ids continue. */
  async goOn(way) {
    const user = await this.session.call('getLoggedInUser', []);
    this.check('a session that began at the hub of Koji goes on', user?.name === admin.user);
    const words = ['-c', 'koji.conf', '--user', admin.user, '--password', admin.password];
    const hello = await run(this.python, [path.join(this.upstream, 'cli/koji'), ...words, 'hello'], {
      cwd: this.folder,
      env: this.programs.env,
    }).catch((error) => error);
    this.check(
      'the password of Koji logs in',
      /kojiadmin/.test(hello.stdout),
      `${hello.stdout}${hello.stderr}`,
    );
    const last = Math.max(...(await this.session.call('listTags', [])).map(({ id }) => id));
    const id = await this.session.call('createTag', [`after-${way.replace(' ', '-')}`]);
    this.check('a new tag gets the next id', id > last, `${id} after ${last}`);
  }
}

/**
 * Whether two outputs are the same. Koji gives no order to the names of a struct, users, packages, changes of one event, the
 * targets of a tag, the tags of a build, the permissions of a user and the channels of a host.
 */
function isSame(command, one, other) {
  const [a, b] = [one, other].map((text) => /^([[{].*)exit 0$/s.exec(text)?.[1]);
  if (a !== undefined && b !== undefined) return isDeepStrictEqual(JSON.parse(a), JSON.parse(b));
  const inOrder = (text) => text.split('\n').sort().join('\n');
  if (command.startsWith('hostinfo'))
    return isDeepStrictEqual(one.split(/\s+/).sort(), other.split(/\s+/).sort());
  if (command.startsWith('buildinfo')) {
    const [first, second] = [one, other].map((text) =>
      text.replace(/^Tags: .*$/m, (line) => line.split(' ').sort().join(' ')),
    );
    return first === second;
  }
  return /^(list-(users|pkgs|history)|taginfo|userinfo)/.test(command)
    ? inOrder(one) === inOrder(other)
    : one === other;
}
