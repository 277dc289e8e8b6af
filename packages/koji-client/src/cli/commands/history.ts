import { setTimeout as delay } from 'node:timers/promises';
import { compareTexts, sortTexts } from '@koji/core';
import type { HistoryRow } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { asctime, asctimeUtc, pythonRepr, pythonStr } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { historyTables } from '../history-texts.js';
import { flag, int, noFlag, text, texts, time, timeHelp } from '../options.js';

const conditions = [
  'package',
  'tag',
  'build',
  'editor',
  'user',
  'permission',
  'cg',
  'external_repo',
  'build_target',
  'group',
  'before',
  'after',
  'host',
  'channel',
  'xkey',
] as const;

const listHistory = command({
  name: 'list-history',
  category: 'info',
  examples: ['list-history --tag=f44 --after "2 days ago"'],
  summary: 'Display historical data',
  usage: 'list-history [options]',
  anonymous: true,
  data: {
    of: 'queryHistory',
    adds: {
      event: 'the id of the event',
      table: 'the table whose row came or went; all other fields are those of the row',
      change: 'created or revoked; the two of one edit stand next to each other',
    },
  },
  options: {
    debug: flag('--debug'),
    build: text('--build', 'Only show data for a specific build'),
    package: text('--package', 'Only show data for a specific package'),
    tag: text('--tag', 'Only show data for a specific tag'),
    editor: text(['--editor', '--by'], 'Only show entries modified by user', { metavar: 'USER' }),
    user: text('--user', 'Only show entries affecting a user'),
    permission: text('--permission', 'Only show entries relating to a given permission'),
    cg: text('--cg', 'Only show entries relating to a given content generator'),
    external_repo: text(
      ['--external-repo', '--erepo'],
      'Only show entries relating to a given external repo',
    ),
    build_target: text(['--build-target', '--target'], 'Only show entries relating to a given build target'),
    group: text('--group', 'Only show entries relating to a given group'),
    host: text('--host', 'Only show entries related to given host'),
    channel: text('--channel', 'Only show entries related to given channel'),
    xkey: text('--xkey', 'Only show entries related to given tag extra key'),
    before: time('--before', `Only show entries before this time, ${timeHelp}`),
    after: time('--after', 'Only show entries after timestamp (same format as for --before)'),
    before_event: int('--before-event', 'Only show entries before event', { metavar: 'EVENT_ID' }),
    after_event: int('--after-event', 'Only show entries after event', { metavar: 'EVENT_ID' }),
    watch: flag('--watch', 'Monitor history data'),
    active: [
      flag('--active', 'Only show entries that are currently active'),
      noFlag('--revoked', 'Only show entries that are currently revoked'),
    ],
    context: flag('--context', 'Show related entries'),
    show: texts(['-s', '--show'], 'Show data from selected tables'),
    verbose: flag(['-v', '--verbose'], 'Show more detail'),
    events: flag(['-e', '--events'], 'Show event ids'),
    all: flag('--all', 'Allows listing the entire global history'),
    utc: flag('--utc', 'Shows time in UTC timezone'),
  },
  async run(run) {
    const { args, options, global, session, print, connect, usageError, fail } = run;
    if (args.length > 0) return usageError('This command takes no arguments');
    const given = conditions.filter((name) => options[name]);
    const filter: Record<string, unknown> = Object.fromEntries(given.map((name) => [name, options[name]]));
    if (options.before_event) filter['beforeEvent'] = options.before_event;
    if (options.after_event) filter['afterEvent'] = options.after_event;
    if (options.active !== undefined) filter['active'] = options.active;
    if (options.host && !(await session.getHost(options.host))) fail(`No such host: ${options.host}`);
    if (options.channel && !(await session.getChannel(options.channel)))
      fail(`No such channel: ${options.channel}`);
    const tables = options.show.length > 0 ? options.show.flatMap((list) => list.split(',')) : null;
    if (given.length === 0 && !options.all) return usageError('Please specify an option to limit the query');
    await connect();
    if (options.watch && !filter['afterEvent'] && !filter['after'])
      filter['afterEvent'] = (await session.getLastEvent())?.id;
    for (;;) {
      const entries = groupEdits(
        timelineOf(await session.queryHistory(tables, named(filter)), options.context),
      );
      run.data(() =>
        entries
          .flatMap((entry) => [entry, ...entry.related])
          .map(({ event, table, isNew, row }) => ({
            ...row,
            event,
            table,
            change: isNew ? 'created' : 'revoked',
          })),
      );
      for (const entry of entries) {
        if (options.debug ?? global.debug)
          print(pythonRepr([entry.event, entry.table, entry.isNew ? 1 : 0, entry.row]));
        printEntry(run, entry, options);
      }
      if (!options.watch) return;
      const last = entries.at(-1);
      if (last) filter['afterEvent'] = last.event;
      await delay(global.poll_interval * 1000);
    }
  },
});

/** A row that was created or revoked at an event, and the row that replaced it at the same event. */
interface Entry {
  readonly event: number;
  readonly table: string;
  /** Whether the row was created. */
  readonly isNew: boolean;
  readonly row: HistoryRow;
  readonly related: Entry[];
}

