import { stat } from 'node:fs/promises';
import { GenericError, ParameterError, joinSafe } from '@koji/core';
import type { ChangelogEntry, QueryOpts } from '@koji/core/api';
import type { Call } from '../../call.js';
import { applyOpts } from '../../db/rows.js';
import { findBuild } from '../builds/builds.js';
import { truthy } from '../values/convert.js';
import { plain, repr, typeName } from '../values/repr.js';
import { readField, readHeader } from './files.js';
import { listRpms } from './rpms.js';
import { isHidden } from '../files/uploaded.js';

/** The changelog to read, and a filter for its entries. */
export interface ChangelogRequest {
  readonly buildID: unknown;
  /** With `filepath`, a source rpm in the output of a task instead. */
  readonly taskID: number | null;
  readonly filepath: string | null;
  readonly author: string | null;
  /** Epoch seconds, or a text with a date and optionally a time in UTC; a text without a date does not restrict it. */
  readonly before: unknown;
  readonly after: unknown;
  readonly queryOpts: QueryOpts | null;
  /** Faults for a build or file that is missing; else the answer is empty. */
  readonly strict: boolean;
}

/** The entries of a changelog, newest first as in packages; with `asList`, each is `[date, author, text]`. */
export async function readChangelog(call: Call, request: ChangelogRequest): Promise<ChangelogEntry[]> {
  const opts = numericOrder(request.queryOpts);
  const file = await sourceRpm(call, request);
  if (file === null) return applyOpts<ChangelogEntry>([], opts);
  const fulfils = conditionOf(request);
  const entries = await applyOpts((await entriesOf(file)).filter(fulfils), opts);
  if (!opts.asList || !Array.isArray(entries)) return entries;
  return entries.map(({ date, author, text }) => [date, author, text]) as never;
}

// Dates as text would be put in order wrongly from the year 10000 on; Koji has it so, too.
function numericOrder(opts: QueryOpts | null): QueryOpts {
  const { order } = opts ?? {};
  return order === 'date' || order === '-date'
    ? { ...opts, order: order.replace('date', 'date_ts') }
    : { ...opts };
}

async function sourceRpm(call: Call, request: ChangelogRequest): Promise<string | null> {
  const { buildID, taskID, filepath, strict } = request;
  const refuse = (text: string): null => {
    if (strict) throw new GenericError(text);
    return null;
  };
  const { paths } = call.hub;
  let file: string;
  if (truthy(buildID)) {
    const build = await findBuild(call, buildID);
    if (!build) return refuse(`No such build: ${plain(buildID)}`);
    const [rpm] = await listRpms(call, { buildID: build.id, arches: 'src' });
    if (!rpm) return refuse(`Build ${plain(buildID)} doesn't have srpms`);
    file = `${paths.build(build)}/${paths.rpm(rpm)}`;
  } else if (taskID) {
    if (!filepath) throw new GenericError('filepath must be specified with taskID');
    if (filepath.startsWith('/') || filepath.includes('../') || filepath === '..' || isHidden(filepath))
      throw new GenericError(`Invalid filepath: ${filepath}`);
    file = joinSafe(paths.task(taskID), filepath);
  } else throw new GenericError('either buildID or taskID and filepath must be specified');
  return (await stat(file).catch(() => null)) ? file : refuse(`SRPM ${file} doesn't exist`);
}

async function entriesOf(file: string): Promise<ChangelogEntry[]> {
  const header = await readHeader(file);
  const [times, authors, texts] = ['changelogtime', 'changelogname', 'changelogtext'].map(
    (name) => readField(header, name) as readonly (number | string)[],
  ) as [readonly number[], readonly string[], readonly string[]];
  const length = Math.min(times.length, authors.length, texts.length);
  return times.slice(0, length).map((seconds, i) => ({
    date: new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' '),
    date_ts: seconds,
    author: authors[i] ?? '',
    text: texts[i] ?? '',
  }));
}

function conditionOf({ author, ...request }: ChangelogRequest): (entry: ChangelogEntry) => boolean {
  const before = secondsOf(request.before, 'before');
  const after = secondsOf(request.after, 'after');
  return (entry) =>
    (!author || entry.author === author) &&
    (before === null || entry.date_ts < before) &&
    (after === null || entry.date_ts > after);
}

function secondsOf(moment: unknown, name: string): number | null {
  if (!truthy(moment)) return null;
  if (typeof moment === 'string') return dateIn(moment, name) || null;
  if (typeof moment === 'boolean' || (typeof moment === 'number' && Number.isInteger(moment)))
    return Number(moment);
  throw new GenericError(`Invalid type for ${name}: ${typeName(moment)}`);
}

function dateIn(text: string, name: string): number | null {
  const found = /(\d+)-(\d+)-(\d+)/.exec(text);
  if (!found) return null;
  const [year = 0, month = 0, day = 0] = found.slice(1).map(Number);
  const rest = text.slice(found.index + found[0].length);
  const [hour = 0, minute = 0, second = 0] = /(\d+):(\d+):(\d+)/.exec(rest)?.slice(1).map(Number) ?? [];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const same = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
  if (year < 1 || year > 9999 || !same || minute > 59 || second > 59)
    throw new ParameterError(`${name} is no date: ${repr(text)}`);
  return date.getTime() / 1000;
}
