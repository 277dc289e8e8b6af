#!/usr/bin/env node
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  ConfigError,
  GenericError,
  askPassword,
  limitProcess,
  messageOf,
  onReloadSignal,
  onStopSignal,
  openServiceNotices,
  readPassword,
} from '@koji/core';
import type { ServiceNotices } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import {
  addUser,
  changePassword,
  check,
  dropTables,
  explainPolicy,
  grantPermission,
  init,
  migrateDatabase,
  planMigration,
} from './commands.js';
import { checkOptions, configWarnings, embeddedFolder, findConfig } from './config.js';
import { describeUpgrade } from './db/upgrade-plan.js';
import { runGc } from './gc/run.js';
import { startHub } from './hub.js';
import {
  describePlugins,
  describeQueue,
  examinePlugins,
  handleDeadLetters,
  listDeadLetters,
  listQueues,
} from './plugin-doctor.js';
import { pluginWarnings } from './plugins.js';
import { tlsWarnings } from './server/tls.js';
import { describeSearch, searchPlugins } from './plugin-search.js';
import { watchPlugins } from './watch.js';
import { guardProcess } from './watchdog/guard.js';
import { backUp } from './upkeep/backup.js';
import { housekeeping } from './upkeep/housekeeping.js';
import { describeHousekept } from './upkeep/keeping.js';
import { describeProblem, fsck } from './upkeep/fsck.js';
import { restore } from './upkeep/restore.js';
import { isWorker, reportUrl, startWorkers } from './workers.js';

const usage = `Usage: koji-hub [--config FILE] [COMMAND]

Without --config the hub reads ./hub.conf, or creates one in ./${embeddedFolder} at its first start.

  start [--watch]                           answer requests until stopped (the default); --watch reloads changed plugins
  init [FOLDER] [--password-file FILE]      create a hub: hub.conf, database, file store and an admin
  user add NAME [--password-file FILE] [--admin]
                                            add a user; without --password-file the password is generated
  user passwd NAME [--password-file FILE]   set a user's password; without --password-file a terminal asks for it
  user grant NAME PERMISSION                grant a permission
  policy explain NAME [FIELD=VALUE ...]     print which rule of a policy decides about the data, and why
  plugins [--check] [--json]                list plugins with what they provide, their settings, activity and problems
  plugins drop-tables NAME [--yes]          list the tables of a plugin that is not enabled; drop them with --yes
  plugins search [WORD ...] [--json]        list plugins that can be installed, from the registries that npm is set to
  outbox [dead|replay|drop [QUEUE|ID]]      list the queues of plugins; list, resend or delete undelivered messages
  gc [--apply] [--action ACTION,...] [--user NAME] [--gc-config FILE] [--purge] [--no-mail] [--verbose]
                                            collect garbage: delete, prune, trash, salvage; without --apply only report
  housekeeping [--plan] [--json]            remove old sessions, files and the like, as the Keep options of hub.conf say;
                                            --plan only counts them
  backup DIR                                copy the database into DIR, consistent also while the hub runs, and list the files
  restore DIR                               put the database of a backup where none, or an empty one, is
  fsck [--repair] [--quick] [--json]        compare the file store with the database and print every problem; --quick reads no
                                            file, --repair moves what is extra aside and makes missing links
  adopt --from URL [--dry-run] [--in-place] [--restart] [--live] [--yes]
                                            take over the database of a Koji hub: copy it into the database of hub.conf, or
                                            change it where it is; URL is postgresql://... or the path of Koji's hub.conf
  adopt --verify --from URL [--hub KOJI --hub OURS] [--sample N] [--json]
                                            compare the adopted database with Koji's, and answers of the two hubs
  adopt --report FILE ...                   list the options of Koji's configuration files that have no effect here
  check                                     check the configuration, database and plugins, and print every problem
  migrate [--plan [--json]] [--yes]         upgrade the database schema; --plan prints what would be done, how long it takes and
                                            what it blocks; --yes does it beside running hubs that must be stopped for it

A password is the first line of FILE; FILE - is standard input.
`;

/** The command line makes no sense: exit status 2. */
class UsageError extends Error {}

const { values, positionals } = readArguments();

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
        password: { type: 'string' },
        'password-file': { type: 'string' },
        admin: { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
        watch: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        action: { type: 'string', multiple: true, default: [] },
        apply: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
        from: { type: 'string' },
        hub: { type: 'string', multiple: true, default: [] },
        'in-place': { type: 'boolean', default: false },
        live: { type: 'boolean', default: false },
        report: { type: 'boolean', default: false },
        restart: { type: 'boolean', default: false },
        sample: { type: 'string', default: '20' },
        verify: { type: 'boolean', default: false },
        'gc-config': { type: 'string' },
        plan: { type: 'boolean', default: false },
        'no-mail': { type: 'boolean', default: false },
        purge: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        repair: { type: 'boolean', default: false },
        user: { type: 'string' },
        verbose: { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    process.stderr.write(`koji-hub: ${messageOf(error)}\n${usage}`);
    process.exit(2);
  }
}

