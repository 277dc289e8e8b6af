import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BuildError, GenericError, ParameterError, messageOf } from '@koji/core';
import { encodeArgs } from '@koji/core/wire';
import { Site, alive, until, type RunningBuilder } from './support/site.js';

const runs = (command: string): boolean => spawnSync('pgrep', ['-fx', command]).status === 0;

let site: Site;
let builder: RunningBuilder;

beforeAll(async () => {
  site = await Site.create();
  builder = await site.startBuilder({ plugins: 'works common unloadable', topdir: site.path('not-mounted') });
});
afterAll(() => site.stop());

describe('a task', () => {
  test('runs in a process of its own, whose lines are in kojid.log', async () => {
    expect(await site.result('sleep', [0.01])).toBeNull();
    expect(site.log()).toMatch(/koji\.build\.sleep sleeping for 0\.01 seconds/);
    const first = (await site.result('arguments', [1])) as { pid: number };
    const second = (await site.result('arguments', [1])) as { pid: number };
    expect(new Set([first.pid, second.pid, builder.pid]).size).toBe(3);
    await until('its process is gone', () => !alive(first.pid) && !alive(second.pid));
  });

  test('gets positional and named arguments', async () => {
    expect(await site.result('arguments', ['a'])).toMatchObject({ first: 'a', second: 'two' });
    expect(await site.result('arguments', encodeArgs(['a'], { second: 'b' }))).toMatchObject({
      first: 'a',
      second: 'b',
    });
  });

  test('fails with ParameterError when the arguments do not fit', async () => {
    expect((await site.fault('sleep', [1, 2, 3]))[0]).toBe(ParameterError.faultCode);
    expect((await site.fault('sleep', ['soon']))[0]).toBe(ParameterError.faultCode);
    expect((await site.fault('arguments', encodeArgs(['a'], { third: 'c' })))[0]).toBe(
      ParameterError.faultCode,
    );
  });

  test('fails with the code and text of what its handler throws', async () => {
    expect(await site.fault('throws')).toEqual([BuildError.faultCode, 'the build is broken']);
    expect((await site.fault('throws-plain'))[1]).toContain('not even a fault');
    expect((await site.fault('unsendable'))[0]).toBeGreaterThan(0);
  });

  test.each([
    ['exits with a code', 'exits', [3], 'task process ended without a result, exit code 3'],
    ['exits as if all were well', 'exits', [0], 'task process ended without a result, exit code 0'],
    ['is killed', 'killed', [], 'task process was killed by SIGKILL'],
    ['leaves a rejection unhandled', 'rejects', [], 'nobody handles this'],
    ['throws where nobody catches', 'uncaught', [], 'thrown from a timer'],
  ])('that %s fails saying so', async (_, method, args, text) => {
    const [code, message] = await site.fault(method, args);
    expect(code).toBe(GenericError.faultCode);
    expect(message).toContain(text);
    expect(alive(builder.pid)).toBe(true);
  });

  test('leaves what it prints and logs in kojid.log', async () => {
    await site.result('prints', ['something']);
    const said = ['printed', 'complained', 'noted'].map((word) => `${word} something`);
    await until('the lines are there', () => said.every((line) => site.log().includes(line)));
    expect(site.log()).toMatch(/task \d+: printed something/);
    expect(site.log()).toMatch(/\[WARNING\] \{\d+\} koji\.plugin\.works noted something/);
  });

  test('has a folder of its own and uploads from it; the folder is gone afterwards', async () => {
    const id = await site.session.makeTask('files', []);
    await site.reach(id, 'CLOSED');
    const folder = (await site.session.getTaskResult(id)) as string;
    expect(folder.startsWith(site.path('work'))).toBe(true);
    await until('the folder is gone', () => !existsSync(folder));
    expect((await site.session.readTaskOutput(id, 'result.txt')).toString()).toBe('what came of it\n');
    expect((await site.session.readTaskOutput(id, 'below/again.txt')).toString()).toBe('what came of it\n');
  });

  test('that is killed leaves no folder either', async () => {
    const id = await site.session.makeTask('killed', []);
    await site.reach(id, 'FAILED');
    await until('the folder is gone', () => !existsSync(site.path('work', 'tasks', String(id), String(id))));
  });

  test('takes along what it started, even what went its own way', async () => {
    const pid = (await site.result('escapes')) as number;
    expect(pid).toBeGreaterThan(1);
    await until('it is gone', () => !alive(pid));
  });

  test('calls the hub as the builder', async () => {
    expect(await site.result('asks')).toEqual(['builder', 'kojiadmin']);
  });

  test('gets files of the hub over the web when they are not mounted', async () => {
    const file = path.join('work', 'some files', 'data#1.txt');
    mkdirSync(path.dirname(site.path('koji', file)), { recursive: true });
    writeFileSync(site.path('koji', file), 'far away');
    expect(await site.result('local', [file])).toEqual({ text: 'far away', mounted: false });
    expect((await site.fault('local', ['work/not-there.txt']))[1]).toContain('not-there.txt');
    expect((await site.fault('local', ['../kojid.conf']))[1]).not.toContain('password');
  });

  test('waits for subtasks, and is not load meanwhile', async () => {
    await site.session.makeTask('sleep', [0.2]);
    const gate = site.path('gate');
    const id = await site.session.makeTask('parent', [2, 0.3, gate]);
    // Its weight exceeds the host's capacity, but the builder must take its subtasks once it waits. It may be full while the
    // first task still runs, and reports it once.
    await until('it is full', () => /load 5(\.\d+)? exceeds capacity 2/.test(site.log()));
    writeFileSync(gate, '');
    await site.reach(id, 'CLOSED');
    expect(await site.session.getTaskResult(id)).toBe(2);
  });

  test('fails with the fault of its subtask', async () => {
    expect((await site.fault('parent', [1, 'never']))[0]).toBe(ParameterError.faultCode);
  });

  test('comes from a CommonJS plugin as well', async () => {
    expect(await site.result('common', ['sense'])).toBe('common sense');
  });

  test('fails saying why when its process does not load', async () => {
    const outcome = async (): Promise<string> => {
      const id = await site.session.makeTask('fragile', []);
      await until('it has ended', async () => !['FREE', 'ASSIGNED', 'OPEN'].includes(await site.state(id)));
      return site.session.getTaskResult(id).then(String, (error: unknown) => messageOf(error));
    };
    // The process of the next task is made before, so a plugin that changes shows one or two tasks later.
    const expectSoon = (text: string): Promise<unknown> =>
      until(`a task ends with ${text}`, async () => (await outcome()).includes(text));
    await expectSoon('loaded');
    writeFileSync(site.path('broken'), '');
    await expectSoon('broken since');
    rmSync(site.path('broken'));
    writeFileSync(site.path('gone'), '');
    await expectSoon('exit code 7');
    rmSync(site.path('gone'));
    await expectSoon('loaded');
  });
});

