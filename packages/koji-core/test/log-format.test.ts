import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { logFormatter, openLog } from '../src/index.js';

const record = {
  time: new Date(2026, 0, 2, 3, 4, 5, 6),
  level: 'warn',
  name: 'koji.db',
  message: 'slow: 100% busy',
  fields: { method: 'getTag', user_name: null, session_id: 7 },
};

test.each([
  [
    '%(asctime)s [%(levelname)s] %(name)s: %(message)s',
    '2026-01-02 03:04:05,006 [WARNING] koji.db: slow: 100% busy',
  ],
  ['m=%(method)s u=%(user_name)s s=%(session_id)d c=%(callnum)s', 'm=getTag u=None s=7 c=None'],
  ['%(process)s 100%%', `${process.pid} 100%`],
  ['[%(levelname)-10s|%(levelname)10s|%(levelname).4s]', '[WARNING   |   WARNING|WARN]'],
  [
    '%(session_id)05d %(levelno)d %(created).3f',
    '00007 30 '.concat((record.time.getTime() / 1000).toFixed(3)),
  ],
  ['no field at all', 'no field at all'],
])('%s is filled as Python fills it', (pattern, line) => {
  expect(logFormatter(pattern)(record)).toBe(line);
});

test.each([
  ['%(message)s %(nonsense)s', 'there is no field %(nonsense)s'],
  ['%(message)', "'%(message)' is not a field like %(message)s"],
  ['100% %(message)s', "'% ' is not a field like %(message)s"],
])('%s is refused', (pattern, problem) => {
  expect(() => logFormatter(pattern)).toThrow(problem);
});

test('a log writes its lines by a format, with the fields of the moment and the stacks of errors', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-log-format-'));
  const file = path.join(folder, 'log');
  let method = 'first';
  const log = openLog({
    file,
    format: logFormatter('%(levelname)s m=%(method)s %(message)s'),
    fields: () => ({ method }),
  });
  log.logger('koji').info('one');
  method = 'second';
  log.logger('koji').error('two', new Error('why'));
  await log.close();
  expect(readFileSync(file, 'utf8')).toMatch(/^INFO m=first one\nERROR m=second two\nError: why\n/);
  rmSync(folder, { recursive: true });
});