function config(): HubConfig {
  const found = findConfig(values.config);
  if (!found)
    throw new ConfigError('no hub here: name its configuration by --config, or make one by koji-hub init');
  return found;
}

async function start(): Promise<void> {
  // A worker is not a service itself: it has no socket of the service manager.
  const notices = openServiceNotices();
  const onHangUp = takeHangUps();
  let found = findConfig(values.config);
  if (!found) {
    const made = await init(path.resolve(embeddedFolder));
    console.log(
      `made a hub in ./${embeddedFolder}: user ${made.user}, password ${made.password} (shown only now)`,
    );
    found = findConfig(made.file);
  }
  if (found.options.Workers > 1 && values.watch)
    throw new UsageError(`--watch is for one process: set Workers = 1 in ${found.file}`);
  // Where plugins run, a process of its own starts another one for one that a plugin has blocked.
  const { Workers, Plugins, Web, WebPlugins } = found.options;
  const hasPlugins = Plugins.length > 0 || (Web && WebPlugins.length > 0);
  const isWatchedOver = Workers > 1 || (hasPlugins && !values.watch);
  if (isWatchedOver && !isWorker) return startSeveral(found, notices, onHangUp);
  const hub = await startHub(found);
  onHangUp(() => hub.reopen());
  const guard = guardProcess(hub, found, { replaced: isWorker });
  await limitProcess(found.options, hub.log, { isRestarted: isWorker });
  if (values.watch) watchPlugins(hub, found);
  if (isWorker) reportUrl(hub.url);
  else console.log(`koji-hub answers at ${hub.url}/kojihub`);
  stopOnSignals(async () => {
    await notices.stopping();
    await hub.stop();
    await guard.stop();
  });
  await notices.ready();
}

async function startSeveral(
  found: HubConfig,
  notices: ServiceNotices,
  onHangUp: (act: () => void) => void,
): Promise<void> {
  const problems = checkOptions(found);
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  const workers = await startWorkers(found.options.Workers).catch(() => process.exit(1));
  console.log(`koji-hub answers at ${workers.url}/kojihub`);
  onHangUp(() => workers.signal('SIGHUP'));
  stopOnSignals(async () => {
    await notices.stopping();
    await workers.stop();
  });
  await notices.ready();
}

/** Takes SIGHUP from now on, which would end a process that starts. Returns what sets the action, which makes up for it. */
function takeHangUps(): (act: () => void) => void {
  let act: (() => void) | null = null;
  let wasSent = false;
  onReloadSignal(() => {
    if (act) act();
    else wasSent = true;
  });
  return (given) => {
    act = given;
    if (wasSent) given();
  };
}

/** The first signal stops gracefully, a second one at once. */
function stopOnSignals(stop: () => Promise<void>): void {
  onStopSignal((before) => {
    if (before > 0) process.exit(1);
    stop().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  });
}

function fail(error: unknown): never {
  const known = error instanceof ConfigError || error instanceof GenericError || error instanceof UsageError;
  process.stderr.write(`koji-hub: ${known ? error.message : ((error as Error).stack ?? String(error))}\n`);
  if (error instanceof UsageError) process.stderr.write(usage);
  process.exit(error instanceof UsageError ? 2 : 1);
}

/** The password of the options. */
async function givenPassword(): Promise<string | undefined> {
  const { password, 'password-file': file } = values;
  if (password !== undefined) warnOfArgument();
  return file === undefined ? password : readPassword(file);
}

function warnOfArgument(): void {
  process.stderr.write('koji-hub: others can see a password among the arguments: use --password-file\n');
}

async function newPassword(name: string, argument: string | undefined): Promise<string> {
  const given = await givenPassword();
  if (given !== undefined) return given;
  if (argument !== undefined) {
    warnOfArgument();
    return argument;
  }
  if (!process.stdin.isTTY)
    throw new UsageError(
      'user passwd: no terminal to ask on: give --password-file FILE, or - for standard input',
    );
  const first = await askPassword(`New password of ${name}: `);
  if ((await askPassword('Once more: ')) !== first) throw new ConfigError('the two are not the same');
  return first;
}

