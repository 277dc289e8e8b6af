/** The same questions to two hubs. */
import { isDeepStrictEqual } from 'node:util';
import { GenericError, messageOf } from '@koji/core';
import { decodeResponse, encodeArgs, encodeCall } from '@koji/core/wire';
import type { Row } from '../db/connection.js';

/** Milliseconds that an answer may take. */
const patience = 120_000;

/** A call: name of the method, arguments, named arguments. */
type Question = readonly [
  method: string,
  args: readonly unknown[],
  named?: Readonly<Record<string, unknown>>,
];

/** Methods whose lists Koji leaves in the order in which PostgreSQL happens to find the rows. */
const withoutOrder: ReadonlySet<string> = new Set([
  'getBuildTargets',
  'getTaskChildren',
  'getUserGroups',
  'getUserPerms',
  'listArchives',
  'listBuilds',
  'listChannels',
  'listPackages',
  'listTags',
  'queryHistory',
]);

const general: readonly Question[] = [
  ['getAPIVersion', []],
  ['getAllPerms', []],
  ['listVolumes', []],
  ['listBTypes', []],
  ['listCGs', []],
  ['listChannels', []],
  ['getBuildTargets', []],
  ['getArchiveTypes', []],
  ['listTags', []],
];

/** The calls to compare for a row of a table. */
const about: Readonly<Record<string, (row: Row) => readonly Question[]>> = {
  archiveinfo: ({ id }) => [['getArchive', [id]]],
  build: ({ id }) => [
    ['getBuild', [id]],
    ['listBuildRPMs', [id]],
    ['listArchives', [id]],
    ['listTags', [id]],
    ['getBuildType', [id]],
  ],
  build_target: ({ id }) => [['getBuildTarget', [id]]],
  buildroot: ({ id }) => [['getBuildroot', [id]]],
  channels: ({ id }) => [['getChannel', [id]]],
  external_repo: ({ id }) => [['getExternalRepo', [id]]],
  host: ({ id }) => [
    ['getHost', [id]],
    ['listChannels', [id]],
  ],
  package: ({ id }) => [
    ['getPackage', [id]],
    ['listBuilds', [id]],
  ],
  repo: ({ id }) => [['repoInfo', [id]]],
  rpminfo: ({ id }) => [
    ['getRPM', [id]],
    ['queryRPMSigs', [id]],
    ['listBuildroots', [], { rpmID: id }],
  ],
  tag: ({ id, name }) => [
    ['getTag', [id]],
    ['getInheritanceData', [id]],
    ['getFullInheritance', [id]],
    ['listTagged', [name], { inherit: true, latest: true }],
    ['listTagged', [name]],
    ['listPackages', [id]],
    ['getTagExternalRepos', [id]],
    ['getTagGroups', [id]],
    ['queryHistory', [], { tag: name }],
  ],
  task: ({ id }) => [
    ['getTaskInfo', [id, true]],
    ['getTaskChildren', [id]],
    ['getTaskResult', [id]],
  ],
  users: ({ id }) => [
    ['getUser', [id]],
    ['getUserPerms', [id]],
    ['getUserGroups', [id]],
  ],
};

/**
 * Asks two hubs about rows, and tells each answer that differs.
 *
 * @returns the number of answers compared
 */
export async function compareAnswers(
  [theirs, ours]: readonly [string, string],
  samples: ReadonlyMap<string, readonly Row[]>,
  differs: (line: string) => void,
): Promise<number> {
  const questions = [
    ...general,
    ...[...samples].flatMap(([table, rows]) => rows.flatMap((row) => about[table]?.(row) ?? [])),
  ];
  for (const question of questions) {
    const answers = await Promise.all([ask(theirs, question), ask(ours, question)]);
    const [wanted, found] = withoutOrder.has(question[0]) ? answers.map(inOneOrder) : answers;
    if (isDeepStrictEqual(wanted, found)) continue;
    const [method, args, named] = question;
    const shown = [
      ...args,
      ...Object.entries(named ?? {}).map(([name, value]) => `${name}=${String(value)}`),
    ];
    differs(`${method}(${shown.map(String).join(', ')}): ${firstDifference(wanted, found, 'the answer')}`);
  }
  return questions.length;
}

/** The answer of a hub, or its fault's text. */
async function ask(url: string, [method, args, named]: Question): Promise<unknown> {
  const body = encodeCall(method, named ? encodeArgs(args, named) : args);
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'text/xml' },
    body,
    signal: AbortSignal.timeout(patience),
  });
  if (!reply.ok)
    throw new GenericError(`${url} answers with status ${reply.status}: name the url of a hub by --hub`);
  try {
    return decodeResponse(new Uint8Array(await reply.arrayBuffer()));
  } catch (fault) {
    return { fault: messageOf(fault) };
  }
}

/** The same answer with each list in an order of its own. */
function inOneOrder(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map(inOneOrder).sort((a, b) => (short(a, Infinity) < short(b, Infinity) ? -1 : 1));
  if (!isParts(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, inOneOrder(value[name])]));
}

/** Where two answers differ first. */
function firstDifference(wanted: unknown, found: unknown, place: string): string {
  if (isParts(wanted) && isParts(found) && Array.isArray(wanted) === Array.isArray(found)) {
    const keys = new Set([...Object.keys(wanted), ...Object.keys(found)]);
    for (const key of keys)
      if (!isDeepStrictEqual(wanted[key], found[key]))
        return firstDifference(wanted[key], found[key], `${place} / ${key}`);
  }
  return `${place} is ${short(wanted)} in Koji, ${short(found)} here`;
}

function isParts(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function short(value: unknown, longest = 200): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part));
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