describe('the built-in tasks', () => {
  test('that try an installation do what they say', async () => {
    const id = await site.session.makeTask('fork', [2, 3607]);
    await site.reach(id, 'CLOSED');
    await until('what it started is gone', () => !runs('sleep 3607'));
    expect(await site.result('waittest', [1, 0.1])).toBeNull();
    expect((await site.fault('default'))[1]).toBe('Invalid method: default');
  });

  test('tag a build, or fail with what the hub says', async () => {
    const { session } = site;
    await session.createTag('dest');
    await session.packageListAdd('dest', 'pkg', 'kojiadmin');
    await session.call('createEmptyBuild', ['pkg', '1', '1', 0]);
    await site.reach(await session.tagBuild('dest', 'pkg-1-1'), 'CLOSED');
    const tagged = await session.call<{ nvr: string }[]>('listTagged', ['dest']);
    expect(tagged.map((build) => build.nvr)).toEqual(['pkg-1-1']);
    expect((await site.fault('tagBuild', ['dest', 'pkg-1-1']))[1]).toContain('pkg-1-1');
    expect((await site.fault('tagBuild', ['dest', 'nothing-1-1']))[1]).toContain('nothing-1-1');
  });
});

test('files of the hub are used where they are when they are mounted', async () => {
  const mounted = await Site.create();
  try {
    await mounted.startBuilder({ plugins: 'works', topurl: 'http://127.0.0.1:9/' });
    writeFileSync(mounted.path('koji', 'work', 'near.txt'), 'at hand');
    expect(await mounted.result('local', ['work/near.txt'])).toEqual({ text: 'at hand', mounted: true });
  } finally {
    await mounted.stop();
  }
});