/** Returns the changes in order: the creation of every row and, if it was revoked, its revocation. */
function timelineOf(
  tables: Readonly<Record<string, readonly HistoryRow[]>>,
  context: boolean | undefined,
): Entry[] {
  const entries: Entry[] = [];
  for (const [table, rows] of Object.entries(tables))
    for (const row of rows) {
      const add = (isNew: boolean, event: number): void => {
        if (context || isAskedFor(row, isNew)) entries.push({ event, table, isNew, row, related: [] });
      };
      if (row.revoke_event !== null) add(false, row.revoke_event);
      add(true, row.create_event);
    }
  return entries.sort(
    (a, b) => a.event - b.event || compareTexts(a.table, b.table) || Number(a.isNew) - Number(b.isNew),
  );
}

/** Returns whether a row's creation or revocation matches the conditions on time, event and editor. */
function isAskedFor(row: HistoryRow, isNew: boolean): boolean {
  const prefix = isNew ? '_created' : '_revoked';
  return Object.entries(row).every(([key, value]) => !key.startsWith(prefix) || Boolean(value));
}

/** Combines changes of the same object at the same event. */
function groupEdits(timeline: readonly Entry[]): Entry[] {
  const first = new Map<string, Entry>();
  return timeline.filter((entry) => {
    const { event, table, row } = entry;
    const keys = (historyTables[table]?.keys ?? []).map((key) => row[key]);
    const key = pythonRepr([event, table, keys]);
    const earlier = first.get(key);
    if (earlier) earlier.related.push(entry);
    else first.set(key, entry);
    return !earlier;
  });
}

interface Shown {
  readonly utc: boolean | undefined;
  readonly events: boolean | undefined;
  readonly verbose: boolean | undefined;
}

function printEntry(run: Run, entry: Entry, shown: Shown): void {
  const { print, warn } = run;
  const { event, table, row, isNew, related } = entry;
  const [next] = related;
  const strange = next && strangeness(entry, next);
  if (strange) {
    warn(`Unusual edit at event ${event} in table ${table} (${strange})`);
    for (const one of [entry, ...related]) printEntry(run, { ...one, related: [] }, shown);
    return;
  }
  const what = next ? 'edited' : isNew ? 'created' : 'revoked';
  const seconds = Number(isNew ? row.create_ts : row.revoke_ts);
  const who = isNew ? row.creator_name : row.revoker_name;
  const parts = [
    (shown.utc ? asctimeUtc : asctime)(seconds),
    ...(shown.events || shown.verbose ? [`(eid ${event})`] : []),
    textOf(table, what, row),
    `by ${pythonStr(who)}`,
    ...((isNew && row.active) || next?.row.active ? ['[still active]'] : []),
  ];
  print(parts.join(' '));
  if (next) printChanges(run, row, next.row);
  else if (isNew && shown.verbose && table !== 'tag_listing') printFields(run, table, row);
}

/** Explains why two rows are not an edit; empty for an ordinary edit. */
function strangeness(entry: Entry, next: Entry): string | null {
  if (entry.event !== next.event) return 'non-matching';
  if (entry.isNew || !next.isNew) return 'out of order';
  return entry.related.length > 1 ? `${entry.related.length + 1} elements` : null;
}

function textOf(table: string, what: 'edited' | 'created' | 'revoked', row: HistoryRow): string {
  const pattern = historyTables[table]?.[what] ?? `${table} entry ${what === 'edited' ? 'updated' : what}`;
  return pattern.replace(/\{([^}]+)\}/g, (_, column: string) => pythonStr(row[column]));
}

const hidden = new Set([
  'active',
  'create_event',
  'revoke_event',
  'creator_id',
  'revoker_id',
  'creator_name',
  'revoker_name',
  'create_ts',
  'revoke_ts',
]);

/** Returns the column with the name for a column with an id. */
function nameColumn(column: string): string {
  if (column === 'perm_id') return 'permission.name';
  return `${column.replace(/_id$/, '')}.name`;
}

const columnsOf = (row: HistoryRow): string[] =>
  sortTexts(Object.keys(row)).filter((column) => !hidden.has(column) && !column.startsWith('_'));

function printChanges({ print }: Run, before: HistoryRow, after: HistoryRow): void {
  for (const column of columnsOf(before)) {
    const [old, now] = [before[column], after[column]];
    const name = nameColumn(column);
    if (pythonRepr(old) === pythonRepr(now) || (name in before && name in after)) continue;
    print(`    ${column}: ${pythonStr(old)} -> ${pythonStr(now)}`);
  }
}

/** Prints the columns of a new row that its line does not contain. */
function printFields({ print }: Run, table: string, row: HistoryRow): void {
  const keys = historyTables[table]?.keys ?? [];
  const told = new Set(keys.flatMap((key) => [key, nameColumn(key)]));
  for (const column of columnsOf(row)) {
    if (told.has(column) || nameColumn(column) in row) continue;
    if (row['blocked'] && column !== 'blocked') continue;
    print(`    ${column.replace(/\.name$/, '')}: ${pythonStr(row[column])}`);
  }
}

export const history = [listHistory];
