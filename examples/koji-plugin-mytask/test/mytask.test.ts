import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { System, root } from '../../../test/support/system.js';

let system: System;

beforeAll(async () => {
  system = await System.create({ kojid: { plugins: 'mytask' } });
  mkdirSync(system.path('node_modules'));
  symlinkSync(path.join(root, 'examples/koji-plugin-mytask'), system.path('node_modules/koji-plugin-mytask'));
  await system.startHub();
  await system.startBuilder();
});

afterAll(() => system.stop());

test('a task mytask gets its arguments by position and name, logs and uploads them, and answers', () => {
  const id = Number(/\d+/.exec(system.koji('make-task', 'mytask', 'hello', 'world', 'kwarg1=seven'))?.[0]);
  system.koji('watch-task', String(id));
  const result: unknown = JSON.parse(system.koji('call', '--json-output', 'getTaskResult', String(id)));
  expect(result).toEqual({ arg1: 'hello', arg2: 'world', kwarg1: 'seven', task: id });
  expect(system.log('kojid.log')).toContain(`mytask ${id} runs with arg1=hello arg2=world kwarg1=seven`);
  const output = readFileSync(system.path('koji/work/tasks', String(id), String(id), 'mytask.txt'), 'utf8');
  expect(output).toBe('hello\nworld\nseven\n');
});

test('a task with arguments that do not fit fails and says which', () => {
  const id = /\d+/.exec(system.koji('make-task', 'mytask', 'alone'))?.[0] ?? '';
  expect(system.tryKoji('watch-task', id).status).toBe(1);
  const asked = system.tryKoji('call', 'getTaskResult', id);
  expect(asked.stdout + asked.stderr).toContain("mytask() missing 1 required positional argument: 'arg2'");
});
