import { lastLines, logsOfFailure } from '../src/cli/failing-log.js';
import { treeLines } from '../src/cli/task-tree.js';
import type { TreeTask } from '../src/cli/task-tree.js';

const frame = { now: 1000, columns: 100, rows: 24 };

function task(
  id: number,
  parent: number | null,
  state: TreeTask['state'],
  more: Partial<TreeTask> = {},
): TreeTask {
  return {
    id,
    parent,
    label: `sleep (${id})`,
    state,
    stateText: state,
    waiting: null,
    created: 900,
    started: state === 'free' ? null : 940,
    finished: state === 'closed' || state === 'failed' ? 970 : null,
    ...more,
  };
}

test('tasks are below the one they belong to, each with its time and state', () => {
  const tasks = [
    task(30, null, 'free', { waiting: 'no host is in channel lonely' }),
    task(12, 10, 'failed', {
      label: 'buildArch (a.src.rpm, x86_64)',
      stateText: 'FAILED: BuildError: no luck',
    }),
    task(10, null, 'open', { stateText: 'open (b1.example.com)', started: 1000 - 3725 }),
    task(11, 10, 'closed'),
    task(13, 11, 'assigned', { stateText: 'assigned (b2)' }),
  ];
  expect(treeLines(tasks, frame)).toEqual([
    '10 sleep (10)                       1:02:05  open (b1.example.com)',
    '  11 sleep (11)                     0:00:30  closed',
    '    13 sleep (13)                   0:01:00  assigned (b2)',
    '  12 buildArch (a.src.rpm, x86_64)  0:00:30  FAILED: BuildError: no luck',
    '30 sleep (30)                       0:01:40  free, waiting: no host is in channel lonely',
    '  1 free  2 open  1 done  1 failed',
  ]);
});

test('no line is longer than the terminal, and text of strangers does not move its cursor', () => {
  const lines = treeLines(
    [
      task(1, null, 'failed', {
        label: `x\x1b[2J\n${'y'.repeat(200)}`,
        stateText: `FAILED: \r${'z'.repeat(200)}`,
      }),
    ],
    { ...frame, columns: 60 },
  );
  for (const line of lines) expect(line.length).toBeLessThan(60);
  expect(lines.join('')).not.toMatch(/[\0-\x1f]/);
});

test('of too many tasks those that ended well are left out first', () => {
  const tasks = [task(1, null, 'open')];
  for (let id = 2; id <= 12; id++) tasks.push(task(id, 1, id % 2 ? 'open' : 'closed'));
  const lines = treeLines(tasks, { ...frame, rows: 10 });
  expect(lines).toHaveLength(9);
  expect(lines.filter((line) => line.includes('open ') || line.endsWith('open'))).toHaveLength(7);
  expect(lines.at(-2)).toMatch(/^… \d more tasks$/);
  const few = treeLines(tasks, { ...frame, rows: 6 });
  expect(few).toHaveLength(5);
  expect(few.at(-2)).toBe('… 9 more tasks');
});

test('a clock slower than that of the hub gives no time below zero', () => {
  expect(treeLines([task(1, null, 'open', { started: 1007 })], frame)[0]).toContain('0:00:00');
});

test('the log that the error names tells most, then those that usually do', () => {
  const logs = ['state.log', 'root.log', 'build.log', 'x86_64/odd.log'];
  const error = 'BuildError: mock exited with status 1; see build.log or root.log for more information';
  expect(logsOfFailure(error, logs)).toEqual(['build.log', 'root.log', 'state.log', 'x86_64/odd.log']);
  expect(logsOfFailure('see root.log or none.log', logs)[0]).toBe('root.log');
  expect(logsOfFailure('no luck', ['a.log'])).toEqual(['a.log']);
  expect(logsOfFailure('no luck', [])).toEqual([]);
});

test('the end of a log begins with a whole line', () => {
  expect(lastLines('alf a line\none\r\ntwo\x1b[31m\n\n', 15, false)).toEqual(['one', 'two [31m']);
  expect(lastLines('a\nb\nc', 2, true)).toEqual(['b', 'c']);
});
