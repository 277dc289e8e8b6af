import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { BuildError, ConfigError, GenericError, ParameterError } from '@koji/core';
import { named } from '@koji/core/wire';
import {
  BaseTaskHandler,
  RefuseTask,
  callback,
  context,
  exportCli,
  exported,
  option,
  pluginConfig,
} from '@koji/plugin-sdk';
import { runCommand, runTask, runTaskOf, startTestHub, type TestHub } from '@koji/plugin-sdk/testing';

class Greet extends BaseTaskHandler {
  static override readonly Methods = ['greet', 'greetAgain'];
  static override readonly _taskWeight = 1.5;

  async handler(name: string, greeting = 'hello', { loud = false } = {}): Promise<unknown> {
    const tag = await this.session.getTag('f44', named({ strict: true }));
    const { name: user } = (await this.session.call('getLoggedInUser')) as { name: string };
    this.logger.info(`greeting ${name}`);
    await this.uploadText('card.txt', `${greeting}, ${name}`);
    writeFileSync(path.join(this.workdir, 'inner.txt'), loud ? 'LOUD' : 'quiet');
    await this.uploadFile(path.join(this.workdir, 'inner.txt'), { directory: 'below' });
    return { said: `${greeting}, ${name}`, tag: (tag as { name: string }).name, user, as: this.method };
  }
}

declare module '@koji/core/api' {
  interface TaskHandlers {
    child: (name: string) => unknown;
  }
}

class Family extends BaseTaskHandler {
  static override readonly Methods = ['family'];

  async handler(): Promise<unknown> {
    const child = await this.subtask('child', ['a'], { label: 'one' });
    const other = await this.subtask('child', ['b']);
    return Object.fromEntries(await this.wait([child, other], { failAny: true }));
  }
}

const calls = { getTag: (name: string) => ({ id: 1, name }), getLoggedInUser: { name: 'builder' } };

describe('runTask', () => {
  it('gives a handler its arguments and a session that answers, and keeps what it did', async () => {
    const done = await runTask(Greet, ['you'], { named: { greeting: 'hi' }, calls });
    expect(done.result).toEqual({ said: 'hi, you', tag: 'f44', user: 'builder', as: 'greet' });
    expect(done.log).toEqual(['INFO greeting you']);
    expect([...done.uploads].map(([name, bytes]) => [name, bytes.toString()])).toEqual([
      ['card.txt', 'hi, you'],
      ['below/inner.txt', 'quiet'],
    ]);
    expect(done.calls).toContainEqual({ method: 'getTag', args: ['f44'], named: { strict: true } });
    expect(done.calls).toContainEqual({ method: 'host.setTaskWeight', args: [1, 1.5], named: {} });
    expect((await runTask(Greet, ['you'], { method: 'greetAgain', calls })).result).toMatchObject({
      as: 'greetAgain',
    });
  });

  it('says which call has no answer, and which argument does not fit', async () => {
    await expect(runTask(Greet, ['you'])).rejects.toThrow(
      "the task calls getTag, which has no answer: give one as calls['getTag']",
    );
    await expect(runTask(Greet, [], { calls })).rejects.toBeInstanceOf(ParameterError);
    await expect(runTask(Greet, ['a'], { named: { nope: 1 }, calls })).rejects.toThrow(/nope/);
  });

  it('makes subtasks and waits for what the test says they come to', async () => {
    const done = await runTask(Family, [], { subtask: (method, [arg]) => `${method} ${String(arg)}` });
    expect(done.result).toEqual({ 2: 'child a', 3: 'child b' });
    expect(done.subtasks).toEqual([
      { method: 'child', args: ['a'] },
      { method: 'child', args: ['b'] },
    ]);
    const failing = runTask(Family, [], {
      subtask: () => {
        throw new BuildError('no compiler');
      },
    });
    await expect(failing).rejects.toThrow(BuildError);
  });

  it('throws what a handler throws, also a refusal, and refuses a result that no wire could carry', async () => {
    class Odd extends BaseTaskHandler {
      static override readonly Methods = ['odd'];
      override checkHost = (host: Readonly<Record<string, unknown>>): boolean => host['arches'] === 'x86_64';

      handler(what: unknown): unknown {
        if (what === 'refuse') throw new RefuseTask('not here');
        return what === 'symbol' ? Symbol('s') : what;
      }
    }
    await expect(runTask(Odd, ['refuse'])).rejects.toThrow('not here');
    await expect(runTask(Odd, ['symbol'])).rejects.toThrow(/symbol is no value/);
    await expect(runTask(Odd, [1], { calls: { 'host.getHost': { arches: 's390x' } } })).rejects.toThrow(
      'failed host check',
    );
  });

  it('runs the callbacks of builder plugins around a task', async () => {
    class Publishes extends BaseTaskHandler {
      static override readonly Methods = ['publishes'];
      async handler(tag: string): Promise<void> {
        await this.runCallbacks('postCreateRepo', { tag, repodir: '/repo', repo_id: 7, arch: 'noarch' });
      }
    }
    const guard = {
      check: callback('postCreateRepo', async (event, { tag, taskinfo, session }) => {
        if (tag === 'broken') throw new GenericError(`${event}: not this one`);
        const { method } = taskinfo as { method: string };
        await session.call('noteRepo', [tag, method]);
      }),
    };
    const answers = { noteRepo: null };
    const done = await runTask(Publishes, ['f44'], { plugins: { guard }, calls: answers });
    expect(done.calls).toContainEqual({ method: 'noteRepo', args: ['f44', 'publishes'], named: {} });
    await expect(runTask(Publishes, ['broken'], { plugins: { guard } })).rejects.toThrow(
      'Error running postCreateRepo callback from guard:\nGenericError: postCreateRepo: not this one',
    );
    await expect(runTask(Publishes, ['f44'], { plugins: { empty: {} } })).rejects.toThrow('empty');
  });

  it('has the files of the hub where kojid has them', async () => {
    class Reads extends BaseTaskHandler {
      static override readonly Methods = ['reads'];
      handler(file: string): Promise<string> {
        return this.localPath(file);
      }
    }
    const here = import.meta.dirname;
    const { result } = await runTask(Reads, ['tsconfig.json'], { topdir: here });
    expect(path.basename(String(result))).toBe('tsconfig.json');
    await expect(runTask(Reads, ['../package.json'], { topdir: here })).rejects.toThrow(/path/i);
  });
});

