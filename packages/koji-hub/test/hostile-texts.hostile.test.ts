import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { api } from '@koji/core/api';
import type { Method } from '@koji/core/api';
import { decodeResponse, encodeArgs, encodeCall } from '@koji/core/wire';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

/** Texts that fit into `MaxRequestLength`. */
const size = 4_100_000;
const fill = (unit: string): string => unit.repeat(Math.floor(size / Buffer.byteLength(unit)));
const texts: Readonly<Record<string, string>> = {
  letters: fill('a'),
  stars: fill('*a'),
  brackets: fill('['),
  spaces: fill(' '),
  quotes: fill("'"),
  dashes: fill('-'),
  digits: fill('1'),
  'line ends': fill('\n'),
  wildcards: fill('%_'),
};
const kinds = Object.keys(texts);
/** The arguments that are patterns, which every text is tried on. */
const patterns = new Set([
  'listBuilds pattern',
  'listBuilds source',
  'listPackages prefix',
  'listTags pattern',
]);

const methods = Object.entries(api).filter(
  ([name, { needs }]: [string, Method]) => needs === 'none' && name !== 'echo',
) as [string, Method][];

let made: TestDatabase;
let hub: ChildProcess;
let url: string;
const baseline = new Map<string, number>();

beforeAll(async () => {
  made = await (databases[0] as (typeof databases)[number]).create();
  const script = path.join(import.meta.dirname, 'support/watched-hub.mjs');
  hub = fork(script, [path.resolve(import.meta.dirname, '../dist'), made.folder, made.url], { execArgv: [] });
  const [started] = (await once(hub, 'message')) as [{ url: string }];
  url = `${started.url}/kojihub`;
  for (const kind of kinds) {
    const delays = [await delayOf('echo', [texts[kind]]), await delayOf('echo', [texts[kind]])];
    baseline.set(kind, Math.min(...delays));
  }
});

afterAll(async () => {
  hub.send('stop');
  await once(hub, 'exit');
  await made.drop();
});

/** The longest time the hub's loop stood still since the last question. */
async function delay(): Promise<number> {
  hub.send('delay');
  const [answer] = (await once(hub, 'message')) as [{ delay: number }];
  return answer.delay;
}

/** How many times as much processor time the machine takes now as a usual one, at least 1. */
async function pace(): Promise<number> {
  hub.send('pace');
  const [answer] = (await once(hub, 'message')) as [{ pace: number }];
  return answer.pace;
}

/** Returns how long a call blocks the hub's loop, in milliseconds; it may fail, but must be answered. */
async function delayOf(method: string, args: readonly unknown[]): Promise<number> {
  const body = encodeCall(method, encodeArgs(args, {}));
  await delay();
  const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'text/xml' }, body });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const held = await delay();
  expect([method, answer.status]).toEqual([method, 200]);
  const message = decodeResponse(bytes);
  if ('fault' in message) expect(message.fault.faultString.length).toBeLessThan(300_000);
  return held;
}

/** The arguments in front of the one that gets the text: such as pass the check of their type. */
function leading({ args }: Method, place: number): unknown[] {
  return args
    .slice(0, place)
    .map((argument) =>
      argument.optional
        ? argument.default
        : [1, 'a', [], {}, true, null].find((value) => argument.type.is(value)),
    );
}

/** The text in one of the forms that an argument of the type takes, which alternate from turn to turn. */
function formOf({ type }: Method['args'][number], text: string, turn: number): unknown {
  const fitting = [text, [text], { name: text }].filter((value) => type.is(value));
  return fitting[turn % fitting.length] ?? text;
}

/** Describes the call if it holds up the loop for clearly longer than decoding and encoding the text takes. */
async function tooSlow(method: string, args: readonly unknown[], kind: string): Promise<string[]> {
  let held = 0;
  let usual = baseline.get(kind) ?? 0;
  for (let attempt = 0; attempt < 3; attempt++) {
    held = await delayOf(method, args);
    if (held <= Math.max(100, 3 * usual) || held <= 100 * (await pace())) return [];
    // The machine may be busy with something else: then it is for the baseline too.
    usual = Math.max(usual, await delayOf('echo', [texts[kind]]));
  }
  return [`${method}, argument ${args.length}, ${kind}: ${Math.round(held)} ms`];
}

test('four megabytes of hostile text as any argument hold up nobody else', async () => {
  const slow: string[] = [];
  let turn = 0;
  for (const [name, declared] of methods)
    for (const [place, argument] of declared.args.entries()) {
      const tried = patterns.has(`${name} ${argument.name}`) ? kinds : [kinds[turn % kinds.length] ?? ''];
      for (const kind of tried) {
        const form = formOf(argument, texts[kind] ?? '', turn++);
        slow.push(...(await tooSlow(name, [...leading(declared, place), form], kind)));
      }
    }
  expect(slow).toEqual([]);
});

test('four megabytes of text as the name of a method hold up nobody else', async () => {
  const slow: string[] = [];
  for (const kind of kinds) slow.push(...(await tooSlow(texts[kind] ?? '', [], kind)));
  expect(slow.map((line) => line.slice(-40))).toEqual([]);
});
