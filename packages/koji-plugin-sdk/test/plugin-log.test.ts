import { jest } from '@jest/globals';
import {
  BaseTaskHandler,
  afterCommit,
  callback,
  context,
  exported,
  pluginLog,
  policyTest,
} from '@koji/plugin-sdk';
import { runTask, startTestHub, type TestHub } from '@koji/plugin-sdk/testing';

const log = pluginLog('greet');

const greet = {
  sayHello: exported(() => {
    context.log.info('said %s', 'hello');
    context.log.warning('is heard');
    log.error('no answer', new Error('why'));
    return null;
  }),
  announce: afterCommit(callback('postTag', (_event, { build }) => log.info(`announced ${build.nvr}`))),
  mood: policyTest('mood')(() => {
    context.log.info('was asked');
    return true;
  }),
};

class Greet extends BaseTaskHandler {
  static override readonly Methods = ['greet'];

  handler(): null {
    log.debug('from a task', new Error('why'));
    this.logger.warning('%s is odd: %j', 'f44', [1]);
    return null;
  }
}

describe('the log of a plugin', () => {
  let hub: TestHub;
  beforeAll(async () => {
    hub = await startTestHub({ plugins: { greet }, policies: { tag: 'mood :: allow' }, tags: ['f44'] });
  });
  afterAll(() => hub.stop());

  const lines = (): string[] =>
    hub.log
      .filter((line) => line.includes(' koji.plugin.'))
      .map((line) => line.replace(/^.*?(?=\[)/, '').replace(/ m=.* r=\S+ (?=koji)/, ' '));

  it("is the hub's, under its own name, in calls and after them", async () => {
    await hub.admin.call('sayHello');
    await hub.addBuild('bash-5.2-1');
    await hub.admin.call('packageListAdd', ['f44', 'bash', 'kojiadmin']);
    await hub.admin.call('tagBuildBypass', ['f44', 'bash-5.2-1']);
    while (!lines().at(-1)?.includes('announced')) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(lines()).toEqual([
      `[INFO] koji.plugin.greet: said hello`,
      `[WARNING] koji.plugin.greet: is heard`,
      expect.stringMatching(/^\[ERROR\] koji\.plugin\.greet: no answer\nError: why\n/),
      `[INFO] koji.plugin.greet: was asked`,
      `[INFO] koji.plugin.greet: announced bash-5.2-1`,
    ]);
  });

  it("is the task's while a test runs one, and the hub's again", async () => {
    const done = await runTask(Greet, [], { hub });
    expect(done.log).toEqual([
      expect.stringMatching(/^DEBUG from a task\nError: why\n/),
      'WARN f44 is odd: [1]',
    ]);
    const before = lines().length;
    await hub.admin.call('sayHello');
    expect(lines().length).toBe(before + 3);
  });
});

test('where nobody loads plugins, what matters goes to standard error', async () => {
  const said: string[] = [];
  const stderr = jest
    .spyOn(process.stderr, 'write')
    .mockImplementation((text) => said.push(String(text)) > 0);
  try {
    await jest.isolateModulesAsync(async () => {
      const key = Symbol.for('koji.plugin.log');
      const before = Object.getOwnPropertyDescriptor(globalThis, key);
      Reflect.deleteProperty(globalThis, key);
      const { pluginLog: alone } = await import('@koji/plugin-sdk');
      alone('alone').info('nobody hears it');
      alone('alone').warning('look', new Error('why'));
      if (before) Object.defineProperty(globalThis, key, before);
    });
  } finally {
    stderr.mockRestore();
  }
  expect(said).toEqual([expect.stringMatching(/^\[WARN\] koji\.plugin\.alone look\nError: why\n/)]);
});
