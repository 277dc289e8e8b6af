import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { GenericError, makeLogger } from '@koji/core';
import { splitNamed } from '@koji/core/wire';
import type { HostInfo } from '@koji/core/api';
import { BaseTaskHandler, RefuseTask } from '../src/index.js';
import type { HubSession, TaskRuntime } from '../src/index.js';
import { runTask, signatureOf } from '../src/host/index.js';
import type { PluginTask, UploadTarget } from '../src/host/index.js';

type Answers = Record<
  string,
  (args: readonly unknown[], named: Readonly<Record<string, unknown>>) => unknown
>;

const calls: [string, readonly unknown[], object][] = [];
const uploads: [string, UploadTarget][] = [];
let pauses: number[] = [];

beforeEach(() => {
  calls.length = 0;
  uploads.length = 0;
  pauses = [];
});

/** A builder's resources for task 10017, with the given answers of the hub. */
function runtime(answers: Answers = {}, method = 'mytask'): TaskRuntime {
  const call = async (name: string, args: readonly unknown[] = [], named = {}): Promise<unknown> => {
    calls.push([name, args, named]);
    return answers[name]?.(args, named) ?? null;
  };
  const typed =
    (name: string) =>
    (...given: unknown[]) => {
      const { args, keywords } = splitNamed(given);
      return call(name, args, keywords);
    };
  const host = Object.fromEntries(
    ['getHost', 'taskWait', 'taskWaitResults', 'taskSetWait'].map((name) => [name, typed(`host.${name}`)]),
  );
  const own = ['getTaskResult', 'cancelTaskChildren'].map((name) => [name, typed(name)] as const);
  const session = { call, host, ...Object.fromEntries(own) } as unknown as HubSession;
  return {
    id: 10017,
    method,
    session,
    options: { topdir: '/mnt/koji', workdir: '/tmp' },
    workdir: '/tmp/10017',
    logger: makeLogger(() => undefined),
    upload: async (file, target) => void uploads.push([file, target]),
    uploadPart: async (_piece, offset, target) => void uploads.push([String(offset), target]),
    download: async (file) => `/mnt/koji/${file}`,
    pause: async (milliseconds) => void pauses.push(milliseconds),
    waitForNews: () => Promise.resolve(),
    setWeight: async (weight) => {
      await call('host.setTaskWeight', [10017, weight]);
    },
    runCallbacks: async (event, payload) => void calls.push([event, [], payload]),
  };
}

class MyTask extends BaseTaskHandler {
  static override readonly Methods = ['mytask'];
  static override readonly _taskWeight = 2.0;

  handler(arg1: string, arg2: string, kwarg1: string | null = null): unknown {
    return [this.id, arg1, arg2, kwarg1];
  }
}

function typeOf(Handler: typeof MyTask | typeof Picky): PluginTask {
  const signature = signatureOf((Handler.prototype as { handler: () => unknown }).handler);
  return { plugin: 'mine', methods: Handler.Methods, Handler, signature };
}

class Picky extends BaseTaskHandler {
  static override readonly Methods = ['mytask'];

  override checkHost(host: HostInfo): boolean {
    if (host.name === 'tiny') throw new RefuseTask('too small');
    return host.name !== 'wrong';
  }

  handler(): void {}
}

test('a handler gets its arguments by position and name, and its weight is told to the hub', async () => {
  const result = await runTask(typeOf(MyTask), runtime(), {
    args: ['a'],
    keywords: { arg2: 'b', kwarg1: 'c' },
  });
  expect(result).toEqual([10017, 'a', 'b', 'c']);
  expect(calls).toEqual([['host.setTaskWeight', [10017, 2], {}]]);
});

test('arguments that do not fit are refused in the words of Python', async () => {
  await expect(runTask(typeOf(MyTask), runtime(), { args: ['a'], keywords: { x: 1 } })).rejects.toMatchObject(
    {
      faultCode: 1019,
      message: "mytask() got an unexpected keyword argument 'x'",
    },
  );
});

test('a handler can refuse a builder, with or without a reason', async () => {
  const on = (name: string): Promise<unknown> =>
    runTask(typeOf(Picky), runtime({ 'host.getHost': () => ({ name }) }), { args: [], keywords: {} });
  await expect(on('tiny')).rejects.toThrow('too small');
  await expect(on('wrong')).rejects.toBeInstanceOf(RefuseTask);
  expect(await on('good')).toBeNull();
});

test('a handler is not made for a method that it does not name', () => {
  expect(() => new MyTask(runtime({}, 'other'))).toThrow('method "other" is not supported');
});

test('files go to the folder of the task', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'koji-upload-'));
  fs.mkdirSync(path.join(folder, 'logs'));
  fs.writeFileSync(path.join(folder, 'logs', 'build.log'), 'done');
  fs.writeFileSync(path.join(folder, 'empty'), '');
  fs.symlinkSync('logs', path.join(folder, 'link to a folder'));
  fs.symlinkSync('logs/build.log', path.join(folder, 'link'));
  const task = new MyTask(runtime());
  await task.uploadFile('/tmp/report.json', { directory: '/reports/', name: 'r.json', volume: 'big' });
  await task.uploadTree(folder);
  fs.rmSync(folder, { recursive: true });
  expect(uploads).toEqual([
    ['/tmp/report.json', { directory: 'tasks/17/10017/reports', name: 'r.json', volume: 'big' }],
    [
      path.join(folder, 'logs/build.log'),
      { directory: 'tasks/17/10017/logs', name: 'build.log', volume: null },
    ],
  ]);
});

describe('waiting for subtasks', () => {
  const results: Answers = {
    'host.taskWaitResults': (args) => (args[1] as number[]).map((id) => [id, `result of ${id}`]),
  };

  test('asks until all have ended and answers their results', async () => {
    const states = [
      [[], [1, 2]],
      [[1], [2]],
      [[1, 2], []],
    ];
    const task = new MyTask(runtime({ 'host.taskWait': () => states.shift(), ...results }));
    expect([...(await task.wait([1, 2]))]).toEqual([
      [1, 'result of 1'],
      [2, 'result of 2'],
    ]);
    expect(pauses).toHaveLength(2);
    expect(calls[0]).toEqual(['host.taskSetWait', [10017, [1, 2]], {}]);
  });

  test('for one of them ends with the first', async () => {
    const task = new MyTask(runtime({ 'host.taskWait': () => [[1], [2]], ...results }));
    expect([...(await task.wait([1, 2], { all: false })).keys()]).toEqual([1]);
  });

  test('with failAny cancels the others when one fails', async () => {
    const task = new MyTask(
      runtime({
        'host.taskWait': () => [[1], [2]],
        getTaskResult: () => {
          throw new GenericError('broken');
        },
      }),
    );
    await expect(task.wait([1, 2], { failAny: true })).rejects.toThrow('broken');
    expect(calls.at(-1)).toEqual(['cancelTaskChildren', [10017], {}]);
  });

  test('has an end when it is given one', async () => {
    const task = new MyTask(runtime({ 'host.taskWait': () => [[], [1]] }));
    await expect(task.wait(1, { timeout: 0 })).rejects.toThrow(/^Subtasks timed out after 0\.\d seconds$/);
    expect(calls.at(-1)).toEqual(['cancelTaskChildren', [10017], {}]);
  });
});
