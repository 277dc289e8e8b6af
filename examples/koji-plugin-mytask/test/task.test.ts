import { runTask } from '@koji/plugin-sdk/testing';
import { MyTask } from '../src/index.js';

test('a task answers, logs and uploads its arguments', async () => {
  const { result, log, uploads } = await runTask(MyTask, ['hello', 'world'], { named: { kwarg1: 'seven' } });
  expect(result).toEqual({ arg1: 'hello', arg2: 'world', kwarg1: 'seven', task: 1 });
  expect(log).toEqual(['INFO mytask 1 runs with arg1=hello arg2=world kwarg1=seven']);
  expect(String(uploads.get('mytask.txt'))).toBe('hello\nworld\nseven\n');
});

test('arg2 is needed', async () => {
  await expect(runTask(MyTask, ['hello'])).rejects.toThrow("missing 1 required positional argument: 'arg2'");
});
