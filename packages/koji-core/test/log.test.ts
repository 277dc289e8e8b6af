import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openLog, type Logger } from '@koji/core';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'koji-log-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('every line is in the file once the log is closed, and one that comes later harms nobody', async () => {
  const file = path.join(folder, 'hub.log');
  const log = openLog({ file });
  const logger = log.logger('koji.db');
  logger.info('first');
  logger.error('second', new Error('why'));
  logger.debug('below the level');
  await log.close();
  logger.warn('late');
  const text = await readFile(file, 'utf8');
  expect(text).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[INFO\] \{\d+\} koji\.db first\n/);
  expect(text).toMatch(/\[ERROR\] \{\d+\} koji\.db second\nError: why\n/);
  expect(text).not.toMatch(/late|below/);
});

test.each([false, true])('a file that is renamed loses no line (written directly: %s)', async (direct) => {
  const file = path.join(folder, 'hub.log');
  const log = openLog({ file, direct });
  const logger = log.logger('x');
  for (let i = 0; i < 3; i++) {
    for (let line = 0; line < 500; line++) logger.info(`line ${i * 500 + line}`);
    await rename(file, `${file}.${i}`);
    log.reopen();
    // It is there even if nothing is logged.
    if (!direct) while (!(await readFile(file).catch(() => null))) await new Promise(setImmediate);
  }
  logger.info('line 1500');
  await log.close();
  log.reopen();
  const names = [`${file}.0`, `${file}.1`, `${file}.2`, file];
  const texts = await Promise.all(names.map((name) => readFile(name, 'utf8')));
  expect(texts.map((text) => text.includes('line '))).toEqual([true, true, true, true]);
  const lines = texts.join('').trimEnd().split('\n');
  expect(lines.map((line) => line.replace(/.* x /, ''))).toEqual(
    Array.from({ length: 1501 }, (_, i) => `line ${i}`),
  );
});

describe('a message', () => {
  const said = async (say: (logger: Logger) => void): Promise<string[]> => {
    const lines: string[] = [];
    const { logger, close } = openLog({ level: 'debug', onLine: (line) => lines.push(line) });
    say(logger('x'));
    await close();
    return lines.map((line) => line.replace(/^.*? x /, ''));
  };

  it.each([
    ['takes the values that follow it', ['%s has %d of %j', 'f44', 3, { a: 1 }], 'f44 has 3 of {"a":1}'],
    [
      'is followed by values that it has no place for',
      ['tags:', ['f44'], undefined, null],
      "tags: [ 'f44' ] undefined null",
    ],
    ['without values is written as it is', ['100% of %s, %%d'], '100% of %s, %%d'],
    ['may be no text', [{ a: 1 }, 2], '{ a: 1 } 2'],
  ] as const)('%s', async (_what, args, expected) => {
    for (const level of ['debug', 'info', 'warn', 'warning', 'error'] as const)
      expect(await said((logger) => logger[level](...(args as readonly [unknown, ...unknown[]])))).toEqual([
        expected,
      ]);
  });

  it('is warned of by either name', async () => {
    const lines: string[] = [];
    const { logger, close } = openLog({ level: 'warn', onLine: (line) => lines.push(line) });
    logger('x').warn('one');
    logger('x').warning('two');
    await close();
    expect(lines).toEqual([expect.stringContaining('[WARN] '), expect.stringContaining('[WARN] ')]);
  });

  const error = new Error('why', { cause: new TypeError('how') });
  const stack = /^Error: why\n +at .*\ncaused by: TypeError: how\n +at /s;
  it.each([
    ['that follows', ['no answer', error], 'no answer'],
    ['that a place is for', ['no answer: %s', error], 'no answer: Error: why'],
    ['after the values of places', ['task %d of %s', 7, 'f44', error], 'task 7 of f44'],
    ['whose message has what looks like a place', [`no /tmp/%d`, error], 'no /tmp/NaN'],
    ['alone', [error], 'Error: why'],
  ] as const)('has the stack of an error %s below it', async (_what, args, first) => {
    const [text = ''] = await said((logger) => logger.error(...(args as readonly [unknown, ...unknown[]])));
    expect(text.slice(0, text.indexOf('\n'))).toBe(first);
    expect(text.slice(text.indexOf('\n') + 1)).toMatch(stack);
  });

  it('never fails what is logged', async () => {
    const evil = {
      toString() {
        throw new Error('no text');
      },
    };
    expect(await said((logger) => logger.info('a %s', evil))).toEqual([
      "a %s (its values can't be written: no text)",
    ]);
  });
});

test('a logger has the level of the nearest name above it', async () => {
  const lines: string[] = [];
  const levels = new Map([
    ['koji', 'warn'],
    ['koji.db', 'debug'],
    ['koji.db.pool', 'error'],
  ]);
  const { logger, close } = openLog({ levels, onLine: (line) => lines.push(line.replace(/.*\} /, '')) });
  for (const name of ['koji', 'koji.db', 'koji.db.pool.one', 'koji.dbase', 'other']) {
    const one = logger(name);
    one.debug('d');
    one.info('i');
    one.warn('w');
    one.error('e');
  }
  await close();
  expect(lines).toEqual([
    ...['koji w', 'koji e'],
    ...['koji.db d', 'koji.db i', 'koji.db w', 'koji.db e'],
    'koji.db.pool.one e',
    ...['koji.dbase w', 'koji.dbase e'],
    ...['other i', 'other w', 'other e'],
  ]);
});

test("a plugin's flood of lines stays bounded in memory, is reported, and hurts no other log", async () => {
  const file = path.join(folder, 'flood.log');
  const log = openLog({ file });
  const [flood, other] = ['koji.plugin.flood', 'koji.other'].map((name) => log.logger(name)) as [
    Logger,
    Logger,
  ];
  let asked = 0;
  for (let i = 0; i < 20_000; i++) {
    flood.info({ toString: () => `line ${(asked += 1)}` });
    if (i % 10 === 0) other.info(`other ${i}`);
  }
  flood.info('x'.repeat(100_000));
  const told = (): Promise<string> => readFile(file, 'utf8').catch(() => '');
  while (!(await told()).includes('left out')) await new Promise((resolve) => setTimeout(resolve, 10));
  flood.info('y'.repeat(100_000));
  await log.close();
  const text = await told();
  const lines = text.split('\n');
  expect(lines.filter((line) => line.includes('koji.other'))).toHaveLength(2000);
  expect(lines.filter((line) => line.includes('[INFO]') && line.includes('koji.plugin.flood'))).toHaveLength(
    1001,
  );
  expect(text).toMatch(
    /\[ERROR\] \{\d+\} koji\.plugin\.flood 19001 lines were left out: they came faster than the log could be written\n/,
  );
  expect(text).toMatch(/y… \(100000 characters\)\n/);
});