const config = pluginConfig('addresses', {
  mail: { domain: option.required(option.text(null, 'What is behind the @')) },
});

const methods = {
  addressOf: exported(async (user: string) => {
    context.session.assertPerm('admin');
    const row = await context.db.get<{ name: string }>(
      context.db.sql`SELECT name FROM users WHERE name = ${user}`,
    );
    return `${row?.name ?? 'nobody'}@${config.mail.domain}`;
  }),
  guard: callback('preTag', (_event, { tag }) => {
    if (tag.name === 'forbidden') throw new GenericError('not into this one');
    context.log.info(`into ${tag.name}`);
  }),
};

describe('startTestHub', () => {
  let hub: TestHub;

  beforeAll(async () => {
    hub = await startTestHub({
      plugins: { addresses: methods },
      config: { addresses: '[mail]\ndomain = example.org\n' },
      tags: ['f44', 'forbidden'],
    });
  });
  afterAll(() => hub.stop());

  it('serves the methods of a plugin to users with their permissions', async () => {
    expect(await hub.admin.call('addressOf', ['kojiadmin'])).toBe('kojiadmin@example.org');
    const alice = await hub.login('alice');
    await expect(alice.call('addressOf', ['alice'])).rejects.toThrow(/admin permission required/);
    const boss = await hub.login('boss', 'admin');
    expect(await boss.call('addressOf', ['alice'])).toBe('alice@example.org');
  });

  it('has builds, also of real files, and runs callbacks', async () => {
    const build = await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
    expect(build).toMatchObject({ nvr: 'bash-5.2-1', state: 1 });
    expect(hub.log.join('\n')).toContain('into f44');
    await expect(hub.addBuild('zsh-5-1', { tags: ['forbidden'] })).rejects.toThrow('not into this one');
    expect(await hub.admin.listTagged('forbidden')).toEqual([]);
    const file = path.join(import.meta.dirname, '../../koji-core/test/fixtures/rpms/pkgc-1.2-3.src.rpm');
    const imported = await hub.addBuild('pkgc-1.2-3', { files: [file] });
    expect(await hub.admin.listBuildRPMs(imported.id)).toMatchObject([{ name: 'pkgc', arch: 'src' }]);
  });

  it('fires any event', async () => {
    const tag = (await hub.admin.call('getTag', ['forbidden'])) as never;
    const build = (await hub.admin.call('getBuild', ['bash-5.2-1'])) as never;
    await expect(hub.fire('preTag', { tag, build, user: null, force: false })).rejects.toThrow(
      'not into this one',
    );
  });

  it('runs a task as its builder, to its end', async () => {
    await expect(runTask(Greet, ['you'], { hub, named: { nope: 1 } })).rejects.toBeInstanceOf(ParameterError);
    const { id, result } = await runTask(Greet, ['you', 'hi'], { hub });
    expect(await hub.admin.getTaskResult(id)).toEqual(result);
    expect(await hub.admin.getTaskInfo(id)).toMatchObject({ method: 'greet', state: 2, weight: 1.5 });
    const output = await hub.admin.listTaskOutput(id);
    expect(output).toEqual(expect.arrayContaining(['card.txt', 'below/inner.txt']));
    const failed = await hub.admin.listTasks(named({ opts: { method: 'greet', state: [5] } }));
    expect(failed).toHaveLength(1);
  });

  it('says everything that is wrong with a plugin, and leaves nothing behind', async () => {
    await expect(startTestHub({ plugins: { empty: {} } })).rejects.toThrow(ConfigError);
  });
});

