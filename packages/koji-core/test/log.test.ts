import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openLog } from '@koji/core';

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