async function user([action, name, last, ...more]: readonly string[]): Promise<void> {
  const { admin } = values;
  if (name === undefined || more.length > 0)
    throw new UsageError('user: add NAME, passwd NAME or grant NAME PERMISSION');
  if (action === 'add' && last === undefined) {
    const password = await givenPassword();
    const made = await addUser(config(), { name, admin, ...(password === undefined ? {} : { password }) });
    console.log(password === undefined ? `added ${name}, password ${made.password}` : `added ${name}`);
  } else if (action === 'passwd') await changePassword(config(), name, await newPassword(name, last));
  else if (action === 'grant' && last !== undefined) await grantPermission(config(), name, last);
  else throw new UsageError('user: add NAME, passwd NAME or grant NAME PERMISSION');
}

async function policy([action, name, ...fields]: readonly string[]): Promise<void> {
  if (action !== 'explain' || name === undefined)
    throw new UsageError('policy: explain NAME [FIELD=VALUE ...]');
  const data = fields.map((field) => {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(field) ?? [];
    if (key === undefined || value === undefined) throw new UsageError(`'${field}' is no FIELD=VALUE`);
    return [key, fromText(value)];
  });
  const lines = await explainPolicy(config(), name, Object.fromEntries(data) as Record<string, unknown>);
  for (const line of lines) console.log(line);
}

async function plugins([action, ...words]: readonly string[]): Promise<void> {
  if (action === 'search') return search(words);
  if (action === 'drop-tables') return dropPluginTables(words);
  if (action !== undefined) throw new UsageError(`plugins: search or drop-tables, not ${action}`);
  const report = await examinePlugins(config());
  const { problems } = report;
  if (values.json) console.log(JSON.stringify(report, null, 2));
  else if (!values.check) for (const line of describePlugins(report)) console.log(line);
  else for (const problem of problems) process.stderr.write(`${problem}\n`);
  if (values.check && problems.length > 0) process.exitCode = 1;
  else if (values.check && !values.json) console.log('nothing is wrong');
}

async function dropPluginTables([plugin, ...more]: readonly string[]): Promise<void> {
  if (plugin === undefined || more.length > 0) throw new UsageError('plugins drop-tables: name one plugin');
  const found = await dropTables(config(), plugin, { confirmed: values.yes });
  if (found.length === 0) console.log(`plugin ${plugin} has no tables`);
  for (const { table, rows } of found)
    console.log(`${values.yes ? 'dropped' : 'would drop'} ${table} with ${rows} rows`);
  if (found.length === 0 || values.yes) return;
  process.stderr.write('nothing was dropped: add --yes to drop them for good\n');
  process.exitCode = 1;
}

/** Needs no hub, because users may search for plugins before they have one. */
async function search(words: readonly string[]): Promise<void> {
  const found = await searchPlugins(process.cwd(), words);
  for (const problem of found.problems) process.stderr.write(`warning: ${problem}\n`);
  if (values.json) console.log(JSON.stringify(found.plugins, null, 2));
  else for (const line of describeSearch(found)) console.log(line);
  if (found.plugins.length === 0) process.exitCode = 1;
}

async function outbox([action, which, ...more]: readonly string[]): Promise<void> {
  if (more.length > 0) throw new UsageError('outbox: too many arguments');
  const choice =
    which === undefined ? {} : /^\d{1,9}$/.test(which) ? { id: Number(which) } : { queue: which };
  if (action === undefined) {
    const queues = await listQueues(config());
    for (const state of queues) console.log(describeQueue(state));
    if (queues.length === 0) console.log('no messages');
  } else if (action === 'dead') {
    for (const letter of await listDeadLetters(config(), choice))
      console.log(
        `${letter.id} ${letter.queue} ${letter.topic}, ${letter.attempts} tries: ${letter.last_error ?? ''}\n  ${letter.body}`,
      );
  } else if (action === 'replay' || action === 'drop') {
    if (action === 'drop' && which === undefined) throw new UsageError('outbox drop: name a queue or an id');
    const count = await handleDeadLetters(config(), action, choice);
    console.log(`${action === 'replay' ? 'sending again' : 'dropped'}: ${count}`);
    if (which !== undefined && count === 0) process.exitCode = 1;
  } else throw new UsageError(`outbox: dead, replay or drop, not ${action}`);
}

async function upgrade(): Promise<void> {
  if (values.plan) {
    const plan = await planMigration(config());
    if (values.json) console.log(JSON.stringify(plan, null, 2));
    else for (const line of [...describeUpgrade(plan), ...plan.plugins]) console.log(line);
    if (plan.problems.length > 0) process.exitCode = 1;
    return;
  }
  const done = await migrateDatabase(config(), { beside: values.yes });
  console.log(done.length === 0 ? 'the database is up to date' : `done: ${done.join(', ')}`);
}