describe('what does not end', () => {
  class Waits extends BaseTaskHandler {
    static override readonly Methods = ['waits'];
    async handler(what: string): Promise<unknown> {
      if (what === 'a call') return this.session.getTag('f44');
      if (what === 'a program') return this.logOutput(['sleep', '1'], 'sleep.log');
      if (what === 'subtasks') {
        await this.subtask('child', ['a']);
        return this.wait();
      }
      return new Promise(() => undefined);
    }
  }
  class Parent extends BaseTaskHandler {
    static override readonly Methods = ['family'];
    async handler(): Promise<unknown[]> {
      const ids = [await this.subtask('child', ['a']), await this.subtask('child', ['b'])];
      return [...(await this.wait(ids)).values()];
    }
  }
  class Child extends BaseTaskHandler {
    static override readonly Methods = ['child'];
    handler(name: string): string {
      return `child ${name}`;
    }
  }

  let hub: TestHub;
  beforeAll(async () => {
    const stuck = {
      hold: exported(() => new Promise(() => undefined)),
      slow: callback('preTag', () => new Promise(() => undefined)),
    };
    hub = await startTestHub({ plugins: { stuck }, options: { CallbackTimeout: '1' } });
  });
  afterAll(() => hub.stop());

  const timeout = 0.3;

  it.each([
    ['a call', { calls: { getTag: () => new Promise(() => undefined) } }, 'the answer of getTag'],
    ['nothing', {}, 'a promise of its own that nothing settles'],
    ['a program', {}, 'the program sleep'],
  ])('fails in time and says what it waits for: %s', async (what, more, said) => {
    await expect(runTask(Waits, [what], { timeout, ...more })).rejects.toThrow(
      `runTask: the task waits did not end within 0.3 s: it waits for ${said}`,
    );
  });

  it('names subtasks that nobody runs, and the hub hears that the task failed', async () => {
    const id = (await hub.admin.call('makeTask', ['waits', ['subtasks']])) as number;
    const [child] = [id + 1];
    await expect(runTaskOf(hub, id, Waits, { timeout: 1 })).rejects.toThrow(
      `it waits for subtask ${child} (child, FREE), for which there is no handler among its tasks`,
    );
    await expect(hub.admin.getTaskResult(id)).rejects.toThrow(/did not end within 1 s/);
  });

  it('runs subtasks that have a handler while their parent waits', async () => {
    const { id, result } = await runTask(Parent, [], { hub, tasks: [Child] });
    expect(result).toEqual(['child a', 'child b']);
    expect((await hub.admin.getTaskChildren(id)).map(({ state }) => state)).toEqual([2, 2]);
  });

  it('ends commands, and callbacks that the hub would let run for longer', async () => {
    const hangs = exportCli({ help: 'hang' })(async (_options, session) => session.call('hold', []));
    await expect(runCommand(hangs, [], { hub, timeout })).rejects.toThrow(
      'runCommand: the command did not end within 0.3 s: it waits for the answer of hold',
    );
    const payload = { tag: { id: 1, name: 'f44' }, build: { nvr: 'a-1-1' } } as never;
    await expect(hub.fire('preTag', payload, { timeout: 0.2 })).rejects.toThrow(
      /^fire: the callbacks of preTag did not end within 0\.2 s: it waits for (the database|a callback), which /,
    );
    await expect(hub.fire('preTag', payload)).rejects.toThrow('did not end within 1 s');
  });
});