async function keepHouse(): Promise<void> {
  const found = await housekeeping(config(), { apply: !values.plan });
  if (values.json) console.log(JSON.stringify(found, null, 2));
  else for (const line of describeHousekept(found, !values.plan)) console.log(line);
}

async function collectGarbage(): Promise<void> {
  const { action, apply, purge, user: name, verbose } = values;
  const failed = await runGc(
    config(),
    {
      file: values['gc-config'],
      user: name,
      actions: action.flatMap((names) => names.split(/[\s,]+/)).filter(Boolean),
      apply,
      purge,
      noMail: values['no-mail'],
      verbose,
    },
    (line) => console.log(line),
  );
  if (failed > 0) process.exitCode = 1;
}

async function copyOrRestore(
  command: 'backup' | 'restore',
  [folder, ...more]: readonly string[],
): Promise<void> {
  if (folder === undefined || more.length > 0) throw new UsageError(`${command}: name one folder`);
  const place = path.resolve(folder);
  if (command === 'restore') {
    const { made } = await restore(config(), place);
    console.log(`restored the database of ${made}; run koji-hub fsck once its files are in place`);
    return;
  }
  const { database, store } = await backUp(config(), place);
  console.log(`copied the database (${database.bytes} bytes) to ${folder}`);
  console.log(`listed ${store.files} files (${store.bytes} bytes) of ${store.folder}`);
}

async function compareFiles(): Promise<void> {
  const { repair, quick, json } = values;
  let comma = '';
  if (json) process.stdout.write('{"problems": [');
  const summary = await fsck(config(), { repair, quick }, (problem) => {
    process.stdout.write(json ? `${comma}\n  ${JSON.stringify(problem)}` : `${describeProblem(problem)}\n`);
    comma = ',';
  });
  const { builds, problems, mended } = summary;
  if (json) console.log(`\n], "summary": ${JSON.stringify(summary)}}`);
  else console.log(`${builds} builds looked at, ${problems} problems, ${mended} mended`);
  if (problems > mended) process.exitCode = 1;
}

/** Loaded only when it is asked for, since no hub needs it twice. */
async function takeOver(files: readonly string[]): Promise<void> {
  const { runAdopt } = await import('./adopt/command.js');
  const { from, hub, json, live, report, restart, sample, verify, yes } = values;
  const [dryRun, inPlace] = [values['dry-run'], values['in-place']];
  if (!report && files.length > 0) throw new UsageError('adopt: only --report takes files');
  if (report && files.length === 0) throw new UsageError('adopt --report: name files');
  if (hub.length !== 0 && hub.length !== 2) throw new UsageError('adopt --verify: name two hubs, Koji first');
  if (!/^[1-9]\d{0,4}$/.test(sample))
    throw new UsageError(`adopt --sample: '${sample}' is no number from 1 to 99999`);
  const given = {
    dryRun,
    files,
    from,
    hub,
    inPlace,
    json,
    live,
    report,
    restart,
    sample: Number(sample),
    verify,
    yes,
  };
  if (!(await runAdopt(config, given))) process.exitCode = 1;
}

/** JSON where it is, such as 5, true, null or ["a", "b"]; else the text itself. */
function fromText(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

async function run([command = 'start', ...rest]: readonly string[]): Promise<void> {
  if (values.help) return void process.stdout.write(usage);
  if (command === 'user') return user(rest);
  if (command === 'policy') return policy(rest);
  if (command === 'outbox') return outbox(rest);
  if (command === 'plugins') return plugins(rest);
  if (command === 'backup' || command === 'restore') return copyOrRestore(command, rest);
  if (command === 'adopt') return takeOver(rest);
  if (rest.length > (command === 'init' ? 1 : 0)) throw new UsageError(`${command}: too many arguments`);
  switch (command) {
    case 'start':
      return start();
    case 'init': {
      const password = await givenPassword();
      const made = await init(path.resolve(rest[0] ?? '.'), password);
      const shown = password === undefined ? `, password ${made.password} (shown only now)` : '';
      console.log(`made ${made.file}\nuser ${made.user}${shown}`);
      return;
    }
    case 'migrate':
      return upgrade();
    case 'housekeeping':
      return keepHouse();
    case 'gc':
      return collectGarbage();
    case 'fsck':
      return compareFiles();
    case 'check': {
      const warnings = [
        ...configWarnings(config()),
        ...(await tlsWarnings(config())),
        ...pluginWarnings(config()),
      ];
      for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
      const problems = await check(config());
      for (const problem of problems) process.stderr.write(`${problem}\n`);
      if (problems.length > 0) process.exitCode = 1;
      else console.log('nothing is wrong');
      return;
    }
    default:
      throw new UsageError(`no such command: ${command}`);
  }
}

await run(positionals).catch(fail);
